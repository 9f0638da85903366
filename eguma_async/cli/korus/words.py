"""Words and advice about the operations and errors of Korus Ticket."""

from __future__ import annotations

from eguma_async.cli.errors import Advice, Words
from eguma_async.core.errors import (
    AccessDeniedError,
    AuthenticationError,
    NotFoundError,
    TransportError,
)

ADVICE = Advice(
    operations={
        "FetchToken": Words(doing="signing in"),
        "ListCatalogs": Words(doing="listing the catalogs"),
        "ListProductBases": Words(doing="listing the product bases"),
        "ListProducts": Words(doing="listing the products"),
        "ListOffers": Words(doing="listing the offers"),
        "GetOffer": Words(doing="reading the offer"),
        "GetOfferPrice": Words(doing="asking for the price"),
        "GetOfferAvailability": Words(doing="asking for the stock"),
        "ListOfferTickets": Words(doing="listing the tickets"),
        "ListOfferSessions": Words(doing="listing the sessions"),
        "ReserveOffers": Words(
            doing="reserving",
            in_doubt="a hold may exist; it ends by itself, usually after 15 minutes",
            refused="see what is left with `eguma korus availability`",
        ),
        "ListReservations": Words(doing="listing the reservations"),
        "GetReservation": Words(doing="reading the reservation"),
        "CreateOrders": Words(
            doing="ordering",
            in_doubt=(
                "it may be booked; look a minute later, and before you order again, with"
                " `eguma korus orders {options}`"
            ),
            recover="eguma korus journal recover",
        ),
        "ListOrders": Words(doing="listing the orders"),
        "GetOrder": Words(doing="reading the order"),
        "UpdateBeneficiary": Words(
            doing="naming the beneficiary",
            in_doubt="it may be done; see `eguma korus order-show`",
        ),
        "LinkDocument": Words(
            doing="asking for the document",
            in_doubt="a link to it may have been made, which does no harm; try again",
            refused=("it may not be there yet; see `eguma korus order-show` for what it waits for"),
        ),
        "DownloadDocument": Words(doing="fetching the document"),
    },
    errors=(
        (
            AuthenticationError,
            (
                "check KORUS_CLIENT_ID and KORUS_CLIENT_SECRET, and that KORUS_TOKEN_URL belongs"
                " to the same environment"
            ),
        ),
        (AccessDeniedError, "it is not open to your organization"),
        (NotFoundError, "check the IRI"),
        (
            TransportError,
            (
                "nothing was changed; check the network, the base URL and any proxy:"
                " `eguma korus doctor` looks at each of them"
            ),
        ),
    ),
)
