-- Takes a name for a session, or finds that the session has it.
--
-- KEYS  1 name:USER  2 presence:USER  3 {user:USER}:conversations
-- ARGV  1 session  2 NAME_HOLD in ms  3 instance  4 PRESENCE_TTL in ms
--       5 '1' when the server made the session up: no client knows it yet
--       6 prefix of all keys  7 user
--
-- Answers {0} when another session has the name, else {1, '@PEER', top number, '@PEER', …}: the
-- private conversations of the last day.
--
-- A session that was made up stands in the key with '~' before it, until a client presents it:
-- only such a name may be let go of with its connection (release.lua).
local session, made_up = ARGV[1], '~' .. ARGV[1]
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= session and holder ~= made_up then
    return { 0 }
end

-- The names stand in the key sorted by bytes; Lua would sort them as the locale has it.
local function top_between(one, other)
    local meta = ARGV[6] .. '{dm:' .. one .. '|' .. other .. '}:meta'
    local seq = redis.pcall('HGET', meta, 'seq')
    return type(seq) == 'string' and seq
end

local conversations = {}
for _, other in ipairs(redis.call('ZRANGE', KEYS[3], 0, -1)) do
    local top = top_between(ARGV[7], other) or top_between(other, ARGV[7])
    if top then
        conversations[#conversations + 1] = '@' .. other
        conversations[#conversations + 1] = top
    end
end
local value = ARGV[5] == '1' and holder ~= session and made_up or session
redis.call('SET', KEYS[1], value, 'PX', ARGV[2])
presence_touch(KEYS[2], ARGV[3], redis_now_ms(), tonumber(ARGV[4]))
return { 1, unpack(conversations) }
