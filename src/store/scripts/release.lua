-- Lets go of a name whose session was made up and never presented by a client; otherwise somebody
-- may come back with it, or is there on another instance.
--
-- KEYS  1 name:USER
-- ARGV  1 session
if redis.call('GET', KEYS[1]) == '~' .. ARGV[1] then
    return redis.call('DEL', KEYS[1])
end
return 0
