-- Lets go of a name, unless another session has it by now.
--
-- KEYS  1 name:USER
-- ARGV  1 session
if redis.call('GET', KEYS[1]) == ARGV[1] then
    return redis.call('DEL', KEYS[1])
end
return 0
