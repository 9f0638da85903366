"""``eguma journal recover``: what became of bookings and cancellations."""

from __future__ import annotations

from cyclopts import App

from eguma_async.cli.journal.recovering import DEFAULT_RECOVERING, RecoverChoice, report

from .options import DEFAULT_API, Api, open_session


async def recover(
    *,
    chosen: RecoverChoice = DEFAULT_RECOVERING,
    api: Api = DEFAULT_API,
) -> None:
    """Bring what the journal holds of e-guma to its end, after a crash or a lost answer.

    What may have been sent is sent again with the same key, or looked for among the orders;
    nothing is booked twice. It ends with 0 if nothing is left open, and else with 6.
    """
    from eguma_async.eguma.ticketing.bookings import BookTickets, CancelBooking

    kinds = (BookTickets.KIND, CancelBooking.KIND)
    journal = chosen.existing(any_credentials=chosen.any_credentials)
    async with open_session(api, journal=journal) as session:
        recovery = await chosen.run(journal, session.ticketing.bookings.recover, kinds=kinds)
    report(recovery, chosen, json=api.json)


def add_to(app: App) -> None:
    """Add the command of this module to those of the journal."""
    app["journal"].command(recover)
