-- Lets go of a name whose session was made up and never presented by a client; otherwise somebody
-- may come back with it, or is there on another instance.
--
-- KEYS  1 name:USER  2 {user:USER}:held
-- ARGV  1 session
if redis.call('GET', KEYS[1]) == '~' .. ARGV[1] then
    redis.call('SET', KEYS[2], digits(redis_now_ms()) .. ' ' .. ARGV[1], 'EX', AWAY_SECONDS)
    return redis.call('DEL', KEYS[1])
end
return 0
