"""``eguma demo --crash --provider korus``: a worker is killed between an order and its answer.

Korus Ticket knows no idempotency keys: the order is found by its reference, and not sent again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from eguma_async.cli.crash import CLIENT_REF, CUSTOMER, Facts, crash, report

if TYPE_CHECKING:
    from eguma_async.cli.steps import Steps
    from eguma_async.sandbox import KorusSandbox, SandboxServer

ORDERING = "/v1/booking/orders/_bulk"


async def run(*, json: bool) -> None:
    """Play the demo, print it and check it.

    Args:
        json: Print one JSON document instead of a table.
    """
    from eguma_async.sandbox import KorusSandbox

    report(await play(KorusSandbox()), json=json)


async def play(simulated: KorusSandbox) -> Steps[Facts]:
    """Order in a process that is killed, recover in a second one, and return what happened."""
    from eguma_async.sandbox import Park, serve
    from eguma_async.sandbox.korus import TOKEN_PATH

    client_id, client_secret = simulated.demo_client
    async with serve(simulated) as server:
        environment = {
            "KORUS_BASE_URL": server.url,
            "KORUS_TOKEN_URL": server.url + TOKEN_PATH,
            "KORUS_CLIENT_ID": client_id,
            "KORUS_CLIENT_SECRET": client_secret,
        }
        async with crash(simulated, environment) as crashing:
            reservation = await _reserve(simulated, server)
            crashing.steps.add("Hold", "one place, for some minutes")
            park = simulated.faults.add(Park(method="POST", path=ORDERING, after_commit=True))
            reference = f"--external-reference={CLIENT_REF}"
            await crashing.kill(park, "korus order", reservation, reference, *CUSTOMER)
            await crashing.recover("korus journal recover")
            crashing.count(
                len(simulated.orders()),
                [sent.idempotency_key for sent in simulated.requests if sent.path == ORDERING],
            )
    return crashing.steps


async def _reserve(simulated: KorusSandbox, server: SandboxServer) -> str:
    """Hold the sandbox's plain offer, and return the IRI of the reservation."""
    from eguma_async.korus import KorusSession, OfferItem, TicketChoice
    from eguma_async.sandbox.korus import TOKEN_PATH

    item = simulated.example("plain").item
    choices = tuple(
        TicketChoice(choice["ticket"], choice.get("session")) for choice in item["ticketSessions"]
    )
    async with KorusSession(
        *simulated.demo_client, base_url=server.url, token_url=server.url + TOKEN_PATH
    ) as session:
        held = await session.reservations.create([OfferItem(item["offer"], choices)])
    return held.reservations[0].iri
