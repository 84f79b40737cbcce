-- Put in front of act.lua and room.lua, behind clock.lua and fence.lua: one message of a stream,
-- stored as publish.lua stores many. publish.lua runs for every message and has its own, faster way.
--
--   local s = append_open(…)          reads all that storing writes, so that a key of another type
--                                     is an error before anything is written
--   append_repeated(), append_limited()
--   local json, failure = append_store(s, …)
--   append_tell(s, letter, …)
--   return append_answer(s)
--
-- append_limited() and append_store() may write first, and so meet "out of memory" and
-- "read-only": what they answer then is an error. After append_store() nothing can fail.
local APPEND_TRIM_STEP = 20 -- as publish.lua

-- root: prefix of all keys. prefix: the common part of the stream's keys. users: {} for a room; of
-- a conversation the writer and, unless it is the same, the other one. known: epoch, number and
-- fence that the caller knows, as text. fence, candidate, patient: as fence.lua.
--
-- In the answer: [1] epoch, [2] number, as stream_judge() has them; epoch nil: there is none yet;
-- guard: the copy in meta, or nil; length of the list; wait: true: ask again.
local function append_open(root, prefix, users, known, fence, candidate, patient)
    local m = redis.call('HMGET', prefix .. ':meta', 'epoch', 'seq', 'fence', 'renewed', 'guard',
        'kept')
    local seq = m[1] and tonumber(m[2])
    local s = {
        seq and m[1] or nil, seq or 0, m[3],
        root = root, prefix = prefix, meta = prefix .. ':meta', history = prefix .. ':history',
        users = users, renewed = m[4], guard = m[5] or nil,
        kept = tonumber(m[6]), now = redis_now_ms(),
    }
    s.length = redis.call('LLEN', s.history)
    for _, user in ipairs(users) do
        redis.call('ZCARD', root .. '{user:' .. user .. '}:conversations')
    end
    s.settle = stream_judge(s.meta, s.history, s, known[1], known[2], known[3], fence, candidate,
        patient)
    s.wait = s.settle == 'wait'
    return s
end

-- nil, or the answer: 'duplicate EPOCH SEQ TIMESTAMP ID' of the first one. cid '': there is none.
local function append_repeated(s, user, cid)
    local first = cid ~= '' and redis.call('GET', s.prefix .. ':dedupe:' .. user .. ':' .. cid)
    return first and 'duplicate ' .. first or nil
end

-- Counts; nil, or the answer: 'limited MS' or an error.
local function append_limited(s, user)
    if RATE_LIMIT == 0 then
        return nil
    end
    local rate = s.root .. 'rate:' .. user
    local used = redis.pcall('INCR', rate)
    if type(used) == 'table' then
        return used
    elseif used == 1 then
        redis.call('PEXPIRE', rate, RATE_WINDOW_MS)
    elseif used > RATE_LIMIT then
        local wait = redis.call('PTTL', rate)
        if wait < 0 then
            -- A counter that never ends would be a ban for life: give it its window.
            wait = RATE_WINDOW_MS
            redis.call('PEXPIRE', rate, wait)
        end
        return 'limited ' .. wait
    end
end

-- Lives, as publish.lua renews them. It also sees who has an account.
local function append_renew(s)
    local archived = redis.call('EXISTS', s.root .. 'archive') == 1
    local life = s.kept and AWAY_SECONDS or HISTORY_SECONDS
    if s.guard and s.guard ~= '- 0' then
        redis.call('PERSIST', s.meta) -- what restricts a room does not end by itself
    else
        redis.call('EXPIRE', s.meta, archived and math.max(META_SECONDS, life) or life)
    end
    redis.call('EXPIRE', s.history, life)
    for i, user in ipairs(s.users) do
        local conversations = s.root .. '{user:' .. user .. '}:conversations'
        redis.call('ZADD', conversations, math.floor(s.now / 1000), s.users[3 - i] or user)
        redis.call('ZREMRANGEBYRANK', conversations, 0, -1 - CONVERSATIONS_KEPT)
        if redis.call('TTL', conversations) < life then -- another one may live for longer
            redis.call('EXPIRE', conversations, life)
        end
    end
end

-- The JSON is head NUMBER mid TIME tail. id: of the message. Answers the JSON, or nil and an error.
local function append_store(s, head, mid, tail, user, cid, id)
    local failure = s.settle and s.settle()
    if failure then
        return nil, failure
    end
    local seq, timestamp = digits(s[2] + 1), digits(s.now)
    local json = head .. seq .. mid .. timestamp .. tail
    local length = redis.pcall('LPUSH', s.history, json)
    if type(length) == 'table' then
        return nil, length
    end
    local renewal = string.sub(timestamp, 1, -6) -- of every 100 s
    redis.call('HSET', s.meta, 'seq', seq, 'renewed', renewal)
    local most = s.kept or HISTORY_MESSAGES
    if length >= most + APPEND_TRIM_STEP then
        redis.call('LTRIM', s.history, 0, most - 1)
    end
    if length == 1 or s.renewed ~= renewal then
        append_renew(s)
    end
    s[2], s.answer = s[2] + 1, s[1] .. ' ' .. seq .. ' ' .. timestamp
    if cid ~= '' then
        redis.call('SET', s.prefix .. ':dedupe:' .. user .. ':' .. cid, s.answer .. ' ' .. id, 'EX',
            DEDUPE_SECONDS)
    end
    return json
end

-- To all who listen, and to archives. letter: the payload. Further pairs, of records ('!kind',
-- 'NAME VERSION\nJSON'), go into the same entry of the archive's stream.
local function append_tell(s, letter, ...)
    if #s.users == 0 then
        redis.call('PUBLISH', s.prefix, letter)
    end
    for _, user in ipairs(s.users) do
        redis.call('PUBLISH', s.root .. 'user:' .. user, letter)
    end
    redis.pcall('XADD', s.root .. 'archive', 'NOMKSTREAM', 'MAXLEN', '~', ARCHIVE_BACKLOG, '*',
        s.prefix, letter, ...)
end

local function append_answer(s)
    return 'ok ' .. s.answer
end
