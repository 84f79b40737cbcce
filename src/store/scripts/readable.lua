-- The rooms of an account that it may read: those that it has joined, and those on whose list it
-- stands. For a request without a connection, which is in no room.
--
-- ARGV  1 prefix of all keys  2 account  3 device, of its token  4 how many rooms at most
--
-- Answers {names, since} (since.lua; 0: all), or {'denied', 'bad_token', -1}: the device has ended. A room whose rules are lost, or whose
-- keys are of another type, is left out.
local PREFIX, USER = ARGV[1], ARGV[2]
if redis.pcall('HGET', PREFIX .. 'device:' .. ARGV[3], 'user') ~= USER then
    return { 'denied', 'bad_token', -1 }
end

local now, names, seen = redis_now_ms(), {}, {}

local function may_read(room)
    local prefix = PREFIX .. '{room:' .. room .. '}'
    local config = redis.pcall('HGET', prefix .. ':config', 'guard')
    local copy = redis.pcall('HGET', prefix .. ':meta', 'guard')
    if type(config) == 'table' or type(copy) == 'table' then
        return false
    end
    local guard = config or copy
    return not guard_holds(guard)
        or config and guard_refuses(prefix, guard, USER, now, false) == nil
end

for _, key in ipairs({ ':joined', ':rooms' }) do
    local rooms = redis.pcall('HKEYS', PREFIX .. '{user:' .. USER .. '}' .. key)
    for _, room in ipairs(rooms.err and {} or rooms) do
        if not seen[room] and #names < tonumber(ARGV[4]) and may_read(room) then
            seen[room], names[#names + 1] = true, room
        end
    end
end
return { names, digits(tonumber(redis.pcall('GET', PREFIX .. '{user:' .. USER .. '}:since')) or 0) }
