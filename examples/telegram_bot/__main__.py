"""Run the bot: ``TELEGRAM_BOT_TOKEN=... python -m examples.telegram_bot --sandbox``."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import PRODUCTION, TelegramAPIServer
from aiogram.exceptions import TelegramAPIError
from aiogram.utils.token import TokenValidationError

from eguma_async import AsyncSession, ConfigurationError, SQLiteJournal
from eguma_async.sandbox import EgumaSandbox

from .bot import dispatcher_for


def main(arguments: Sequence[str] | None = None) -> None:
    """Answer until Ctrl-C or SIGTERM."""
    options = _options(arguments)
    token = os.environ.pop("TELEGRAM_BOT_TOKEN")
    _log_without(token)
    with ExitStack() as stack:
        path = options.journal
        if path is None:
            made = stack.enter_context(tempfile.TemporaryDirectory(prefix="telegram-bot-"))
            path = Path(made) / "bookings.db"
        try:
            asyncio.run(_run(token, SQLiteJournal(path), is_sandbox=options.sandbox))
        except TokenValidationError:
            raise SystemExit("TELEGRAM_BOT_TOKEN is no token of a bot") from None
        except (ConfigurationError, TelegramAPIError) as error:  # a bad key, no way to Telegram
            raise SystemExit(str(error).replace(token, "<token>")) from None


async def _run(token: str, journal: SQLiteJournal, *, is_sandbox: bool) -> None:
    server = os.environ.get("TELEGRAM_API_URL")
    api = TelegramAPIServer.from_base(server) if server else PRODUCTION
    bot = Bot(token, session=AiohttpSession(api=api))
    if is_sandbox:
        sandbox = EgumaSandbox()
        key, transport = sandbox.demo_key, sandbox.transport()
        session = AsyncSession(key, transport=transport, journal=journal)
    else:
        session = AsyncSession(journal=journal)  # its key comes from EGUMA_API_KEY
    async with session:
        # It stops at Ctrl-C and SIGTERM: no update is asked for any more, bookings under way end,
        # and places that nobody has confirmed are given back. Updates that Telegram does not know
        # to have arrived come again next time; a tap that comes twice books once.
        await dispatcher_for(session, bot).start_polling(bot)


class _Formatter(logging.Formatter):
    def __init__(self, secret: str) -> None:
        super().__init__("%(levelname)s %(name)s: %(message)s")
        self._secret = secret

    def format(self, record: logging.LogRecord) -> str:
        """Write a line without the token, which Telegram wants in each address."""
        return super().format(record).replace(self._secret, "<token>")


def _log_without(secret: str) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(_Formatter(secret))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m examples.telegram_bot", description="A Telegram bot that sells tickets."
    )
    parser.add_argument("--sandbox", action="store_true", help="sell in a sandbox; needs no key")
    parser.add_argument("--journal", type=Path, help="SQLite file that outlives a crash")
    options = parser.parse_args(arguments)
    if not os.environ.get("TELEGRAM_BOT_TOKEN"):
        parser.error("set TELEGRAM_BOT_TOKEN, which @BotFather gives you")
    if not options.sandbox and not os.environ.get("EGUMA_API_KEY"):
        parser.error("set EGUMA_API_KEY, or use --sandbox")
    if not options.sandbox and options.journal is None:
        parser.error("name a file with --journal: what is in doubt has to outlive the process")
    return options


if __name__ == "__main__":
    main()
