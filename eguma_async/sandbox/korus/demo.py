"""The demo data: three issuers, and an offer for every situation a client has to handle."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from random import Random

from .builder import Builder, both, values
from .catalog import Catalog, Failure, Offer, Organization
from .state import State

PARK_CATALOG = "0194abdc-3a71-72b0-a9b9-89d4be0cd73e"
EXAMPLE_ORGANIZATION = "0194abdc-3a79-7ec3-b1b9-a1f291de587d"
EXAMPLE_RESERVATION = "0194b10f-3ddd-70a5-a96a-d1026cd42746"
DAYS_FOR_SALE = 14


def fill(state: State, random: Random) -> dict[str, Offer]:
    """Add organizations and catalogs; return the offers that stand for a situation, by name."""
    build = Builder(state, random)
    park = build.catalog("Catalogue Puy du Fou - CSE", PARK_CATALOG)
    club = build.catalog("Olympique Lyonnais", "0196f2ef-c0de-7456-ac8e-8e2479c54aa5")
    museum = build.catalog("Musée des Lumières", languages=("fr", "en", "de"))
    state.organizations += [
        Organization(
            id=EXAMPLE_ORGANIZATION,
            name="Demo",
            client_id="demo-client",
            client_secret="demo-secret",  # noqa: S106  # made up, and shown to whoever asks
            catalogs={park.id, club.id},
        ),
        Organization(
            id=build.new_id(),
            name="Other",
            client_id="other-client",
            client_secret="other-secret",  # noqa: S106
            catalogs={museum.id},
        ),
        Organization(
            id=build.new_id(),
            name="Newcomer",
            client_id="newcomer-client",
            client_secret="newcomer-secret",  # noqa: S106
        ),
    ]
    return {**_park(build, park), **_club(build, club), **_museum(build, museum)}


def _park(build: Builder, catalog: Catalog) -> dict[str, Offer]:
    return {
        **_park_with_show(build, catalog),
        **_park_days(build, catalog),
        **_park_specials(build, catalog),
    }


def _park_with_show(build: Builder, catalog: Catalog) -> dict[str, Offer]:
    base = build.base(
        catalog,
        both("Puy du Fou + Cinéscénie", "Puy du Fou + Cinéscénie show"),
        use_session=True,
        universe="show",
        venue=_venue("Puy du Fou", "85590", "Les Epesses", "46.8896", "-0.9285"),
        options={
            "days_count": values(day_1=("1 jour", "1 day")),
            "price_type": values(adult=("Adulte", "Adult"), child=("Enfant", "Child")),
        },
    )
    product = build.product(
        base,
        both("Puy du Fou 1 jour Adulte + Cinéscénie Argent", "Park 1 day adult + show, silver"),
        "0194abfe-1c04-7ade-9bc3-dbcfefb12652",
        option_values=frozenset({"day_1", "adult"}),
    )
    entry, show = both("Entrée 1 jour", "Entry 1 day"), both("Cinéscénie", "Cinéscénie show")

    example = build.offer(
        product, "80.00", build.day(30), "0194ac40-fda7-78c1-8fcb-26fc2df25894", stock=500
    )
    build.ticket(example, entry, "0194ac40-fda7-78c1-8fcb-26fc2e2612d4", vouchers=False)
    build.ticket(
        example,
        show,
        "7522b8de-37a2-458d-b099-6d515b0739be",
        sessions=[
            (build.at(30, 20), 100, "337177bc-e513-444f-bcee-49a3e25b48a3"),
            (build.at(30, 22, 30), 100),
        ],
        deadline=build.at(29, 18, 30),
        stand="EST",
    )
    dynamic = build.offer(
        product,
        "100.00",
        build.day(31),
        "0194ac3f-7bdd-7175-a275-30c865618283",
        price_without_tax=Decimal("80.00"),
        listed_price=Decimal("95.00"),
        original_price=Decimal("110.00"),
        stock=41301,
    )
    build.ticket(dynamic, entry)
    build.ticket(
        dynamic,
        show,
        "0199570c-9a82-791e-ab92-88e99b5f159a",
        sessions=[(build.at(31, 20), 4000, "0199570c-9a85-7f53-962a-a8f0a54441cb")],
    )
    return {"example": example, "dynamic_price": dynamic}


def _park_days(build: Builder, catalog: Catalog) -> dict[str, Offer]:
    """Add a plain ticket for each of two weeks, the list long enough to have pages."""
    base = build.base(
        catalog,
        both("Puy du Fou", "Puy du Fou park"),
        options={
            "price_type": values(adult=("Adulte", "Adult"), child=("Enfant", "Child")),
            "days_count": values(
                day_1=("1 jour", "1 day"),
                days_2=("2 jours", "2 days"),
                days_3=("3 jours", "3 days"),
            ),
        },
    )
    adult = build.product(
        base, both("1 jour Adulte", "1 day adult"), option_values=frozenset({"day_1", "adult"})
    )
    child = build.product(
        base, both("1 jour Enfant", "1 day child"), option_values=frozenset({"day_1", "child"})
    )
    for count, price in ((2, "79.00"), (3, "104.00")):
        for fr, tariff in (("Adulte", "adult"), ("Enfant", "child")):
            name = both(f"{count} jours {fr}", f"{count} days {tariff}")
            options = frozenset({f"days_{count}", tariff})
            stay = build.product(base, name, option_values=options)
            build.ticket(build.offer(stay, price, build.day(1), stock=100), name)
    offers = []
    for days in range(1, DAYS_FOR_SALE + 1):
        offers.append(build.offer(adult, "47.00", build.day(days), stock=200))
        build.ticket(offers[-1], both("Entrée 1 jour", "Entry 1 day"))
    low = build.offer(child, "32.50", build.day(3), stock=3, availability_check=True)
    build.ticket(low, both("Entrée 1 jour Enfant", "Entry 1 day child"))
    sold_out = build.offer(child, "32.50", build.day(4), stock=0, availability_check=True)
    build.ticket(sold_out, both("Entrée 1 jour Enfant", "Entry 1 day child"))
    return {"plain": offers[0], "availability_check": low, "sold_out": sold_out}


def _park_specials(build: Builder, catalog: Catalog) -> dict[str, Offer]:
    base = build.base(catalog, both("Séjours et passes", "Stays and passes"))
    closed_base = build.base(catalog, both("Saison passée", "Last season"), disabled=True)
    names = {
        "fails_reserving": both("Hôtel", "Hotel"),
        "fails_ordering": both("Restaurant", "Restaurant"),
        "short_hold": both("Vente flash", "Flash sale"),
        "undated": both("Billet ouvert", "Open ticket"),
        "no_tax_quoted": both("Parking", "Car park"),
    }
    offers = {}
    for name, label in names.items():
        day = None if name == "undated" else build.day(7)
        offers[name] = build.offer(build.product(base, label), "25.00", day)
        build.ticket(offers[name], label)
    offers["fails_reserving"].failure = Failure(at="reservation")
    offers["fails_ordering"].failure = Failure(at="ordering")
    offers["short_hold"].hold = timedelta(minutes=5)
    offers["no_tax_quoted"].quotes_tax = False
    offers["no_tax_quoted"].listed_price = offers["no_tax_quoted"].price

    off = build.product(base, both("Formule retirée", "Withdrawn package"), switched_off=True)
    offers["disabled_product"] = build.offer(off, "19.00", build.day(7))
    past = build.product(closed_base, both("Pass 2024", "Pass 2024"))
    offers["disabled_base"] = build.offer(past, "19.00", build.day(7))
    for name in ("disabled_product", "disabled_base"):
        build.ticket(offers[name], offers[name].product.name)

    capped = build.base(catalog, both("Soirée privée", "Private evening"), maximum=4)
    offers["capped"] = build.offer(
        build.product(capped, both("Soirée", "Evening")), "60.00", build.day(9), stock=50
    )
    build.ticket(offers["capped"], both("Soirée", "Evening"))
    return offers


def _club(build: Builder, catalog: Catalog) -> dict[str, Offer]:
    base = build.base(
        catalog,
        both("Saison - OL / FC LORIENT", "Season - OL / FC LORIENT"),
        "0199570c-3380-7e12-9dcd-7cbe238e71f0",
        asks_names=True,
        universe="sport",
        venue=_venue("Groupama Stadium", "69150", "Décines-Charpieu", "45.7653", "4.9822"),
        options={
            "seating_category": values(cat_1=("Catégorie 1", "Category 1")),
            "zone": values(east=("Est", "East"), west=("Ouest", "West")),
        },
    )
    east = build.product(
        base,
        both("Tribune Est", "East stand"),
        "0194abfe-1bdb-7b12-af59-ad81ae443689",
        option_values=frozenset({"cat_1", "east"}),
    )
    west = build.product(
        base, both("Tribune Ouest", "West stand"), option_values=frozenset({"west"})
    )
    match = both("OL - FC Lorient", "OL - FC Lorient")
    seated = build.offer(east, "42.00", build.day(20), stock=60, availability_check=True)
    build.ticket(seated, match, sessions=[(build.at(20, 21), 60)], stand="EST")

    named = build.offer(west, "55.00", build.day(20), stock=60)
    build.ticket(
        named,
        match,
        sessions=[(build.at(20, 21), 60)],
        asked=("firstname", "lastname", "dateOfBirth"),
        deadline=build.at(18, 18, 30),
        stand="OUEST",
    )
    named_once = build.offer(west, "50.00", build.day(27), stock=60)
    build.ticket(
        named_once,
        match,
        sessions=[(build.at(27, 21), 60)],
        asked=("firstname", "lastname"),
        amendable=False,
        deadline=build.at(25, 18, 30),
    )
    cup = build.base(
        catalog,
        both("Coupe de France", "Cup match"),
        document_delay=timedelta(hours=2),
        universe="sport",
    )
    late = build.offer(build.product(cup, both("Coupe", "Cup")), "30.00", build.day(40))
    build.ticket(late, both("Coupe", "Cup"))
    return {"seated": seated, "named": named, "named_once": named_once, "late_documents": late}


def _museum(build: Builder, catalog: Catalog) -> dict[str, Offer]:
    base = build.base(catalog, both("Collection permanente", "Permanent collection"))
    offer = build.offer(build.product(base, both("Entrée", "Admission")), "12.00", None)
    build.ticket(offer, both("Entrée", "Admission"))
    return {"foreign": offer}


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
