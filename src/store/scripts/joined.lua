-- An account has joined a room, or left it.
--
-- KEYS  1 joined
-- ARGV  1 room  2 '1': joined  3 how many rooms at most: one more is not noted
if ARGV[2] ~= '1' then
    return redis.call('HDEL', KEYS[1], ARGV[1])
end
if redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[3]) then
    return 0
end
return redis.call('HSETNX', KEYS[1], ARGV[1], 1)
