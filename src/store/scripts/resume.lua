-- The last 100 messages of a stream, with an epoch that holds (fence.lua). Makes the epoch when
-- there is none, so that a client who joins an empty room knows where it stands.
--
-- KEYS  1 meta  2 history
-- ARGV  1 fence  2 candidate epoch  3 patient  4 known epoch  5 known seq  6 known fence
--       7 known guard
--
-- Answers {epoch, top number, fence, number of the newest message below, 0, messages, first number
-- of the epoch, guard, version}, messages newest first: as history.lua does. guard '', version 0:
-- nobody owns the room. Or 'wait' (fence.lua), or 'lost': so are the room's rules (guard.lua).
local stream = redis.call('HMGET', KEYS[1], 'epoch', 'seq', 'fence', 'guard', 'version')
redis.call('LLEN', KEYS[2]) -- raises on another type, before anything is written
local seq = stream[1] and tonumber(stream[2])
local created = not seq
stream[1], stream[2] = seq and stream[1], seq or 0
stream.version = stream[5] or nil
local refused = guard_find(string.sub(KEYS[1], 1, -1 - #':meta'), stream, stream[4], ARGV[7])
if refused then
    return refused == 'wait' and 'lost' or refused
end

local settle = stream_judge(KEYS[1], KEYS[2], stream, ARGV[4], ARGV[5], ARGV[6], ARGV[1], ARGV[2],
    ARGV[3])
if settle == 'wait' then
    return 'wait'
end
local failure = settle and settle()
if failure then
    return failure
end
if created and not guard_holds(stream.guard) then
    redis.call('EXPIRE', KEYS[1], HISTORY_SECONDS)
end
return { stream[1], stream[2], ARGV[1], stream[2], 0,
    redis.call('LRANGE', KEYS[2], 0, HISTORY_MESSAGES - 1),
    tonumber(redis.call('HGET', KEYS[1], 'first')) or 1,
    stream.guard or '', tonumber(stream.version) or 0 }
