"""The rate of a credential for processes on many machines, on a Redis or a Valkey server.

The rules are those of `Pacer`, in one script, by the server's clock: so no process goes by its own.
Needs the extra ``redis``.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any, cast

from eguma_async.core.errors import ConfigurationError
from eguma_async.core.limiter import SharedPace
from eguma_async.core.log import logger
from eguma_async.core.server_urls import place_of, redis_problem

from . import pacing

_KEPT = 600
"""Seconds after which a rate that nobody uses is forgotten."""
_APART = 5.0
"""Seconds for which a server that did not answer is left alone."""

# Moments are written with six digits: Lua would write a moment of today with four. Answers are
# counted in a ring of tenths of a second, each with the number of its tenth.
_SCRIPT = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local action, answered, asked = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local ceiling = tonumber(ARGV[4])
local ring, tenth = 640, math.floor(now * 10)
local function text(number) return string.format('%.6f', number) end

if answered > 0 then
    local field, count = 'n' .. tenth % ring, 0
    local at, known = string.match(redis.call('HGET', KEYS[1], field) or '', '(%d+):(%d+)')
    if tonumber(at) == tenth then count = tonumber(known) end
    redis.call('HSET', KEYS[1], field, tenth .. ':' .. count + answered)
end

local state = redis.call('HMGET', KEYS[1], 'peak', 'recovery', 'resumed', 'next', 'opens')
local peak, recovery = tonumber(state[1]), tonumber(state[2])
local resumed, following = tonumber(state[3]), tonumber(state[4]) or 0
local opens = tonumber(state[5]) or 0

local function rate_at(moment)
    if not peak then return ceiling end
    local elapsed = math.max(0, (moment - resumed) / recovery) - 1
    return math.min(ceiling, peak * (1 + (1 - CUT) * elapsed ^ 3))
end

local function seen(span)
    local fields, total = {}, 0
    local first = math.max(tenth - ring + 1, math.floor((now - span) * 10) + 1)
    for each = first, tenth do fields[#fields + 1] = 'n' .. each % ring end
    for index, value in ipairs(redis.call('HMGET', KEYS[1], unpack(fields))) do
        local at, count = string.match(value or '', '(%d+):(%d+)')
        if tonumber(at) == first + index - 1 then total = total + tonumber(count) end
    end
    return total / span
end

local function reserve()
    local turn = math.max(following, now)
    local rate = rate_at(turn)
    if rate < 1e9 then following = turn + 1 / rate end
    return turn - now
end

local function refuse()
    opens = math.max(opens, now + asked)
    following = math.max(following, opens)
    redis.call('HSET', KEYS[1], 'opens', text(opens))
    local since = resumed and now - resumed
    if since and since < BRIEFEST then return end
    local span = asked > 0 and math.max(1, asked) or BRIEFEST
    if peak then span = math.max(span, math.min(since, STEADY)) end
    span = math.min(span, 60)
    local found = seen(span)
    if peak then
        local most = rate_at(now)
        found = math.min(most, math.max(found, LEAST_SHARE * most))
    elseif found == 0 then
        return
    end
    found = math.max(SLOWEST / CUT, found)
    if peak and math.abs(found - peak) <= ALIKE * found and since >= recovery then
        recovery = math.min(LONGEST_RECOVERY, recovery * 2)
    else
        recovery = RECOVERY
    end
    if asked > 0 then found = found * MARGIN end
    peak, resumed, following = found, now + asked, opens
    redis.call('HSET', KEYS[1], 'peak', text(peak), 'recovery', text(recovery), 'resumed',
        text(resumed))
end

local wait = 0
if action == 'refused' then refuse() else wait = reserve() end
redis.call('HSET', KEYS[1], 'next', text(following))
redis.call('EXPIRE', KEYS[1], KEPT)
return text(wait)
"""
_CONSTANTS = (
    "BRIEFEST",
    "STEADY",
    "LEAST_SHARE",
    "SLOWEST",
    "CUT",
    "ALIKE",
    "LONGEST_RECOVERY",
    "RECOVERY",
    "MARGIN",
)


def _script() -> str:
    values = {name: getattr(pacing, name) for name in _CONSTANTS} | {"KEPT": _KEPT}
    names = re.compile(rf"\b({'|'.join(values)})\b")
    return names.sub(lambda found: repr(values[found[0]]), _SCRIPT)


class RedisRate:
    """Shares the rates of credentials among all processes that reach a server.

    Sessions open and close the connections; several may share one. A session whose server cannot
    be reached keeps to the rate that it knows by itself, and says so in the log.

    Args:
        url: Where, as ``redis://user:password@host:6379/0``, ``rediss://`` with TLS or
            ``unix://``. Its password is shown nowhere.
        prefix: What the keys begin with.
        timeout: Seconds to wait for a connection, and for an answer.

    Raises:
        ConfigurationError: An argument is malformed, or redis is missing.
    """

    def __init__(self, url: str, *, prefix: str = "eguma_async:rate", timeout: float = 1.0) -> None:
        problem = redis_problem(url, prefix, timeout)
        if problem is None and find_spec("redis") is None:
            problem = "a rate on a Redis server needs redis: pip install 'eguma_async[redis]'"
        if problem is not None:
            del url  # a traceback that shows variables must not show it
            raise ConfigurationError(problem)
        self._prefix = prefix
        self._what = place_of(url)
        self._make_client: Callable[[], Any] = partial(_client, url, timeout)

    def __repr__(self) -> str:
        # Also of one that could not be made: a traceback that shows variables asks for it.
        return f"<{type(self).__name__} {getattr(self, '_what', 'not made')}>"

    def __reduce__(self) -> Any:
        raise TypeError(
            "a RedisRate holds a password and is not pickled: make one where it is used"
        )

    def attach(self, credential: str, /, *, ceiling: float | None) -> SharedPace:
        """Return the rate of a credential, known by its digest."""
        key = f"{self._prefix}:{{{credential}}}"
        return _Pace(self._make_client(), key, ceiling, self._what)


def _client(url: str, timeout: float) -> Any:
    # Imported here: the class has a name in the package's face, for those who lack redis, too.
    import redis.asyncio as driver  # noqa: PLC0415
    from redis.asyncio.retry import Retry  # noqa: PLC0415
    from redis.backoff import NoBackoff  # noqa: PLC0415

    pool = driver.BlockingConnectionPool.from_url(
        url,
        max_connections=8,
        timeout=timeout,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        retry=Retry(cast("Any", NoBackoff)(), 0),
        retry_on_timeout=False,
        protocol=2,
    )
    return driver.Redis(connection_pool=pool)


class _Pace:
    """The rate of one credential, over connections of its own."""

    def __init__(self, client: Any, key: str, ceiling: float | None, what: str) -> None:
        self._client = client
        self._script = client.register_script(_script())
        self._key = key
        self._ceiling = 1e9 if ceiling is None else ceiling
        self._what = what
        self._answered = 0
        self._away_until = 0.0

    async def reserve(self) -> float | None:
        """Take the next turn."""
        return await self._ask("reserve", 0.0)

    def succeeded(self) -> None:
        """Count an answer: it is told with the next request."""
        self._answered += 1

    async def refused(self, asked: float | None, /) -> None:
        """Tell of a refusal."""
        await self._ask("refused", asked or 0.0)

    async def _ask(self, action: str, asked: float) -> float | None:
        now = asyncio.get_running_loop().time()
        if now < self._away_until:
            return None
        answered, self._answered = self._answered, 0
        try:
            found = await self._script(
                keys=[self._key], args=[action, answered, asked, self._ceiling]
            )
        except Exception as error:  # noqa: BLE001  # whatever it is, reads go on without it
            kind = type(error).__name__
        else:
            return float(cast("bytes", found))
        self._answered += answered
        self._away_until = now + _APART
        # The error itself may show the URL.
        logger.warning(
            "the rate at %s is not known (%s); this process keeps to its own", self._what, kind
        )
        return None

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()
        await self._client.connection_pool.disconnect()
