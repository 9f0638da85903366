"""What ``calibrate`` of both providers shares: the options, the asking, the table, the file."""

# Annotations are no strings here: cyclopts would look up those of a base class in the module of
# the class that is built on it.

import os
import sys
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from .connection import network_transport, session_clock, showing_log
from .errors import Exit, Stop, usage
from .options import ConnectionOptions
from .tables import print_table
from .text import print_json, say

if TYPE_CHECKING:
    import attrs

    from eguma_async.calibration import NotSeenError, Probe, Question, Report, Risk
    from eguma_async.core.clock import Clock
    from eguma_async.core.transport import Transport
    from eguma_async.sandbox import Sandbox

PROVIDER_OPTION = "--provider"
COLUMNS = ("Option", "Question", "Sandbox", "Server", "Seen")


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class CalibrationOptions:
    """What may be asked, of which sandbox, and where the profile goes."""

    book: Annotated[
        bool,
        Parameter(
            negative="",
            show_default=False,
            help="Also ask what needs holds and bookings.",
        ),
    ] = False
    wait: Annotated[
        bool,
        Parameter(
            negative="",
            show_default=False,
            help="Also ask what takes long, such as what becomes of a hold after its hour.",
        ),
    ] = False
    profile: Annotated[
        Path | None,
        Parameter(
            metavar="FILE", help="With --sandbox: ask one that behaves as this profile says."
        ),
    ] = None
    email: Annotated[
        str, Parameter(help="Address of the made-up customer; the server may write to it.")
    ] = "calibration@example.com"
    to: Annotated[
        Path, Parameter(name="--to", metavar="FILE", help="Where to write the profile.")
    ] = Path("calibration.toml")
    force: Annotated[
        bool,
        Parameter(negative="", show_default=False, help="Replace the file if there is one."),
    ] = False

    def check(self) -> None:
        """Check, before anything is asked, that the profile can be written.

        Raises:
            Stop: There is a file already, or no directory.
        """
        if self.to.exists() and not self.force:
            raise usage(f"{self.to} exists already; name another file with --to, or add --force")
        if not self.to.parent.is_dir():
            raise usage(f"{self.to.parent} is no directory")
        if self.to.is_symlink() or (self.to.exists() and not self.to.is_file()):
            raise usage(f"{self.to} is no plain file")
        if not os.access(self.to.parent, os.W_OK):
            raise usage(f"{self.to.parent} cannot be written")


DEFAULT_CALIBRATION = CalibrationOptions()


@asynccontextmanager
async def way(
    api: ConnectionOptions, simulated: "Sandbox | None"
) -> AsyncIterator[tuple["Transport", "Clock"]]:
    """Open the way to the server, and the clock to go by.

    Args:
        api: The options.
        simulated: The sandbox to ask instead.
    """
    from eguma_async.core.clock import SystemClock

    with showing_log(verbose=api.verbose):
        async with AsyncExitStack() as stack:
            if simulated is not None:
                yield simulated.transport(), simulated.clock
                return
            transport = await stack.enter_async_context(aclosing(network_transport(api)))
            yield transport, session_clock.get() or SystemClock()


async def ask(
    provider: str,
    probe: "Probe",
    questions: "Iterable[Question[Any]]",
    defaults: "attrs.AttrsInstance",
    chosen: CalibrationOptions,
    *,
    allowed: "Risk",
    as_json: bool,
) -> None:
    """Ask the questions, print what was found, and write the profile.

    Raises:
        Stop: Something stays behind at the server although it could be given back, or the profile
            cannot be written.
    """
    from eguma_async.calibration import calibrate, write_profile
    from eguma_async.core.errors import ConfigurationError

    with _naming_what_is_left(probe):
        report = await calibrate(
            provider,
            probe,
            questions,
            defaults,
            allowed=allowed,
            patient=chosen.wait,
            on_question=_tell,
        )
        try:
            _show(report, chosen.to, as_json=as_json)
        finally:  # neither a full disk nor a reader who leaves early costs both
            day = f"{probe.wire.clock.now():%Y-%m-%d}"
            try:
                write_profile(report, chosen.to, day=day, replace=chosen.force)
            except ConfigurationError as error:  # the place was well before
                raise Stop(error.message, Exit.FAILURE) from None
    if not as_json:
        say(f"The profile is in {chosen.to}; try it with: {_trial(provider, chosen.to)}")
    for left in report.left:
        if left.is_expected:
            say(f"left behind: {left.what} ({left.reason})")
    wrong = [left for left in report.left if not left.is_expected]
    if wrong:
        lines = "; ".join(f"{left.what} ({left.reason})" for left in wrong)
        raise Stop(f"left behind at the server, cancel it by hand: {lines}", Exit.UNKNOWN)


@contextmanager
def _naming_what_is_left(probe: "Probe") -> Iterator[None]:
    """Name what stays behind at the server, whatever ends the command."""
    try:
        yield
    except BaseException:
        for left in probe.left:
            say(f"left behind: {left.what} ({left.reason})")
        raise


def no_access(error: "NotSeenError", advice: str) -> Stop:
    """Return the end of a calibration whose server lets nobody in, or is another one.

    Args:
        error: The answer to the first request.
        advice: What to do about it.
    """
    match error.status:
        case 401 | 403:
            code = Exit.ACCESS
        case int(status) if 400 <= status < 500:
            code = Exit.REFUSED
        case _:
            code = Exit.FAILURE
    return Stop(f"{error.reason}; {advice}", code)


def _tell(question: "Question[Any]") -> None:
    if sys.stderr.isatty():
        say(question.text)


def _trial(provider: str, file: Path) -> str:
    return f"eguma sandbox --provider {provider} --profile {file}"


def _show(report: "Report", file: Path, *, as_json: bool) -> None:
    if as_json:
        print_json(_document(report, file))
        return
    seen = sum(each.seen for each in report.findings)
    differ = sum(each.differs for each in report.findings)
    print_table(
        f"{seen} of {len(report.findings)} options seen, {differ} differ from the sandbox",
        COLUMNS,
        [
            (
                each.option,
                each.question,
                _shown(each.default),
                _shown(each.value) if each.seen else "?",
                each.evidence,
            )
            for each in report.findings
        ],
    )


def _shown(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _document(report: "Report", file: Path) -> dict[str, Any]:
    return {
        "provider": report.provider,
        "options": report.options,
        "findings": [
            {
                "option": each.option,
                "question": each.question,
                "default": each.default,
                "value": each.value if each.seen else None,
                "seen": each.seen,
                "differs": each.differs,
                "evidence": each.evidence,
            }
            for each in report.findings
        ],
        "left_behind": list(report.left),
        "profile": str(file),
    }


def for_its_provider(arguments: list[str]) -> list[str]:
    """Return a command line whose ``calibrate --provider NAME`` is that provider's own command."""
    if arguments[:1] != ["calibrate"]:
        return arguments
    for index, word in enumerate(arguments):
        name, equals, value = word.partition("=")
        if name != PROVIDER_OPTION:
            continue
        used = 1 if equals else 2
        provider = value if equals else "".join(arguments[index + 1 : index + 2])
        if provider not in ("eguma", "korus"):
            raise usage("--provider must be eguma or korus")
        rest = [*arguments[1:index], *arguments[index + used :]]
        return [*(["korus"] if provider == "korus" else []), "calibrate", *rest]
    return arguments
