-- Who is in a room, after ending what has run out.
--
-- KEYS  1 members  2 users
-- ARGV  1 channel
--
-- Answers {count, names joined by '\n'}; nil for the names of a large room.
local left = lease_sweep(KEYS[1], KEYS[2], redis_now_ms())
local count = lease_announce(ARGV[1], KEYS[2], {}, left)
if count > MEMBERS_LISTED then
    return { count, false }
end
return { count, table.concat(redis.call('HKEYS', KEYS[2]), '\n') }
