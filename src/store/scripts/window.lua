-- Put in front of login.lua, device.lua and register.lua: counters that end with their window.

-- How long it takes, when this counter has reached its limit (0: it has none); else nil.
local function window_wait(key, limit, window_ms)
    if limit == 0 or (tonumber(redis.call('GET', key)) or 0) < limit then
        return nil
    end
    local wait = redis.call('PTTL', key)
    if wait < 0 then
        -- A counter that never ends would be a ban for life: give it its window.
        redis.call('PEXPIRE', key, window_ms)
        wait = tonumber(window_ms)
    end
    return wait
end

local function window_count(key, limit, window_ms)
    if limit > 0 and redis.call('INCR', key) == 1 then
        redis.call('PEXPIRE', key, window_ms)
    end
end

-- Only what is there: a new counter would have no end.
local function window_take_back(key)
    if (tonumber(redis.call('GET', key)) or 0) > 0 then
        redis.call('DECR', key)
    end
end
