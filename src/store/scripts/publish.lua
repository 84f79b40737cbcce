-- Messages: dedupe, rate limit, number, history, PUBLISH, in one atomic step.
--
-- KEYS, for each message: meta, history; rate:USER when there is a limit; dedupe:USER:CID when
--       there is a cid; private: conversations of the writer and of the other one (absent when
--       they are the same)
-- ARGV  1 fence  2 candidate epoch  3 rate limit (0: none)  4 window in ms
--       and for each message:
--       1 known epoch  2 known seq  3 known fence  4 patient  5 message id
--       6 '1' when there is a cid  7 head  8 mid  9 tail of the JSON: head SEQ mid TIMESTAMP tail
--       10 how many of the following pairs there are; none: a room, whose channel is its keys'
--       common part. Private: a user's channel, the name of the other one
--
-- Answers one text for each message: 'ok EPOCH SEQ ID TIMESTAMP', 'duplicate …' with the first
-- one's, 'limited MS', or 'wait' (fence.lua); or an error.
--
-- An error of Redis must leave nothing half done. All that can fail is read first (a key of
-- another type raises here), and the counter of the rate limit is the first write: it meets
-- "out of memory" and "read-only" before a number is given out. After that nothing can fail.
local RENEW_SECONDS = 60 -- keys that live for a day need not be told so with every message

local now_ms = redis_now_ms()
local timestamp, now_s = digits(now_ms), math.floor(now_ms / 1000)
local fence, candidate, limit, window = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
local key, arg = 0, 4 -- the last ones that were taken

local function next_key()
    key = key + 1
    return KEYS[key]
end

-- Milliseconds until the window ends when the user has used it up; else counts and returns nil.
local function limited(rate)
    local count = redis.call('INCR', rate)
    if count == 1 then
        redis.call('PEXPIRE', rate, window)
    elseif count > limit then
        local wait = redis.call('PTTL', rate)
        if wait < 0 then
            -- A counter that never ends would be a ban for life: give it its window.
            redis.call('PEXPIRE', rate, window)
            wait = window
        end
        return wait
    end
end

-- The meta hash never ends before the list, so that a list never outlives its numbers.
local function renew(meta, history, sides, first_side, first_pair)
    redis.call('EXPIRE', meta, HISTORY_SECONDS)
    redis.call('EXPIRE', history, HISTORY_SECONDS)
    for i = 0, sides - 1 do
        local conversations = KEYS[first_side + i]
        redis.call('ZADD', conversations, now_s, ARGV[first_pair + 2 * i + 1])
        redis.call('ZREMRANGEBYRANK', conversations, 0, -1 - CONVERSATIONS_KEPT)
        redis.call('EXPIRE', conversations, HISTORY_SECONDS)
    end
end

local function publish(a)
    local sides = tonumber(ARGV[a + 10])
    local first_pair = a + 11
    arg = a + 10 + 2 * sides
    local meta, history = next_key(), next_key()
    local rate = limit > 0 and next_key()
    local dedupe = ARGV[a + 6] == '1' and next_key()
    local first_side = key + 1
    key = key + sides

    if dedupe then
        local first = redis.call('GET', dedupe)
        if first then
            return 'duplicate ' .. first
        end
    end
    local stream = stream_read(meta)
    local renews = now_s - stream.renewed >= RENEW_SECONDS
    redis.call('LLEN', history)
    for i = 0, renews and sides - 1 or -1 do
        redis.call('ZCARD', KEYS[first_side + i])
    end

    local known = { epoch = ARGV[a + 1], seq = tonumber(ARGV[a + 2]), fence = ARGV[a + 3] }
    if stream_must_wait(stream, known, fence, ARGV[a + 4]) then
        return 'wait'
    end
    local wait = rate and limited(rate)
    if wait then
        return 'limited ' .. wait
    end
    stream_settle(meta, history, stream, known, fence, candidate)

    local seq = digits(stream.seq + 1)
    local json = ARGV[a + 7] .. seq .. ARGV[a + 8] .. timestamp .. ARGV[a + 9]
    if renews then
        redis.call('HSET', meta, 'seq', seq, 'renewed', now_s)
    else
        redis.call('HSET', meta, 'seq', seq)
    end
    local length = redis.call('LPUSH', history, json)
    if length > HISTORY_MESSAGES then
        redis.call('LTRIM', history, 0, HISTORY_MESSAGES - 1)
    end
    if renews or length == 1 then
        renew(meta, history, sides, first_side, first_pair)
    end
    local answer = stream.epoch .. ' ' .. seq .. ' ' .. ARGV[a + 5] .. ' ' .. timestamp
    if dedupe then
        redis.call('SET', dedupe, answer, 'EX', DEDUPE_SECONDS)
    end

    local payload = 'm ' .. stream.epoch .. ' ' .. seq .. '\n' .. json
    if sides == 0 then
        redis.call('PUBLISH', string.sub(meta, 1, -1 - #':meta'), payload)
    end
    for i = 0, sides - 1 do
        redis.call('PUBLISH', ARGV[first_pair + 2 * i], payload)
    end
    return 'ok ' .. answer
end

-- What Redis answered within pcall(): a table since 7.0, before that a text that says where.
local function error_text(raised)
    if type(raised) == 'table' then
        return raised.err
    end
    return string.match(raised, ': %-(.*)') or raised
end

local answers = {}
while arg < #ARGV do
    local well, answer = pcall(publish, arg)
    answers[#answers + 1] = well and answer or { err = error_text(answer) }
end
return answers
