-- Ends devices of a user.
--
-- ARGV  1 prefix of all keys  2 user  3 device, or '': all  4 device that asks
--
-- Answers {'ok', how many}, or {'revoked'}: the one that asks is none of theirs.
if not device_is_theirs(ARGV[4]) then
    return { 'revoked' }
end
if ARGV[3] == '' then
    return { 'ok', digits(devices_end('')) }
end
if not device_is_theirs(ARGV[3]) then
    return { 'ok', '0' }
end
device_end(ARGV[3])
tell_user('d ' .. ARGV[3])
return { 'ok', '1' }
