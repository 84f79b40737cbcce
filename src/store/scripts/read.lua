-- A read marker, which only rises. Who has read up to 7 has not read less by sending 5; and
-- nobody has read what was never written.
--
-- KEYS  1 read  2 meta, and of a private conversation  3 the reader's unread  4 history
-- ARGV  1 user  2 seq  3 payload  4 the other one of a private conversation, else '', then the
--       channels that are told
--
-- Of the mentions the stream's hash is both 1 and 2, and the field is 'read'.
--
-- Answers 1 when the marker rose, else 0.
local USER, seq = ARGV[1], tonumber(ARGV[2])
local top = tonumber(redis.call('HGET', KEYS[2], 'seq') or 0)
local old = tonumber(redis.call('HGET', KEYS[1], USER) or 0)
if old > top then
    old = 0 -- of an earlier life of this stream, whose numbers started again
end
if seq <= old or seq > top then
    return 0
end

-- Does it count as unread? The JSON is that of event_message_pieces(): what stands before the
-- content has no escapes, an event has its kind there, and only a deleted message is empty.
local function counts(json)
    local head, content = string.match(json, '^(.-),"content":"(.?)')
    return head and content ~= '"' and not string.find(head, ',"kind":"', 1, true)
        and not string.find(head, ',"user":"' .. USER .. '"', 1, true)
end

local unread = 0
if KEYS[3] then
    local had = tonumber(redis.call('HGET', KEYS[3], ARGV[4]) or 0) or 0
    if top - seq > HISTORY_MESSAGES then
        unread = math.min(had, top - seq)
    elseif top > seq then
        for _, json in ipairs(redis.call('LRANGE', KEYS[4], 0, top - seq - 1)) do
            unread = unread + (counts(json) and 1 or 0)
        end
    end
end

redis.call('HSET', KEYS[1], USER, ARGV[2])
local life = redis.call('PTTL', KEYS[2]) -- < 0: for ever
redis.call('PEXPIRE', KEYS[1], life < 0 and META_SECONDS * 1000
    or math.max(life, HISTORY_SECONDS * 1000))
if unread > 0 then
    redis.call('HSET', KEYS[3], ARGV[4], unread)
elseif KEYS[3] then
    redis.call('HDEL', KEYS[3], ARGV[4])
end
for i = 5, #ARGV do
    redis.call('PUBLISH', ARGV[i], ARGV[3])
end
return 1
