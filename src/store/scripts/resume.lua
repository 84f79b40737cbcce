-- The last 100 messages of a stream, with an epoch that holds (fence.lua). Makes the epoch when
-- there is none, so that a client who joins an empty room knows where it stands.
--
-- KEYS  1 meta  2 history
-- ARGV  1 fence  2 candidate epoch  3 patient  4 known epoch  5 known seq  6 known fence
--
-- Answers {epoch, top number, fence, number of the newest message below, 0, messages, first number
-- of the epoch}, messages newest first: as history.lua does. Or 'wait' (fence.lua).
local stream = redis.call('HMGET', KEYS[1], 'epoch', 'seq', 'fence')
redis.call('LLEN', KEYS[2]) -- raises on another type, before anything is written
local seq = stream[1] and tonumber(stream[2])
local created = not seq
stream[1], stream[2] = seq and stream[1], seq or 0

local settle = stream_judge(KEYS[1], KEYS[2], stream, ARGV[4], ARGV[5], ARGV[6], ARGV[1], ARGV[2],
    ARGV[3])
if settle == 'wait' then
    return 'wait'
end
local failure = settle and settle()
if failure then
    return failure
end
if created then
    redis.call('EXPIRE', KEYS[1], HISTORY_SECONDS)
end
return { stream[1], stream[2], ARGV[1], stream[2], 0,
    redis.call('LRANGE', KEYS[2], 0, HISTORY_MESSAGES - 1),
    tonumber(redis.call('HGET', KEYS[1], 'first')) or 1 }
