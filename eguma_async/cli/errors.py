"""Errors as exit codes, and as one line that says what happened and what to do.

What is true of an error is asked of the error itself: its class and its `outcome_unknown`. The
tables of a provider only add words and advice; an operation they do not know gets safe words.
"""

from __future__ import annotations

import enum
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

from eguma_async.core.errors import (
    AccessDeniedError,
    AuthenticationError,
    ConfigurationError,
    ConflictError,
    DecodingError,
    EgumaError,
    InvalidRequestError,
    NotFoundError,
    OutcomeUnknownError,
    RateLimitedError,
    RefundDueError,
    ResultMismatchError,
    ServerError,
    StatusError,
    TransportError,
    unknown_outcome,
)
from eguma_async.core.fan_out import ClusterError
from eguma_async.core.journal import ClientRefConflictError

from .text import clean


class Exit(enum.IntEnum):
    """The exit codes."""

    OK = 0
    FAILURE = 1
    USAGE = 2
    ACCESS = 3
    NOT_FOUND = 4
    REFUSED = 5
    UNKNOWN = 6
    NO_CONNECTION = 7
    HUNG_UP = 129
    INTERRUPTED = 130
    READER_LEFT = 141
    TERMINATED = 143


EXIT_CODES = (
    "Exit codes: 0 done, 1 failed, 2 wrong usage or bad input, 3 key unknown or without rights,"
    " 4 not found, 5 refused by the server (invalid, conflict, sold out), 6 outcome unknown"
    " or not what was asked for, 7 no connection, 129 the terminal was closed (SIGHUP),"
    " 130 interrupted (Ctrl-C), 141 the reader of the output left early (SIGPIPE),"
    " 143 terminated (SIGTERM).\n"
)


class Stop(Exception):  # noqa: N818  # declining a question is no error
    """End the command with one line on stderr.

    Attributes:
        line: What to say.
        code: The exit code.
    """

    def __init__(self, line: str, code: Exit = Exit.FAILURE) -> None:
        super().__init__(line)
        self.line = line
        self.code = code


def usage(line: str) -> Stop:
    """Return the end of a command that was called wrongly."""
    return Stop(line, Exit.USAGE)


@dataclass(frozen=True, kw_only=True)
class Words:
    """Words for an operation.

    Attributes:
        doing: What it does, such as "reserving".
        in_doubt: What may be true and what to do about it when the outcome of a write is unknown.
            ``{options}`` stands for the options that name the call to the command, ``{key}`` for
            its idempotency key.
        refused: Where to look when the server refused it.
        recover: The command that goes on with it if a journal keeps it.
    """

    doing: str
    in_doubt: str = ""
    refused: str = ""
    recover: str = ""


@dataclass(frozen=True)
class Advice:
    """Advice for the users of one provider.

    Attributes:
        operations: Words for operations by their name.
        errors: What to do about errors of a class; the first class that fits counts.
    """

    operations: Mapping[str, Words] = field(default_factory=dict)
    errors: tuple[tuple[type[EgumaError], str], ...] = ()


NO_ADVICE = Advice()
IN_DOUBT = "it may have been done; find out before you repeat it"

_CODES: tuple[tuple[type[EgumaError], Exit], ...] = (
    (ConfigurationError, Exit.USAGE),
    (TransportError, Exit.NO_CONNECTION),
    (ClusterError, Exit.NO_CONNECTION),
    (AuthenticationError, Exit.ACCESS),
    (AccessDeniedError, Exit.ACCESS),
    (NotFoundError, Exit.NOT_FOUND),
    (InvalidRequestError, Exit.REFUSED),
    (ConflictError, Exit.REFUSED),
    (RefundDueError, Exit.REFUSED),
    (ResultMismatchError, Exit.UNKNOWN),
    (EgumaError, Exit.FAILURE),
)
_ANY_ADVICE: tuple[tuple[type[EgumaError], str], ...] = (
    (ClientRefConflictError, "nothing was sent; `eguma journal show` tells what it stands for"),
    (ResultMismatchError, "it was done: look at the result before you do it again"),
    (ClusterError, "check its address, and that its scheduler and workers run"),
    (RateLimitedError, "try again later"),
    (ServerError, "try again later"),
    (
        TransportError,
        "nothing was changed; check the network, the base URL and any proxy",
    ),
)


def exit_code(error: EgumaError) -> Exit:
    """Return the exit code an error stands for."""
    if error.outcome_unknown:
        return Exit.UNKNOWN
    return next(code for kind, code in _CODES if isinstance(error, kind))


def explain(error: EgumaError, advice: Advice = NO_ADVICE) -> str:
    """Return one line: what happened, the server's words, what to do.

    Args:
        error: What happened.
        advice: Words and advice of the provider.
    """
    parts = [_what(error, advice.operations), clean(_said(error))]
    line = ": ".join(part.rstrip(".") for part in parts if part)
    hint = _hint(error, advice)
    return f"{line}. {hint[0].upper()}{hint[1:]}." if hint else f"{line}."


def explain_interruption(
    interruption: BaseException,
    operations: Mapping[str, Words],
    word: str = "interrupted",
) -> str:
    """Return what to say about Ctrl-C: whether a write was under way, and what to do then.

    Args:
        interruption: What ended the command.
        operations: Words for operations by their name.
        word: What happened to it.
    """
    doubt = unknown_outcome(interruption)
    if doubt is None:
        return word
    return f"{word} while {_doing(doubt, operations)}: {_in_doubt(doubt, operations)}."


def resume_with(error: BaseException, option: str) -> bool:
    """Note on an error of unknown outcome which option names its call; False if there is none."""
    # The error itself decides: what was unknown of an attempt behind it may be known by now.
    doubt = error if isinstance(error, EgumaError) else unknown_outcome(error)
    if doubt is None or not doubt.outcome_unknown:
        return False
    if doubt.client_ref is None:  # else a journal goes on with it
        doubt.add_note(option)
    return True


def name_journal(error: BaseException, options: str) -> None:
    """Note on an error of unknown outcome which options name the journal that keeps its call."""
    doubt = error if isinstance(error, EgumaError) else unknown_outcome(error)
    if doubt is not None and doubt.client_ref is not None:
        doubt.add_note(options)


def _doing(error: EgumaError, operations: Mapping[str, Words]) -> str:
    known = operations.get(error.operation or "")
    return known.doing if known else error.operation or "the command"


def _what(error: EgumaError, operations: Mapping[str, Words]) -> str:
    if error.outcome_unknown:
        return f"{_doing(error, operations)} has an unknown outcome"
    end = "" if isinstance(error, ResultMismatchError) else " failed"
    return f"{_doing(error, operations)}{end}" if error.operation else ""


def _said(error: EgumaError) -> str:
    if isinstance(error, ClientRefConflictError):
        return error.message  # ours, not the server's
    if isinstance(error, StatusError):
        code = f" {error.error_code}" if error.error_code else ""
        words = f"HTTP {error.status}{code}" + (f": {error.message}" if error.message else "")
        return words + _request_id(error)
    if isinstance(error, DecodingError):
        return f"{error.message} ({'; '.join(error.problems[:3])})"
    if isinstance(error, ResultMismatchError) and error.differences:
        return f"{error.message} ({'; '.join(error.differences)})"
    if isinstance(error, OutcomeUnknownError) and error.refusal is not None:
        return f"{error.message} ({_said(error.refusal)})"
    return error.message


def _request_id(error: StatusError) -> str:
    """Return the id that the provider's support asks for when its server has failed."""
    named = isinstance(error, ServerError) and error.request_id
    return f" (request id {error.request_id})" if named else ""


def _hint(error: EgumaError, advice: Advice) -> str:
    if error.outcome_unknown:
        return _in_doubt(error, advice.operations)
    if isinstance(error, StatusError):
        if error.replayed and error.client_ref is not None:
            return (
                "what was refused under this reference is not sent again; add --new-generation"
                " once its reason is gone"
            )
        if error.replayed:
            return (
                "this is the stored refusal of an earlier try with the same idempotency key; take"
                " a new key once its reason is gone"
            )
        if error.retry_after is not None:
            return f"try again in {error.retry_after:.0f} seconds"
    for kind, hint in advice.errors + _ANY_ADVICE:
        if isinstance(error, kind):
            return hint
    known = advice.operations.get(error.operation or "")
    return known.refused if known and isinstance(error, StatusError) else ""


def _in_doubt(error: EgumaError, operations: Mapping[str, Words]) -> str:
    known = operations.get(error.operation or "")
    key = clean(error.idempotency_key or "")
    options = clean(" ".join(getattr(error, "__notes__", ())))
    if error.client_ref is not None and known is not None and known.recover:
        reference = clean(shlex.quote(error.client_ref))
        options = f"{options} --client-ref {reference}".lstrip()
        return f"the journal keeps it; go on with `{known.recover} {options}`"
    if known is None or not known.in_doubt:
        return f"{IN_DOUBT} (its idempotency key is {key})" if key else IN_DOUBT
    return known.in_doubt.format(options=options, key=key)
