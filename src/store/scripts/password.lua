-- Another password. Every device but the one that asks is revoked.
--
-- ARGV  1 prefix of all keys  2 user  3 version of the account  4 hash  5 device that stays
--
-- Answers {'ok'}, {'revoked'}: that device is none of theirs, or {'none'}: the account has changed
-- or is gone.
if not device_is_theirs(ARGV[5]) then
    return { 'revoked' }
end
local version = redis.call('HGET', ACCOUNT, 'version')
if version ~= ARGV[3] then
    return { 'none' }
end
redis.call('ZCARD', DEVICES) -- raises before anything is written when it is of another type
account_write({ hash = ARGV[4], version = account_version(redis_now_ms(), version) })
devices_end(ARGV[5])
return { 'ok' }
