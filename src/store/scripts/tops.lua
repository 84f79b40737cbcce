-- What Redis has of some rooms, for an instance to compare with what it has itself: a subscriber
-- that misses the last message of a room hears nothing that would show it.
--
-- KEYS  the meta hashes
--
-- Answers {epoch, top number, epoch, top number …}: '', 0 for a room that Redis does not know;
-- '', -1 for one that cannot be read.
--
-- The rooms have members, so their numbers must not run out, however long nobody writes: a new
-- epoch would tell everybody of a gap that is none. EXPIRE fails on a read-only Redis; no matter.
-- That of a room with a guard does not end at all.
local out = {}
for i, meta in ipairs(KEYS) do
    local m = redis.pcall('HMGET', meta, 'epoch', 'seq')
    if m.err then
        out[2 * i - 1], out[2 * i] = '', -1
    else
        out[2 * i - 1], out[2 * i] = m[1] or '', tonumber(m[2]) or 0
        local left = redis.call('PTTL', meta)
        if left >= 0 and left < HISTORY_SECONDS * 500 then
            redis.pcall('EXPIRE', meta, HISTORY_SECONDS)
        end
    end
end
return out
