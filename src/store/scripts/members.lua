-- Who stands on a room's list, by name.
--
-- ARGV  1 prefix of all keys  2 room  3 viewer  4 '1': the administrator  5 behind this name
--       6 limit
--
-- Answers {'ok', JSON, name behind which the next page begins or ''}, or {'denied', CODE, -1}.
local room = room_read(ARGV[1], ARGV[2])
if not room.exists
    or ARGV[4] ~= '1' and room_may_read(room, ARGV[3], redis_now_ms()) ~= '1' then
    return { 'denied', 'not_found', -1 }
end
local names, page, last, more = {}, {}, '', false
for name in pairs(room.acl) do
    names[#names + 1] = name
end
table.sort(names)
local left = tonumber(ARGV[6])
for _, name in ipairs(names) do
    if name > ARGV[5] and left > 0 then
        page[name], last, left = room.acl[name], name, left - 1
    else
        more = more or name > ARGV[5]
    end
end
return { 'ok', json_names(page, function(role)
    return ROLES[role]
end), more and last or '' }
