-- The devices of a user, the one seen last first.
--
-- ARGV  1 prefix of all keys  2 user  3 device that asks
--
-- Answers {'ok', id, label, created, seen, id, …}, times in ms; or {'revoked'}: the one that asks is
-- none of theirs.
if not device_is_theirs(ARGV[3]) then
    return { 'revoked' }
end
local out = { 'ok' }
local seen = redis.call('ZREVRANGE', DEVICES, 0, -1, 'WITHSCORES')
for i = 1, #seen, 2 do
    local device = redis.call('HMGET', device_key(seen[i]), 'user', 'label', 'created')
    if device[1] == USER then
        local n = #out
        out[n + 1], out[n + 2] = seen[i], device[2] or ''
        out[n + 3], out[n + 4] = device[3] or '0', seen[i + 1]
    else
        redis.call('ZREM', DEVICES, seen[i])
    end
end
return out
