"""Run the service: ``python -m examples.checkout --sandbox``."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import uvicorn

from eguma_async import AsyncSession, ConfigurationError, SQLiteJournal
from eguma_async.sandbox import EgumaSandbox

from .app import create_app
from .payments import MemoryPayments


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until Ctrl-C or SIGTERM."""
    options = _options(arguments)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    with ExitStack() as stack:
        directory = options.data
        if directory is None:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="checkout-")))
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            session = _session(directory / "bookings.db", is_sandbox=options.sandbox)
        except ConfigurationError as error:  # such as a malformed key
            raise SystemExit(str(error)) from None
        # Your payment provider goes here.
        app = create_app(lambda: session, MemoryPayments(), directory / "orders.db")
        # uvicorn stops at these, closes everything, and then raises them once more, for whoever
        # was there before. To be stopped is no failure: the exit code shall be 0.
        for one in (signal.SIGINT, signal.SIGTERM):
            signal.signal(one, lambda *_: None)
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                host=options.host,
                port=options.port,
                log_config=None,
                access_log=False,  # a path has the order's reference, which shows its tickets
                timeout_graceful_shutdown=20,
            )
        )
        server.run()
        if not server.started:
            raise SystemExit(1)


def _session(path: Path, *, is_sandbox: bool) -> AsyncSession:
    journal = SQLiteJournal(path)
    if not is_sandbox:
        return AsyncSession(journal=journal)  # its key comes from EGUMA_API_KEY
    sandbox = EgumaSandbox()
    return AsyncSession(sandbox.demo_key, transport=sandbox.transport(), journal=journal)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m examples.checkout", description="A checkout service."
    )
    parser.add_argument("--sandbox", action="store_true", help="sell in a sandbox; needs no key")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--data", type=Path, help="directory of the two files that outlive a crash")
    options = parser.parse_args(arguments)
    if not options.sandbox and not os.environ.get("EGUMA_API_KEY"):
        parser.error("set EGUMA_API_KEY, or use --sandbox")
    if not options.sandbox and options.data is None:
        parser.error("name a directory with --data: what is in doubt has to outlive the process")
    return options


if __name__ == "__main__":
    main()
