-- Who may read a room.
--
-- ARGV  1 prefix of all keys  2 room  3 guard that the caller knows, or ''  4 names, joined by '\n'
--
-- Answers as room_access(), '' as the guard of an ordinary room; {'wait'}: the rules are lost.
local room, now = room_read(ARGV[1], ARGV[2]), redis_now_ms()
local config = room.config
if not config.version then
    local left = redis.call('HGET', room.key .. ':meta', 'guard') or ''
    if left ~= '- 0' and (left ~= '' or ARGV[3] ~= '') then
        return { 'wait' }
    end
    local _, more = string.gsub(ARGV[4], '\n', '')
    return { '', '0', string.rep('1', more + 1), 0, '', ARGV[2] }
end
return room_access(room, ARGV[4], now)
