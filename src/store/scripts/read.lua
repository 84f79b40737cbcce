-- A read marker, which only rises. Who has read up to 7 has not read less by sending 5; and
-- nobody has read what was never written.
--
-- KEYS  1 read  2 meta
-- ARGV  1 user  2 seq  3 payload, then the channels that are told
--
-- Answers 1 when the marker rose, else 0.
local seq = tonumber(ARGV[2])
local top = tonumber(redis.call('HGET', KEYS[2], 'seq') or 0)
local old = tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or 0)
if old > top then
    old = 0 -- of an earlier life of this stream, whose numbers started again
end
if seq <= old or seq > top then
    return 0
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('EXPIRE', KEYS[1], HISTORY_SECONDS)
for i = 4, #ARGV do
    redis.call('PUBLISH', ARGV[i], ARGV[3])
end
return 1
