"""What stores on servers have in common, to be tested on each kind of them."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

import pytest

from eguma_async.core.errors import ConfigurationError, JournalError
from eguma_async.journal.stores.base import Store
from tests.journal.servers import scratch
from tests.journal.stores import name, row

ROOT = Path(__file__).parents[2]
PASSWORD = "pass-word-canary"

FORK = """
import asyncio, os, sys
from eguma_async.core.errors import JournalError
from tests.journal.stores import row
def make():
    {make}
async def tell(work):
    try:
        print("fine", await work, flush=True)
    except JournalError as error:
        print(type(error).__name__, error, flush=True)
async def main():
    store = make()
    await store.open()
    await store.insert(row(1))
    pid = os.fork()
    if pid == 0:
        await tell(store.insert(row(2)))
        await tell(store.open())
        await tell(store.close())
        os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
    await tell(store.insert(row(3)))
    print([each.series[-1] for each in await store.rows()], flush=True)
    await store.close()
    fresh = make()
    await fresh.open()
    await fresh.close()
asyncio.run(main())
"""


def run_elsewhere(ask):
    return asyncio.run(ask())


class ServerRules:
    """A class of tests for a kind of server has these, and says what differs."""

    def place(self, server, directory):
        """Return the address of what listens in a directory, and its socket there."""
        raise NotImplementedError

    def address(self, server):
        """Return the address of a server."""
        raise NotImplementedError

    def make(self, address: Any, **options: Any) -> Store:
        """Return a store; two of one address have the same rows."""
        raise NotImplementedError

    def dead_address(self):
        """Return the address of no server, with a user and `PASSWORD`."""
        raise NotImplementedError

    def source(self, server):
        """Return the Python expression that makes a store."""
        raise NotImplementedError

    @pytest.fixture
    async def cut(self, server):
        """Return a store behind a proxy, and the proxy."""
        from tests.journal.cutting import cutting

        with scratch() as directory:
            address, socket = self.place(server, directory)
            async with cutting(server.socket_path, socket) as proxy:
                store = self.make(address, connections=1)
                await store.open()
                # Each statement once, so that the next one is one request.
                warm = await store.insert(row(500))
                await store.replace(warm.next(is_open=True, remote=None, data=b"x"))
                await store.delete(row(501))
                await store.latest(name(500))
                yield store, proxy
                proxy.plan.clear()
                await store.close()

    @pytest.mark.parametrize("plan", [["answer"], ["request"], ["answer", "answer"]], ids=str)
    async def test_an_insert_whose_answer_is_lost_is_done_once(self, cut, plan):
        store, proxy = cut
        proxy.plan = list(plan)
        before = proxy.connections
        assert await store.insert(row()) == row()
        assert proxy.plan == []
        assert proxy.connections > before
        assert await store.latest(name(1)) == row()

    @pytest.mark.parametrize("plan", [["answer"], ["request"]], ids=str)
    async def test_a_replacement_whose_answer_is_lost_is_done_once(self, cut, plan):
        store, proxy = cut
        second = (await store.insert(row())).next(is_open=False, remote=name(3), data=b"new")
        proxy.plan = list(plan)
        assert await store.replace(second)
        assert proxy.plan == []
        assert await store.made(name(3)) == second

    @pytest.mark.parametrize("plan", [["answer"], ["request"]], ids=str)
    async def test_a_deletion_whose_answer_is_lost_is_done_once(self, cut, plan):
        store, proxy = cut
        await store.insert(row())
        proxy.plan = list(plan)
        assert await store.delete(row())
        assert proxy.plan == []
        assert await store.latest(name(1)) is None

    async def test_a_replacement_that_another_one_overtakes_is_not_claimed(self, cut, server):
        store, proxy = cut
        second = (await store.insert(row())).next(is_open=False, remote=None, data=b"ours")
        third = second.next(is_open=True, remote=None, data=b"theirs")

        async def overtake():
            assert await another.replace(third)

        another = self.make(self.address(server))
        await another.open()
        proxy.between = overtake
        proxy.plan = ["answer"]
        assert not await store.replace(second)
        assert await store.latest(name(1)) == third
        await another.close()

    async def test_a_refusal_whose_answer_is_lost_stays_one(self, cut):
        store, proxy = cut
        await store.insert(row())
        for plan in (["answer"], ["request"]):
            proxy.plan = plan
            assert not await store.replace(row(version=7, data=b"x"))
            assert await store.latest(name(1)) == row()
            proxy.plan = list(plan)
            assert await store.insert(row(data=b"other")) == row()

    async def test_a_question_whose_answer_is_lost_is_asked_again(self, cut):
        store, proxy = cut
        await store.insert(row())
        proxy.plan = ["answer", "request"]
        assert await store.latest(name(1)) == row()

    async def test_connections_that_end_again_and_again_are_told(self, cut):
        store, proxy = cut
        proxy.plan = ["answer"] * 20
        with pytest.raises(JournalError, match="may have been"):
            await store.insert(row())
        proxy.plan.clear()
        assert await store.insert(row()) == row()

    async def test_a_server_that_was_killed_has_what_it_acknowledged(self, own_server):
        store = self.make(self.address(own_server))
        await store.open()
        kept = await asyncio.gather(*(store.insert(row(n)) for n in range(30)))
        own_server.crash()
        with pytest.raises(JournalError, match="cannot be reached|starting or stopping"):
            await store.insert(row(99))
        own_server.restart()
        assert await asyncio.gather(*(store.latest(each.series) for each in kept)) == list(kept)
        assert await store.insert(row(100)) == row(100)
        await store.close()

    async def test_a_server_that_is_not_there_is_told_and_found_later(self, own_server):
        own_server.crash()
        store = self.make(self.address(own_server))
        with pytest.raises(JournalError, match="cannot be reached"):
            await store.open()
        with pytest.raises(JournalError, match="is not open"):
            await store.rows()
        own_server.restart()
        await store.open()
        assert await store.insert(row()) == row()
        await store.close()

    async def test_the_password_is_shown_nowhere(self, caplog):
        caplog.set_level(0)
        store = self.make(self.dead_address())
        with pytest.raises(JournalError) as caught:
            await store.open()
        error = caught.value
        assert error.__cause__ is error.__context__ is None
        shown = [str(error), repr(error), repr(store), store.describe(), caplog.text]
        shown += traceback.TracebackException.from_exception(error, capture_locals=True).format()
        assert PASSWORD not in "".join(shown)
        assert "someone" not in "".join([str(error), store.describe()])
        assert "not-there" in store.describe()

    def test_an_address_that_cannot_be_read_is_not_repeated(self):
        for given in (self.dead_address().replace("5432", "port"), f"http://a:{PASSWORD}@b", None):
            with pytest.raises(ConfigurationError) as caught:
                self.make(given)
            shown = traceback.TracebackException.from_exception(
                caught.value, capture_locals=True
            ).format()
            ours = [each for each in shown if "stores" in each and "tests" not in each]
            assert PASSWORD not in "".join([str(caught.value), *ours])

    @pytest.mark.parametrize(
        "options",
        [
            {"connections": 0},
            {"connections": True},
            {"connections": "4"},
            {"timeout": 0},
            {"timeout": "1"},
            {"timeout": float("inf")},
            {"timeout": True},
        ],
        ids=str,
    )
    def test_arguments_are_checked(self, options):
        with pytest.raises(ConfigurationError, match=next(iter(options))):
            self.make(self.dead_address(), **options)

    async def test_it_belongs_to_one_loop(self, server):
        store = self.make(self.address(server))
        await store.open()
        for ask in (store.rows, store.open, store.close):
            with pytest.raises(JournalError, match="another event loop"):
                await asyncio.to_thread(run_elsewhere, ask)
        assert await store.insert(row()) == row()
        await store.close()
        assert await asyncio.to_thread(asyncio.run, self.once(store)) == row()

    async def once(self, store):
        await store.open()
        found = await store.latest(name(1))
        await store.close()
        return found

    async def test_it_does_not_survive_a_fork(self, server):
        code = FORK.replace("{make}", f"return {self.source(server)}")
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-W", "ignore", "-c", code],
            cwd=ROOT,
            env=dict(os.environ),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        told = done.stdout.splitlines()
        assert "was opened before this process was forked" in told[0]
        assert "was opened before this process was forked" in told[1]
        assert told[2] == "fine None"
        assert told[3].startswith("fine Row(")
        assert told[4] == "['1', '3']"

    @pytest.mark.parametrize("change", [{"data": None}, {"data": [1]}], ids=str)
    async def test_what_cannot_be_kept_is_refused_once(self, server, change):
        store = self.make(self.address(server))
        await store.open()
        with pytest.raises(JournalError) as caught:
            await store.insert(row(**change))
        assert "cannot keep this" in str(caught.value) or "does not fit" in str(caught.value)
        assert caught.value.__context__ is None
        assert await store.rows() == ()
        await store.close()

    async def test_the_time_is_the_servers(self, server):
        store = self.make(self.address(server))
        await store.open()
        first = await store.now()
        second = await store.now()
        assert isinstance(first, float)
        assert second is not None
        assert first < second < first + 30
        await store.close()

    async def test_closing_waits_for_what_nobody_waits_for(self, server):
        store = self.make(self.address(server))
        await store.open()
        for number in range(10):
            task = asyncio.ensure_future(store.insert(row(number)))
            await asyncio.sleep(0)
            task.cancel()
        await store.close()
        await store.open()
        assert len(await store.rows()) == 10
        await store.close()

    async def test_one_that_is_not_open_says_so(self):
        store = self.make(self.dead_address())
        for work in (store.rows(), store.insert(row()), store.secret(), store.now()):
            with pytest.raises(JournalError, match="is not open"):
                await work
        await store.close()
