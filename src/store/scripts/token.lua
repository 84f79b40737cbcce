-- A refresh token that is genuine is used: number N of the seed.
--
-- ARGV  1 prefix of all keys  2 user  3 device  4 seed  5 N  6 grace in ms  7 life in s
--
-- Answers {'ok', number of the next one, now}, {'none'}, or {'reuse'}: an older one, so somebody
-- else has it too, and the device was revoked.
local key, used, now = device_key(ARGV[3]), tonumber(ARGV[5]), redis_now_ms()
local device = redis.call('HMGET', key, 'user', 'seed', 'n', 'rotated')
if device[1] ~= USER or device[2] ~= ARGV[4] then
    return { 'none' }
end
local current, rotated = tonumber(device[3]) or 0, tonumber(device[4]) or 0
if used == current - 1 and now - rotated <= tonumber(ARGV[6]) then
    return { 'ok', digits(current), digits(now) }
end
if used < current then
    device_end(ARGV[3])
    tell_user('d ' .. ARGV[3])
    return { 'reuse' }
end
-- A larger one is genuine too: Redis has lost that it gave it out.
redis.call('ZADD', DEVICES, digits(now), ARGV[3])
redis.call('HSET', key, 'n', digits(used + 1), 'rotated', digits(now))
redis.call('EXPIRE', key, ARGV[7])
return { 'ok', digits(used + 1), digits(now) }
