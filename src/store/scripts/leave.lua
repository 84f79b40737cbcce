-- A user left the room on this instance; announced when it was the last lease.
--
-- KEYS  1 members  2 users
-- ARGV  1 channel  2 instance  3 user
local left = lease_sweep(KEYS[1], KEYS[2], redis_now_ms())
if redis.call('ZREM', KEYS[1], ARGV[3] .. '|' .. ARGV[2]) == 1 and lease_drop(KEYS[2], ARGV[3]) then
    left[ARGV[3]] = true
end
return lease_announce(ARGV[1], KEYS[2], {}, left)
