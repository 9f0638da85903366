"""``eguma demo --crash``: a worker is killed between a booking and its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eguma_async.cli.crash import CUSTOMER, Facts, crash, report

if TYPE_CHECKING:
    from eguma_async.cli.steps import Steps
    from eguma_async.sandbox import EgumaSandbox

BOOKING = "/v1/ticketing/booking.json"


async def run(*, json: bool) -> None:
    """Play the demo, print it and check it.

    Args:
        json: Print one JSON document instead of a table.
    """
    from eguma_async.sandbox import EgumaSandbox

    report(await play(EgumaSandbox()), json=json)


async def play(simulated: EgumaSandbox) -> Steps[Facts]:
    """Book in a process that is killed, recover in a second one, and return what happened."""
    from eguma_async.sandbox import Park, serve

    orders_before = len(simulated.bookings())
    async with serve(simulated) as server:
        environment = {"EGUMA_BASE_URL": server.url, "EGUMA_API_KEY": simulated.demo_key}
        async with crash(simulated, environment) as crashing:
            example = simulated.example("time")
            park = simulated.faults.add(Park(method="POST", path=BOOKING, after_commit=True))
            item = f"--item={example.category_ids[0]}=2"
            await crashing.kill(
                park, "book", example.product_id, str(example.starts_at), item, *CUSTOMER
            )
            await crashing.recover("journal recover")
            crashing.count(
                len(simulated.bookings()) - orders_before,
                [sent.idempotency_key for sent in simulated.requests if sent.path == BOOKING],
            )
    return crashing.steps
