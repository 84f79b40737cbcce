-- The password was right: a device of the account, and the attempt does not count.
--
-- KEYS  1 login:pair:ADDRESS|FOLD1  2 login:addr:ADDRESS  3 login:name:FOLD1
-- ARGV  1 prefix of all keys  2 user  3 version of the account  4 '' or the device's old id
--       5 id of a new one  6 label  7 seed  8 life in s  9 '' or the password hashed anew
--
-- Answers {'ok', ID, now}, or {'none'}: the account has changed or is gone.
local version = redis.call('HGET', ACCOUNT, 'version')
if version ~= ARGV[3] then
    return { 'none' }
end
local now = redis_now_ms()
local id = device_take(ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8], now)
if ARGV[9] ~= '' then
    account_write({ hash = ARGV[9], version = account_version(now, version) })
end
redis.call('DEL', KEYS[1])
window_take_back(KEYS[2])
window_take_back(KEYS[3])
return { 'ok', id, digits(now) }
