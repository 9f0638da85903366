"""The demo data: three issuers, and an offer for every situation a client has to handle."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from .backoffice import BackOffice
from .catalog import Catalog, Failure, Text
from .state import VENUE_ZONE

PARK_CATALOG = "0194abdc-3a71-72b0-a9b9-89d4be0cd73e"
EXAMPLE_ORGANIZATION = "0194abdc-3a79-7ec3-b1b9-a1f291de587d"
EXAMPLE_RESERVATION = "0194b10f-3ddd-70a5-a96a-d1026cd42746"
DAYS_FOR_SALE = 14


def fill(sandbox: BackOffice) -> None:
    """Fill an empty sandbox."""
    park = sandbox.add_catalog("Catalogue Puy du Fou - CSE", PARK_CATALOG)
    club = sandbox.add_catalog("Olympique Lyonnais", "0196f2ef-c0de-7456-ac8e-8e2479c54aa5")
    museum = sandbox.add_catalog("Musée des Lumières", languages=("fr", "en", "de"))
    # Made up, and shown to whoever asks.
    sandbox.add_organization(
        "Demo",
        client_id="demo-client",
        client_secret="demo-secret",  # noqa: S106
        catalogs=(park, club),
        record_id=EXAMPLE_ORGANIZATION,
    )
    sandbox.add_organization(
        "Other",
        client_id="other-client",
        client_secret="other-secret",  # noqa: S106
        catalogs=(museum,),
    )
    sandbox.add_organization(
        "Newcomer",
        client_id="newcomer-client",
        client_secret="newcomer-secret",  # noqa: S106
    )
    _park_with_show(sandbox, park)
    _park_days(sandbox, park)
    _park_specials(sandbox, park)
    _club(sandbox, club)
    _museum(sandbox, museum)


def _day(sandbox: BackOffice, days: int) -> date:
    """Return the venue's day that many days from today."""
    return sandbox.today() + timedelta(days=days)


def _at(sandbox: BackOffice, days: int, hour: int, minute: int = 0) -> datetime:
    """Return a moment of that day at the venue, with its offset."""
    local = datetime.combine(_day(sandbox, days), time(hour, minute), VENUE_ZONE)
    # A fixed offset instead of the zone: what is compared and shown is this one moment.
    return datetime.fromisoformat(local.isoformat())


def _both(fr: str, en: str) -> Text:
    """Return a text in the two languages of the API."""
    return {"fr": fr, "en": en}


def _values(**labels: tuple[str, str]) -> Mapping[str, Text]:
    """Return option values with their labels in the two languages."""
    return {value: _both(*pair) for value, pair in labels.items()}


def _park_with_show(sandbox: BackOffice, catalog: Catalog) -> None:
    base = sandbox.add_product_base(
        catalog,
        _both("Puy du Fou + Cinéscénie", "Puy du Fou + Cinéscénie show"),
        use_session=True,
        universe="show",
        venue=_venue("Puy du Fou", "85590", "Les Epesses", "46.8896", "-0.9285"),
        options={
            "days_count": _values(day_1=("1 jour", "1 day")),
            "price_type": _values(adult=("Adulte", "Adult"), child=("Enfant", "Child")),
        },
    )
    product = sandbox.add_product(
        base,
        _both("Puy du Fou 1 jour Adulte + Cinéscénie Argent", "Park 1 day adult + show, silver"),
        "0194abfe-1c04-7ade-9bc3-dbcfefb12652",
        option_values=frozenset({"day_1", "adult"}),
    )
    entry, show = _both("Entrée 1 jour", "Entry 1 day"), _both("Cinéscénie", "Cinéscénie show")

    example = sandbox.add_offer(
        product,
        "80.00",
        _day(sandbox, 30),
        "0194ac40-fda7-78c1-8fcb-26fc2df25894",
        stock=500,
        label="example",
    )
    sandbox.add_ticket(example, entry, "0194ac40-fda7-78c1-8fcb-26fc2e2612d4", vouchers=False)
    sandbox.add_ticket(
        example,
        show,
        "7522b8de-37a2-458d-b099-6d515b0739be",
        sessions=[
            (_at(sandbox, 30, 20), 100, "337177bc-e513-444f-bcee-49a3e25b48a3"),
            (_at(sandbox, 30, 22, 30), 100),
        ],
        deadline=_at(sandbox, 29, 18, 30),
        stand="EST",
    )
    dynamic = sandbox.add_offer(
        product,
        "100.00",
        _day(sandbox, 31),
        "0194ac3f-7bdd-7175-a275-30c865618283",
        price_without_tax=Decimal("80.00"),
        listed_price=Decimal("95.00"),
        original_price=Decimal("110.00"),
        stock=41301,
        label="dynamic_price",
    )
    sandbox.add_ticket(dynamic, entry)
    sandbox.add_ticket(
        dynamic,
        show,
        "0199570c-9a82-791e-ab92-88e99b5f159a",
        sessions=[(_at(sandbox, 31, 20), 4000, "0199570c-9a85-7f53-962a-a8f0a54441cb")],
    )


def _park_days(sandbox: BackOffice, catalog: Catalog) -> None:
    """Add a plain ticket for each of two weeks, the list long enough to have pages."""
    base = sandbox.add_product_base(
        catalog,
        _both("Puy du Fou", "Puy du Fou park"),
        options={
            "price_type": _values(adult=("Adulte", "Adult"), child=("Enfant", "Child")),
            "days_count": _values(
                day_1=("1 jour", "1 day"),
                days_2=("2 jours", "2 days"),
                days_3=("3 jours", "3 days"),
            ),
        },
    )
    adult = sandbox.add_product(
        base, _both("1 jour Adulte", "1 day adult"), option_values=frozenset({"day_1", "adult"})
    )
    child = sandbox.add_product(
        base, _both("1 jour Enfant", "1 day child"), option_values=frozenset({"day_1", "child"})
    )
    for count, price in ((2, "79.00"), (3, "104.00")):
        for fr, tariff in (("Adulte", "adult"), ("Enfant", "child")):
            name = _both(f"{count} jours {fr}", f"{count} days {tariff}")
            options = frozenset({f"days_{count}", tariff})
            stay = sandbox.add_product(base, name, option_values=options)
            sandbox.add_ticket(sandbox.add_offer(stay, price, _day(sandbox, 1), stock=100), name)
    for days in range(1, DAYS_FOR_SALE + 1):
        label = "plain" if days == 1 else ""
        plain = sandbox.add_offer(adult, "47.00", _day(sandbox, days), stock=200, label=label)
        sandbox.add_ticket(plain, _both("Entrée 1 jour", "Entry 1 day"))
    low = sandbox.add_offer(
        child,
        "32.50",
        _day(sandbox, 3),
        stock=3,
        availability_check=True,
        label="availability_check",
    )
    sandbox.add_ticket(low, _both("Entrée 1 jour Enfant", "Entry 1 day child"))
    sold_out = sandbox.add_offer(
        child, "32.50", _day(sandbox, 4), stock=0, availability_check=True, label="sold_out"
    )
    sandbox.add_ticket(sold_out, _both("Entrée 1 jour Enfant", "Entry 1 day child"))


def _park_specials(sandbox: BackOffice, catalog: Catalog) -> None:
    base = sandbox.add_product_base(catalog, _both("Séjours et passes", "Stays and passes"))
    closed_base = sandbox.add_product_base(
        catalog, _both("Saison passée", "Last season"), disabled=True
    )
    names = {
        "fails_reserving": _both("Hôtel", "Hotel"),
        "fails_ordering": _both("Restaurant", "Restaurant"),
        "short_hold": _both("Vente flash", "Flash sale"),
        "undated": _both("Billet ouvert", "Open ticket"),
        "no_tax_quoted": _both("Parking", "Car park"),
    }
    offers = {}
    for name, label in names.items():
        day = None if name == "undated" else _day(sandbox, 7)
        product = sandbox.add_product(base, label)
        offers[name] = sandbox.add_offer(product, "25.00", day, label=name)
        sandbox.add_ticket(offers[name], label)
    offers["fails_reserving"].failure = Failure(at="reservation")
    offers["fails_ordering"].failure = Failure(at="ordering")
    offers["short_hold"].hold = timedelta(minutes=5)
    offers["no_tax_quoted"].quotes_tax = False
    offers["no_tax_quoted"].listed_price = offers["no_tax_quoted"].price

    off = sandbox.add_product(
        base, _both("Formule retirée", "Withdrawn package"), switched_off=True
    )
    withdrawn = sandbox.add_offer(off, "19.00", _day(sandbox, 7), label="disabled_product")
    past = sandbox.add_product(closed_base, _both("Pass 2024", "Pass 2024"))
    ended = sandbox.add_offer(past, "19.00", _day(sandbox, 7), label="disabled_base")
    for offer in (withdrawn, ended):
        sandbox.add_ticket(offer, offer.product.name)

    capped = sandbox.add_product_base(catalog, _both("Soirée privée", "Private evening"), maximum=4)
    evening = sandbox.add_product(capped, _both("Soirée", "Evening"))
    few = sandbox.add_offer(evening, "60.00", _day(sandbox, 9), stock=50, label="capped")
    sandbox.add_ticket(few, _both("Soirée", "Evening"))


def _club(sandbox: BackOffice, catalog: Catalog) -> None:
    base = sandbox.add_product_base(
        catalog,
        _both("Saison - OL / FC LORIENT", "Season - OL / FC LORIENT"),
        "0199570c-3380-7e12-9dcd-7cbe238e71f0",
        asks_names=True,
        universe="sport",
        venue=_venue("Groupama Stadium", "69150", "Décines-Charpieu", "45.7653", "4.9822"),
        options={
            "seating_category": _values(cat_1=("Catégorie 1", "Category 1")),
            "zone": _values(east=("Est", "East"), west=("Ouest", "West")),
        },
    )
    east = sandbox.add_product(
        base,
        _both("Tribune Est", "East stand"),
        "0194abfe-1bdb-7b12-af59-ad81ae443689",
        option_values=frozenset({"cat_1", "east"}),
    )
    west = sandbox.add_product(
        base, _both("Tribune Ouest", "West stand"), option_values=frozenset({"west"})
    )
    match = _both("OL - FC Lorient", "OL - FC Lorient")
    day = _day(sandbox, 20)
    seated = sandbox.add_offer(
        east, "42.00", day, stock=60, availability_check=True, label="seated"
    )
    sandbox.add_ticket(seated, match, sessions=[(_at(sandbox, 20, 21), 60)], stand="EST")

    named = sandbox.add_offer(west, "55.00", day, stock=60, label="named")
    sandbox.add_ticket(
        named,
        match,
        sessions=[(_at(sandbox, 20, 21), 60)],
        asked=("firstname", "lastname", "dateOfBirth"),
        deadline=_at(sandbox, 18, 18, 30),
        stand="OUEST",
    )
    named_once = sandbox.add_offer(west, "50.00", _day(sandbox, 27), stock=60, label="named_once")
    sandbox.add_ticket(
        named_once,
        match,
        sessions=[(_at(sandbox, 27, 21), 60)],
        asked=("firstname", "lastname"),
        amendable=False,
        deadline=_at(sandbox, 25, 18, 30),
    )
    cup = sandbox.add_product_base(
        catalog,
        _both("Coupe de France", "Cup match"),
        document_delay=timedelta(hours=2),
        universe="sport",
    )
    final = sandbox.add_product(cup, _both("Coupe", "Cup"))
    late = sandbox.add_offer(final, "30.00", _day(sandbox, 40), label="late_documents")
    sandbox.add_ticket(late, _both("Coupe", "Cup"))


def _museum(sandbox: BackOffice, catalog: Catalog) -> None:
    base = sandbox.add_product_base(catalog, _both("Collection permanente", "Permanent collection"))
    admission = sandbox.add_product(base, _both("Entrée", "Admission"))
    offer = sandbox.add_offer(admission, "12.00", None, label="foreign")
    sandbox.add_ticket(offer, _both("Entrée", "Admission"))


def _venue(name: str, postal_code: str, city: str, lat: str, lon: str) -> dict[str, str | None]:
    return {
        "name": name,
        "line1": name,
        "line2": None,
        "postalCode": postal_code,
        "city": city,
        "country": "FR",
        "phone": None,
        "website": None,
        "latitude": lat,
        "longitude": lon,
    }
