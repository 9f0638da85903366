"""``eguma korus journal recover``: what became of orders."""

from __future__ import annotations

from cyclopts import App

from eguma_async.cli.journal.recovering import DEFAULT_RECOVERING, RecoverChoice, report

from .options import DEFAULT_API, Api, open_session

HELP = """Bring what a journal holds of Korus Ticket to its end.

All other commands are those of `eguma journal`: a journal holds the entries of both providers.
"""


async def recover(
    *,
    chosen: RecoverChoice = DEFAULT_RECOVERING,
    api: Api = DEFAULT_API,
) -> None:
    """Bring what the journal holds of Korus Ticket to its end, after a crash or a lost answer.

    Orders are looked for by their reference and their reservations, and only what is missing is
    sent again. It ends with 0 if nothing is left open, and else with 6.
    """
    from eguma_async.korus import CreateOrders

    journal = chosen.existing(any_credentials=chosen.any_credentials)
    async with open_session(api, journal=journal) as session:
        recovery = await chosen.run(journal, session.orders.recover, kinds=(CreateOrders.KIND,))
    report(recovery, chosen, json=api.json)


def add_to(app: App) -> None:
    """Add the command of this module."""
    journal = App(name="journal", help=HELP)
    journal.command(recover)
    app.command(journal)
