"""Messages for a command line that cannot be understood."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from cyclopts import (
    Argument,
    CoercionError,
    CycloptsError,
    MissingArgumentError,
    UnknownCommandError,
    UnusedCliTokensError,
)

from .connection import FAST
from .errors import Stop, usage
from .text import clean

_KEY_FLAGS = {"--key", "--api-key", "--apikey", "--api_key"}
_SECRET_FLAGS = {
    "--secret",
    "--client-secret",
    "--client_secret",
    "--client-id",
    "--client_id",
    "--token",
}
_JOURNAL_KEY_FLAGS = {"--journal-key", "--journal_key"}
_NUMBERS: dict[object, str] = {int: "a whole number", float: "a number"}


def wrong_usage(error: CycloptsError, arguments: Sequence[str]) -> Stop:
    """Return the end of a command line that is wrong; no secret in it is repeated."""
    flags = {argument.partition("=")[0].lower() for argument in arguments}
    if flags & _JOURNAL_KEY_FLAGS or ("journal" in arguments and flags & _KEY_FLAGS):
        return usage(
            "a key is never an argument, where others could see it: set EGUMA_ASYNC_JOURNAL_KEY for"
            " the journal's, EGUMA_API_KEY for the API's"
        )
    if flags & _KEY_FLAGS:
        return usage(
            "the API key is never an argument, where others could see it:"
            " set EGUMA_API_KEY, or pass it on stdin with --key-stdin"
        )
    if flags & _SECRET_FLAGS:
        return usage(
            "credentials are never arguments, where others could see them: set KORUS_CLIENT_ID"
            " and KORUS_CLIENT_SECRET, or pass the secret on stdin with --secret-stdin"
        )
    if FAST in flags:
        return usage(f"{FAST} goes before the command, once, as in `eguma {FAST} COMMAND`")
    return usage(_what_is_wrong(error))


def _what_is_wrong(error: CycloptsError) -> str:
    chain = " ".join(("eguma", *(error.command_chain or ())))
    match error:
        case UnknownCommandError(unused_tokens=[token, *_]) if token.startswith("-"):
            close = get_close_matches(token, ("--help", "--version"), n=1, cutoff=0.75)
            if close:
                return f"Unknown option: {clean(token)}. Did you mean {close[0]}?"
            return f"options go after the command, as in `{chain} COMMAND --json`"
        case UnknownCommandError(unused_tokens=[token, *_]) if begun := [
            name for name in error.app or () if name.startswith(token)
        ]:
            known = " or ".join(f'"{name}"' for name in begun)
            words = f"Unknown command: {clean(token)}. Did you mean {known}?"
        case UnusedCliTokensError(unused_tokens=[token, *_]):
            words = f"Unexpected argument: {clean(token)}."
            commands = [name for name in error.app or () if not name.startswith("-")]
            if close := get_close_matches(token, commands, n=1):
                words += f' Did you mean "{close[0]}"?'
        case MissingArgumentError(argument=Argument(name=name), keyword=given):
            words = f"{name} needs a value." if given else f"{name} is missing."
            close = get_close_matches(name, error.unused_tokens or (), n=1)
            if close and name.startswith("--") and close[0] != name:
                words += f" Did you mean {name}, not {clean(close[0])}?"
        case CoercionError(argument=Argument(name=name), target_type=kind) if kind in _NUMBERS:
            words = f"{name} must be {_NUMBERS[kind]}."
        case _:
            # The list of all commands is what `--help` is for.
            words = clean(str(error)).partition(" Available commands:")[0]
    return f"{words} See `{chain} --help`."
