-- Messages: dedupe, rate limit, number, history, PUBLISH, in one atomic step.
--
-- They come in groups; those of a group belong to one stream and follow each other.
--
-- ARGV  1 fence  2 candidate epoch  3 patient  4 rate limit (0: none)  5 window in ms
--       for each group: number of its channels (0: a room, whose channel is its keys' common
--       part; private: one for each user), '1' when its messages have a cid, head and tail of the
--       JSON, number of its messages
--       for a room: known epoch, known seq, known fence
--       for each channel of a private group: the channel, the name of the other user
--       for each message: mid and, when it has a cid, a tail of its own and its id. The JSON is
--       head SEQ mid TIMESTAMP tail
-- KEYS  for each group: meta, history
--       for each channel of a private group: the conversations of the user whose channel it is
--       for each message: rate:USER when there is a limit, dedupe:USER:CID when it has a cid
--
-- Answers for each group 'ok EPOCH SEQ TIMESTAMP' with the number of its first message when all
-- are stored, else a list: 'ok EPOCH SEQ TIMESTAMP', 'duplicate EPOCH SEQ TIMESTAMP ID' of the
-- first one, 'limited MS', 'wait' (fence.lua), or an error for each message.
--
-- An error of Redis must leave nothing half done. What is not written first is read first, since a
-- key of another type raises; the first write (the counter of the rate limit, the epoch or LPUSH)
-- meets "out of memory" and "read-only". After that nothing can fail.
--
-- What belongs to the group at hand is in locals of the script rather than in a table: garbage
-- costs Redis more than the commands do.
local RENEW_SECONDS = 60 -- keys that live for a day need not be told so with every message
local TRIM_STEP = 20 -- nor need a list be cut with every message: who reads it takes the newest

local UNKNOWN = { epoch = '', seq = 0, fence = '' }

local now_ms = redis_now_ms()
local timestamp, now_s = digits(now_ms), math.floor(now_ms / 1000)
local fence, candidate, limit, window = ARGV[1], ARGV[2], tonumber(ARGV[4]), ARGV[5]
local key, arg = 0, 5 -- the last ones that were taken

local meta, history, stream, settled, renews
local known, patient -- nobody follows a private conversation: nothing is known, none is waited for
local channels, first_conversation, first_channel
local has_cid, head, tail, count
local list, written -- JSON that waits to be written; how many are
local cids          -- of what waits: {dedupe key, id}
local answers       -- by place, to messages that are not stored
local failure       -- why nothing more of this group is

-- What Redis answered within pcall(): a table since 7.0, before that a text that says where.
local function error_of(raised)
    if type(raised) == 'table' then
        return { err = raised.err }
    end
    return { err = string.match(raised, ': %-(.*)') or raised }
end

local function take_group()
    meta, history = KEYS[key + 1], KEYS[key + 2]
    channels, has_cid = tonumber(ARGV[arg + 1]), ARGV[arg + 2] == '1'
    head, tail, count = ARGV[arg + 3], ARGV[arg + 4], tonumber(ARGV[arg + 5])
    key, arg = key + 2, arg + 5
    if channels == 0 then
        patient = ARGV[3]
        known = { epoch = ARGV[arg + 1], seq = tonumber(ARGV[arg + 2]), fence = ARGV[arg + 3] }
        arg = arg + 3
    else
        known, patient = UNKNOWN, '0'
        first_conversation, first_channel = key + 1, arg + 1
        key, arg = key + channels, arg + 2 * channels
    end
    list, written, cids, answers, failure, settled = {}, 0, {}, nil, nil, false
end

-- Reads only.
local function open_group()
    stream = stream_read(meta)
    renews = now_s - stream.renewed >= RENEW_SECONDS
    if renews then
        redis.call('LLEN', history)
        for i = 0, channels - 1 do
            redis.call('ZCARD', KEYS[first_conversation + i])
        end
    end
end

-- The meta hash never ends before the list, so that a list never outlives its numbers.
local function renew()
    redis.call('EXPIRE', meta, HISTORY_SECONDS)
    redis.call('EXPIRE', history, HISTORY_SECONDS)
    for i = 0, channels - 1 do
        local conversations = KEYS[first_conversation + i]
        redis.call('ZADD', conversations, now_s, ARGV[first_channel + 2 * i + 1])
        redis.call('ZREMRANGEBYRANK', conversations, 0, -1 - CONVERSATIONS_KEPT)
        redis.call('EXPIRE', conversations, HISTORY_SECONDS)
    end
end

local function write_list()
    local before, top = stream.seq, digits(stream.seq + #list)
    local length = redis.call('LPUSH', history, unpack(list))
    if renews then
        redis.call('HSET', meta, 'seq', top, 'renewed', now_s)
    else
        redis.call('HSET', meta, 'seq', top)
    end
    if length >= HISTORY_MESSAGES + TRIM_STEP then
        redis.call('LTRIM', history, 0, HISTORY_MESSAGES - 1)
    end
    if renews or length == #list then
        renew()
    end
    for i, cid in ipairs(cids) do
        redis.call('SET', cid[1],
            stream.epoch .. ' ' .. digits(before + i) .. ' ' .. timestamp .. ' ' .. cid[2],
            'EX', DEDUPE_SECONDS)
    end
    stream.seq = before + #list

    local payload = 'm ' .. stream.epoch .. ' ' .. digits(before + 1) .. '\n'
        .. table.concat(list, '\n')
    if channels == 0 then
        redis.call('PUBLISH', string.sub(meta, 1, -1 - #':meta'), payload)
    end
    for i = 0, channels - 1 do
        redis.call('PUBLISH', ARGV[first_channel + 2 * i], payload)
    end
end

local function store()
    if #list == 0 or failure then
        return
    end
    local well, raised = pcall(write_list)
    if not well then
        failure = error_of(raised)
        return
    end
    written = written + #list
    list, cids, renews = {}, {}, false
end

-- An answer when the message came before.
local function repeated(dedupe)
    for _, cid in ipairs(cids) do
        if cid[1] == dedupe then
            store()
            break
        end
    end
    local first = redis.call('GET', dedupe)
    return first and 'duplicate ' .. first
end

-- An answer when the user has used the window up; else counts.
local function limited(rate)
    local used = redis.call('INCR', rate)
    if used == 1 then
        redis.call('PEXPIRE', rate, window)
    elseif used > limit then
        local wait = redis.call('PTTL', rate)
        if wait < 0 then
            -- A counter that never ends would be a ban for life: give it its window.
            redis.call('PEXPIRE', rate, window)
            wait = window
        end
        return 'limited ' .. wait
    end
end

-- An answer when the message is not to be stored.
local function refused(rate, dedupe)
    local answer = dedupe and repeated(dedupe)
        or not settled and stream_must_wait(stream, known, fence, patient) and 'wait'
        or rate and limited(rate)
    if not answer and not settled then
        stream_settle(meta, history, stream, known, fence, candidate)
        settled = true
    end
    return answer
end

local function refuse(place, answer)
    answers = answers or {}
    answers[place] = answer
end

local function take_message(place)
    local rate, dedupe, id
    local mid, own_tail = ARGV[arg + 1], tail
    arg = arg + 1
    if limit > 0 then
        key = key + 1
        rate = KEYS[key]
    end
    if has_cid then
        key = key + 1
        dedupe, own_tail, id = KEYS[key], ARGV[arg + 1], ARGV[arg + 2]
        arg = arg + 2
    end
    if failure then
        return refuse(place, failure)
    end
    if rate or dedupe or not settled then
        local well, answer = pcall(refused, rate, dedupe)
        if not well or answer then
            return refuse(place, well and answer or error_of(answer))
        end
    end
    local n = #list + 1
    list[n] = head .. digits(stream.seq + n) .. mid .. timestamp .. own_tail
    if dedupe then
        cids[n] = { dedupe, id }
    end
end

local function answer_of_group()
    local stored = stream and stream.seq - written or 0
    if not answers and not failure then
        return 'ok ' .. stream.epoch .. ' ' .. digits(stored + 1) .. ' ' .. timestamp
    end
    local all, last = answers or {}, stream and stream.seq
    for place = 1, count do
        if not all[place] then
            stored = stored + 1
            all[place] = stored <= last
                and 'ok ' .. stream.epoch .. ' ' .. digits(stored) .. ' ' .. timestamp or failure
        end
    end
    return all
end

local out = {}
while arg < #ARGV do
    take_group()
    local opened, raised = pcall(open_group)
    if not opened then
        stream, failure = nil, error_of(raised)
    end
    for place = 1, count do
        take_message(place)
    end
    store()
    out[#out + 1] = answer_of_group()
end
return out
