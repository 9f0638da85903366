"""The command line as a whole: from arguments to an exit code."""

from __future__ import annotations

import inspect
import os
import signal
import sys
import traceback
from typing import Any, NoReturn

from cyclopts import App, CycloptsError

from eguma_async._version import __version__
from eguma_async.core.errors import EgumaError

from . import eguma, korus, sandbox
from .errors import EXIT_CODES, Exit, Stop, exit_code, explain, explain_interruption, usage
from .process import Ended, drop_unread_output, run_until_ended, usable_streams
from .text import clean, is_plain, say

HELP = """Sell admission tickets through e-guma, and through Korus Ticket with `eguma korus`.

The API key is read from EGUMA_API_KEY, or from stdin with --key-stdin.
`eguma demo` and --sandbox need no key.
"""
KEY_FLAGS = {"--key", "--api-key", "--apikey", "--api_key"}
SECRET_FLAGS = {
    "--secret",
    "--client-secret",
    "--client_secret",
    "--client-id",
    "--client_id",
    "--token",
}
SECRETS = ("EGUMA_API_KEY", "KORUS_CLIENT_SECRET")


def build_app(*, plain: bool) -> App:
    """Build the command line.

    Args:
        plain: Print the help as bare text, without boxes and colours.
    """
    app = App(
        name="eguma",
        help=HELP,
        help_epilogue=EXIT_CODES,
        help_formatter="plain" if plain else "default",
        version=__version__,
        version_format="plaintext",
    )
    for commands in (eguma, sandbox, korus):
        commands.add_to(app)
    return app


def execute(arguments: list[str]) -> int:
    """Carry out one command line and return its exit code."""
    with usable_streams():
        try:
            code = _reported(arguments)
            sys.stdout.flush()
        except BrokenPipeError:  # the reader has had enough, as `head` does
            drop_unread_output()
            return Exit.READER_LEFT
        return code


def _reported(arguments: list[str]) -> int:
    try:
        _command(arguments)
    except BrokenPipeError:
        raise
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  # the outermost frame
        line, code = _line_and_code(error)
        say(line)
        return code
    return Exit.OK


def _line_and_code(error: BaseException) -> tuple[str, int]:
    match error:
        case KeyboardInterrupt() | Ended(by=signal.SIGINT):
            return f"eguma: {explain_interruption(error)}", Exit.INTERRUPTED
        case Ended(by=signal.SIGTERM):
            return f"eguma: {explain_interruption(error, 'terminated')}", Exit.TERMINATED
        case Stop(line=line, code=code):
            return f"eguma: {line}", code
        case EgumaError():
            return f"eguma: {explain(error)}", exit_code(error)
        case OSError():
            where = f": {error.filename}" if error.filename else ""
            return f"eguma: {error.strerror or error}{where}", Exit.FAILURE
        case _:  # a bug: shown, but never with a secret
            return _without_secrets("".join(traceback.format_exception(error))), Exit.FAILURE


def _command(arguments: list[str]) -> None:
    _refuse_unreadable(arguments)
    app = build_app(plain=is_plain(sys.stdout))
    try:
        command, bound, _ = app.parse_args(arguments, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        _wrong_usage(error, arguments)
    result: Any = command(*bound.args, **bound.kwargs)
    if inspect.iscoroutine(result):
        run_until_ended(result)


def _wrong_usage(error: CycloptsError, arguments: list[str]) -> NoReturn:
    flags = {argument.partition("=")[0].lower() for argument in arguments}
    if flags & KEY_FLAGS:
        raise usage(
            "the API key is never an argument, where others could see it:"
            " set EGUMA_API_KEY, or pass it on stdin with --key-stdin"
        ) from None
    if flags & SECRET_FLAGS:
        raise usage(
            "credentials are never arguments, where others could see them: set KORUS_CLIENT_ID"
            " and KORUS_CLIENT_SECRET, or pass the secret on stdin with --secret-stdin"
        ) from None
    if arguments[0].startswith("-"):
        raise usage("options go after the command, as in `eguma products --json`") from None
    raise usage(f"{clean(str(error))} See `eguma --help`.") from None


def _refuse_unreadable(arguments: list[str]) -> None:
    try:
        "".join(arguments).encode()
    except UnicodeEncodeError:
        raise usage("the arguments must be UTF-8") from None


def _without_secrets(text: str) -> str:
    for name in SECRETS:
        secret = os.environ.get(name)
        text = text.replace(secret, "***") if secret else text
    return text
