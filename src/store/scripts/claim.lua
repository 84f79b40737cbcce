-- Takes a name for a session, or finds that the session has it.
--
-- KEYS  1 name:USER  2 presence:USER  3 {user:USER}:conversations
-- ARGV  1 session  2 NAME_HOLD in ms  3 instance  4 PRESENCE_TTL in ms
--       5 '1' when the server made the session up: no client knows it yet
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
local conversations = redis.call('ZRANGE', KEYS[3], 0, -1, 'WITHSCORES')
for i = 1, #conversations, 2 do
    conversations[i] = '@' .. conversations[i]
end
local value = ARGV[5] == '1' and holder ~= session and made_up or session
redis.call('SET', KEYS[1], value, 'PX', ARGV[2])
presence_touch(KEYS[2], ARGV[3], redis_now_ms(), tonumber(ARGV[4]))
return { 1, unpack(conversations) }
