-- Which devices are no more? The others are seen now.
--
-- ARGV  1 prefix of all keys, then ids
--
-- Answers their ids.
local SEEN_MS = 60000 -- finer than that, nobody needs to know
local now, gone = redis_now_ms(), {}
for i = 2, #ARGV do
    local id = ARGV[i]
    local user = redis.call('HGET', ARGV[1] .. 'device:' .. id, 'user')
    if not user then
        gone[#gone + 1] = id
    else
        local devices = ARGV[1] .. '{user:' .. user .. '}:devices'
        if now - (tonumber(redis.call('ZSCORE', devices, id)) or 0) > SEEN_MS then
            redis.call('ZADD', devices, digits(now), id)
        end
    end
end
return gone
