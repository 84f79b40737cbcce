-- What a user's conversations are, and what a device has of them. Asked once, behind the welcome.
--
-- ARGV  1 prefix of all keys  2 user  3 device, '' for a guest  4 life of a device's cursors in s
--
-- Answers {conversations, mentions, rooms}:
--   conversations  for each that is kept, the one written last first: the other one, epoch, top
--                  number, received, own read marker, the other one's, delivered, unread
--   mentions       epoch, top number, received, read marker
--   rooms          room, own read marker there, room, … of those that the account has joined
--
-- Cursors: a hash, the other one → 'EPOCH SEQ', '!mentions' → the same, '!since' → when it was made
-- (ms). One that is not there yet is of a new device, which starts behind the read markers. What
-- is not in it then is newer than the device, and starts at its first message.
--
-- A device that returns asks for all its conversations at once, and many return together: so there
-- are two commands for each, no more functions and texts than needed, and a third command only
-- where a marker may say more. docs/RATIONALE.md
local PREFIX, USER, DEVICE = ARGV[1], ARGV[2], ARGV[3]
local OWN = PREFIX .. '{user:' .. USER .. '}'
local try, find, sub, byte = redis.pcall, string.find, string.sub, string.byte

-- Names stand in a key sorted by bytes; Lua would sort them as the locale has it.
local function is_before(one, other)
    for i = 1, math.min(#one, #other) do
        local a, b = byte(one, i), byte(other, i)
        if a ~= b then
            return a < b
        end
    end
    return #one < #other
end

local function pairs_of(key)
    local flat, out = try('HGETALL', key), {}
    for i = 1, flat.err and 0 or #flat, 2 do
        out[flat[i]] = flat[i + 1]
    end
    return out
end

-- Markers above the top are of an earlier life of the stream, whose numbers started again.
local function marker(text, top)
    local seq = text and tonumber(text) or 0
    return seq <= top and seq or 0
end

local cursor_key = OWN .. ':cursor:' .. DEVICE
local cursors = {}
if DEVICE ~= '' then
    redis.call('HLEN', cursor_key) -- of another type: an error
    cursors = pairs_of(cursor_key)
end
local is_new = DEVICE ~= '' and not cursors['!since']
local made = { '!since', digits(redis_now_ms()) }

-- Where a device stands in a stream; a new one: behind the read marker, which is written down.
-- Numbers go on over epochs, so all below the first one of this epoch is what it was.
local function received(name, epoch, first, top, read)
    if is_new then
        made[#made + 1], made[#made + 2] = name, epoch .. ' ' .. digits(read)
        return read
    end
    local cursor = cursors[name]
    local space = cursor and find(cursor, ' ', 1, true)
    if not space then
        return 0
    end
    local seq = tonumber(sub(cursor, space + 1)) or 0
    if sub(cursor, 1, space - 1) ~= epoch then
        seq = math.min(seq, (tonumber(first) or 1) - 1)
    end
    return math.min(seq, top)
end

local unread = pairs_of(OWN .. ':unread')
local since = try('GET', OWN .. ':since')
since = type(since) == 'string' and tonumber(since) or 0

-- Whether the latest message is of who had this name before (since.lua).
local function is_old(stream)
    local latest = try('LINDEX', stream .. 'history', 0)
    local time = type(latest) == 'string' and entry_time(latest)
    return time and time < since
end

local conversations, n = {}, 0
local mine_first, theirs_first = PREFIX .. '{dm:' .. USER .. '|', PREFIX .. '{dm:'
local mine_last = '|' .. USER .. '}:'
for _, other in ipairs(redis.call('ZREVRANGE', OWN .. ':conversations', 0, -1)) do
    local stream = is_before(USER, other) and mine_first .. other .. '}:'
        or theirs_first .. other .. mine_last
    local meta = try('HMGET', stream .. 'meta', 'epoch', 'seq', 'first')
    local top = not meta.err and meta[1] and tonumber(meta[2])
    if top and not is_old(stream) then
        local reads = try('HMGET', stream .. 'read', USER, other)
        local read, seen = marker(reads[1], top), marker(reads[2], top)
        local delivered = seen -- who has read it, has it
        if seen < top then
            local found = try('HGET', stream .. 'delivered', other)
            delivered = math.max(seen, type(found) == 'string' and marker(found, top) or 0)
        end
        local has = DEVICE ~= '' and received(other, meta[1], meta[3], top, read) or 0
        local count = unread[other] and math.min(tonumber(unread[other]) or 0, top - read) or 0
        conversations[n + 1], conversations[n + 2], conversations[n + 3] = other, meta[1], top
        conversations[n + 4], conversations[n + 5], conversations[n + 6] = has, read, seen
        conversations[n + 7], conversations[n + 8] = delivered, count
        n = n + 8
    end
end

local mentions = { '', 0, 0, 0 }
local rooms = {}
if DEVICE ~= '' then
    local box = try('HMGET', OWN .. ':box', 'epoch', 'seq', 'first', 'read')
    local top = not box.err and box[1] and tonumber(box[2])
    if top then
        local read = marker(box[4], top)
        mentions = { box[1], top, received('!mentions', box[1], box[3], top, read), read }
    end
    for room in pairs(pairs_of(OWN .. ':joined')) do
        local stream = PREFIX .. '{room:' .. room .. '}:'
        local read, top = try('HGET', stream .. 'read', USER), try('HGET', stream .. 'meta', 'seq')
        rooms[#rooms + 1] = room
        rooms[#rooms + 1] = type(read) == 'string' and type(top) == 'string'
            and marker(read, tonumber(top) or 0) or 0
    end
    -- Last, and the first write: it meets "out of memory" and "read-only".
    if is_new then
        redis.call('HSET', cursor_key, unpack(made))
    end
    redis.call('EXPIRE', cursor_key, ARGV[4])
end
return { conversations, mentions, rooms }
