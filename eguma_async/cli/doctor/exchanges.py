"""What the server answers: HTTP, the credentials, what can be read, its clock, its pace."""

from __future__ import annotations

from eguma_async.cli.errors import Exit, exit_code, explain
from eguma_async.cli.text import clean
from eguma_async.core.errors import (
    DecodingError,
    EgumaError,
    StatusError,
    TransportError,
)
from eguma_async.core.http_date import http_date
from eguma_async.core.messages import HttpRequest, HttpResponse, Repeat

from .examination import Examination
from .findings import Finding, failed, fine, skipped, warning

MOST_SKEW = 30.0
"""Seconds that the clocks may differ by."""
SLOW = 2.0
"""Seconds from which on an answer on an open connection is slow."""


async def http(about: Examination) -> Finding:
    """Ask without credentials: that shows whether this is such an API, and gives nothing away."""
    place = about.subject.places[0]
    request = HttpRequest(
        method="GET",
        url=place.url.rstrip("/") + about.subject.probe,
        headers={"Accept": "application/json"},
        timeouts=about.timeouts,
        repeat=Repeat.READ,
    )
    try:
        response = await about.transport.send(request)
    except TransportError as error:
        advice = "check the base URL and any proxy; if both are right, try again later"
        return failed(error.message, advice, Exit.NO_CONNECTION)
    about.date = response.headers.get("date", ""), about.clock.monotonic()
    return _judged(response)


def _judged(response: HttpResponse) -> Finding:
    status, kind = response.status, response.headers.get("content-type", "").partition(";")[0]
    facts = {"status": status, "content_type": kind}
    said = f"HTTP {status}{f', {clean(kind)}' if kind else ''}, to a request without credentials"
    if 300 <= status < 400:
        where = clean(response.headers.get("location", "?").partition("?")[0])
        return failed(
            f"{said}: it leads to {where}",
            "no redirect is followed; correct the base URL",
            Exit.FAILURE,
            **facts,
        )
    if response.ok and "html" in kind.lower():
        return failed(
            f"{said}: a web page, not the API",
            "check the base URL; a network's sign-in page may be in the way",
            Exit.FAILURE,
            **facts,
        )
    if status == 404:
        return failed(
            f"{said}: there is no such API",
            "check the base URL, its path included",
            Exit.NOT_FOUND,
            **facts,
        )
    if status == 407:
        return failed(
            f"{said}: a proxy wants a password",
            "pass it in the URL of --proxy",
            Exit.FAILURE,
            **facts,
        )
    if status >= 500:
        return failed(f"{said}: the server has failed", "try again later", Exit.FAILURE, **facts)
    return fine(said, **facts)


async def access(about: Examination) -> Finding:
    """Read what any valid credentials may read."""
    from eguma_async.pipeline.policy import RetryPolicy

    try:
        session = about.subject.open(
            {
                "transport": about.transport,
                "timeouts": about.timeouts,
                "retry": RetryPolicy(attempts=1),
            }
        )
        async with session:
            about.contents = await about.subject.read(session)
    except EgumaError as error:
        about.error = error
        return _refused(about, error)
    return fine("accepted", status=200)


def _refused(about: Examination, error: EgumaError) -> Finding:
    """Tell what a failure says of the credentials."""
    line = explain(error, about.subject.advice)
    said, _, advice = line.rstrip(".").partition(". ")
    if isinstance(error, DecodingError):
        return fine("accepted: the server answered", status=200)
    status = error.status if isinstance(error, StatusError) else None
    return failed(said, advice, exit_code(error), status=status)


async def answer(about: Examination) -> Finding:
    """Tell whether what came can be read."""
    if isinstance(about.error, DecodingError):
        return failed(
            explain(about.error, about.subject.advice).rstrip("."),
            "another version of the API, or not the API: update eguma_async, or report it",
            exit_code(about.error),
            problems=list(about.error.problems),
        )
    contents = about.contents
    if contents is None:
        return skipped("nothing was read")
    facts = {"count": contents.count, "unreadable": contents.unreadable}
    if contents.unreadable:
        return warning(
            f"{contents.said}; {contents.unreadable} more cannot be read",
            "they have a form this version does not know: update eguma_async, or report it",
            **facts,
        )
    if not contents.count:
        return warning(
            f"{contents.said}: there is nothing to sell",
            "ask the merchant to enable something",
            **facts,
        )
    return fine(contents.said, **facts)


async def round_trip(about: Examination) -> Finding:
    """Tell how long the answers took."""
    if about.is_local or not about.transport.seconds:
        return skipped("nothing went over the network")
    first, *more = about.transport.seconds
    facts = {"first_seconds": round(first, 4), "next_seconds": [round(one, 4) for one in more]}
    said = f"{_ms(first)} with a new connection"
    if not more:
        return fine(said, **facts)
    said += f", then {' and '.join(map(_ms, more))} on the same"
    if min(more) < SLOW:
        return fine(said, **facts)
    return warning(said, "the server, or the network, is slow", **facts)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


async def clock(about: Examination) -> Finding:
    """Compare the clocks: what a hold has left is found out by the clock of this machine."""
    if about.date is None:
        return skipped("there was no answer")
    written, came = about.date
    theirs = http_date(written)
    if theirs is None:
        return skipped("the answer has no Date")
    now = (about.transport.clock or about.clock).now()
    since = about.clock.monotonic() - came
    # HTTP dates are cut to whole seconds.
    skew = (theirs - now).total_seconds() + since + 0.5
    facts = {"skew_seconds": round(skew, 1), "allowed_seconds": MOST_SKEW, "date": written}
    if abs(skew) <= MOST_SKEW:
        return fine(f"within {max(1.0, abs(skew)):.0f} s of the server's", **facts)
    way = "behind" if skew > 0 else "ahead of"
    return failed(
        f"this machine is {abs(skew):.0f} s {way} the server",
        "set the clock, as with NTP: the time that a hold has left is told by it, so that holds"
        " would look longer or shorter than they are",
        Exit.FAILURE,
        **facts,
    )
