-- Rooms, told to archives as if they had just changed.
--
-- ARGV  1 prefix of all keys  2 behind this name  3 how many at most
--
-- Answers the last name, '' when there are no more.
local names = redis.call('ZRANGEBYLEX', ARGV[1] .. 'rooms', ARGV[2] == '' and '-' or '(' .. ARGV[2],
    '+', 'LIMIT', 0, ARGV[3])
for _, name in ipairs(names) do
    local ok, room = pcall(room_read, ARGV[1], name)
    if ok and room.config.version then
        room_archive(ARGV[1], '!room', room_record(room))
    end
end
return #names == tonumber(ARGV[3]) and names[#names] or ''
