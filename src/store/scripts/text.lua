-- Put in front of act.lua: texts of our own messages, as message_rewrite() (src/wire/rewrite.c) has
-- them; what it says about JSON holds here, too. Both write the same, byte for byte.

local function entry_author(entry)
    return string.match(entry, ',"user":"([^"]*)"')
end

local function entry_id(entry)
    return string.match(entry, ',"id":"([^"]*)"')
end

local function entry_time(entry)
    return tonumber(string.match(entry, '","timestamp":(%d+)'))
end

local function entry_has(entry, name)
    return string.find(entry, ',"' .. name .. '":', 1, true) ~= nil
end

-- content: JSON, with its quotes. mark: 'edited' or 'deleted'; seq: number of the event. nil: it is
-- no message of ours.
local function entry_rewrite(entry, content, mark, seq)
    local _, at = string.find(entry, ',"content":', 1, true) -- the opening quote follows
    local till = at and string.find(entry, '","timestamp":', at + 2, true)
    if not till then
        return nil
    end
    local behind = string.gsub(string.sub(entry, till + 1, -2), ',"edited":%d+', '', 1)
    if mark == 'deleted' then
        behind = string.gsub(behind, ',"mentions":%[[^%]]*%]', '', 1)
    end
    return string.sub(entry, 1, at) .. content .. behind .. ',"' .. mark .. '":' .. digits(seq)
        .. '}'
end
