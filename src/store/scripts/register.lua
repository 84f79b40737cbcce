-- A new account with its first device.
--
-- KEYS  1 registered:FOLD1  2 registered:FOLD2  3 name:USER  4 accounts:ready
--       5 register:addr:ADDRESS
-- ARGV  1 prefix of all keys  2 user  3 FOLD1  4 FOLD2  5 '' or session of a guest who may have
--       the name  6 most accounts of an address (0: no limit)  7 in so many ms
--       8 hash, or '': only asks  9 device  10 label  11 seed  12 life in s
--
-- Answers {'ok', now}, {'taken'}, {'limited', MS}, or {'wait'} as login.lua.
local limit, now = tonumber(ARGV[6]), redis_now_ms()
if redis.call('HEXISTS', KEYS[4], 'by') == 0 then
    return { 'wait' }
end
local wait = window_wait(KEYS[5], limit, ARGV[7])
if wait then
    return { 'limited', wait }
end
local holder = redis.call('GET', KEYS[3])
local theirs = not holder or holder == ARGV[5] or holder == '~' .. ARGV[5]
if not theirs or redis.call('EXISTS', ACCOUNT, KEYS[1], KEYS[2]) > 0 then
    return { 'taken' }
end
if ARGV[8] == '' then
    return { 'ok', digits(now) }
end
-- A device may be left of an account that Redis has lost. It is not of this one.
devices_end('')
local own = PREFIX .. '{user:' .. USER .. '}'
local since = digits((name_since(own, ARGV[5], holder, now)))
redis.call('SET', own .. ':since', since)
redis.call('SET', KEYS[1], USER)
redis.call('SET', KEYS[2], USER)
account_write({
    hash = ARGV[8], fold1 = ARGV[3], fold2 = ARGV[4],
    created = digits(now), version = digits(now), role = '',
    since = since,
})
device_take('', ARGV[9], ARGV[10], ARGV[11], ARGV[12], now)
redis.call('HSET', KEYS[4], 'used', 1)
redis.call('DEL', KEYS[3])
window_count(KEYS[5], limit, ARGV[7])
tell_user('g ')
return { 'ok', digits(now) }
