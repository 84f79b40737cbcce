-- Takes a name for a session or for an account, or finds that it has it.
--
-- KEYS  1 name:USER  2 presence:USER  3 {user:USER}:conversations
--       guest: 4 accounts:ready  5 account:USER  6 registered:FOLD1  7 registered:FOLD2
--       account: 4 device:ID
-- ARGV  1 session  2 NAME_HOLD in ms  3 instance  4 PRESENCE_TTL in ms
--       5 '1' when the server made the session up: no client knows it yet
--       6 prefix of all keys  7 user
--       8 'guest', 'account', or 'off': nobody asks whether the name is registered
--       9 '1' with 'off': an archive is kept, which may have rooms; KEYS 4 is accounts:ready
--
-- Answers {0} when another session or an account has the name, {2} when the device is none of this
-- account's, {3} when Redis came back without accounts: try again. Else {1, since, '@PEER', top
-- number, '@PEER', …}: from when on private messages are the user's (0: all, since.lua), and the
-- conversations that are kept.
--
-- A session that was made up stands in the key with '~' before it, until a client presents it:
-- only such a name may be let go of with its connection (release.lua).
local session, made_up = ARGV[1], '~' .. ARGV[1]
local holder = redis.call('GET', KEYS[1])
local own = ARGV[6] .. '{user:' .. ARGV[7] .. '}'
if ARGV[8] == 'account' then
    if redis.call('HGET', KEYS[4], 'user') ~= ARGV[7] then
        return { 2 }
    end
    if holder then -- of a time without the account
        redis.call('DEL', KEYS[1])
        redis.call('PUBLISH', ARGV[6] .. 'user:' .. ARGV[7], 'g ')
    end
else
    if ARGV[8] == 'guest' then
        if redis.call('EXISTS', KEYS[5], KEYS[6], KEYS[7]) > 0 then
            return { 0 }
        end
        if redis.call('HEXISTS', KEYS[4], 'by') == 0 then
            return { 3 }
        end
    end
    if ARGV[9] == '1' and redis.call('HEXISTS', KEYS[4], 'by') == 0 then
        return { 3 }
    end
    if holder and holder ~= session and holder ~= made_up then
        return { 0 }
    end
end

-- The names stand in the key sorted by bytes; Lua would sort them as the locale has it.
local function top_between(one, other)
    local meta = ARGV[6] .. '{dm:' .. one .. '|' .. other .. '}:meta'
    local seq = redis.pcall('HGET', meta, 'seq')
    return type(seq) == 'string' and seq
end

local now, since, is_new = redis_now_ms(), nil, false
if ARGV[8] == 'account' then
    since = tonumber(redis.call('GET', own .. ':since') or nil)
else
    since, is_new = name_since(own, session, holder, now)
end

-- Whether the latest message is of who had this name before.
local function is_old(one, other)
    local latest = since
        and redis.pcall('LINDEX', ARGV[6] .. '{dm:' .. one .. '|' .. other .. '}:history', 0)
    local time = type(latest) == 'string' and entry_time(latest)
    return time and time < since
end

local conversations = {}
for _, other in ipairs(redis.call('ZRANGE', KEYS[3], 0, -1)) do
    local top = top_between(ARGV[7], other) or top_between(other, ARGV[7])
    if top and not is_old(ARGV[7], other) and not is_old(other, ARGV[7]) then
        conversations[#conversations + 1] = '@' .. other
        conversations[#conversations + 1] = top
    end
end
if ARGV[8] ~= 'account' then
    local value = ARGV[5] == '1' and holder ~= session and made_up or session
    redis.call('SET', KEYS[1], value, 'PX', ARGV[2])
    if is_new then
        redis.call('SET', own .. ':since', digits(since))
    end
    redis.call('EXPIRE', own .. ':since', AWAY_SECONDS)
    redis.call('SET', own .. ':held', digits(now + ARGV[2]) .. ' ' .. session, 'EX', AWAY_SECONDS)
end
presence_touch(KEYS[2], ARGV[3], now, tonumber(ARGV[4]))
redis.call('ZADD', ARGV[6] .. 'seen', digits(now), ARGV[7])
return { 1, digits(since or 0), unpack(conversations) }
