-- Put in front of every script that needs the time. All instances agree on one clock: that of
-- Redis.
local function redis_now_ms()
    local time = redis.call('TIME')
    return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Numbers as text: Lua's own way turns to 1e+14 after 14 digits.
local function digits(number)
    return string.format('%d', number)
end
