-- Users are in a room, or still are: gives each a lease of this instance until now + TTL.
--
-- KEYS  1 members  2 users
-- ARGV  1 channel  2 instance  3 TTL in ms, then user names
local now, ttl = redis_now_ms(), tonumber(ARGV[3])
local left = lease_sweep(KEYS[1], KEYS[2], now)
local joined = {}
local expiry = digits(now + ttl)
for i = 4, #ARGV do
    local user = ARGV[i]
    local added = redis.call('ZADD', KEYS[1], expiry, user .. '|' .. ARGV[2])
    if added == 1 and redis.call('HINCRBY', KEYS[2], user, 1) == 1 then
        if left[user] then
            left[user] = nil -- the lease ran out and is renewed in the same moment: nobody moved
        else
            joined[user] = true
        end
    end
end
-- Keys outlive their last lease a little: whoever comes next announces who left. When nobody
-- comes, nobody is there to be told. Only ever later: another instance may have a longer TTL.
if redis.call('PTTL', KEYS[1]) < 2 * ttl then
    redis.call('PEXPIRE', KEYS[1], 2 * ttl)
    redis.call('PEXPIRE', KEYS[2], 2 * ttl)
end
return lease_announce(ARGV[1], KEYS[2], joined, left)
