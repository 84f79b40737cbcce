-- Put in front of every script about rooms that have an owner. Which keys these are depends on what
-- is in others, so they are named here and not by the caller. Behind clock.lua.
--
--   {room:R}:config     hash  guard, version, owner, access, read_only, slow_ms, topic, topic_by,
--                             created_ms, created_by; `destroyed`: only its name is kept
--   {room:R}:acl        hash  NAME → o, m, w: owner, moderator, member
--   {room:R}:sanctions  hash  b:NAME, m:NAME → 'UNTIL_MS BY KIND REASON', KIND ban, kick or mute
--   {user:NAME}:rooms   hash  room → o, m, w: the same the other way round
local ROLES = { o = 'owner', m = 'moderator', w = 'member' }
local RANKS = { o = 3, m = 2, w = 1 }

local function hash_read(key)
    local all, hash = redis.call('HGETALL', key), {}
    for i = 1, #all, 2 do
        hash[all[i]] = all[i + 1]
    end
    return hash
end

local function hash_write(key, hash)
    local flat = {}
    for field, value in pairs(hash) do
        flat[#flat + 1], flat[#flat + 2] = field, value
        if #flat == 2000 then -- unpack() has its limits
            redis.call('HSET', key, unpack(flat))
            flat = {}
        end
    end
    if #flat > 0 then
        redis.call('HSET', key, unpack(flat))
    end
end

local function room_read(prefix, name)
    local key = prefix .. '{room:' .. name .. '}'
    local room = { prefix = prefix, name = name, key = key, config = hash_read(key .. ':config') }
    room.exists = room.config.version and not room.config.destroyed
    room.acl, room.sanctions = hash_read(key .. ':acl'), hash_read(key .. ':sanctions')
    return room
end

-- 0: for ever. nil: it has ended.
local function sanction_until(text, now)
    local till = text and tonumber(string.match(text, '^%d+'))
    return till and (till == 0 or till > now) and till or nil
end

local function room_guard(room)
    local config = room.config
    local flags = (config.access == 'private' and 'p' or '')
        .. (config.read_only == '1' and 'r' or '') .. (next(room.sanctions) and 'x' or '')
    return (flags == '' and '-' or flags) .. ' ' .. config.slow_ms
end

-- Versions rise, whatever the clock does, over the room's end and its next beginning.
local function room_version(room, now)
    local numbers = redis.call('HGET', room.key .. ':meta', 'version')
    return digits(math.max(now, (tonumber(room.config.version) or 0) + 1,
        (tonumber(numbers) or 0) + 1))
end

-- Writes guard and version, where publish.lua finds them too.
local function room_stamp(room, version)
    local config = room.config
    config.guard, config.version = room_guard(room), version
    hash_write(room.key .. ':config', config)
    redis.call('HSET', room.key .. ':meta', 'guard', config.guard, 'version', version)
    if config.guard ~= '- 0' then -- that one is found again in config
        redis.call('PERSIST', room.key .. ':meta')
    end
end

-- The room as a whole, as an archive keeps it: 'NAME VERSION\nJSON', no JSON when it has ended.
local function room_record(room)
    local text = room.name .. ' ' .. room.config.version .. '\n'
    if room.ended then
        return text
    end
    return text .. cjson.encode({
        config = room.config, acl = room.acl, sanctions = room.sanctions,
    })
end

-- Nothing may fail here: what it tells of has been done already.
local function room_archive(prefix, ...)
    redis.pcall('XADD', prefix .. 'archive', 'NOMKSTREAM', 'MAXLEN', '~', ARCHIVE_BACKLOG, '*', ...)
end

-- An entry of the audit log. Answers what an archive keeps of it: 'ID MS\nJSON'.
local function room_audit(room, now, actor, act, who, detail, instance)
    local id = redis.pcall('XADD', room.prefix .. 'audit', 'MAXLEN', '~', AUDIT_KEEP, '*',
        'at', digits(now), 'actor', actor, 'act', act, 'room', room.name, 'who', who,
        'detail', detail, 'instance', instance)
    if type(id) ~= 'string' then -- a key of another type: an archive keeps it all the same
        id = digits(now) .. '-' .. redis.sha1hex(actor .. act .. room.name .. who)
    end
    return id .. ' ' .. digits(now) .. '\n' .. cjson.encode({
        id = id, at = now, actor = actor, act = act, room = room.name, who = who, detail = detail,
        instance = instance,
    })
end

-- Counts the rooms of somebody, all or those in this role. Fails on a key of another type.
local function rooms_of(prefix, name, role)
    local count = 0
    for _, theirs in ipairs(redis.call('HVALS', prefix .. '{user:' .. name .. '}:rooms')) do
        count = count + ((not role or theirs == role) and 1 or 0)
    end
    return count
end

local function table_size(t)
    local count = 0
    for _ in pairs(t) do
        count = count + 1
    end
    return count
end

-- May this name be put on the list in this role? nil, or why not.
local function room_refuses(room, name, role)
    if redis.call('EXISTS', room.prefix .. 'account:' .. name) == 0 then
        return 'account_needed'
    end
    local full = not room.acl[name] and (table_size(room.acl) >= ROOM_MEMBERS
        or rooms_of(room.prefix, name) >= MEMBERSHIPS)
    local owns = role == 'o' and rooms_of(room.prefix, name, 'o') >= ROOMS_PER_ACCOUNT
    return (full or owns) and 'full' or nil
end

-- On the list, in another role, or off it (nil).
local function room_role_set(room, name, role)
    local theirs = room.prefix .. '{user:' .. name .. '}:rooms'
    room.acl[name] = role
    if role then
        redis.call('HSET', room.key .. ':acl', name, role)
        redis.pcall('HSET', theirs, room.name, role)
    else
        redis.call('HDEL', room.key .. ':acl', name)
        redis.pcall('HDEL', theirs, room.name)
    end
end

-- Somebody whose account ends leaves all lists. What they owned goes to the first moderator by
-- name; without one nobody owns it, and only the administrator acts there.
local function rooms_leave(prefix, user, now)
    local rooms = redis.pcall('HKEYS', prefix .. '{user:' .. user .. '}:rooms')
    for _, name in ipairs(rooms.err and {} or rooms) do
        local ok, room = pcall(room_read, prefix, name)
        if ok and room.config.version then
            local heir
            for other, role in pairs(room.acl) do
                if room.config.owner == user and role == 'm' and (not heir or other < heir) then
                    heir = other
                end
            end
            room_role_set(room, user, nil)
            if room.config.owner == user then
                room.config.owner = heir or ''
                if heir then
                    room_role_set(room, heir, 'o')
                end
            end
            room_stamp(room, room_version(room, now))
            room_archive(prefix, '!room', room_record(room), '!audit',
                room_audit(room, now, user, 'unregister', heir or '', '', ''))
        end
    end
    redis.call('DEL', prefix .. '{user:' .. user .. '}:rooms')
end

-- ---- as JSON ----

local function json_names(names, value)
    local parts = {}
    for name in pairs(names) do
        parts[#parts + 1] = name
    end
    table.sort(parts)
    for i, name in ipairs(parts) do
        parts[i] = '"' .. name .. '":"' .. value(names[name]) .. '"'
    end
    return '{' .. table.concat(parts, ',') .. '}'
end

-- What everybody may see who sees the room.
local function room_json(room)
    local config = room.config
    return ',"access":"' .. config.access .. '","read_only":'
        .. (config.read_only == '1' and 'true' or 'false') .. ',"slow_ms":' .. config.slow_ms
        .. ',"topic":' .. cjson.encode(config.topic)
        .. (config.owner ~= '' and ',"owner":"' .. config.owner .. '"' or '')
end

local function room_role_json(room, viewer)
    local role = ROLES[room.acl[viewer]]
    return role and ',"role":"' .. role .. '"' or ''
end

-- Of the viewer, for their `joined`.
local function room_detail(room, viewer, now)
    local till = sanction_until(room.sanctions['m:' .. viewer], now)
    return '{' .. string.sub(room_json(room), 2) .. room_role_json(room, viewer)
        .. (till and ',"muted_until":' .. digits(till) or '') .. '}'
end

-- '1', 'p': it is private, 'b': banned. Owner and moderators are never banned.
local function room_may_read(room, name, now)
    local rank = RANKS[room.acl[name]] or 0
    if rank >= RANKS.m then
        return '1'
    elseif sanction_until(room.sanctions['b:' .. name], now) then
        return 'b'
    end
    return (rank > 0 or room.config.access ~= 'private') and '1' or 'p'
end

-- names: joined by '\n'. {guard, version, the letters, of the first name: how long it is banned in
-- ms, -1 for ever, and its `guard` as JSON; the room}.
local function room_access(room, names, now)
    local may, banned_ms, first = {}, 0, nil
    for name in string.gmatch(names .. '\n', '([^\n]*)\n') do
        may[#may + 1] = room_may_read(room, name, now)
        if not first and may[1] == 'b' then
            local till = sanction_until(room.sanctions['b:' .. name], now)
            banned_ms = till == 0 and -1 or till - now
        end
        first = first or name
    end
    return { room.config.guard, room.config.version, table.concat(may), banned_ms,
        room_detail(room, first, now), room.name }
end
