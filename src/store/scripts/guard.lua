-- Put in front of scripts that ask who may read or write in a room: publish.lua, history.lua and
-- others, in front of fence.lua.
--
-- What restricts a room stands in its guard (docs/REDIS.md): flags, a space and the milliseconds
-- of slow mode. 'p' private, 'r' read-only, 'x' there are bans or mutes; '- 0' restricts nobody.
-- The room's config has it for ever; meta has a copy, since everybody who writes reads meta anyway.

-- The guard of a room, into stream.guard; nil there: an ordinary room. When the meta hash has
-- ended its copy has, too: then what the config says, and stream_judge() writes it back.
-- prefix: common part of the room's keys. stream: as stream_judge() has it. copy: of meta.
-- known: the guard that the caller knows, or ''.
--
-- Reads only. Answers nil, an error, or 'wait': the room had a guard and Redis has lost it, so
-- nobody may do anything there until it is back.
local function guard_find(prefix, stream, copy, known)
    if not stream[1] then
        local config = redis.pcall('HMGET', prefix .. ':config', 'guard', 'version')
        if config.err then
            return config
        end
        copy, stream.version = config[1], config[2] or nil
    end
    stream.guard = copy or nil
    if known ~= '' and not copy then
        return 'wait'
    end
end

-- Whether the guard restricts anybody at all.
local function guard_holds(guard)
    return guard and guard ~= '- 0'
end

-- May the user? writes: a message or an edit; false: for what only access and bans count, to read,
-- to react, to delete one's own. now: ms.
--
-- Reads only. Answers nil, 'denied CODE MS' (when it ends; -1: not by itself), or an error.
local function guard_refuses(prefix, guard, user, now, writes)
    local role = redis.pcall('HGET', prefix .. ':acl', user)
    if type(role) == 'table' then
        return role
    elseif role == 'o' or role == 'm' then
        return nil
    end
    local flags = string.match(guard, '^%S*')
    if string.find(flags, 'x', 1, true) then
        local until_ms = redis.pcall('HMGET', prefix .. ':sanctions', 'b:' .. user, 'm:' .. user)
        if until_ms.err then
            return until_ms
        end
        for i, code in ipairs({ 'banned', writes and 'muted' or nil }) do
            local ends = until_ms[i] and tonumber(string.match(until_ms[i], '^%d+'))
            if ends == 0 then
                return 'denied ' .. code .. ' -1'
            elseif ends and ends > now then
                return string.format('denied %s %d', code, ends - now)
            end
        end
    end
    if not role and string.find(flags, 'p', 1, true) then
        return 'denied private_room -1'
    elseif writes and string.find(flags, 'r', 1, true) then
        return 'denied read_only -1'
    elseif writes and string.sub(guard, -2) ~= ' 0' then
        local wait = redis.call('PTTL', prefix .. ':slow:' .. user)
        return wait > 0 and 'denied slow_mode ' .. wait or nil
    end
end

-- The user has written: nobody else than owner and moderators does so again before slow mode lets
-- them. Answers nil or an error.
local function guard_slows(prefix, guard, user)
    local slow = string.match(guard, '%d+$')
    if slow and slow ~= '0' then
        local set = redis.pcall('SET', prefix .. ':slow:' .. user, '1', 'PX', slow)
        return set.err and set or nil
    end
end
