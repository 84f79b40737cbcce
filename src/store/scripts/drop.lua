-- An archive that will never come back: nothing waits for it any more. With the last one the
-- stream goes.
--
-- KEYS  1 the stream  2 seen
-- ARGV  1 archive
--
-- Answers 1, or 0: there is none of that name.
if redis.call('EXISTS', KEYS[1]) == 0
    or redis.call('XGROUP', 'DESTROY', KEYS[1], 'a:' .. ARGV[1]) == 0 then
    return 0
end
redis.call('HDEL', KEYS[2], ARGV[1])
if #redis.call('XINFO', 'GROUPS', KEYS[1]) == 0 then
    redis.call('DEL', KEYS[1])
end
return 1
