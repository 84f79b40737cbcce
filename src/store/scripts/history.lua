-- A page of a stream: the newest `limit` messages with numbers below `before`. Writes nothing.
--
-- KEYS  1 meta  2 history
-- ARGV  1 before  2 limit
--
-- Answers {epoch, top number, fence, number of the newest message below, 1 when older ones are
-- kept, messages, first number of the epoch, '', 0}, messages newest first. Entry i of the list is
-- number top - i (fence.lua), so a page is a range of the list.
local m = redis.call('HMGET', KEYS[1], 'epoch', 'seq', 'fence', 'first')
local top = tonumber(m[2])
if not m[1] or not top then
    return { '', 0, '', 0, 0, {}, 0, '', 0 }
end
local newest = math.min(top, tonumber(ARGV[1]) - 1)
local from = top - newest
local behind = math.min(from + tonumber(ARGV[2]), HISTORY_MESSAGES)
local messages = {}
if behind > from then
    messages = redis.call('LRANGE', KEYS[2], from, behind - 1)
end
local more = math.min(redis.call('LLEN', KEYS[2]), HISTORY_MESSAGES) > behind and 1 or 0
return { m[1], top, m[3] or '', math.max(newest, 0), more, messages, tonumber(m[4]) or 1, '', 0 }
