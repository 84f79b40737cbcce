-- Put in front of presence.lua, leave.lua and roster.lua: who is in a room.
--
--   members  sorted set  `USER|INSTANCE` → end of the lease, in Redis milliseconds
--   users    hash        USER → number of instances that hold a lease
--
-- A lease belongs to an instance, not to a connection: each instance knows its own connections,
-- and Redis needs only one entry for somebody with five tabs. Both keys change together and end
-- together.

local SWEEP_MOST = 256 -- leases ended in one call: bounds how long Redis is held up

-- One lease less for the user; true when it was the last one.
local function lease_drop(users, user)
    if redis.call('HINCRBY', users, user, -1) > 0 then
        return false
    end
    redis.call('HDEL', users, user)
    return true
end

-- Ends the leases that have run out. Whoever sweeps announces, and a lease can be removed only
-- once, so each leave is announced by exactly one instance. Returns the set of users who left.
local function lease_sweep(members, users, now)
    if redis.call('EXISTS', members, users) == 1 then
        redis.call('DEL', members, users) -- one without the other was evicted: start again
    end
    local left = {}
    local ended = redis.call('ZRANGEBYSCORE', members, '-inf', now, 'LIMIT', 0, SWEEP_MOST)
    for _, member in ipairs(ended) do
        redis.call('ZREM', members, member)
        local user = string.match(member, '^[^|]*')
        if lease_drop(users, user) then
            left[user] = true
        end
    end
    return left
end

-- Publishes 'p COUNT', then a line '+NAME' for each join and '-NAME' for each leave; in a large
-- room the count alone. Nothing when nothing changed. Returns the count.
local function lease_announce(channel, users, joined, left)
    local count = redis.call('HLEN', users)
    local lines = {} -- joins first: the reader relies on it
    for user in pairs(joined) do
        lines[#lines + 1] = '+' .. user
    end
    for user in pairs(left) do
        lines[#lines + 1] = '-' .. user
    end
    if #lines > 0 then
        local names = count > MEMBERS_LISTED and '' or table.concat(lines, '\n')
        redis.call('PUBLISH', channel, 'p ' .. count .. '\n' .. names)
    end
    return count
end
