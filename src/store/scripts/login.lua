-- Counts an attempt to log in, and finds the account. What is asked of Redis does not depend on
-- whether there is one.
--
-- KEYS  1 account:NAME  2 registered:FOLD1  3 accounts:ready
--       4 login:pair:ADDRESS|FOLD1  5 login:addr:ADDRESS  6 login:name:FOLD1
-- ARGV  1 prefix of all keys  2 FOLD1  3 window in ms  4 5 6 limits of the keys 4 to 6 (0: none)
--
-- Answers {'ok', NAME, hash, version}, {'none'}, {'limited', MS}, or {'wait'}: Redis came back
-- without accounts, and no archive has brought them yet.
local waits
for i = 4, 6 do
    local wait = window_wait(KEYS[i], tonumber(ARGV[i]), ARGV[3])
    if wait then
        waits = math.max(waits or 0, wait)
    end
end
if waits then
    return { 'limited', waits }
end
local name = string.sub(KEYS[1], #ARGV[1] + #'account:' + 1)
local exact = redis.call('HMGET', KEYS[1], 'hash', 'version')
local other = redis.call('GET', KEYS[2]) or ''
local folded = redis.call('HMGET', ARGV[1] .. 'account:' .. other, 'hash', 'version', 'fold1')
local found
if exact[1] then
    found = { 'ok', name, exact[1], exact[2] }
elseif folded[1] and folded[3] == ARGV[2] then -- it may be found there by its other fold
    found = { 'ok', other, folded[1], folded[2] }
elseif redis.call('HEXISTS', KEYS[3], 'by') == 0 then
    return { 'wait' }
end
for i = 4, 6 do
    window_count(KEYS[i], tonumber(ARGV[i]), ARGV[3])
end
return found or { 'none' }
