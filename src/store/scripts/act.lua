-- An edit, a deletion or a reaction: a message of the stream with a kind, and the list's entry of
-- the message that it is about changes in the same step. docs/PROTOCOL.md, "Events".
--
-- ARGV  1 fence  2 candidate epoch  3 patient  4–7 what the caller knows of a room: epoch, number,
--       fence, guard
--       8 prefix of all keys  9 common part of the stream's keys
--       10 edit, delete or react  11 user  12 the other one, '' in a room
--       13 'admin', 'guest' or '' for an account
--       14 cid or ''  15 id of the event
--       16 number of the message  17 its id, '' for any
--       18 its author, when an archive has told, else ''  19 its time in ms  20 '1': it is deleted
--       21 how long a message may be edited, in ms  22 edit: the new text as JSON
--       23 head  24 mid  25 content  26 tail: the event is
--       head NUMBER mid ,"target_id":"ID" content TIME tail
--       27 instance  28 who is mentioned in the new text of a room's message, joined by '\n'
--
-- Answers 'ok EPOCH SEQ TIMESTAMP', and in a second line the deleted message as the list had it when
-- that may link files, 'duplicate EPOCH SEQ TIMESTAMP ID', 'limited MS', 'wait',
-- 'denied CODE MS', 'elsewhere' when the list does not hold the message and 18 is '', or an error.
local KIND, USER, OTHER, ROLE = ARGV[10], ARGV[11], ARGV[12], ARGV[13]
local CID, TARGET = ARGV[14], tonumber(ARGV[16])
local ID, OLD_AUTHOR = ARGV[17], ARGV[18]

local function denied(code)
    return 'denied ' .. code .. ' -1'
end

local users = OTHER == '' and {} or OTHER == USER and { USER } or { USER, OTHER }
local s = append_open(ARGV[8], ARGV[9], users, { ARGV[4], ARGV[5], ARGV[6], ARGV[7] }, ARGV[1],
    ARGV[2], ARGV[3])

-- What is known of the message: {id, user, time, edited, entry when the list holds it}; or nil and
-- why it is of no use.
local function look()
    local place = s[2] - TARGET
    local entry = s[1] and place >= 0 and place < s.length
        and redis.call('LINDEX', s.history, place)
    if not entry then
        if s[1] and place < 0 or ARGV[20] == '1' then
            return nil, denied('not_found')
        elseif OLD_AUTHOR == '' then
            return nil, 'elsewhere'
        end
        return { id = ID, user = OLD_AUTHOR, time = tonumber(ARGV[19]), edited = true }
    end
    local message = {
        id = entry_id(entry), user = entry_author(entry), time = entry_time(entry),
        edited = entry_has(entry, 'edited'), entry = entry,
    }
    if not message.id or not message.user or not message.time or entry_has(entry, 'kind')
        or entry_has(entry, 'deleted') or ID ~= '' and ID ~= message.id then
        return nil, denied('not_found')
    end
    return message
end

-- May moderators of this room take somebody's message away?
local function moderates(author)
    if OTHER ~= '' or not s.guard then
        return false
    end
    local role = redis.call('HMGET', s.prefix .. ':acl', USER, author)
    return role[1] == 'o' or role[1] == 'm' and role[2] ~= 'o' and role[2] ~= 'm'
end

-- Why this user may not do it; nil: they may.
local function refused(message)
    if KIND == 'react' or KIND == 'delete' and ROLE == 'admin' then
        return nil
    elseif message.user ~= USER then
        return not (KIND == 'delete' and moderates(message.user)) and denied('not_allowed') or nil
    end
    if KIND == 'edit' and s.now - message.time >= tonumber(ARGV[21]) then
        return denied('too_old')
    end
    if ROLE == 'guest' then
        -- The name may have been somebody else's an hour ago.
        local since = redis.call('GET', s.root .. '{user:' .. USER .. '}:since')
        return since and message.time < tonumber(since) and denied('not_allowed') or nil
    end
end

-- A deleted message that its receiver has not read: how many unread ones there are with it, or nil.
local function unread(message)
    if KIND ~= 'delete' or OTHER == '' or OTHER == USER then
        return nil
    end
    local count = tonumber(redis.call('HGET', s.root .. '{user:' .. OTHER .. '}:unread', USER))
    local read = tonumber(redis.call('HGET', s.prefix .. ':read', OTHER)) or 0
    if not count or count < 1 or TARGET <= read and read <= s[2] then
        return nil
    end
    return count
end

-- The event is entry 0 of the list now.
local function rewrite(message)
    local place, seq = s[2] - TARGET, s[2]
    local length = redis.call('LLEN', s.history)
    if message.entry and place < length then
        local entry = KIND == 'edit' and entry_rewrite(message.entry, ARGV[22], 'edited', seq)
            or entry_rewrite(message.entry, '""', 'deleted', seq)
        redis.call('LSET', s.history, place, entry)
    end
    if not message.edited then
        return
    end
    -- Edits before this one have the texts that it replaces.
    local about = ',"target_id":"' .. message.id .. '"'
    local newer = redis.call('LRANGE', s.history, 1, message.entry and place - 1 or -1)
    for i, entry in ipairs(newer) do
        if string.find(entry, about, 1, true) and string.find(entry, ',"kind":"edit"', 1, true)
            and not entry_has(entry, 'deleted') then
            redis.call('LSET', s.history, i, entry_rewrite(entry, '""', 'deleted', seq))
        end
    end
end

local again = append_repeated(s, USER, CID)
if again then
    return again
end
local writes = KIND == 'edit'
local why = OTHER == '' and guard_find(s.prefix, s, s.guard, ARGV[7]) or s.wait and 'wait'
local guarded = guard_holds(s.guard) and ROLE ~= 'admin'
why = why or guarded and guard_refuses(s.prefix, s.guard, USER, s.now, writes)
if why then
    return why
end
local message
message, why = look()
why = why or refused(message)
if why then
    return why
end
local count = unread(message)
local limited = ROLE ~= 'admin' and append_limited(s, USER)
if limited then
    return limited
end
local failure = guarded and writes and guard_slows(s.prefix, s.guard, USER)
if failure then
    return failure
end
local event
event, failure = append_store(s, ARGV[23],
    ARGV[24] .. ',"target_id":"' .. message.id .. '"' .. ARGV[25], ARGV[26], USER, CID, ARGV[15])
if not event then
    return failure
end
if KIND ~= 'react' then
    rewrite(message)
end
if count then
    redis.call('HINCRBY', s.root .. '{user:' .. OTHER .. '}:unread', USER, -1)
end
local payload = 'a ' .. s[1] .. ' ' .. digits(s[2]) .. ' ' .. ARGV[16] .. '\n' .. event
if KIND == 'delete' and OTHER == '' and message.user ~= USER then
    local room = { prefix = s.root, name = string.match(s.prefix, '{room:(.*)}$') }
    append_tell(s, payload, '!audit',
        room_audit(room, s.now, USER, 'delete', message.user, ARGV[16], ARGV[27]))
else
    append_tell(s, payload)
end
if ARGV[28] ~= '' then
    mention_tell(s.root, s.prefix, guard_holds(s.guard) and s.guard, ARGV[28],
        '"id":"' .. message.id .. '","user":"' .. USER .. '"', s[1], ARGV[16], digits(s.now),
        ARGV[1], ARGV[2], true)
end
local answer = append_answer(s)
if KIND == 'delete' and message.entry and string.find(message.entry, '/files/', 1, true) then
    answer = answer .. '\n' .. message.entry
end
return answer
