-- An account ends, and all that belongs to it but what was written.
--
-- ARGV  1 prefix of all keys  2 user  3 version of the account  4 device that asks
--
-- Answers as password.lua.
if not device_is_theirs(ARGV[4]) then
    return { 'revoked' }
end
local account = redis.call('HMGET', ACCOUNT, 'version', 'fold1', 'fold2')
if account[1] ~= ARGV[3] then
    return { 'none' }
end
local now = redis_now_ms()
rooms_leave(PREFIX, USER, now)
devices_end('')
redis.call('DEL', ACCOUNT, DEVICES)
account_end_away(now)
for i = 2, 3 do
    local key = PREFIX .. 'registered:' .. (account[i] or '')
    if redis.call('GET', key) == USER then
        redis.call('DEL', key)
    end
end
account_archive(account_version(now, account[1]), '')
return { 'ok' }
