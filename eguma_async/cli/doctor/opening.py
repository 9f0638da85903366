"""From the options of a command to an examination."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from eguma_async.cli.connection import LOCAL, network_transport, session_clock, showing_log
from eguma_async.cli.prompt import read_secret
from eguma_async.cli.redaction import keep_secret
from eguma_async.core.clock import SystemClock
from eguma_async.core.messages import Timeouts

from .examination import Examination, Place, Secret, Subject, WatchedTransport
from .rounds import examine

if TYPE_CHECKING:
    from eguma_async.cli.journal.options import JournalChoice
    from eguma_async.cli.options import ConnectionOptions
    from eguma_async.core.transport import Transport
    from eguma_async.pipeline.settings import Settings

PATIENCE = 10.0
"""Seconds that each step may take unless --timeout says otherwise."""
PROFILE = "the profile"


async def secret(
    name: str,
    variable: str,
    *,
    prompt: str | None = None,
    profile: Callable[[], str | None] = lambda: None,
) -> Secret:
    """Read a credential from its variable, from the profile, or from stdin.

    Args:
        name: What it is.
        variable: Its environment variable.
        prompt: What to ask for on a terminal; None to read the variable.
        profile: Returns what the profile has, asked if the variable is not set.
    """
    if prompt is None:
        value = os.environ.get(variable)
        if not value and (kept := profile()):
            return Secret(name=name, variable=variable, source=PROFILE, value=kept)
        return Secret(name=name, variable=variable, source=variable, value=value)
    value = await read_secret(prompt)
    if value:
        keep_secret(value)
    return Secret(name=name, variable=variable, source="stdin", value=value)


def sandbox_secret(name: str, variable: str, value: str) -> Secret:
    """Return a credential of a sandbox."""
    return Secret(name=name, variable=variable, source="the sandbox", value=value)


def place(known: Settings, setting: str, given: str | None, default: str, **names: str) -> Place:
    """Return where a server is: by option, variable or profile, or by default.

    Args:
        known: What variables and the profile say.
        setting: Its name, such as ``base_url``.
        given: What the option says.
        default: The live server.
        names: What it is, for programs and for people.
    """
    url = known.text(setting, given)
    if not url:
        source = "the default, the live one"
    elif given is not None:
        source = f"--{setting.replace('_', '-')}"
    else:
        variable = known.variable(setting)
        source = variable if os.environ.get(variable) else PROFILE
    return Place(url=url or default, source=source, is_default=not url, **names)


def local_place(path: str = "", **names: str) -> Place:
    """Return where a sandbox within this process is."""
    return Place(url=LOCAL + path, source="--sandbox", is_default=False, **names)


async def run(
    subject: Subject,
    api: ConnectionOptions,
    journal: JournalChoice,
    *,
    simulated: Transport | None = None,
) -> None:
    """Examine a provider, and print what was found.

    Args:
        subject: The provider.
        api: The options.
        journal: Which journal.
        simulated: The way to a sandbox within this process.

    Raises:
        Stop: An option is wrong, or a check has failed.
    """
    clock = session_clock.get() or SystemClock()
    default = Timeouts(connect=5.0, read=PATIENCE, total=PATIENCE)
    inner = simulated or network_transport(api)
    watched = WatchedTransport(inner, clock)
    with showing_log(verbose=api.verbose):
        try:
            about = Examination(
                subject=subject,
                transport=watched,
                proxy=api.proxy,
                timeouts=api.timeouts() or default,
                clock=clock,
                journal=journal,
                is_local=simulated is not None,
            )
            await examine(about, api)
        finally:
            await watched.aclose()
