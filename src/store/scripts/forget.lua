-- What somebody wrote into a list becomes empty, under another name; its number stays.
--
-- KEYS  1 history
-- ARGV  1 name  2 the name instead  3 time of the last message that is meant
--
-- Answers how many. The JSON is that of event_message_pieces() (src/wire/event.c), so the first
-- `"user":` is the author's and the last `,"timestamp":` the message's own: in a text the quotes
-- would be escaped. What is left is what the archive leaves.
local NAME = '"user":"' .. ARGV[1] .. '"'
local count, changes = 0, 0

-- The message without the name among those whom it mentions; nil: it does not mention them.
local function unmentioned(json)
    local from, to, names = string.find(json, ',"mentions":%[([^%]]*)%]')
    local kept, found = {}, false
    for name in string.gmatch(names or '', '"[^"]*"') do
        if name == '"' .. ARGV[1] .. '"' then
            found = true
        else
            kept[#kept + 1] = name
        end
    end
    return found and string.sub(json, 1, from - 1) .. ',"mentions":[' .. table.concat(kept, ',')
        .. ']' .. string.sub(json, to + 1) or nil
end

for i, json in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do
    local from, to = string.find(json, '"user":"', 1, true)
    local head = from and string.find(json, NAME, from, true) == from and string.sub(json, 1, to)
    local _, content = string.find(json, '"content":', 1, true)
    local timestamp = string.match(json, '.*,"timestamp":(%d+)')
    local meant = timestamp and tonumber(timestamp) <= tonumber(ARGV[3])
    local other = meant and unmentioned(json)
    if head and content and meant then
        -- of a reaction the emoji goes, too: it stands before the content
        local emoji = string.find(json, ',"emoji":"', 1, true)
        local middle = emoji and emoji < content
            and string.sub(json, from + #NAME - 1, emoji - 1) .. ',"content":'
            or string.sub(json, from + #NAME - 1, content)
        redis.call('LSET', KEYS[1], i - 1, head .. ARGV[2] .. middle .. '"","timestamp":'
            .. timestamp .. ',"deleted":true}')
        count = count + 1
    elseif other then
        redis.call('LSET', KEYS[1], i - 1, other)
        changes = changes + 1
    end
end
if count + changes > 0 and string.find(KEYS[1], '{room:', 1, true) then
    redis.call('PUBLISH', string.sub(KEYS[1], 1, -1 - #':history'), 'r ')
end
return count
