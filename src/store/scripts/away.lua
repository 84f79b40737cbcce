-- What a user's conversations are, and what a device has of them. Asked once, behind the welcome.
--
-- ARGV  1 prefix of all keys  2 user  3 device, '' for a guest  4 life of a device's cursors in s
--
-- Answers {conversations, mentions, rooms}, numbers as texts:
--   conversations  for each that is kept, the one written last first: the other one, epoch, top
--                  number, received, own read marker, the other one's, delivered, unread
--   mentions       epoch, top number, received, read marker
--   rooms          room, own read marker there, room, … of those that the account has joined
--
-- Cursors: a hash, the other one → 'EPOCH SEQ', '!mentions' → the same, '!since' → when it was made
-- (ms). One that is not there yet is of a new device, which starts behind the read markers. What
-- is not in it then is newer than the device, and starts at its first message.
local PREFIX, USER, DEVICE = ARGV[1], ARGV[2], ARGV[3]
local OWN = PREFIX .. '{user:' .. USER .. '}'

-- Names stand in a key sorted by bytes; Lua would sort them as the locale has it.
local function is_before(one, other)
    for i = 1, math.min(#one, #other) do
        local a, b = string.byte(one, i), string.byte(other, i)
        if a ~= b then
            return a < b
        end
    end
    return #one < #other
end

local function between(other)
    local one, two = USER, other
    if is_before(other, USER) then
        one, two = other, USER
    end
    return PREFIX .. '{dm:' .. one .. '|' .. two .. '}'
end

-- Of several fields of one key, as numbers. A key of another type has none: it concerns nobody else.
local function numbers(key, ...)
    local found = redis.pcall('HMGET', key, ...)
    local out = {}
    for i = 1, select('#', ...) do
        out[i] = not found.err and tonumber(found[i]) or 0
    end
    return out
end

local function pairs_of(key)
    local flat, out = redis.pcall('HGETALL', key), {}
    for i = 1, flat.err and 0 or #flat, 2 do
        out[flat[i]] = flat[i + 1]
    end
    return out
end

-- Markers above the top are of an earlier life of the stream, whose numbers started again.
local function marker(seq, top)
    return seq <= top and seq or 0
end

-- Numbers go on over epochs, so all below the first one of this epoch is what it was.
local function cursor_in(cursor, epoch, first, top)
    local of, seq = string.match(cursor or '', '^(%S*) (%d+)$')
    seq = tonumber(seq) or 0
    return math.min(of == epoch and seq or math.min(seq, first - 1), top)
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
local function received(name, epoch, first, top, read)
    if DEVICE == '' then
        return 0
    elseif is_new then
        made[#made + 1], made[#made + 2] = name, epoch .. ' ' .. digits(read)
        return read
    end
    return cursor_in(cursors[name], epoch, first, top)
end

local unread = pairs_of(OWN .. ':unread')
local conversations, n = {}, 0
for _, other in ipairs(redis.call('ZREVRANGE', OWN .. ':conversations', 0, -1)) do
    local stream = between(other)
    local meta = redis.pcall('HMGET', stream .. ':meta', 'epoch', 'seq', 'first')
    local top = not meta.err and meta[1] and tonumber(meta[2])
    if top then
        local reads = numbers(stream .. ':read', USER, other)
        local read, seen = marker(reads[1], top), marker(reads[2], top)
        local delivered = marker(numbers(stream .. ':delivered', other)[1], top)
        conversations[n + 1], conversations[n + 2] = other, meta[1]
        conversations[n + 3] = digits(top)
        conversations[n + 4] = digits(received(other, meta[1], tonumber(meta[3]) or 1, top, read))
        conversations[n + 5], conversations[n + 6] = digits(read), digits(seen)
        conversations[n + 7] = digits(math.max(delivered, seen)) -- who has read it, has it
        conversations[n + 8] = digits(math.min(tonumber(unread[other]) or 0, top - read))
        n = n + 8
    end
end

local mentions = { '', '0', '0', '0' }
local rooms = {}
if DEVICE ~= '' then
    local box = redis.pcall('HMGET', OWN .. ':box', 'epoch', 'seq', 'first', 'read')
    local top = not box.err and box[1] and tonumber(box[2])
    local read = top and marker(tonumber(box[4]) or 0, top) or 0
    if top then
        mentions = { box[1], digits(top),
            digits(received('!mentions', box[1], tonumber(box[3]) or 1, top, read)), digits(read) }
    end
    for room in pairs(pairs_of(OWN .. ':joined')) do
        local stream = PREFIX .. '{room:' .. room .. '}'
        local seen = numbers(stream .. ':read', USER)[1]
        rooms[#rooms + 1] = room
        rooms[#rooms + 1] = digits(marker(seen, numbers(stream .. ':meta', 'seq')[1]))
    end
    -- Last, and the first write: it meets "out of memory" and "read-only".
    if is_new then
        redis.call('HSET', cursor_key, unpack(made))
    end
    redis.call('EXPIRE', cursor_key, ARGV[4])
end
return { conversations, mentions, rooms }
