"""A session as the options say: its log, its proxy, and the words for a call that fails."""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeVar

from eguma_async._version import __version__
from eguma_async.core.clock import Clock
from eguma_async.core.errors import EgumaError, ResultMismatchError

from .dry_run import DryRun
from .errors import Advice, Stop, exit_code, explain, usage
from .options import ConnectionOptions, proxy_url
from .text import clean, print_json, say
from .waiting import SeeAttempt, waiting

if TYPE_CHECKING:
    from eguma_async.core.transport import Transport
    from eguma_async.journal.journal import Journal
    from eguma_async.pipeline.options import SessionOptions
    from eguma_async.pipeline.session import BaseSession

LOG_VARIABLE = "EGUMA_LOG"
LOCAL = "http://127.0.0.1"
"""Base URL of a sandbox in memory."""
session_clock: ContextVar[Clock | None] = ContextVar("session_clock", default=None)
"""What the sessions of a command read the time from; None for the machine's own."""
FAST = "--fast"
"""The option before the command that sets `is_fast`."""
is_fast: ContextVar[bool] = ContextVar("is_fast", default=False)
"""Whether requests over the network go through `LeanTransport`."""
S = TypeVar("S", bound="BaseSession")
logger: logging.Logger = logging.getLogger("eguma_async")


@asynccontextmanager
async def opened(
    api: ConnectionOptions,
    advice: Advice,
    make: Callable[[SessionOptions], Awaitable[S]],
    *,
    journal: Journal | None = None,
    dry: DryRun | None = None,
    observer: SeeAttempt | None = None,
) -> AsyncIterator[S]:
    """Open a session as the options say.

    Args:
        api: The options.
        advice: Words and advice of the provider, for a call that fails.
        make: Makes the session, given the options that all sessions share.
        journal: Keeps what books or cancels.
        dry: Takes what would be sent. It is printed at the end, and nothing else is.
        observer: Sees each request.

    Raises:
        Stop: An option is wrong, a call failed, or it was a dry run.
    """
    if journal is not None and api.sandbox and dry is None:
        raise usage("--sandbox ends with the command: no --journal could go on with it")
    options: SessionOptions = {
        "timeouts": api.timeouts(),
        "journal": journal,
        "observer": waiting(advice.operations, also=observer),
    }
    if (clock := session_clock.get()) is not None:
        options["clock"] = clock
    with showing_log(verbose=api.verbose):
        try:
            async with AsyncExitStack() as stack:
                if dry is not None:
                    from eguma_async.pipeline.policy import RetryPolicy

                    options["transport"] = await stack.enter_async_context(aclosing(dry))
                    if dry.reads and not api.sandbox:
                        dry.over(network_transport(api))
                    options["retry"] = RetryPolicy(attempts=1)
                elif (transport := transport_for(api)) is not None:
                    options["transport"] = await stack.enter_async_context(aclosing(transport))
                session = await make(options)
                await stack.enter_async_context(session)
                logger.debug("eguma_async %s, %r", __version__, session)
                yield session
        except EgumaError as error:
            if dry is not None and dry.requests:
                dry.show(as_json=api.json)
            if isinstance(error, ResultMismatchError) and error.result is not None:
                print_json(error.result)  # something was made: its ids must not be lost
            raise Stop(explain(error, advice), exit_code(error)) from None


def network_transport(api: ConnectionOptions) -> Transport:
    """Return the way to the network that a session would take."""
    if (transport := transport_for(api)) is not None:
        return transport
    from eguma_async.transports.aiohttp import AiohttpTransport

    return AiohttpTransport()


def transport_for(api: ConnectionOptions) -> Transport | None:
    """Return the way to the network; None for the session's own."""
    proxy = None if api.proxy is None else proxy_url(api.proxy)
    if is_fast.get() and not api.sandbox:
        from eguma_async.transports.lean import LeanTransport

        return LeanTransport(proxy=proxy)
    if proxy is not None:
        from eguma_async.transports.aiohttp import AiohttpTransport

        return AiohttpTransport(proxy=proxy)
    return None


class _Lines(logging.Handler):
    """Writes each record as lines for people, so without secrets and control characters."""

    def emit(self, record: logging.LogRecord) -> None:
        for line in self.format(record).splitlines():
            say(clean(line))


@contextmanager
def showing_log(*, verbose: bool) -> Iterator[None]:
    """Show the package's log: all of it, or else only what reports a bug.

    ``EGUMA_LOG=debug`` shows all of it for every command.

    Raises:
        Stop: The variable says something else.
    """
    wanted = os.environ.get(LOG_VARIABLE, "").lower()
    if wanted not in ("", "debug"):
        raise usage(f"{LOG_VARIABLE} must be debug, or not set")
    verbose = verbose or wanted == "debug"
    handler = _Lines(logging.DEBUG if verbose else logging.ERROR)
    handler.setFormatter(logging.Formatter("%(asctime)s.%(msecs)03d %(message)s", "%H:%M:%S"))
    before = logger.level
    logger.addHandler(handler)
    if verbose:
        logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)
