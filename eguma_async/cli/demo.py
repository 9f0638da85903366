"""``eguma demo``: a whole sale in a sandbox, with a reply that gets lost on the way."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from .errors import usage
from .options import JsonOption


async def demo(
    *,
    provider: Annotated[
        Literal["eguma", "korus"], Parameter(help="Whose sandbox to sell in.")
    ] = "eguma",
    output: Annotated[
        Path | None,
        Parameter(
            help="Directory for the tickets, with --provider korus; a temporary one if not given."
        ),
    ] = None,
    crash: Annotated[
        bool,
        Parameter(
            negative="",
            show_default=False,
            help="Kill the process that books, and recover the booking from its journal.",
        ),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Book tickets in a sandbox, lose the reply, and recover it.

    Needs no key and no network: the sandbox listens on a free port of this machine.
    """
    if crash:
        await _crash(provider, output, json=json)
        return
    if provider == "korus":
        from .korus import demo as korus_demo

        await korus_demo.run(output, json=json)
        return
    if output is not None:
        raise usage("--output goes with --provider korus: e-guma hands out no files")
    from .eguma import demo as eguma_demo

    await eguma_demo.run(json=json)


async def _crash(provider: str, output: Path | None, *, json: bool) -> None:
    if output is not None:
        raise usage("--output does not go with --crash")
    if provider == "korus":
        from .korus import crash as korus_crash

        await korus_crash.run(json=json)
        return
    from .eguma import crash as eguma_crash

    await eguma_crash.run(json=json)


def add_to(app: App) -> None:
    """Add the command of this module."""
    app.command(demo)
