-- The last 100 messages of a stream, with an epoch that holds (fence.lua). Makes the epoch when
-- there is none, so that a client who joins an empty room knows where it stands.
--
-- KEYS  1 meta  2 history
-- ARGV  1 fence  2 candidate epoch  3 patient  4 known epoch  5 known seq  6 known fence
--
-- Answers {epoch, top number, fence, number of the newest message below, 0, messages}, messages
-- newest first: as history.lua does. Or 'wait' (fence.lua).
local stream = stream_read(KEYS[1])
redis.call('LLEN', KEYS[2]) -- raises on another type, before anything is written
local created = not stream.epoch

local known = { epoch = ARGV[4], seq = tonumber(ARGV[5]), fence = ARGV[6] }
if stream_must_wait(stream, known, ARGV[1], ARGV[3]) then
    return 'wait'
end
stream_settle(KEYS[1], KEYS[2], stream, known, ARGV[1], ARGV[2])
if created then
    redis.call('EXPIRE', KEYS[1], HISTORY_SECONDS)
end
return { stream.epoch, stream.seq, ARGV[1], stream.seq, 0,
    redis.call('LRANGE', KEYS[2], 0, HISTORY_MESSAGES - 1) }
