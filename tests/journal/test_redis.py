"""What only Redis has: settings that lose, servers that hide them, waiting for the disk."""

from __future__ import annotations

import itertools

import pytest

from eguma_async.core.errors import ConfigurationError, JournalCorruptError, JournalError
from eguma_async.journal.stores.redis import RedisStore
from tests.journal.server_rules import PASSWORD, ServerRules
from tests.journal.servers import DURABLE, run_redis
from tests.journal.stores import name, row

driver = pytest.importorskip("redis.asyncio")
pytestmark = pytest.mark.servers

_numbers = itertools.count(1)
KINDS = ["redis", "valkey"]


@pytest.fixture(params=KINDS)
def server(request):
    return request.getfixturevalue(f"{request.param}_server")


@pytest.fixture
def prefix():
    return f"own-{next(_numbers)}"


class TestRules(ServerRules):
    @pytest.fixture(params=KINDS)
    def own_server(self, request):
        with run_redis(request.param, *DURABLE) as server:
            yield server

    @pytest.fixture(autouse=True)
    def fresh_prefix(self, prefix):
        self.prefix = prefix

    def address(self, server):
        return server.url

    def place(self, server, directory):
        return f"unix://{directory / 'socket'}", directory / "socket"

    def make(self, address, **options):
        return RedisStore(address, **{"prefix": self.prefix, **options})

    def dead_address(self):
        return f"redis://someone:{PASSWORD}@not-there.invalid:5432/0"

    def source(self, server):
        return (
            "__import__('eguma_async.journal.stores.redis', fromlist=['x'])"
            f".RedisStore({server.url!r}, prefix={self.prefix!r})"
        )


@pytest.mark.parametrize("given", ["", "a b", "a{b}", "x" * 101, None, "ä", "a\n"], ids=repr)
def test_a_prefix_is_checked(given):
    with pytest.raises(ConfigurationError, match="prefix must be"):
        RedisStore("redis://h", prefix=given)


async def open_and_close(store):
    await store.open()
    kept = await store.insert(row())
    await store.close()
    return kept


WRONG = [
    ("appendonly no", "appendonly yes"),
    ("appendfsync everysec", "appendfsync always"),
    ("appendfsync no", "appendfsync always"),
    ("maxmemory-policy allkeys-lru", "maxmemory-policy noeviction"),
    ("maxmemory-policy volatile-ttl", "maxmemory-policy noeviction"),
]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_server_that_may_lose_is_refused_unless_accepted(kind):
    with run_redis(kind, *DURABLE) as server:
        client = driver.Redis.from_url(server.url)
        for number, (wrong, right) in enumerate(WRONG):
            await client.config_set(*wrong.split())
            with pytest.raises(JournalError) as caught:
                await RedisStore(server.url).open()
            assert f"set {right} in its configuration" in str(caught.value)
            assert "accept_loss_after_crash=True" in str(caught.value)
            accepting = RedisStore(server.url, prefix=f"p{number}", accept_loss_after_crash=True)
            assert await open_and_close(accepting) == row()
            await client.config_set(*right.split())
        assert await open_and_close(RedisStore(server.url)) == row()
        await client.aclose()


async def test_all_that_is_wrong_is_named_at_once():
    with run_redis("valkey", "appendonly no", "maxmemory-policy allkeys-lru") as server:
        with pytest.raises(JournalError) as caught:
            await RedisStore(server.url).open()
    for each in DURABLE:
        assert each in str(caught.value)


HIDDEN = ("user default on nopass ~* +@all -config",)


async def test_a_server_that_hides_its_settings_is_used_if_it_tells_when_it_has_written():
    with run_redis("valkey", *DURABLE, *HIDDEN) as server:
        assert await open_and_close(RedisStore(server.url)) == row()


@pytest.mark.parametrize("wrong", ["appendonly no", "maxmemory-policy allkeys-random"])
async def test_what_it_cannot_hide_is_checked(wrong):
    settings = [wrong if each.split()[0] == wrong.split()[0] else each for each in DURABLE]
    with run_redis("valkey", *settings, *HIDDEN) as server:
        with pytest.raises(JournalError, match="may lose what it was given: set"):
            await RedisStore(server.url).open()


async def test_an_old_server_that_hides_its_settings_is_refused_unless_accepted():
    with run_redis("redis", *DURABLE, *HIDDEN) as server:
        with pytest.raises(JournalError) as caught:
            await RedisStore(server.url).open()
        for part in ("allow this user CONFIG GET", "7.2", "accept_loss_after_crash=True"):
            assert part in str(caught.value)
        accepting = RedisStore(server.url, accept_loss_after_crash=True)
        assert await open_and_close(accepting) == row()


@pytest.mark.parametrize(("kind", "waits"), [("redis", 0), ("valkey", 3)])
async def test_each_write_is_waited_for_where_the_server_can_tell(request, kind, waits, prefix):
    server = request.getfixturevalue(f"{kind}_server")
    client = driver.Redis.from_url(server.url)
    store = RedisStore(server.url, prefix=prefix)
    await store.open()
    await client.config_resetstat()
    first = await store.insert(row())
    assert await store.replace(first.next(is_open=True, remote=None, data=b""))
    assert await store.delete(first.next(is_open=True, remote=None, data=b""))
    calls = await client.info("commandstats")
    assert calls.get("cmdstat_waitaof", {"calls": 0})["calls"] == waits
    assert calls["cmdstat_eval"]["calls"] == 3
    await store.close()
    await client.aclose()


async def test_a_file_that_was_turned_off_meanwhile_is_told():
    with run_redis("valkey", *DURABLE) as server:
        client = driver.Redis.from_url(server.url)
        store = RedisStore(server.url)
        await store.open()
        await client.config_set("appendonly", "no")
        with pytest.raises(JournalError, match="append-only file was turned off"):
            await store.insert(row())
        await store.close()
        await client.aclose()


async def test_a_full_memory_is_told_and_forgotten(server, prefix):
    client = driver.Redis.from_url(server.url)
    store = RedisStore(server.url, prefix=prefix)
    await store.open()
    await client.config_set("maxmemory", 1)
    with pytest.raises(JournalError, match="memory is full: raise maxmemory"):
        await store.insert(row())
    assert await store.rows() == ()
    await client.config_set("maxmemory", 0)
    assert await store.insert(row()) == row()
    await store.close()
    await client.aclose()


async def test_a_replica_is_refused():
    with run_redis("valkey", *DURABLE, "replicaof 127.0.0.1 1") as server:
        with pytest.raises(JournalError, match="on a replica"):
            await RedisStore(server.url).open()


async def test_a_user_without_rights_is_told():
    settings = ("user default on nopass ~other* +@all",)
    with run_redis("valkey", *DURABLE, *settings) as server:
        with pytest.raises(JournalError, match="NOPERM.*allow it the commands and the keys"):
            await RedisStore(server.url).open()


async def test_a_wrong_password_is_told_and_not_shown():
    with run_redis("valkey", *DURABLE, f"requirepass {PASSWORD}") as server:
        for url in (server.url, f"unix://:wrong-{PASSWORD}@{server.socket_path}"):
            with pytest.raises(JournalError, match="look at the URL") as caught:
                await RedisStore(url).open()
            assert PASSWORD not in str(caught.value)
        right = RedisStore(f"unix://:{PASSWORD}@{server.socket_path}")
        assert await open_and_close(right) == row()
        assert PASSWORD not in right.describe()
        query = RedisStore(f"unix://{server.socket_path}?password={PASSWORD}")
        assert await open_and_close(query) == row()
        assert PASSWORD not in query.describe()


@pytest.mark.parametrize("version", [b"2", b"x"])
async def test_another_version_is_refused(server, prefix, version):
    await open_and_close(RedisStore(server.url, prefix=prefix))
    client = driver.Redis.from_url(server.url)
    await client.hset(f"{{{prefix}}}:meta", "version", version)
    with pytest.raises(JournalCorruptError, match="nothing was changed"):
        await RedisStore(server.url, prefix=prefix).open()
    await client.aclose()


async def test_keys_of_another_program_are_refused(server, prefix):
    client = driver.Redis.from_url(server.url)
    await client.set(f"{{{prefix}}}:meta", "x")
    with pytest.raises(JournalCorruptError, match="hold something else: give it another prefix"):
        await RedisStore(server.url, prefix=prefix).open()
    await client.aclose()


async def test_a_damaged_row_hides_no_other(server, prefix):
    store = RedisStore(server.url, prefix=prefix)
    await store.open()
    rows = [await store.insert(row(n, created_at=float(n))) for n in range(3)]
    client = driver.Redis.from_url(server.url)
    key = f"{{{prefix}}}:row:{name(1)}:{1:019d}"
    await client.hdel(key, "data", "created_at", "remote", "is_open")
    found = await store.rows()
    assert [found[0], found[2]] == [rows[0], rows[2]]
    assert found[1].data == b""
    await store.close()
    await client.aclose()


async def test_nothing_is_left_of_what_was_deleted(server, prefix):
    store = RedisStore(server.url, prefix=prefix)
    await store.open()
    kept = await store.insert(row(remote=name(4)))
    kept = kept.next(is_open=False, remote=name(5), data=b"")
    assert await store.replace(kept)
    assert await store.delete(kept)
    client = driver.Redis.from_url(server.url)
    assert [key async for key in client.scan_iter(f"{{{prefix}}}*")] == [
        f"{{{prefix}}}:meta".encode()
    ]
    await store.close()
    await client.aclose()
