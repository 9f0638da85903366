"""The scripts that a Redis server runs for a journal: each is done as a whole, or not at all.

A row is a hash. Beside it stand its place in the order of all rows and of the open ones, its
generation in its series, and its name under what the server of the bookings made. ``p`` is what
all keys begin with; a place is a score, the moment, and a member, ``series:generation``, whose
number has zeros before it, so that the order of the bytes is that of the numbers.
"""

from __future__ import annotations

SCHEMA_VERSION = 1
DIGITS = 19

_COMMON = """
local p = KEYS[1]
local function answer(key)
  local r = redis.call('HMGET', key, 'version', 'is_open', 'created_at', 'remote', 'data')
  if not r[1] then return {} end
  return {string.sub(key, #p + 6), r[1], r[2], r[3], r[4] or '', r[5]}
end
local function enter(member, is_open, at, remote)
  if is_open == '1' then redis.call('ZADD', p .. ':open', at, member)
  else redis.call('ZREM', p .. ':open', member) end
  if remote ~= '' then redis.call('SADD', p .. ':remote:' .. remote, member) end
end
local function leave(key, member)
  local remote = redis.call('HGET', key, 'remote')
  if remote and remote ~= '' then redis.call('SREM', p .. ':remote:' .. remote, member) end
end
"""

OPEN = """
local key = KEYS[1] .. ':meta'
if redis.call('EXISTS', key) == 0 then
  redis.call('HSET', key, 'version', ARGV[1], 'secret', ARGV[2])
end
return redis.call('HMGET', key, 'version', 'secret')
"""

INSERT = (
    _COMMON
    + """
local series, generation, member = ARGV[1], ARGV[2], ARGV[3]
local version, is_open, at, remote, data = ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8]
local key = p .. ':row:' .. member
if redis.call('EXISTS', key) == 1 then return 0 end
redis.call('ZADD', p .. ':places', at, member)
redis.call('ZADD', p .. ':series:' .. series, generation, member)
enter(member, is_open, at, remote)
redis.call('HSET', key, 'version', version, 'is_open', is_open, 'created_at', at,
           'remote', remote, 'data', data)
return 1
"""
)

REPLACE = (
    _COMMON
    + """
local member, before = ARGV[1], ARGV[2]
local version, is_open, remote, data = ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local key = p .. ':row:' .. member
if redis.call('HGET', key, 'version') ~= before then return 0 end
leave(key, member)
enter(member, is_open, redis.call('HGET', key, 'created_at'), remote)
redis.call('HSET', key, 'version', version, 'is_open', is_open, 'remote', remote, 'data', data)
return 1
"""
)

DELETE = (
    _COMMON
    + """
local series, member, version = ARGV[1], ARGV[2], ARGV[3]
local key = p .. ':row:' .. member
if redis.call('HGET', key, 'version') ~= version then return 0 end
leave(key, member)
redis.call('ZREM', p .. ':places', member)
redis.call('ZREM', p .. ':open', member)
redis.call('ZREM', p .. ':series:' .. series, member)
redis.call('DEL', key)
return 1
"""
)

AT = _COMMON + "return {answer(p .. ':row:' .. ARGV[1])}"

LATEST = (
    _COMMON
    + """
local last = redis.call('ZRANGE', p .. ':series:' .. ARGV[1], -1, -1)
if not last[1] then return {} end
return {answer(p .. ':row:' .. last[1])}
"""
)

MADE = (
    _COMMON
    + """
local one = redis.call('SRANDMEMBER', p .. ':remote:' .. ARGV[1])
if not one then return {} end
return {answer(p .. ':row:' .. one)}
"""
)

# Of members with one score, the first that comes after the place is found by halving.
ROWS = (
    _COMMON
    + """
local index, limit, at, place = p .. ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
local function comes_after(one, other)
  for i = 1, math.min(#one, #other) do
    local x, y = string.byte(one, i), string.byte(other, i)
    if x ~= y then return x > y end
  end
  return #one > #other
end
local first = 0
if at ~= '' then
  first = redis.call('ZCOUNT', index, '-inf', '(' .. at)
  local last = redis.call('ZCOUNT', index, '-inf', at)
  while first < last do
    local middle = math.floor((first + last) / 2)
    if comes_after(redis.call('ZRANGE', index, middle, middle)[1], place) then last = middle
    else first = middle + 1 end
  end
end
local found = {}
if limit < 1 then return found end
for number, member in ipairs(redis.call('ZRANGE', index, first, first + limit - 1)) do
  found[number] = answer(p .. ':row:' .. member)
end
return found
"""
)
