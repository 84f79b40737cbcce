-- Put in front of publish.lua and act.lua, behind guard.lua and fence.lua: somebody is mentioned.
--
-- The mentions of a person are a stream like any other: a hash, {user:NAME}:box, with epoch and
-- number as fence.lua has them, and a list, {user:NAME}:mentions. An entry says where the message
-- is, never what it says, so it need not change when the message does.

-- Does a list of mentions hold one in the message with this id?
local function mention_told(list, id)
    for _, entry in ipairs(redis.call('LRANGE', list, 0, -1)) do
        if string.find(entry, '"id":"' .. id .. '"', 1, true) then
            return true
        end
    end
end

-- root: prefix of all keys. prefix: common part of the room's keys. guard: of the room, nil when it
-- restricts nobody. names: joined by '\n'. mid: of the message's JSON. epoch, seq, timestamp: of
-- the message, as texts. once: not whom the message mentioned before it was edited.
--
-- For each who has an account and may read the room, but not for the writer. The message is
-- written, so Redis writes; a key of another type costs its owner the mention, and nobody else.
local function mention_tell(root, prefix, guard, names, mid, epoch, seq, timestamp, fence, candidate,
    once)
    local id, user = string.match(mid, '"id":"([^"]*)","user":"([^"]*)"')
    local room = string.match(prefix, '{room:(.*)}$')
    if not id or not room then
        return -- no message of ours
    end
    -- A box may use the candidate while nobody hears of it, who would make another one.
    candidate = candidate .. string.format('%x', timestamp)
    for name in string.gmatch(names, '[^\n]+') do
        local box_key = root .. '{user:' .. name .. '}:box'
        local list = root .. '{user:' .. name .. '}:mentions'
        local box, length = redis.pcall('HMGET', box_key, 'epoch', 'seq', 'fence'), nil
        if name ~= user and not box.err and redis.call('EXISTS', root .. 'account:' .. name) == 1
            and not (guard and guard_refuses(prefix, guard, name, tonumber(timestamp), false)) then
            length = redis.pcall('LLEN', list)
        end
        if type(length) == 'number' and not (once and mention_told(list, id)) then
            local top = box[1] and tonumber(box[2])
            box[1], box[2] = top and box[1], top or 0
            local settle = stream_judge(box_key, list, box, '', nil, '', fence, candidate, '0')
            if settle then
                settle()
            end
            local number = string.format('%d', box[2] + 1)
            local json = '{"type":"mention","seq":' .. number .. ',"epoch":"' .. box[1]
                .. '","room":"' .. room .. '","message":' .. seq .. ',"message_epoch":"' .. epoch
                .. '","id":"' .. id .. '","user":"' .. user .. '","timestamp":' .. timestamp .. '}'
            redis.call('LPUSH', list, json)
            redis.call('LTRIM', list, 0, MENTIONS_KEPT - 1)
            redis.call('HSET', box_key, 'seq', number, 'kept', MENTIONS_KEPT)
            redis.call('EXPIRE', box_key, AWAY_SECONDS)
            redis.call('EXPIRE', list, AWAY_SECONDS)
            redis.call('PUBLISH', root .. 'user:' .. name, 'n ' .. box[1] .. ' ' .. number .. '\n'
                .. json)
        end
    end
end
