-- Messages: dedupe, guard, rate limit, number, history, PUBLISH, archive, in one atomic step.
--
-- They come in groups; those of a group belong to one stream and follow each other. A private group
-- has one writer, who comes first in what is told of its users.
--
-- ARGV  1 fence  2 candidate epoch  3 patient
--       for each group: its shape, 16 × messages + 8 when they mention somebody + 2 × channels + 1
--       when they have a cid; head and tail of the JSON. A room has no channels: its channel is its
--       keys' common part. A private group has one for each user
--       for a room: known epoch, known seq, known fence, known guard
--       for each channel of a private group: the channel, the name of the other user
--       for each message: mid; when it has a cid, a tail of its own and its id; who is mentioned,
--       joined by '\n'. The JSON is head SEQ mid TIMESTAMP tail, and mid begins with
--       ,"id":"ID","user":"NAME"
-- KEYS  1 the archive's stream
--       for each group: meta, history
--       for each channel of a private group: the conversations of the user whose channel it is;
--       when there are two, what is unread of the second user, who is the one written to
--       for each message: rate:USER when there is a limit, dedupe:USER:CID when it has a cid
--
-- Answers for each group 'ok EPOCH SEQ TIMESTAMP' with the number of its first message when all
-- are stored, else a list: 'ok EPOCH SEQ TIMESTAMP', 'duplicate EPOCH SEQ TIMESTAMP ID' of the
-- first one, 'denied CODE MS' (guard.lua), 'limited MS', 'wait' (fence.lua, guard.lua), or an error
-- for each message.
--
-- An error of Redis must leave nothing half done. What is not written first is read first, since a
-- key of another type is an error; the first write (the counter of the rate limit, slow mode's key,
-- the epoch or LPUSH) meets "out of memory" and "read-only". After that nothing can fail. try() stands where
-- something may: one bad key concerns its own messages alone.
--
-- This runs for every message, and Lua costs more than the commands do. So there are no functions
-- but the fence's and rarely() (each call of the script makes all of them anew), texts become numbers only
-- where they must, and what a single message needs makes no table. docs/RATIONALE.md
local TRIM_STEP = 20 -- a list need not be cut with every message: who reads it takes the newest

local call, try, format, KEYS, ARGV = redis.call, redis.pcall, string.format, KEYS, ARGV
local time = call('TIME')
local now_s, timestamp = time[1], format('%s%03d', time[1], time[2] / 1000)
-- Keys that live for a day need not be told so with every message: the first one in 100 s, which
-- is what the last two digits count.
local renewal = string.sub(now_s, 1, -3)
local after = ' ' .. timestamp
local key, arg = 1, 3 -- the last ones that were taken
local out, groups = {}, 0
local guard_find, guard_holds, guard_refuses, guard_slows, mention_tell -- rarely.lua
local entry, pairs_of_entry = {}, 0 -- of the archive: common part of a stream's keys, payload …

while arg < #ARGV do
    -- What holds for the group.
    local meta, history = KEYS[key + 1], KEYS[key + 2]
    local shape, head, tail = tonumber(ARGV[arg + 1]), ARGV[arg + 2], ARGV[arg + 3]
    local has_cid, channels = shape % 2 == 1, (shape % 8 - shape % 2) / 2
    local count, has_mentions = (shape - shape % 16) / 16, shape % 16 >= 8
    key, arg = key + 2, arg + 3
    -- Nobody follows a private conversation: nothing is known, none is waited for.
    local known_epoch, known_seq, known_fence, known_guard, patient = '', nil, '', '', '0'
    local first_conversation, first_channel = key + 1, arg + 1
    if channels == 0 then
        known_epoch, known_seq, known_fence = ARGV[arg + 1], ARGV[arg + 2], ARGV[arg + 3]
        known_guard, patient = ARGV[arg + 4], ARGV[3]
        arg = arg + 4
    else
        key, arg = key + (channels == 2 and 3 or 1), arg + 2 * channels
    end

    -- What is there. failure: why nothing more of this group is stored.
    local prefix = string.sub(meta, 1, -1 - #':meta')
    local stream = channels == 0
        and try('HMGET', meta, 'epoch', 'seq', 'fence', 'renewed', 'guard')
        or try('HMGET', meta, 'epoch', 'seq', 'fence', 'renewed')
    local failure = stream.err and stream
    local seq = stream[1] and tonumber(stream[2])
    stream[1], stream[2] = seq and stream[1], seq or 0
    seq = stream[2]
    local renews, kept = stream[4] ~= renewal, nil -- nil: not known yet
    if renews then -- reads what renewing writes
        local size = try('LLEN', history)
        for i = 0, channels - 1 do
            failure = failure or type(size) == 'table' and size
            size = try('ZCARD', KEYS[first_conversation + i])
        end
        failure = failure or type(size) == 'table' and size
        -- What is private waits for the devices of those who have an account.
        local root = string.sub(KEYS[1], 1, -1 - #'archive')
        kept = false
        for i = 0, channels - 1 do
            kept = kept or call('EXISTS', root .. 'account:' .. ARGV[first_channel + 2 * i + 1]) == 1
        end
        kept = kept and AWAY_MESSAGES
    end
    local settle, guard -- guard: only one that restricts somebody
    if not failure and channels == 0 and (stream[5] or not stream[1] or known_guard ~= '') then
        if not guard_find then
            guard_find, guard_holds, guard_refuses, guard_slows, mention_tell = rarely()
        end
        settle = guard_find(prefix, stream, stream[5], known_guard)
        failure = settle and settle ~= 'wait' and settle
        guard = guard_holds(stream.guard) and stream.guard
    end
    settle = not failure and (settle or stream_judge(meta, history, stream, known_epoch, known_seq,
        known_fence, ARGV[1], ARGV[2], patient))

    -- Which messages are to be stored?
    local list, stored, first = {}, 0, format('%d', seq + 1)
    local answers, again          -- by place, of the others: what; a cid that this group has twice
    local cids, ids               -- which of the list has this dedupe key; by number in the list
    if has_cid then
        cids, ids = {}, {}
    end
    local mentions = has_mentions and {} -- by number in the list: names; -number: mid
    for place = 1, count do
        local mid, own_tail, answer = ARGV[arg + 1], tail, failure
        local rate, dedupe, id, user
        arg = arg + 1
        if RATE_LIMIT > 0 then
            key = key + 1
            rate = KEYS[key]
        end
        if has_cid then
            key = key + 1
            dedupe, own_tail, id = KEYS[key], ARGV[arg + 1], ARGV[arg + 2]
            arg = arg + 2
            if cids[dedupe] then
                again = again or {}
                again[place], answer = cids[dedupe], true
            elseif not answer then
                answer = try('GET', dedupe)
                if type(answer) == 'string' then
                    answer = 'duplicate ' .. answer
                end
            end
        end
        if mentions then
            arg = arg + 1
        end
        if not answer and settle == 'wait' then
            answer = settle
        end
        if guard and not answer then
            user = string.match(mid, '"user":"([^"]*)"') or ''
            answer = guard_refuses(prefix, guard, user, tonumber(timestamp), true)
        end
        if not answer and rate then
            local used = try('INCR', rate)
            if type(used) == 'table' then
                answer = used
            elseif used == 1 then
                call('PEXPIRE', rate, RATE_WINDOW_MS)
            elseif used > RATE_LIMIT then
                local wait = call('PTTL', rate)
                if wait < 0 then
                    -- A counter that never ends would be a ban for life: give it its window.
                    wait = RATE_WINDOW_MS
                    call('PEXPIRE', rate, wait)
                end
                answer = 'limited ' .. wait
            end
        end
        if guard and not answer then
            answer = guard_slows(prefix, guard, user)
        end
        if not answer and settle then
            failure, settle = settle(), nil
            answer = failure
        end
        if answer then
            answers = answers or {}
            answers[place] = answer
        else
            stored = stored + 1
            list[stored] = head .. (stored == 1 and first or format('%d', seq + stored)) .. mid
                .. timestamp .. own_tail
            if has_cid then
                cids[dedupe], ids[stored] = stored, id
            end
            if mentions then
                mentions[stored], mentions[-stored] = ARGV[arg], mid
            end
        end
    end

    -- They are stored.
    local length = stored > 0 and not failure and try('LPUSH', history, unpack(list))
    if type(length) == 'table' then
        failure = length
    elseif length then
        local top = stored == 1 and first or format('%d', seq + stored)
        if renews then
            call('HSET', meta, 'seq', top, 'renewed', renewal)
        else
            call('HSET', meta, 'seq', top)
        end
        local renewed = renews or length == stored
        if length >= HISTORY_MESSAGES + TRIM_STEP and length % TRIM_STEP < stored or renewed then
            if kept == nil then
                kept = channels > 0 and call('HGET', meta, 'kept')
            end
            if length >= (kept or HISTORY_MESSAGES) + TRIM_STEP then
                call('LTRIM', history, 0, (kept or HISTORY_MESSAGES) - 1)
            end
        end
        if channels == 2 then -- a key of another type concerns only who is told the number
            local unread = KEYS[first_conversation + 2]
            local number = try('HINCRBY', unread, ARGV[first_channel + 3], stored)
            if renews or number == stored then
                call('EXPIRE', unread, AWAY_SECONDS)
            end
        end
        if renewed then
            local life = kept and AWAY_SECONDS or HISTORY_SECONDS
            -- The meta hash never ends before the list, so that a list never outlives its
            -- numbers. With an archive they go on for longer: its pages are found by them.
            local longer = call('EXISTS', KEYS[1]) == 1 and math.max(META_SECONDS, life) or life
            if guard then -- what restricts a room does not end by itself
                call('PERSIST', meta)
            else
                call('EXPIRE', meta, longer)
            end
            call('EXPIRE', history, life)
            if kept then
                call('HSET', meta, 'kept', kept)
                call('EXPIRE', prefix .. ':read', longer)
                call('EXPIRE', prefix .. ':delivered', longer)
            elseif channels > 0 then
                call('HDEL', meta, 'kept')
            end
            for i = 0, channels - 1 do
                local conversations = KEYS[first_conversation + i]
                call('ZADD', conversations, now_s, ARGV[first_channel + 2 * i + 1])
                call('ZREMRANGEBYRANK', conversations, 0, -1 - CONVERSATIONS_KEPT)
                if call('TTL', conversations) < life then -- another one may live for longer
                    call('EXPIRE', conversations, life)
                end
            end
        end
        if has_cid then
            for dedupe, i in pairs(cids) do
                call('SET', dedupe, stream[1] .. ' ' .. format('%d', seq + i) .. after .. ' '
                    .. ids[i], 'EX', DEDUPE_SECONDS)
            end
        end
        local payload = 'm ' .. stream[1] .. ' ' .. first .. '\n'
            .. (stored == 1 and list[1] or table.concat(list, '\n'))
        if channels == 0 then
            call('PUBLISH', prefix, payload)
        end
        for i = 0, channels - 1 do
            call('PUBLISH', ARGV[first_channel + 2 * i], payload)
        end
        if mentions and not mention_tell then
            guard_find, guard_holds, guard_refuses, guard_slows, mention_tell = rarely()
        end
        for i = 1, mentions and stored or 0 do
            mention_tell(string.sub(KEYS[1], 1, -1 - #'archive'), prefix, guard, mentions[i],
                mentions[-i], stream[1], format('%d', seq + i), timestamp, ARGV[1], ARGV[2])
        end
        entry[pairs_of_entry + 1], entry[pairs_of_entry + 2] = prefix, payload
        pairs_of_entry = pairs_of_entry + 2
    end

    -- The answer.
    groups = groups + 1
    if not answers and not failure then
        out[groups] = 'ok ' .. stream[1] .. ' ' .. first .. after
    else
        answers = answers or {}
        local n = 0
        for place = 1, count do
            local twin = again and again[place]
            if failure and (twin or not answers[place]) then
                answers[place] = failure
            elseif twin then
                answers[place] = 'duplicate ' .. stream[1] .. ' ' .. format('%d', seq + twin)
                    .. after .. ' ' .. ids[twin]
            elseif not answers[place] then
                n = n + 1
                answers[place] = 'ok ' .. stream[1] .. ' ' .. format('%d', seq + n) .. after
            end
        end
        out[groups] = answers
    end
end

-- The whole call is one entry of the archive's stream, when there is one: the first archive makes
-- it. A key of another type is no error here. The bound is looked at in one call of ten.
if pairs_of_entry > 0 and string.sub(time[2], -1) == '0' then
    try('XADD', KEYS[1], 'NOMKSTREAM', 'MAXLEN', '~', ARCHIVE_BACKLOG, '*', unpack(entry))
elseif pairs_of_entry > 0 then
    try('XADD', KEYS[1], 'NOMKSTREAM', '*', unpack(entry))
end
return out
