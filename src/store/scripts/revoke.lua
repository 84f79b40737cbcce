-- Ends devices of a user.
--
-- ARGV  1 prefix of all keys  2 user  3 device, or '': all  4 '' or the one that stays
--
-- Answers how many.
if ARGV[3] == '' then
    return devices_end(ARGV[4])
end
if not device_is_theirs(ARGV[3]) then
    return 0
end
device_end(ARGV[3])
tell_user('d ' .. ARGV[3])
return 1
