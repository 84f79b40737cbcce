-- One message: dedupe, rate limit, number, history, PUBLISH, in one atomic step.
--
-- KEYS  1 meta  2 history  3 rate:USER  4 dedupe:USER:CID
--       private: 5 conversations of the writer  6 of the other one (absent when the same)
-- ARGV  1 fence  2 candidate epoch  3 known epoch  4 known seq  5 known fence  6 patient
--       7 message id  8 rate limit (0: none)  9 window in ms  10 '1' when there is a cid
--       11 head  12 mid  13 tail of the JSON: head SEQ mid TIMESTAMP tail
--       14 channel       private: 15 the other one's name
--       16, 17 likewise for the other one
--
-- Answers 'ok EPOCH SEQ ID TIMESTAMP', 'duplicate …' with the first one's, 'limited MS', or
-- 'wait' (fence.lua).
--
-- An error of Redis must leave nothing half done. All that can fail is read first (a key of
-- another type raises here), and the counter of the rate limit is the first write: it meets
-- "out of memory" and "read-only" before a number is given out. After that nothing can fail.
local meta, history, rate, dedupe = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local has_cid = ARGV[10] == '1'

if has_cid then
    local first = redis.call('GET', dedupe)
    if first then
        return 'duplicate ' .. first
    end
end
local stream = stream_read(meta)
local length = redis.call('LLEN', history)
for i = 5, #KEYS do
    redis.call('ZCARD', KEYS[i])
end

local known = { epoch = ARGV[3], seq = tonumber(ARGV[4]), fence = ARGV[5] }
if stream_must_wait(stream, known, ARGV[1], ARGV[6]) then
    return 'wait'
end

local limit = tonumber(ARGV[8])
if limit > 0 then
    local count = redis.call('INCR', rate)
    if count == 1 then
        redis.call('PEXPIRE', rate, ARGV[9])
    elseif count > limit then
        local wait = redis.call('PTTL', rate)
        if wait < 0 then
            -- A counter that never ends would be a ban for life: give it its window.
            redis.call('PEXPIRE', rate, ARGV[9])
            wait = ARGV[9]
        end
        return 'limited ' .. wait
    end
end

stream_settle(meta, history, stream, known, ARGV[1], ARGV[2])

local timestamp = digits(redis_now_ms())
local seq = digits(stream.seq + 1)
redis.call('HSET', meta, 'seq', seq)
local json = ARGV[11] .. seq .. ARGV[12] .. timestamp .. ARGV[13]

-- The meta hash never ends before the list, so that a list never outlives its numbers.
redis.call('LPUSH', history, json)
if length >= HISTORY_MESSAGES then
    redis.call('LTRIM', history, 0, HISTORY_MESSAGES - 1)
end
redis.call('EXPIRE', meta, HISTORY_SECONDS)
redis.call('EXPIRE', history, HISTORY_SECONDS)

local answer = stream.epoch .. ' ' .. seq .. ' ' .. ARGV[7] .. ' ' .. timestamp
if has_cid then
    redis.call('SET', dedupe, answer, 'EX', DEDUPE_SECONDS)
end

local payload = 'm ' .. stream.epoch .. ' ' .. seq .. '\n' .. json
for i = 14, #ARGV, 2 do
    local conversations = KEYS[5 + (i - 14) / 2]
    if conversations then
        redis.call('ZADD', conversations, seq, ARGV[i + 1])
        redis.call('ZREMRANGEBYRANK', conversations, 0, -1 - CONVERSATIONS_KEPT)
        redis.call('EXPIRE', conversations, HISTORY_SECONDS)
    end
    redis.call('PUBLISH', ARGV[i], payload)
end
return 'ok ' .. answer
