"""The rules of the transport contract that any transport can be held to."""

from __future__ import annotations

import asyncio
import copy
from typing import Any, ClassVar

import pytest

from eguma_async.core.errors import ConfigurationError, OutcomeUnknownError, TransportError
from eguma_async.core.messages import Credentials, HttpResponse, Timeouts
from eguma_async.core.transport import Transport

from . import _secrets
from ._stage import Sink, Stage, check, hides_secrets
from .peers import Peer, Trouble

LARGEST_PIECE = 64 * 1024

VERBS = ("GET", "HEAD", "PUT", "PATCH", "DELETE", "POST")
STATUSES = (200, 201, 302, 400, 401, 404, 409, 429, 500, 503, 599)
UNSENDABLE: dict[str, dict[str, Any]] = {
    "method with a line break": {"method": "GET / HTTP/1.1\r\nX-Evil:"},
    "method with a blank": {"method": "GE T"},
    "no method": {"method": ""},
    "line break in the URL": {"url": "http://127.0.0.1:9/v1/a\r\nb"},
    "blank in the URL": {"url": "http://127.0.0.1:9/v1/a b"},
    "NUL in the URL": {"url": "http://127.0.0.1:9/v1/a\x00b"},
    "fragment in the URL": {"url": "http://127.0.0.1:9/v1/a#b"},
    "URL beyond ASCII": {"url": "http://127.0.0.1:9/v1/é"},
    "line break in the name of a parameter": {"query": (("a\nb", "1"),)},
    "half a surrogate in a parameter": {"query": (("a", "\udc80"),)},
    "line break in the name of a header": {"headers": {"X-A\r\nX-B": "1"}},
    "colon in the name of a header": {"headers": {"X-A:": "1"}},
    "header without a name": {"headers": {"": "1"}},
    "line break in a header": {"headers": {"X-A": "1\r\nX-B: 2"}},
    "NUL in a header": {"headers": {"X-A": "1\x00"}},
    "half a surrogate in a header": {"headers": {"X-A": "\udc80"}},
    "line break in a secret header": {
        "credentials": Credentials(headers=(("Authorization", f"{_secrets.TOKEN}\r\nX-B: 2"),))
    },
    "half a surrogate in a secret parameter": {
        "credentials": Credentials(query=(("apikey", f"{_secrets.KEY}\udc80"),))
    },
    "line break in a signed query": {
        "credentials": Credentials(encoded_query=f"{_secrets.SIGNED}\r\nX-B: 2")
    },
    "blank in a signed query": {"credentials": Credentials(encoded_query="sig=a b")},
    "fragment in a signed query": {"credentials": Credentials(encoded_query="sig=a#b")},
}


class TransportContract:
    """The rules that any transport can be held to, one in memory too.

    Attributes:
        MAX_BODY_BYTES: The largest body that the transport under test is made to accept.
        PATIENCE: Seconds after which a test has failed: it waits for what does not come.
    """

    MAX_BODY_BYTES: ClassVar[int] = 1000
    PATIENCE: ClassVar[float] = 30.0

    def make_peer(self) -> Peer:
        """Return the far end; one in memory has `Peer.handle`."""
        return Peer()

    def make_transport(self, peer: Peer) -> Transport:
        """Return a new transport that reaches the peer. Called outside of any event loop."""
        raise NotImplementedError("say how the transport is made: override make_transport")

    # Rule 1: what leaves `send`

    @pytest.mark.parametrize("status", STATUSES)
    @check
    async def test_1_any_status_is_a_response(self, stage: Stage, status: int) -> None:
        headers = {"X-Seen": "yes", "Location": "/elsewhere"}
        stage.peer.reply = HttpResponse(status=status, headers=headers, body=b'{"a":1}')
        response = await stage.send()
        assert (response.status, response.body) == (status, b'{"a":1}')
        assert response.headers["x-seen"] == "yes"

    @pytest.mark.parametrize("verb", VERBS)
    @check
    async def test_1_a_lost_response_is_an_unknown_outcome(self, stage: Stage, verb: str) -> None:
        stage.peer.reply = Trouble.DROP
        assert type(await stage.failing(verb)) is OutcomeUnknownError

    @check
    async def test_1_cancellation_is_never_swallowed(self, stage: Stage) -> None:
        stage.peer.reply = Trouble.STALL
        task = asyncio.create_task(stage.send())
        await stage.peer.reached.wait()
        task.cancel("enough")
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        assert task.cancelled()
        found = _secrets.found_in(_secrets.all_shown_by(caught.value))
        assert not found, f"rule 4: a cancellation shows {found}"

    @check
    async def test_1_a_timeout_around_send_works(self, stage: Stage) -> None:
        async def send_until_reached() -> None:
            async with asyncio.timeout(None) as deadline:
                task = asyncio.create_task(stage.peer.reached.wait())
                task.add_done_callback(lambda _: deadline.reschedule(0))
                await stage.send()

        stage.peer.reply = Trouble.STALL
        with pytest.raises(TimeoutError):
            await send_until_reached()

    @check
    async def test_1_a_task_group_around_send_works(self, stage: Stage) -> None:
        async def fail_when_reached() -> None:
            await stage.peer.reached.wait()
            raise LookupError("the sibling fails")

        async def send_beside_it() -> None:
            async with asyncio.TaskGroup() as group:
                group.create_task(stage.send())
                group.create_task(fail_when_reached())

        stage.peer.reply = Trouble.STALL
        with pytest.raises(ExceptionGroup) as caught:
            await send_beside_it()
        assert [type(error) for error in caught.value.exceptions] == [LookupError]

    @check
    async def test_1_an_attempt_ends_with_its_time(self, stage: Stage) -> None:
        stage.peer.reply = Trouble.STALL
        error = await stage.failing("POST", timeouts=Timeouts(total=0.05))
        assert type(error) is OutcomeUnknownError
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0, "rule 1: a cancellation of its own was left behind"

    # Rule 2: one request, and exactly that one

    @pytest.mark.parametrize("verb", VERBS)
    @check
    async def test_2_one_send_is_one_request(self, stage: Stage, verb: str) -> None:
        stage.peer.reply = Trouble.DROP
        with pytest.raises(TransportError):
            await stage.send(verb)
        assert [arrival.method for arrival in stage.peer.arrivals] == [verb]

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    @check
    async def test_2_a_redirect_is_not_followed(self, stage: Stage, status: int) -> None:
        stage.peer.reply = HttpResponse(status=status, headers={"Location": stage.peer.url})
        assert (await stage.send("POST", body=b"{}")).status == status
        assert [arrival.method for arrival in stage.peer.arrivals] == ["POST"]

    @pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
    @check
    async def test_2_a_refusal_is_not_tried_again(self, stage: Stage, status: int) -> None:
        stage.peer.reply = HttpResponse(status=status, headers={"Retry-After": "0"})
        assert (await stage.send()).status == status
        assert len(stage.peer.arrivals) == 1

    @check
    async def test_2_the_bytes_are_those_asked_for(self, stage: Stage) -> None:
        url = f"{stage.peer.url}/a%2Fb/%7e/../%e9?page=2%20+%2b"
        query = (("last name", "Müller & Co+/?#\n"), ("a", "1"), ("a", "2"), ("e", ""))
        headers = {"X-Text": "a b\tc", "Content-Type": "application/merge-patch+json"}
        body = '{"größe":1}\r\n'.encode()
        await stage.send("PATCH", url=url, query=query, headers=headers, body=body)
        (arrival,) = stage.peer.arrivals
        assert arrival.target == (
            "/v1/thing.json/a%2Fb/%7e/../%e9?page=2%20+%2b"
            "&last%20name=M%C3%BCller%20%26%20Co%2B%2F%3F%23%0A&a=1&a=2&e="
            f"&apikey={_secrets.QUOTED_KEY}&{_secrets.SIGNED}"
        )
        assert arrival.body == body
        assert arrival.headers["x-text"] == "a b\tc"
        assert arrival.headers["content-type"] == "application/merge-patch+json"

    # Rule 3: bodies

    @check
    async def test_3_a_body_up_to_the_limit_is_complete(self, stage: Stage) -> None:
        body = b"x" * self.MAX_BODY_BYTES
        stage.peer.reply = HttpResponse(status=200, body=body)
        assert (await stage.send()).body == body

    @check
    async def test_3_a_larger_body_is_an_error(self, stage: Stage) -> None:
        stage.peer.reply = HttpResponse(status=200, body=b"x" * (self.MAX_BODY_BYTES + 1))
        assert type(await stage.failing()) is OutcomeUnknownError

    # Rule 4: credentials; `failing` and the logs of every test belong to it

    @check
    async def test_4_credentials_reach_the_wire(self, stage: Stage) -> None:
        await stage.send()
        (arrival,) = stage.peer.arrivals
        assert arrival.target == (f"/v1/thing.json?apikey={_secrets.QUOTED_KEY}&{_secrets.SIGNED}")
        assert arrival.headers["authorization"] == f"Bearer {_secrets.TOKEN}"

    @check
    async def test_4_no_error_shows_a_secret(self, stage: Stage) -> None:
        for reply in (
            Trouble.DROP,
            HttpResponse(status=200, body=b"x" * (self.MAX_BODY_BYTES + 1)),
        ):
            stage.peer.reply = reply
            error = await stage.failing()
            assert str(copy.copy(error)) == str(error)

    @check
    async def test_4_the_transport_shows_no_secret(self, stage: Stage) -> None:
        response = await stage.send()
        shown = f"{stage.transport!r} {getattr(stage.transport, '__dict__', {})} {response!r}"
        assert not _secrets.found_in(shown)

    # Rule 5: life cycle

    @check
    async def test_5_concurrent_calls_get_their_own_responses(self, stage: Stage) -> None:
        responses = await asyncio.gather(*(stage.send() for _ in range(20)))
        assert [response.status for response in responses] == [200] * 20
        assert len(stage.peer.arrivals) == 20

    @check
    async def test_5_closing_twice_is_fine(self, stage: Stage) -> None:
        await stage.send()
        await stage.transport.aclose()
        await stage.transport.aclose()

    @check
    async def test_5_closing_before_the_first_send_is_fine(self, stage: Stage) -> None:
        await stage.transport.aclose()
        await stage.transport.aclose()
        assert stage.peer.arrivals == []

    # Rule 6: plain values

    @check
    async def test_6_only_bytes_and_plain_values_cross_the_seam(self, stage: Stage) -> None:
        headers = {"Content-Type": "application/json", "X-Seen": "yes"}
        stage.peer.reply = HttpResponse(status=200, headers=headers, body=b'{"a":1}')
        response = await stage.send()
        assert (type(response), type(response.status)) == (HttpResponse, int)
        assert type(response.body) is bytes
        assert {"content-type", "x-seen"} <= set(response.headers)
        for name, value in response.headers.items():
            assert (type(name), type(value)) == (str, str)
            assert name == name.lower()
        assert dict(copy.deepcopy(response).headers) == dict(response.headers)

    # Rule 7: sinks

    @check
    async def test_7_a_success_flows_into_the_sink(self, stage: Stage) -> None:
        body, sink = bytes(range(256)) * 1000, Sink()
        stage.peer.reply = HttpResponse(status=200, body=body)
        response = await stage.send(sink=sink)
        assert (response.status, response.body) == (200, b"")
        assert b"".join(sink.chunks) == body
        assert max(map(len, sink.chunks)) <= LARGEST_PIECE
        assert all(type(chunk) is bytes for chunk in sink.chunks)

    @pytest.mark.parametrize("status", [302, 404, 500])
    @check
    async def test_7_any_other_status_is_collected(self, stage: Stage, status: int) -> None:
        sink = Sink()
        stage.peer.reply = HttpResponse(status=status, body=b"not here")
        response = await stage.send(sink=sink)
        assert (response.body, sink.chunks) == (b"not here", [])

    @check
    async def test_7_an_error_of_the_sink_leaves_send_as_it_is(self, stage: Stage) -> None:
        class Broken(Sink):
            async def write(self, chunk: bytes, /) -> None:
                raise error

        error = LookupError("the sink's own")
        stage.peer.reply = HttpResponse(status=200, body=b"x" * 100)
        with pytest.raises(LookupError) as caught:
            await stage.send(sink=Broken())
        assert caught.value is error
        hides_secrets(error)

    # Rule 8: what cannot be sent

    @pytest.mark.parametrize("changes", UNSENDABLE.values(), ids=UNSENDABLE)
    @check
    async def test_8_what_cannot_be_sent_is_refused(
        self, stage: Stage, changes: dict[str, Any]
    ) -> None:
        error = await stage.failing(**changes)
        assert type(error) is ConfigurationError
        assert stage.peer.arrivals == []
