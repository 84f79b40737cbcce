-- What owners, moderators and administrators did, the latest first.
--
-- ARGV  1 prefix of all keys  2 room, or '': all  3 viewer  4 '1': the administrator
--       5 before this id, or ''  6 actor, or '': everybody  7 limit
--
-- Answers {'ok', JSON, id before which the next page begins or ''}, or {'denied', CODE, -1}.
local LOOK, CHUNK = 2000, 200 -- entries in one call: bounds how long Redis is held up
if ARGV[4] ~= '1' then
    local room = room_read(ARGV[1], ARGV[2])
    if not room.exists or room_may_read(room, ARGV[3], redis_now_ms()) ~= '1' then
        return { 'denied', 'not_found', -1 }
    elseif (RANKS[room.acl[ARGV[3]]] or 0) < RANKS.m then
        return { 'denied', 'not_allowed', -1 }
    end
end
local limit, before, looked, parts = tonumber(ARGV[7]), ARGV[5], 0, {}
if before ~= '' and not string.find(before, '^%d+%-%d+$') then
    return { 'denied', 'bad_cursor', -1 }
end

local function entry_json(id, fields)
    local entry = {}
    for i = 1, #fields, 2 do
        entry[fields[i]] = fields[i + 1]
    end
    local wanted = (ARGV[2] == '' or entry.room == ARGV[2])
        and (ARGV[6] == '' or entry.actor == ARGV[6])
    return wanted and '{"id":"' .. id .. '","at":' .. (tonumber(entry.at) and entry.at or 0)
        .. ',"actor":' .. cjson.encode(entry.actor or '') .. ',"act":'
        .. cjson.encode(entry.act or '') .. ',"room":' .. cjson.encode(entry.room or '')
        .. ',"who":' .. cjson.encode(entry.who or '') .. ',"detail":'
        .. cjson.encode(entry.detail or '') .. ',"instance":' .. cjson.encode(entry.instance or '')
        .. '}'
end

while looked < LOOK do
    local entries = redis.pcall('XREVRANGE', ARGV[1] .. 'audit',
        before == '' and '+' or '(' .. before, '-', 'COUNT', CHUNK)
    if entries.err then
        return before == '' and entries or { 'denied', 'bad_cursor', -1 }
    end
    for _, entry in ipairs(entries) do
        if #parts == limit then
            return { 'ok', '[' .. table.concat(parts, ',') .. ']', before }
        end
        parts[#parts + 1] = entry_json(entry[1], entry[2]) or nil
        before = entry[1]
    end
    if #entries < CHUNK then
        before = ''
        break
    end
    looked = looked + CHUNK
end
return { 'ok', '[' .. table.concat(parts, ',') .. ']', before }
