-- An act on a room: rights, limits, guard and version, a numbered event, audit log, archive.
--
-- ARGV  1 prefix of all keys  2 room  3 fence  4 candidate epoch  5 patient
--       6 known epoch  7 known seq  8 known fence  9 known guard
--       10 act  11 actor, '*': the administrator  12 '1': by the administrator
--       13 id of the event  14 cid or ''  15 head  16 mid  17 tail  18 a new invitation's code
--       19 instance  20 … the act's words (include/confab/store/rooms.h)
--
-- Answers {TEXT, end in ms, room as JSON or ''}. TEXT: 'ok EPOCH SEQ TIMESTAMP' of the event ('ok  0
-- 0' when it makes none), 'duplicate EPOCH SEQ TIMESTAMP ID', 'limited MS', 'wait' (fence.lua, or
-- the rules are lost), 'denied CODE MS'.
--
-- An error of Redis must leave nothing half done: what may be of another type is read first, and
-- the first write (counter, epoch, event or invitation) meets "out of memory" and "read-only".
local PREFIX, ROOM, ACT, ACTOR, ADMIN = ARGV[1], ARGV[2], ARGV[10], ARGV[11], ARGV[12] == '1'
local CODE, INSTANCE = ARGV[18], ARGV[19]
local word = { ARGV[20], ARGV[21], ARGV[22], ARGV[23] }
local now = redis_now_ms()
local room = room_read(PREFIX, ROOM)
local config, acl, sanctions = room.config, room.acl, room.sanctions
local META, INVITES = room.key .. ':meta', room.key .. ':invites'
local ROOMS = PREFIX .. 'rooms'

local rank = ADMIN and 4 or RANKS[acl[ACTOR]] or 0
local who = '' -- whom the act is about, for the audit log
local detail = ''
local lines, till = {}, nil

local function seconds_from_now(text)
    return text == '0' and 0 or now + 1000 * tonumber(text)
end

-- Whom moderators act against: not themselves, nobody of their rank or above.
local function refuses_target(name)
    local theirs = RANKS[acl[name]] or 0
    if theirs == RANKS.o then
        return ADMIN and 'last_owner' or 'not_allowed'
    end
    return (name == ACTOR or theirs >= rank) and 'not_allowed' or nil
end

local function sanction_set(kind, letter, seconds, reason)
    reason = reason or ''
    local field = letter .. ':' .. who
    local before = sanction_until(sanctions[field], now)
    till = seconds_from_now(seconds)
    detail = seconds .. (reason == '' and '' or ' ' .. reason)
    if kind == 'kick' and before and (before == 0 or before > till) then
        till = before -- a ban is not made shorter
        return
    end
    sanctions[field] = digits(till) .. ' ' .. ACTOR .. ' ' .. kind .. ' '
        .. reason
end

-- The ended ones go.
for field, text in pairs(sanctions) do
    if not sanction_until(text, now) then
        sanctions[field] = nil
    end
end

-- ---- what each act needs, and does in memory ----
--
-- least: rank. check: nil, or why not; reads only. apply: changes the tables above. write: changes
-- Redis beyond them, behind the event. silent: it makes no event.
local acts = {}

acts.create = {
    least = 0,
    check = function()
        who = word[4] ~= '' and word[4] or ACTOR
        local again = config.destroyed and (ADMIN or config.owner == ACTOR)
        if config.version and not again then
            return room.exists and 'room_exists' or 'private_room'
        elseif not again and redis.call('ZCARD', ROOMS) >= MAX_OWNED_ROOMS then
            return 'full'
        end
        return config.owner ~= who and room_refuses(room, who, 'o') or nil
    end,
    apply = function()
        room.before = acl
        config = {
            owner = who, access = word[1] == 'private' and 'private' or 'public',
            read_only = word[2] == '1' and '1' or '0', slow_ms = '0', topic = word[3],
            topic_by = who, created_ms = digits(now), created_by = ACTOR,
            version = config.version,
        }
        acl, sanctions = { [who] = 'o' }, {}
        room.config, room.acl, room.sanctions = config, acl, sanctions
        detail = config.access
        lines = { config.access == 'private' and '?*' or nil }
    end,
    write = function()
        redis.call('DEL', room.key .. ':config', room.key .. ':acl')
        for name in pairs(room.before) do
            redis.pcall('HDEL', PREFIX .. '{user:' .. name .. '}:rooms', ROOM)
        end
        room_role_set(room, who, 'o')
        redis.call('ZADD', ROOMS, 0, ROOM)
    end,
}
acts.topic = {
    least = 2,
    apply = function()
        config.topic, config.topic_by, detail = word[1], ACTOR, word[1]
    end,
}
acts.access = {
    least = 3,
    apply = function()
        config.access, detail = word[1] == 'private' and 'private' or 'public', word[1]
        lines = { config.access == 'private' and '?*' or nil }
    end,
}
acts.read_only = {
    least = 3,
    apply = function()
        config.read_only, detail = word[1] == '1' and '1' or '0', word[1]
    end,
}
acts.slow = {
    least = 2,
    apply = function()
        config.slow_ms, detail = digits(1000 * tonumber(word[1])), word[1]
    end,
}

-- The devices of this person do not join it again when they come.
local function joined_drop(name)
    redis.pcall('HDEL', PREFIX .. '{user:' .. name .. '}:joined', ROOM)
end

local letters = { owner = 'o', moderator = 'm', member = 'w' }
acts.role = {
    least = 0,
    check = function()
        who, detail = word[1], word[2]
        local role = letters[word[2]]
        if rank < RANKS.o and not (who == ACTOR and rank > 0 and not role) then
            return 'not_allowed' -- but anybody may leave the list
        elseif acl[who] == 'o' then
            return role ~= 'o' and 'last_owner' or nil
        elseif not role then
            return not acl[who] and 'not_found' or nil
        end
        return room_refuses(room, who, role)
    end,
    apply = function()
        lines = { not letters[word[2]] and '?' .. who or nil }
    end,
    write = function()
        local role = letters[word[2]]
        if role == 'o' and config.owner ~= who then
            if acl[config.owner] then
                room_role_set(room, config.owner, 'm')
            end
            config.owner = who
        end
        room_role_set(room, who, role)
        if not role and config.access == 'private' then
            joined_drop(who)
        end
    end,
}

local function target_check()
    who = word[1]
    return refuses_target(who)
end
local function sanction_check(letter)
    return function()
        local refused = target_check()
        local full = not sanctions[letter .. ':' .. who]
            and table_size(sanctions) >= ROOM_SANCTIONS
        return refused or full and 'full' or nil
    end
end
local function leave_the_list()
    joined_drop(who)
    if acl[who] then
        room_role_set(room, who, nil)
    end
end
acts.mute = {
    least = 2,
    check = sanction_check('m'),
    apply = function()
        sanction_set('mute', 'm', word[2], word[3])
    end,
    write = function()
        if acl[who] == 'm' then -- whom sanctions do not touch
            room_role_set(room, who, 'w')
        end
    end,
}
acts.ban = {
    least = 2,
    check = sanction_check('b'),
    apply = function()
        sanction_set('ban', 'b', word[2], word[3])
        lines = { '-' .. who .. ' banned ' .. digits(till) }
    end,
    write = leave_the_list,
}
acts.kick = {
    least = 2,
    check = sanction_check('b'),
    apply = function()
        sanction_set('kick', 'b', digits(KICK_S), word[2])
        lines = { '-' .. who .. ' kicked ' .. digits(till) }
    end,
    write = leave_the_list,
}
local function lifts(letter)
    return {
        least = 2,
        check = function()
            return target_check() or not sanctions[letter .. ':' .. who] and 'not_found' or nil
        end,
        apply = function()
            sanctions[letter .. ':' .. who] = nil
        end,
    }
end
acts.unmute, acts.unban = lifts('m'), lifts('b')

-- What an archive has of a private room is not everybody's with its name: the name stays taken,
-- unless the administrator frees it. Without an archive nothing is left.
acts.destroy = {
    least = 3,
    apply = function()
        local kept = config.access == 'private' and not ADMIN
            and redis.call('EXISTS', PREFIX .. 'archive') == 1
        lines = { '-* destroyed 0' }
        room.ended = not kept
        room.before, acl, sanctions = acl, {}, {}
        room.acl, room.sanctions = acl, sanctions
        config.destroyed, config.read_only, config.slow_ms, config.topic = '1', '0', '0', ''
    end,
    write = function()
        for _, code in ipairs(redis.call('SMEMBERS', INVITES)) do
            redis.call('DEL', PREFIX .. 'invite:' .. code)
        end
        redis.call('DEL', room.key .. ':history', INVITES, room.key .. ':acl', room.key .. ':read',
            room.key .. ':marks')
        for name in pairs(room.before) do
            redis.pcall('HDEL', PREFIX .. '{user:' .. name .. '}:rooms', ROOM)
            joined_drop(name)
        end
        if not room.ended and config.owner ~= '' then
            room_role_set(room, config.owner, 'o')
        end
    end,
}

local function invitation(code)
    local i = redis.pcall('HMGET', PREFIX .. 'invite:' .. code, 'uses', 'until_ms', 'by')
    return i[1] and { code, i[1], i[2], i[3] } or nil
end
local function invitations()
    local open = {}
    for _, code in ipairs(redis.call('SMEMBERS', INVITES)) do
        open[#open + 1] = invitation(code)
    end
    return open
end
acts.invite = {
    least = 2,
    silent = true,
    check = function()
        return #invitations() >= ROOM_INVITATIONS and 'full' or nil
    end,
    write = function()
        local key = PREFIX .. 'invite:' .. CODE
        till, detail = seconds_from_now(word[2]), word[1]
        redis.call('HSET', key, 'room', ROOM, 'by', ACTOR, 'uses', word[1], 'until_ms', digits(till))
        redis.call('PEXPIREAT', key, till)
        for _, code in ipairs(redis.call('SMEMBERS', INVITES)) do
            if not invitation(code) then
                redis.call('SREM', INVITES, code)
            end
        end
        redis.call('SADD', INVITES, CODE)
    end,
    answer = function()
        return '{"type":"room","room":"' .. ROOM .. '","code":"' .. CODE .. '","url":"/#invite='
            .. CODE .. '","uses":' .. word[1] .. ',"until":' .. digits(till) .. '}'
    end,
}
acts.uninvite = {
    least = 2,
    silent = true,
    check = function()
        return redis.call('SISMEMBER', INVITES, word[1]) == 0 and 'not_found' or nil
    end,
    write = function()
        redis.call('SREM', INVITES, word[1])
        redis.call('DEL', PREFIX .. 'invite:' .. word[1])
    end,
}
acts.info = { least = 0, silent = true }

-- ---- the room as the actor may see it ----

local function sanctions_json()
    local parts = {}
    for field, text in pairs(sanctions) do
        local ends, by, kind, reason = string.match(text, '^(%d+) (%S+) (%S+) ?(.*)$')
        if ends and #parts < MEMBERS_LISTED then
            parts[#parts + 1] = '{"user":"' .. string.sub(field, 3) .. '","kind":"' .. kind
                .. '","by":"' .. by .. '","until":' .. ends .. ',"reason":' .. cjson.encode(reason)
                .. '}'
        end
    end
    table.sort(parts)
    return ',"sanctions":[' .. table.concat(parts, ',') .. ']'
end

local function invitations_json()
    local parts = {}
    for n, i in ipairs(invitations()) do
        parts[n] = '{"code":"' .. i[1] .. '","uses":' .. i[2] .. ',"until":' .. i[3] .. ',"by":"'
            .. i[4] .. '"}'
    end
    return ',"invitations":[' .. table.concat(parts, ',') .. ']'
end

local function info_json()
    if config.destroyed or not ADMIN and room_may_read(room, ACTOR, now) ~= '1' then
        return ''
    end
    local count = table_size(acl)
    local moderates = ADMIN or (RANKS[acl[ACTOR]] or 0) >= 2
    return '{"type":"room","room":"' .. ROOM .. '"' .. room_json(room) .. room_role_json(room, ACTOR)
        .. ',"created":' .. config.created_ms .. ',"count":' .. count
        .. (count <= MEMBERS_LISTED and ',"members":' .. json_names(acl, function(role)
            return ROLES[role]
        end) or '') .. (moderates and sanctions_json() .. invitations_json() or '') .. '}'
end

-- ---- may it happen? ----

local function denied(code, ms)
    return { 'denied ' .. code .. ' ' .. (ms or '-1'), 0, '' }
end

local act = acts[ACT]
if not act then
    return denied('not_allowed')
end
local known = { ARGV[6], ARGV[7], ARGV[8] }
local stream = append_open(PREFIX, room.key, {}, known, ARGV[3], ARGV[4], ARGV[5])
local first = not act.silent and append_repeated(stream, ACTOR, ARGV[14])
if first then
    return { first, 0, room.exists and info_json() or '' }
end
local lost = not config.version and stream.guard ~= '- 0' and (stream.guard or ARGV[9] ~= '')
if lost and not (ADMIN and ACT == 'create') or stream.wait and not act.silent then
    return { 'wait', 0, '' }
end
if ACT ~= 'create' and not room.exists and not (config.destroyed and ADMIN and ACT == 'destroy') then
    return denied('not_found')
end
if ACT == 'info' then
    local may = ADMIN and '1' or room_may_read(room, ACTOR, now)
    if may ~= '1' then
        return denied(may == 'p' and 'private_room' or 'banned')
    end
    return { 'ok  0 0', 0, info_json() }
end
if rank < act.least then
    return denied('not_allowed')
end
redis.call('SCARD', INVITES) -- of another type? Better now than in the middle
redis.call('ZCARD', ROOMS)
local refused = act.check and act.check()
if refused then
    return denied(refused)
end

-- ---- it happens ----

local limited = not ADMIN and append_limited(stream, ACTOR)
if limited then
    return { limited, 0, '' }
end
if act.silent then
    act.write()
    room_archive(PREFIX, '!audit', room_audit(room, now, ACTOR, ACT, who, detail, INSTANCE))
    return { 'ok  0 0', till or 0, act.answer and act.answer() or info_json() }
end
act.apply()
local ends = till and ',"until":' .. digits(till) or ''
local event, failure = append_store(stream, ARGV[15], ARGV[16], ends .. ARGV[17], ACTOR, ARGV[14],
    ARGV[13])
if failure then
    return { failure, 0, '' }
end
local version = room_version(room, now)
if act.write then
    act.write()
end
redis.call('DEL', room.key .. ':sanctions')
hash_write(room.key .. ':sanctions', sanctions)
room_stamp(room, version)
local guard = config.guard
if room.ended then
    -- An owner's room no more: '- 0' says that its rules are not lost, but gone.
    guard = ''
    redis.call('DEL', room.key .. ':config')
    redis.call('ZREM', ROOMS, ROOM)
    redis.call('HSET', META, 'guard', '- 0')
    redis.call('EXPIRE', META, redis.call('EXISTS', PREFIX .. 'archive') == 1 and META_SECONDS
        or HISTORY_SECONDS)
end
if config.destroyed then -- with a new epoch, so that nobody goes on with what was there
    redis.call('HSET', META, 'epoch', ARGV[4] .. digits(stream[2]), 'first', digits(stream[2] + 1))
end

local payload = 'c ' .. stream[1] .. ' ' .. digits(stream[2]) .. ' ' .. version .. ' ' .. guard
    .. '\n' .. event
for _, line in ipairs(lines) do
    payload = payload .. '\n' .. line
end
append_tell(stream, payload, '!room', room_record(room), '!audit',
    room_audit(room, now, ACTOR, ACT, who, detail, INSTANCE))
return { append_answer(stream), till or 0, config.destroyed and '' or info_json() }
