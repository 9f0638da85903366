"""The sessions of the plugin for pytest: on a sandbox, and on nothing else of this machine."""

from __future__ import annotations

from random import Random

from eguma_async import AsyncSession, RetryPolicy, SessionOptions, Timeouts
from eguma_async.eguma.provider import EGUMA
from eguma_async.korus import KorusSession
from eguma_async.korus.provider import KORUS, TOKEN_URL
from eguma_async.sandbox import EgumaSandbox, KorusSandbox, Sandbox

_SEED = 1


def _filled(sandbox: Sandbox, options: SessionOptions) -> SessionOptions:
    """Return options that leave nothing to the environment, to chance, or to the time of day."""
    usual = SessionOptions(
        transport=sandbox.transport(),
        clock=sandbox.clock,
        random=Random(_SEED).random,  # noqa: S311  # jitter
        timeouts=Timeouts(),
        retry=RetryPolicy(),
    )
    return {**usual, **options}


def eguma_session_with(sandbox: EgumaSandbox, options: SessionOptions) -> AsyncSession:
    """Make a session that environment and profiles have no say in."""
    return AsyncSession(
        sandbox.demo_key,
        base_url=EGUMA.base_url,
        profile="",
        **_filled(sandbox, options),
    )


def korus_session_with(sandbox: KorusSandbox, options: SessionOptions) -> KorusSession:
    """Make a session that environment and profiles have no say in."""
    client_id, client_secret = sandbox.demo_client
    return KorusSession(
        client_id,
        client_secret,
        base_url=KORUS.base_url,
        profile="",
        token_url=TOKEN_URL,
        **_filled(sandbox, options),
    )
