"""The command line as a whole: from arguments to an exit code."""

from __future__ import annotations

import inspect
import platform
import signal
import traceback
from collections.abc import Callable
from importlib import metadata
from typing import TYPE_CHECKING, Any

from cyclopts import App, CycloptsError

from eguma_async._version import __version__
from eguma_async.core.errors import EgumaError

from . import completion, demo, eguma, journal, korus, sandbox
from .calibration import for_its_provider
from .connection import FAST, is_fast
from .errors import EXIT_CODES, Exit, Stop, exit_code, explain, explain_interruption, usage
from .guides import TRYING, Guide, attach
from .layout import PlainHelp
from .process import Ended, run_until_ended
from .streams import drop_unread_output, usable_streams
from .terminal import captured_output, help_console
from .text import say
from .usage_errors import wrong_usage

if TYPE_CHECKING:
    from rich.console import Console

HELP = """Sell admission tickets through e-guma, and through Korus Ticket with `eguma korus`.

The API key is read from EGUMA_API_KEY, or from stdin with --key-stdin.
`eguma demo` and --sandbox need no key.
`eguma --fast COMMAND` takes the lean way to the network (extra `fast`).
"""
GUIDES: dict[tuple[str, ...], Guide] = {
    (): Guide(
        (
            "eguma demo",
            "eguma products --sandbox",
            "eguma doctor",
        )
    ),
    ("sandbox",): Guide(
        ("eguma sandbox", "eguma sandbox --provider both --port 0 --json"), ("demo",), TRYING
    ),
    ("completion",): Guide(
        (
            "eguma completion bash > ~/.local/share/bash-completion/completions/eguma",
            "eguma completion zsh > ~/.zfunc/_eguma",
            "eguma completion fish > ~/.config/fish/completions/eguma.fish",
        ),
        group=TRYING,
    ),
}
BESIDE = ("aiohttp", "attrs", "cattrs", "msgspec", "cyclopts", "rich")
"""Packages whose version matters in a report of a fault."""
OPERATIONS = {**korus.ADVICE.operations, **eguma.ADVICE.operations}
"""Words for the operations of both providers, which have the same ones for the same name."""
_SIGNALLED: dict[int, tuple[str, Exit]] = {
    signal.SIGINT: ("interrupted", Exit.INTERRUPTED),
    signal.SIGTERM: ("terminated", Exit.TERMINATED),
}
_HUNG_UP = "hung up", Exit.HUNG_UP


def versions() -> str:
    """Return the version of the package, and of what matters beside it; programs read line one."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    others = (f"{name} {metadata.version(name)}" for name in BESIDE)
    return "\n".join([__version__, f"{python} on {platform.platform(terse=True)}", *others])


def build_app(console: Console) -> App:
    """Build the command line.

    Args:
        console: Where help and version are printed.
    """
    app = App(
        name="eguma",
        help=HELP,
        help_epilogue=EXIT_CODES,
        help_format="plaintext",
        help_formatter=PlainHelp(),
        version=versions,
        version_format="plaintext",
        console=console,
    )
    for commands in (demo, sandbox, journal, eguma, korus, completion):
        commands.add_to(app)
    attach(app, {**GUIDES, **journal.GUIDES, **eguma.GUIDES, **korus.GUIDES}, EXIT_CODES)
    return app


def execute(arguments: list[str]) -> int:
    """Carry out one command line and return its exit code."""
    with usable_streams():
        try:
            return _reported(arguments)
        finally:
            drop_unread_output()


def _reported(arguments: list[str]) -> int:
    try:
        _command(arguments)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  # the outermost frame
        return report(error)
    return Exit.OK


def report(error: BaseException) -> int:
    """Print what ended the command, and return the exit code."""
    if isinstance(error, BrokenPipeError):  # the reader has had enough, as `head` does
        return Exit.READER_LEFT
    line, code = _line_and_code(error)
    try:
        say(line)
    except BrokenPipeError:
        return code if isinstance(error, Ended) else Exit.READER_LEFT
    return code


def _line_and_code(error: BaseException) -> tuple[str, int]:
    match error:
        case KeyboardInterrupt() | Ended():
            by = error.by if isinstance(error, Ended) else signal.SIGINT
            word, code = _SIGNALLED.get(by, _HUNG_UP)
            return f"eguma: {explain_interruption(error, OPERATIONS, word)}", code
        case Stop(line=line, code=code):
            return f"eguma: {line}", code
        case EgumaError():
            return f"eguma: {explain(error)}", exit_code(error)
        case OSError():
            where = f": {error.filename}" if error.filename else ""
            return f"eguma: {error.strerror or error}{where}", Exit.FAILURE
        case _:  # a bug
            return "".join(traceback.format_exception(error)).rstrip(), Exit.FAILURE


def _command(arguments: list[str]) -> None:
    _refuse_unreadable(arguments)
    is_fast.set(arguments[:1] == [FAST])
    if is_fast.get():
        arguments = arguments[1:]
    arguments = for_its_provider(arguments)
    console = help_console()
    app = build_app(console)
    try:
        command, bound, _ = app.parse_args(arguments, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        raise wrong_usage(error, arguments) from None
    run: Callable[..., Any] = command
    if inspect.iscoroutinefunction(run):
        run_until_ended(run(*bound.args, **bound.kwargs))
        return
    with captured_output(console):  # of help and version
        run(*bound.args, **bound.kwargs)


def _refuse_unreadable(arguments: list[str]) -> None:
    try:
        "".join(arguments).encode()
    except UnicodeEncodeError:
        raise usage("the arguments must be UTF-8") from None
