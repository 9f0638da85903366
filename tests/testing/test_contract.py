"""The contract itself under test: for each rule, transports that break it, and fail."""

from __future__ import annotations

import asyncio
import gzip
import inspect
import logging
import re
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import attrs
import pytest

from eguma_async.core.errors import ConfigurationError, NotSentError, OutcomeUnknownError
from eguma_async.core.messages import HttpResponse, Timeouts, wire_headers, wire_url
from eguma_async.core.transport import ManagedTransport, Transport
from eguma_async.testing.contract import (
    NetworkTransportContract,
    Peer,
    Stage,
    TransportContract,
    check,
)
from eguma_async.transports.aiohttp import AiohttpTransport
from eguma_async.transports.memory import MemoryTransport

logger = logging.getLogger("tests.a_talkative_transport")


def cases(contract):
    """Yield every test of a contract class by its name, each as often as pytest would run it."""
    for name in dir(contract):
        if not name.startswith("test_"):
            continue
        test = getattr(contract, name)
        rows: list[dict[str, Any]] = [{}]
        for mark in getattr(test, "pytestmark", ()):
            (argument, values), rows_before = mark.args, rows
            rows = [{**row, argument: value} for row in rows_before for value in values]
        for row in rows:
            yield name, test, row


def failures(contract, only=""):
    """Run the tests of a contract class and return the names of those that fail."""
    subject, failed = contract(), set()
    for name, test, row in cases(contract):
        if re.match(f"test_{only}", name) and name not in failed:
            try:
                test(subject, **row)
            except (Exception, pytest.fail.Exception, asyncio.CancelledError):
                failed.add(name)
    return failed


def in_memory(cls):
    """Put a transport that asks a function under the contract."""

    class Contract(TransportContract):
        PATIENCE = 0.5

        def make_transport(self, peer: Peer) -> Transport:
            return cls(peer.handle, max_body_bytes=self.MAX_BODY_BYTES)

    return Contract


def over_network(make):
    """Put a transport that opens sockets under the contract."""

    class Contract(NetworkTransportContract):
        PATIENCE = 0.5

        def make_transport(self, peer: Peer) -> Transport:
            return make(max_body_bytes=self.MAX_BODY_BYTES)

    return Contract


class Broken(MemoryTransport):
    """Right in everything; what is built on it is wrong in one thing."""


class RaisesOnStatus(Broken):
    async def send(self, request, /):
        response = await super().send(request)
        if response.status >= 400:
            raise OutcomeUnknownError("no success")
        return response


class TakesLostForNotSent(Broken):
    async def send(self, request, /):
        try:
            return await super().send(request)
        except OutcomeUnknownError:
            pass
        raise NotSentError("lost")


class LeaksForeignErrors(Broken):
    async def send(self, request, /):
        try:
            return await super().send(request)
        except OutcomeUnknownError:
            pass
        raise ConnectionError("lost")


class SwallowsCancellation(Broken):
    async def send(self, request, /):
        try:
            return await super().send(request)
        except asyncio.CancelledError:
            pass
        raise OutcomeUnknownError("cancelled")


class NeverGivesUp(Broken):
    async def send(self, request, /):
        return await super().send(attrs.evolve(request, timeouts=Timeouts()))


class LeavesCancelling(Broken):
    async def send(self, request, /):
        try:
            return await super().send(request)
        except OutcomeUnknownError as error:
            problem = OutcomeUnknownError(error.message)
        if "within" in problem.message:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(0)
        raise problem


class SendsTwice(Broken):
    async def send(self, request, /):
        with suppress(OutcomeUnknownError):
            return await super().send(request)
        return await super().send(request)


class RetriesRefusals(Broken):
    async def send(self, request, /):
        response = await super().send(request)
        return await super().send(request) if response.status == 503 else response


class FollowsRedirects(Broken):
    async def send(self, request, /):
        response = await super().send(request)
        if response.status == 307:
            return await super().send(request)
        return response


class RewritesTheQuery(Broken):
    async def send(self, request, /):
        query = tuple((name, value.replace(" ", "+")) for name, value in request.query)
        return await super().send(attrs.evolve(request, query=query))


class NormalizesThePath(Broken):
    async def send(self, request, /):
        return await super().send(attrs.evolve(request, url=request.url.replace("%7e", "~")))


class RewritesTheBody(Broken):
    async def send(self, request, /):
        body = request.body and request.body.replace(b"\r\n", b"\n")
        return await super().send(attrs.evolve(request, body=body))


class CutsBodies(Broken):
    async def send(self, request, /):
        response = await super().send(request)
        return attrs.evolve(response, body=response.body[:999])


class HasNoLimit(Broken):
    def __init__(self, handler, *, max_body_bytes):
        super().__init__(handler)


class ForgetsCredentials(Broken):
    async def send(self, request, /):
        return await super().send(attrs.evolve(request, credentials=type(request.credentials)()))


class LogsTheUrl(Broken):
    async def send(self, request, /):
        logger.debug("sending to %s", wire_url(request))
        return await super().send(request)


class LogsAnExtra(Broken):
    async def send(self, request, /):
        logger.info("sending", extra={"sent_headers": wire_headers(request)})
        return await super().send(request)


class NamesTheUrl(Broken):
    async def send(self, request, /):
        try:
            return await super().send(request)
        except OutcomeUnknownError:
            pass
        raise OutcomeUnknownError(f"no answer of {wire_url(request)}")


class KeepsTheCause(Broken):
    async def send(self, request, /):
        try:
            return await super().send(request)
        except OutcomeUnknownError as error:
            raise OutcomeUnknownError("lost") from error


class HoldsTheUrlInItsFrame(Broken):
    async def send(self, request, /):
        target = wire_url(request)
        assert target
        return await super().send(request)


class RemembersTheUrl(Broken):
    async def send(self, request, /):
        self.last = wire_url(request)
        return await super().send(request)


class CannotBeClosedTwice(Broken):
    closed = False

    async def aclose(self):
        if self.closed:
            raise RuntimeError("closed")
        self.closed = True


class OneAtATime(Broken):
    busy = False

    async def send(self, request, /):
        if self.busy:
            raise NotSentError("busy")
        self.busy = True
        try:
            await asyncio.sleep(0)
            return await super().send(request)
        finally:
            self.busy = False


class NeedsALoop(Broken):
    def __init__(self, handler, *, max_body_bytes):
        super().__init__(handler, max_body_bytes=max_body_bytes)
        self.loop = asyncio.get_running_loop()


class HandsOnNamesAsTheyCame(Broken):
    async def send(self, request, /):
        response = await super().send(request)
        headers = {name.title(): value for name, value in response.headers.items()}
        return attrs.evolve(response, headers=headers)


class HandsOnABytearray(Broken):
    async def send(self, request, /):
        response = await super().send(request)
        return attrs.evolve(response, body=bytearray(response.body))  # type: ignore[arg-type]  # the fault


class IgnoresSinks(Broken):
    async def send(self, request, /):
        return await super().send(attrs.evolve(request, sink=None))


class PoursEveryStatus(Broken):
    async def send(self, request, /):
        response = await super().send(attrs.evolve(request, sink=None))
        if request.sink is not None:
            await request.sink.write(response.body)
            return attrs.evolve(response, body=b"")
        return response


class PoursInOnePiece(Broken):
    async def send(self, request, /):
        if request.sink is None:
            return await super().send(request)
        self._max_body_bytes = 10**9
        response = await super().send(attrs.evolve(request, sink=None))
        if response.ok:
            await request.sink.write(response.body)
            return attrs.evolve(response, body=b"")
        return response


class TranslatesErrorsOfSinks(Broken):
    async def send(self, request, /):
        try:
            return await super().send(request)
        except LookupError:
            pass
        raise OutcomeUnknownError("the sink failed")


class Unchecked(ManagedTransport):
    def __init__(self, handler, *, max_body_bytes):
        self._handler = handler

    async def send(self, request, /):
        return await self._handler(request)


class RefusesTooLate(Broken):
    async def send(self, request, /):
        try:
            return await super().send(request)
        except ConfigurationError as error:
            problem = error
        await self._handler(attrs.evolve(request, credentials=type(request.credentials)()))
        raise problem.with_traceback(None)


BROKEN: list[tuple[type[Any], str]] = [
    (RaisesOnStatus, "1_any_status"),
    (TakesLostForNotSent, "1_a_lost_response"),
    (LeaksForeignErrors, "1_a_lost_response"),
    (SwallowsCancellation, "1_cancellation"),
    (SwallowsCancellation, "1_a_timeout_around"),
    (NeverGivesUp, "1_an_attempt_ends"),
    (LeavesCancelling, "1_an_attempt_ends"),
    (SendsTwice, "2_one_send"),
    (RetriesRefusals, "2_a_refusal"),
    (FollowsRedirects, "2_a_redirect"),
    (RewritesTheQuery, "2_the_bytes"),
    (NormalizesThePath, "2_the_bytes"),
    (RewritesTheBody, "2_the_bytes"),
    (CutsBodies, "3_a_body_up_to"),
    (HasNoLimit, "3_a_larger_body"),
    (ForgetsCredentials, "4_credentials_reach"),
    (LogsTheUrl, "1_any_status"),
    (LogsAnExtra, "1_any_status"),
    (NamesTheUrl, "4_no_error"),
    (KeepsTheCause, "4_no_error"),
    (HoldsTheUrlInItsFrame, "4_no_error"),
    (HoldsTheUrlInItsFrame, "7_an_error_of_the_sink"),
    (RemembersTheUrl, "4_the_transport"),
    (OneAtATime, "5_concurrent"),
    (CannotBeClosedTwice, "5_closing_twice"),
    (CannotBeClosedTwice, "5_closing_before"),
    (NeedsALoop, "5_closing_before"),
    (HandsOnNamesAsTheyCame, "6_only_bytes"),
    (HandsOnABytearray, "6_only_bytes"),
    (IgnoresSinks, "7_a_success"),
    (PoursInOnePiece, "7_a_success"),
    (PoursEveryStatus, "7_any_other"),
    (TranslatesErrorsOfSinks, "7_an_error"),
    (Unchecked, "8_what_cannot"),
    (RefusesTooLate, "8_what_cannot"),
]


@pytest.mark.parametrize(
    ("broken", "rule"), BROKEN, ids=lambda value: getattr(value, "__name__", value)
)
def test_a_transport_that_breaks_a_rule_fails(broken, rule):
    assert failures(in_memory(broken), only=rule)


def test_every_rule_of_any_transport_has_a_transport_that_breaks_it():
    tested = {name.removeprefix("test_") for name, _, _ in cases(TransportContract)}
    planted = {name for name in tested for _, rule in BROKEN if name.startswith(rule)}
    assert tested - planted == {"1_a_task_group_around_send_works"}  # as for the timeout


def test_what_every_broken_one_is_built_on_passes():
    assert failures(in_memory(Broken)) == set()


def test_every_rule_is_one_of_the_docstring():
    stated = set(re.findall(r"^(\d)\. ", inspect.getdoc(Transport) or "", re.MULTILINE))
    held = {name.split("_")[1] for name, _, _ in cases(NetworkTransportContract)}
    assert held == stated == set("12345678")


# Over the network: a naive client, as it is written by hand, and ours with one thing undone.


class Naive(ManagedTransport):
    """What one writes first: aiohttp as it comes."""

    def __init__(self, *, max_body_bytes):
        self._session = None

    async def send(self, request, /):
        if self._session is None:
            self._session = aiohttp.ClientSession()
        try:
            async with self._session.request(
                request.method, wire_url(request), headers=wire_headers(request), data=request.body
            ) as answer:
                body = await answer.read()
        except aiohttp.ClientConnectorError as error:
            raise NotSentError(str(error)) from error
        except aiohttp.ClientError as error:
            raise OutcomeUnknownError(str(error)) from error
        return HttpResponse(status=answer.status, headers=dict(answer.headers), body=body)

    async def aclose(self):
        if self._session is not None:
            await self._session.close()


class HandMade(ManagedTransport):
    """One connection for all, and no thought of what else may be on it."""

    def __init__(self, *, max_body_bytes):
        self._streams = None

    async def send(self, request, /):
        address = urlsplit(request.url)
        if self._streams is None:
            self._streams = await asyncio.open_connection(address.hostname, address.port)
        reader, writer = self._streams
        body = request.body or b""
        head = f"{request.method} {address.path} HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines if line)
        body = await reader.readexactly(int(headers["content-length"]))
        return HttpResponse(status=int(first.split()[1]), headers=headers, body=body)

    async def aclose(self):
        if self._streams is not None:
            self._streams[1].close()


class TakesAllForNotSent(AiohttpTransport):
    async def send(self, request, /):
        try:
            return await super().send(request)
        except OutcomeUnknownError:
            pass
        raise NotSentError("failed")


class TakesAllForUnknown(AiohttpTransport):
    async def send(self, request, /):
        try:
            return await super().send(request)
        except NotSentError:
            pass
        raise OutcomeUnknownError("failed")


class NamesTheHost(AiohttpTransport):
    async def send(self, request, /):
        try:
            return await super().send(request)
        except NotSentError:
            pass
        raise NotSentError(f"no way to {wire_url(request)}")


class StaysOpen(AiohttpTransport):
    asked = False

    async def aclose(self):
        if self.asked:
            await super().aclose()
        self.asked = True


class Unguarded(AiohttpTransport):
    """Its pool is aiohttp's own."""

    def _usable_session(self):
        if self._session is None:
            self._session = aiohttp.ClientSession(auto_decompress=False)
        return self._session


class ReadsAhead(AiohttpTransport):
    """Takes the whole body before the sink gets its first piece."""

    async def send(self, request, /):
        if request.sink is None:
            return await super().send(request)
        self._max_body_bytes = 10**9
        response = await super().send(attrs.evolve(request, sink=None))
        await request.sink.write(response.body[:1000])
        return attrs.evolve(response, body=b"")


class TakesPartsForWholes(AiohttpTransport):
    async def send(self, request, /):
        with suppress(OutcomeUnknownError):
            return await super().send(request)
        return HttpResponse(status=200)


class AsksForNoPacking(AiohttpTransport):
    async def send(self, request, /):
        response = await super().send(request)
        return attrs.evolve(response, body=gzip.compress(response.body))


ON_THE_WIRE = [
    (Naive, "1_a_timeout|1_an_attempt"),
    (Naive, "1_silence"),
    (Naive, "1_what_leads_nowhere"),
    (TakesAllForUnknown, "1_a_refused"),
    (TakesAllForUnknown, "1_what_leads_nowhere"),
    (TakesAllForUnknown, "1_a_failed_handshake"),
    (TakesAllForNotSent, "1_silence"),
    (TakesAllForNotSent, "2_a_kept_connection"),
    (Naive, "2_one_send"),
    (Naive, "2_a_kept_connection"),
    (Naive, "2_a_redirect"),
    (Naive, "2_the_bytes"),
    (Naive, "2_what_came_before"),
    (Unguarded, "2_what_came_before"),
    (HandMade, "2_what_came_before"),
    (HandMade, "2_what_follows"),
    (TakesPartsForWholes, "3_a_broken_response"),
    (AsksForNoPacking, "3_packed"),
    (AsksForNoPacking, "3_chunks"),
    (Naive, "3_a_larger_body"),
    (Naive, "3_a_bomb"),
    (Naive, "4_no_error"),
    (NamesTheHost, "4_no_failure"),
    (StaysOpen, "5_closing_closes"),
    (HandMade, "5_a_cancelled_call"),
    (Naive, "6_only_bytes"),
    (Naive, "7_a_success"),
    (TakesPartsForWholes, "7_a_broken_response"),
    (ReadsAhead, "7_the_pace"),
    (Naive, "8_what_cannot"),
]


@pytest.mark.parametrize(
    ("broken", "rule"), ON_THE_WIRE, ids=lambda value: getattr(value, "__name__", value)
)
@pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
def test_a_network_transport_that_breaks_a_rule_fails(broken, rule):
    assert failures(over_network(broken), only=f"({rule})")


def test_every_rule_of_the_network_has_a_transport_that_breaks_it():
    tested = {name.removeprefix("test_") for name, _, _ in cases(NetworkTransportContract)}
    tested -= {name.removeprefix("test_") for name, _, _ in cases(TransportContract)}
    rules = [rule for _, rules in ON_THE_WIRE for rule in rules.split("|")]
    assert {name for name in tested if not any(map(name.startswith, rules))} == set()


def test_a_contract_without_a_transport_says_what_to_do():
    with pytest.raises(NotImplementedError, match="override make_transport"):
        TransportContract().test_5_closing_twice_is_fine()


def test_a_check_of_ones_own_is_a_plain_test():
    class Contract(in_memory(MemoryTransport)):  # type: ignore[misc]  # made by a function
        @check
        async def test_mine(self, stage: Stage, word: str) -> None:
            """Mine."""
            seen.append((word, (await stage.send()).status))

    seen: list[tuple[str, int]] = []
    assert list(inspect.signature(Contract.test_mine).parameters) == ["self", "word"]
    assert (Contract.test_mine.__name__, Contract.test_mine.__doc__) == ("test_mine", "Mine.")
    Contract().test_mine(word="a")
    assert seen == [("a", 200)]


def test_logs_are_left_as_they_were():
    quiet = logging.getLogger("tests.a_quiet_one")
    quiet.setLevel(logging.ERROR)
    before = logging.root.level, logging.getLogRecordFactory(), logging.root.manager.disable
    assert failures(in_memory(LogsTheUrl), only="4_credentials")
    after = logging.root.level, logging.getLogRecordFactory(), logging.root.manager.disable
    assert (before, quiet.level) == (after, logging.ERROR)
