-- Cuts off the stream what every archive has acknowledged, and notes how this archive is. One
-- step, so that no archive can join in between.
--
-- KEYS  1 the stream  2 seen: archive → 'MS STATE' of its last call
-- ARGV  1 archive  2 its state
--
-- Answers {entries left, time of the first one in ms or 0, now in ms, archives, last call in ms of
-- the one that has been silent for longest (0: never)}.
local STEP = 10000 -- entries in one call: bounds how long Redis is held up

-- Ids as text: Lua's numbers end at 2^53.
local function is_less(a, b)
    local a_ms, a_seq = string.match(a, '^(%d+)-(%d+)$')
    local b_ms, b_seq = string.match(b, '^(%d+)-(%d+)$')
    if a_ms ~= b_ms then
        return #a_ms < #b_ms or #a_ms == #b_ms and a_ms < b_ms
    end
    return #a_seq < #b_seq or #a_seq == #b_seq and a_seq < b_seq
end

local function behind(id)
    local ms, seq = string.match(id, '^(%d+)-(%d+)$')
    return ms .. '-' .. digits(tonumber(seq) + 1)
end

-- The first entry that a group may still ask for, and its name.
local function needed(list)
    local group = {}
    for i = 1, #list, 2 do
        group[list[i]] = list[i + 1]
    end
    if group.pending > 0 then
        return redis.call('XPENDING', KEYS[1], group.name)[2], group.name
    end
    return behind(group['last-delivered-id']), group.name
end

local bound, archives, silent_since = nil, 0, nil
local now_ms = digits(redis_now_ms())
redis.call('HSET', KEYS[2], ARGV[1], now_ms .. ' ' .. ARGV[2])
for _, list in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
    local id, name = needed(list)
    local seen = redis.call('HGET', KEYS[2], string.sub(name, #'a:' + 1)) or ''
    seen = tonumber(string.match(seen, '^%d+')) or 0
    silent_since = math.min(silent_since or seen, seen)
    archives = archives + 1
    if not bound or is_less(id, bound) then
        bound = id
    end
end
if bound and redis.call('XTRIM', KEYS[1], 'MINID', '~', bound, 'LIMIT', STEP) < STEP then
    redis.call('XTRIM', KEYS[1], 'MINID', bound)
end
local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
local first_ms = first and tonumber(string.match(first[1], '^%d+')) or 0
return { redis.call('XLEN', KEYS[1]), first_ms, tonumber(now_ms), archives,
    silent_since or 0 }
