-- A page of a stream: the newest `limit` messages with numbers below N, or the oldest ones above
-- it. Writes nothing.
--
-- KEYS  1 meta  2 history  3 of a conversation {user:ASKER}:since: a guest sees what is not older
-- ARGV  1 'before' or 'after'  2 N  3 limit
--       4 who asks, when it is a room: '' nobody in particular, '*' somebody who may read all
--
-- Answers {epoch, top number, fence, number of the newest message below, 1 when there are more that
-- way, messages, first number of the epoch, '', 0}, messages newest first. Entry i of the list is
-- number top - i (fence.lua), so a page is a range of the list. Or 'denied CODE MS' (guard.lua).
local m = redis.call('HMGET', KEYS[1], 'epoch', 'seq', 'fence', 'first', 'kept', 'guard')
local top = tonumber(m[2])
if not m[1] or not top then
    return { '', 0, '', 0, 0, {}, 0, '', 0 }
end
if guard_holds(m[6]) and ARGV[4] ~= '*' then
    local refused = guard_refuses(string.sub(KEYS[1], 1, -1 - #':meta'), m[6], ARGV[4],
        redis_now_ms(), false)
    if refused then
        return refused
    end
end
local limit = tonumber(ARGV[3])
local oldest = top + 1
    - math.min(redis.call('LLEN', KEYS[2]), tonumber(m[5]) or HISTORY_MESSAGES)
local since = KEYS[3] and tonumber(redis.call('GET', KEYS[3]) or nil)
if since then -- halves until it has found the first one
    local behind = top + 1
    while oldest < behind do
        local middle = math.floor((oldest + behind) / 2)
        local time = entry_time(redis.call('LINDEX', KEYS[2], top - middle))
        if time and time < since then
            oldest = middle + 1
        else
            behind = middle
        end
    end
end
local from, to, more -- numbers
if ARGV[1] == 'after' then
    from = math.max(tonumber(ARGV[2]) + 1, oldest)
    to = math.min(from + limit - 1, top)
    more = to < top
else
    to = math.min(tonumber(ARGV[2]) - 1, top)
    from = math.max(to - limit + 1, oldest)
    more = from > oldest
end
local messages = {}
if from <= to then
    messages = redis.call('LRANGE', KEYS[2], top - to, top - from)
end
return { m[1], top, m[3] or '', math.max(to, 0), more and 1 or 0, messages, tonumber(m[4]) or 1, '',
    0 }
