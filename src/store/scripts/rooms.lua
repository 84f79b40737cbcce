-- Rooms that have an owner, by name.
--
-- ARGV  1 prefix of all keys  2 viewer  3 '1': the administrator  4 behind this name  5 limit
--
-- Answers {'ok', JSON, name behind which the next page begins or ''}.
local LOOK = 500 -- rooms in one call: bounds how long Redis is held up
local names = redis.call('ZRANGEBYLEX', ARGV[1] .. 'rooms', ARGV[4] == '' and '-' or '(' .. ARGV[4],
    '+', 'LIMIT', 0, LOOK + 1)
local parts, last = {}, ''
for i, name in ipairs(names) do
    if i > LOOK or #parts == tonumber(ARGV[5]) then
        return { 'ok', '[' .. table.concat(parts, ',') .. ']', last }
    end
    local key = ARGV[1] .. '{room:' .. name .. '}'
    local config = hash_read(key .. ':config')
    local theirs = ARGV[3] == '1'
        or not config.destroyed
            and (config.access == 'public' or redis.call('HEXISTS', key .. ':acl', ARGV[2]) == 1)
    if config.version and theirs then
        parts[#parts + 1] = '{"room":"' .. name .. '"' .. room_json({ config = config })
            .. ',"members":' .. redis.call('HLEN', key .. ':acl') .. ',"count":'
            .. redis.call('HLEN', key .. ':users')
            .. (config.destroyed and ',"destroyed":true' or '') .. '}'
    end
    last = name
end
return { 'ok', '[' .. table.concat(parts, ',') .. ']', '' }
