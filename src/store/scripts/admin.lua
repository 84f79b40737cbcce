-- May somebody at this address show the administrator's token? One that is wrong counts as a login
-- that failed.
--
-- KEYS  1 login:addr:ADDRESS
-- ARGV  1 '1': it was wrong  2 window in ms  3 limit (0: none)
--
-- Answers {'ok'} or {'limited', MS}.
local limit = tonumber(ARGV[3])
local wait = window_wait(KEYS[1], limit, ARGV[2])
if wait then
    return { 'limited', wait }
end
if ARGV[1] == '1' then
    window_count(KEYS[1], limit, ARGV[2])
end
return { 'ok' }
