"""Asks the questions, one at a time, and says what was found."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import attrs

from eguma_async.core.errors import EgumaError

from .probe import Left, Probe
from .questions import Answer, NotSeenError, Question, Risk

P = TypeVar("P", bound=Probe)

_UNREADABLE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What the answer of a server leads to whose members are other than any page says."""
_SAYS = {
    Risk.HOLD: "holds places for a moment",
    Risk.BOOK: "books and cancels",
    Risk.KEEP: "may leave a booking that cannot be cancelled",
}


@attrs.frozen(kw_only=True)
class Finding:
    """What is known of one option.

    Attributes:
        option: Its name.
        question: The question that settles it.
        default: What the sandbox does by itself.
        value: What the server does; the default where that was not seen.
        seen: Whether it was seen.
        evidence: What was seen, or why nothing was.
    """

    option: str
    question: str
    default: object
    value: object
    seen: bool
    evidence: str

    @property
    def differs(self) -> bool:
        """True if the server was seen to do something else than the sandbox does by itself."""
        return self.seen and self.value != self.default


@attrs.frozen(kw_only=True)
class Report:
    """What was found out.

    Attributes:
        provider: Whose server it is.
        findings: One for each option, in the order of the options.
        left: What stays behind at the server.
    """

    provider: str
    findings: tuple[Finding, ...]
    left: tuple[Left, ...] = ()

    @property
    def options(self) -> dict[str, Any]:
        """The options that were seen."""
        return {each.option: each.value for each in self.findings if each.seen}


async def calibrate(
    provider: str,
    probe: P,
    questions: Iterable[Question[P]],
    defaults: attrs.AttrsInstance,
    *,
    allowed: Risk = Risk.READ,
    patient: bool = False,
    on_question: Callable[[Question[P]], None] | None = None,
) -> Report:
    """Ask questions, harmless ones first, and clean up after each.

    Args:
        provider: Whose server it is.
        probe: What they are asked with.
        questions: The questions.
        defaults: The sandbox's options as they are by themselves, an attrs object.
        allowed: The most that asking may do.
        patient: Whether to ask those that wait for minutes or hours.
        on_question: Called before each.
    """
    known = {field.name: getattr(defaults, field.name) for field in attrs.fields(type(defaults))}
    found: dict[str, Finding] = {}
    for question in sorted(questions, key=lambda each: (each.risk, each.takes_long)):
        left_open = [o for o in question.options if o not in found or not found[o].seen]
        if not left_open:
            continue
        reason = _reason_to_skip(question, allowed, patient=patient)
        if reason is None and on_question is not None:
            on_question(question)
        answer = await _answer(probe, question) if reason is None else _nothing(reason)
        for option in left_open:
            seen = option in answer.values
            if not seen and option in found and reason is not None:
                continue  # the reason of a question that was asked says more
            found[option] = Finding(
                option=option,
                question=question.text,
                default=known[option],
                value=answer.values[option] if seen else known[option],
                seen=seen,
                evidence=answer.evidence if seen else answer.missing or answer.evidence,
            )
    ordered = tuple(found[name] for name in known if name in found)
    return Report(provider=provider, findings=ordered, left=tuple(probe.left))


def _reason_to_skip(question: Question[Any], allowed: Risk, *, patient: bool) -> str | None:
    if question.risk > allowed:
        return f"not asked: it {_SAYS[question.risk]}"
    if question.takes_long and not patient:
        return "not asked: it takes long"
    return None


def _nothing(reason: str) -> Answer:
    return Answer(values={}, evidence="", missing=reason)


async def _answer(probe: P, question: Question[P]) -> Answer:
    try:
        return await question.ask(probe)
    except NotSeenError as error:
        return _nothing(error.reason)
    except EgumaError as error:
        return _nothing(f"{type(error).__name__}: {error}")
    except _UNREADABLE as error:
        return _nothing(f"an answer cannot be read: {type(error).__name__}")
    finally:
        await probe.clean_up()
