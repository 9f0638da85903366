"""The demo data: three merchants whose products show each rule at work on any date."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

from .backoffice import BackOffice
from .bookings import issue_tickets
from .catalog import Category, Merchant, Price, Product, SlotPlan, TicketTypeGroup, Venue
from .sales import Customer, Order, Payment
from .state import State

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
NOON = time(12)


def fill(sandbox: BackOffice, state: State) -> None:
    """Fill an empty sandbox."""
    mountain = _mountain_railway(sandbox)
    _lake_park(sandbox)
    _chocolate_museum(sandbox)
    _web_orders(sandbox, state, mountain)
    # Last, so that the ids of everything else are what they were without events.
    _events(sandbox, mountain)


def _times(
    categories: tuple[Category, ...], cents: tuple[int, ...], *times: str, **plan: Any
) -> tuple[SlotPlan, ...]:
    prices = tuple(
        Price(category.id, amount) for category, amount in zip(categories, cents, strict=True)
    )
    return tuple(
        SlotPlan(**{"at": time.fromisoformat(at), "prices": prices, **plan}) for at in times
    )


def _mountain_railway(sandbox: BackOffice) -> Merchant:
    merchant = sandbox.add_merchant("Bergbahn Muster AG")
    shop = sandbox.add_user(merchant, "Web shop")
    partner = sandbox.add_user(merchant, "Partner portal")
    office = sandbox.add_user(merchant, "Back office", is_approved=False)
    sandbox.add_key(merchant, shop)
    sandbox.add_key(merchant, shop)
    sandbox.add_key(merchant, partner)
    sandbox.add_key(merchant, office)
    sandbox.add_key(merchant, shop, is_active=False)
    _bookable_products(sandbox, merchant)
    _special_products(sandbox, merchant)
    _products_no_key_can_sell(sandbox, merchant, partner.id)
    return merchant


def _people(sandbox: BackOffice) -> tuple[Category, Category]:
    return sandbox.add_category("Erwachsene", 16), sandbox.add_category("Kind", 6, 15)


def _bookable_products(sandbox: BackOffice, merchant: Merchant) -> None:
    people = _people(sandbox)
    morning = _times(people, (4500, 2200), "09:00", "10:00", "11:00", quota=50, cut_off=HOUR)
    afternoon = _times(people, (3600, 1800), "13:30", "15:00", quota=50, cut_off=HOUR)
    sandbox.add_product(
        merchant,
        {"de": "Gipfelfahrt", "en": "Summit ride", "fr": "Montée au sommet"},
        people,
        _with_adult_limits(morning + afternoon),
        label="time",
        description_translations={
            "de": "<p>Berg- und Talfahrt</p>",
            "en": "<p>Up and down by cable car</p>",
            "fr": "<p>Montée et descente</p>",
        },
    )
    people = _people(sandbox)
    sandbox.add_product(
        merchant,
        {"de": "Tageskarte", "en": "Day pass"},
        people,
        _times(people, (5900, 2900), "00:00", quota=400, closing_time=NOON),
        slot_type="day",
        label="day",
        description_translations={
            "de": "<p>Gültig einen Tag</p>",
            "en": "<p>Valid for one day</p>",
        },
    )
    people = _people(sandbox)
    sandbox.add_product(
        merchant,
        {"de": "Rodelbahn", "en": "Toboggan run"},
        people,
        _times(people, (900, 600), "10:00", "14:00"),
        label="unlimited",
    )
    people = _people(sandbox)
    sandbox.add_product(
        merchant,
        {"de": "Sternwarte bei Nacht", "en": "Observatory by night"},
        people,
        _times(people, (2500, 1500), "20:30", quota=8, cut_off=2 * HOUR),
        label="small",
    )


def _with_adult_limits(plans: tuple[SlotPlan, ...]) -> tuple[SlotPlan, ...]:
    limited = []
    for plan in plans:
        adult, *others = plan.prices
        capped = Price(adult.category_id, adult.price_in_cents, 1, 10)
        limited.append(
            SlotPlan(
                at=plan.at,
                prices=(capped, *others),
                quota=plan.quota,
                cut_off=plan.cut_off,
            )
        )
    return tuple(limited)


def _special_products(sandbox: BackOffice, merchant: Merchant) -> None:
    people = _people(sandbox)
    sandbox.add_product(
        merchant,
        {"de": "Sonnenaufgangsfahrt", "en": "Sunrise ride"},
        people,
        _times(people, (6500, 3500), "06:00", quota=20, sold_before=20, cut_off=12 * HOUR),
        label="sold-out",
    )
    people, today = _people(sandbox), sandbox.today()
    sandbox.add_product(
        merchant,
        {"de": "Bergfestival", "en": "Mountain festival"},
        people,
        _times(people, (7900, 3900), "00:00", quota=200),
        slot_type="day",
        label="season",
        first_day=today + 10 * DAY,
        last_day=today + 40 * DAY,
        blocked_days={today + 12 * DAY, today + 13 * DAY},
    )
    group, guide = sandbox.add_category("Gruppe"), sandbox.add_category("Begleitung")
    sandbox.add_product(
        merchant,
        {"de": "Gruppenführung", "en": "Group tour"},
        (group, guide),
        (
            SlotPlan(
                at=time(14),
                quota=60,
                cut_off=DAY,
                prices=(
                    Price(group.id, 1800, 10, 25, allow_zero_quantity=False),
                    Price(guide.id, 0, 1, 2),
                ),
            ),
        ),
        label="limits",
    )
    people = _people(sandbox)
    sandbox.add_product(
        merchant,
        {"de": "Pistenbully-Mitfahrt", "en": "Snow groomer ride"},
        people,
        _times(people, (12000, 9000), "17:00", quota=4, cut_off=3 * DAY),
        label="early-closing",
    )
    people = _people(sandbox)
    sandbox.add_product(
        merchant,
        {"fr": "Soirée fondue", "en": "Fondue evening"},
        people,
        _times(people, (8900, 4500), "19:00", quota=30, weekdays=frozenset({3, 4, 5})),
        label="languages",
    )


def _products_no_key_can_sell(sandbox: BackOffice, merchant: Merchant, partner_id: str) -> None:
    hidden: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("inactive", "Winterwanderpass", {"is_active": False}),
        ("no-categories", "Schneeschuhtour", {"categories": ()}),
        ("channel-off", "Direktorenführung", {"channel_is_on": False}),
        ("not-allowed", "Partnerkarte", {"allowed_users": {partner_id}}),
        ("seat-plan", "Theater im Gipfelhaus", {"incompatibility": "seat plan"}),
        ("note", "Gleitschirm-Tandem", {"incompatibility": "mandatory note"}),
        ("questions", "Klettersteigkurs", {"incompatibility": "mandatory questions"}),
        ("contact", "Saisonkarte", {"incompatibility": "mandatory contact per ticket"}),
        ("medium", "Skipass auf Chipkarte", {"incompatibility": "medium other than QR"}),
    )
    for label, name, details in hidden:
        people = _people(sandbox)
        plans = _times(people, (4000, 2000), "10:00", "14:00", quota=40, cut_off=HOUR)
        fields: dict[str, Any] = {"categories": people, **details}
        sandbox.add_product(merchant, {"de": name}, plans=plans, label=label, **fields)


def _lake_park(sandbox: BackOffice) -> None:
    merchant = sandbox.add_merchant(
        "Lakeside Discovery Park", default_language="en", currency="EUR"
    )
    for name in ("Ticket desk", "Travel agency"):
        sandbox.add_key(merchant, sandbox.add_user(merchant, name))
    people = sandbox.add_category("Adult", 18), sandbox.add_category("Child", None, 17)
    sandbox.add_product(
        merchant,
        {"en": "Aquarium", "de": "Aquarium", "fr": "Aquarium"},
        people,
        _times(people, (2400, 1200), "09:30", "11:30", "13:30", quota=120, cut_off=HOUR / 2),
        label="euro-time",
    )
    people = sandbox.add_category("Adult", 18), sandbox.add_category("Child", None, 17)
    sandbox.add_product(
        merchant,
        {"en": "Park day", "de": "Parktag"},
        people,
        _times(people, (3100, 1600), "00:00"),
        slot_type="day",
        label="euro-day",
    )


def _chocolate_museum(sandbox: BackOffice) -> None:
    merchant = sandbox.add_merchant("Musée du Chocolat Sàrl", default_language="fr")
    sandbox.add_key(merchant, sandbox.add_user(merchant, "Billetterie"))
    people = sandbox.add_category("Adulte", 16), sandbox.add_category("Enfant", 4, 15)
    sandbox.add_product(
        merchant,
        {"fr": "Visite du musée", "de": "Museumsbesuch", "it": "Visita al museo"},
        people,
        _times(people, (1900, 900), "00:00", quota=150, weekdays=frozenset(range(1, 7))),
        slot_type="day",
        label="french-day",
    )
    people = sandbox.add_category("Adulte", 16), sandbox.add_category("Enfant", 4, 15)
    sandbox.add_product(
        merchant,
        {"fr": "Atelier praliné", "en": "Praline workshop"},
        people,
        _times(people, (4800, 3200), "14:00", quota=12, cut_off=DAY),
        label="french-time",
    )


def _web_orders(sandbox: BackOffice, state: State, merchant: Merchant) -> None:
    product = next(item for item in sandbox.products() if item.label == "time")
    visa = Payment(state.ids.hexadecimal(), "VISA", 6030)
    customer = Customer(
        state.ids.hexadecimal(),
        "Petra",
        "Keller",
        "petra.keller@example.com",
        title="Mrs",
        street="Seestrasse 1",
        zip="8000",
        city="Zürich",
        country="CH",
        accepts_marketing=True,
        double_opt_in_confirmed_at="2025-01-21T10:52:11",
        phone="+41 44 000 00 00",
    )
    order = _web_order(state, merchant, product, customer, age=5 * DAY)
    order.payments = (visa,)
    order.discount_in_cents, order.promocode, order.promocode_name = 670, "ALPEN10", "Alpen 10 %"
    order.tags, order.note = ("newsletter",), "Kinderwagen"
    order.tickets[0].answers = (
        {"name": "Geburtstag", "type": "dateTime", "value": "1990-12-31"},
        {"name": "Allergien", "type": "text", "value": ""},
        {"name": "Sprache", "type": "optionId", "value": None},
    )
    order = _web_order(state, merchant, product, None, age=2 * DAY)
    order.location, order.language = "local", "en"
    total = order.grand_total_in_cents
    order.payments = (Payment(state.ids.hexadecimal(), "Gutschein", total, is_complimentary=True),)


def _web_order(
    state: State, merchant: Merchant, product: Product, customer: Customer | None, age: timedelta
) -> Order:
    slot = product.slots_on(state.today() + 14 * DAY)[0]
    items = tuple((category.id, 1) for category in product.categories)
    made_at = state.now() - age
    order = Order(
        id=state.ids.hexadecimal(),
        number=state.ids.order_number("B"),
        merchant=merchant,
        product=product,
        starts_at=slot.starts_at,
        tickets=issue_tickets(state, product, slot, items),
        language=merchant.default_language,
        created_at=made_at,
        updated_at=made_at,
        location="web",
        customer=customer,
    )
    state.book.add(order)
    state.stock.sell(product, slot.starts_at, len(order.tickets))
    return order


def _events(sandbox: BackOffice, merchant: Merchant) -> None:
    """Add events that are open, in a category, sold out, closed, and not published."""
    adult = sandbox.add_ticket_type(
        {"de": "Erwachsene", "en": "Adults"}, 6900, {"de": "Ab 16 Jahren", "en": "From 16 years"}
    )
    child = sandbox.add_ticket_type(
        {"de": "Kinder", "en": "Children"}, 3400, {"de": "Bis 15 Jahre", "en": "Up to 15 years"}
    )
    group = TicketTypeGroup(
        name={"de": "Normaltarif", "en": "Regular"}, ticket_type_ids=(adult.id, child.id)
    )
    venue = Venue(
        name="Gipfelhaus", street="Bergstrasse 1", zip="6000", city="Luzern", country_code="CH"
    )
    concerts = "5e1d7a0c973b861c040c9a01"
    shown: tuple[tuple[str, str, int, dict[str, Any]], ...] = (
        ("Magischer Brunch", "Magical brunch", 12, {"ticket_type_groups": (group,)}),
        ("Jazz am Gipfel", "Summit jazz", 20, {"category_id": concerts, "tags": ("music",)}),
        ("Vollmondkonzert", "Full moon concert", 33, {"category_id": concerts, "sold": 80}),
        ("Silvestergala", "New Year gala", 45, {"sales_open": False}),
        ("Premiere", "Opening night", 50, {"is_published": False}),
    )
    for name, english, days, details in shown:
        names = {"de": name, "en": english}
        sandbox.add_event(
            merchant,
            names,
            datetime.combine(sandbox.today() + days * DAY, time(19, 30)),
            (adult, child),
            venue=venue,
            quota=80,
            description_translations={
                language: f"<p>{text}</p>" for language, text in names.items()
            },
            **details,
        )
