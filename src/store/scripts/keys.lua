-- The keys that sign access tokens.
--
-- KEYS  1 accounts:keys
-- ARGV  1 name of a new one  2 the key itself  3 a new one joins after so many ms
--       4 life in ms of one that has a successor
--
-- Answers {now, name, created, key, name, …}, the oldest first.
local now = redis_now_ms()
local all = redis.call('HGETALL', KEYS[1])
local keys = {}
for i = 1, #all, 2 do
    local created, key = string.match(all[i + 1], '^(%d+) (%S+)$')
    if created then
        keys[#keys + 1] = { name = all[i], created = tonumber(created), key = key }
    end
end
local function older(a, b)
    return a.created < b.created or a.created == b.created and a.name < b.name
end
table.sort(keys, older)
if #keys == 0 or now - keys[#keys].created >= tonumber(ARGV[3]) then
    redis.call('HSET', KEYS[1], ARGV[1], digits(now) .. ' ' .. ARGV[2])
    keys[#keys + 1] = { name = ARGV[1], created = now, key = ARGV[2] }
end
local out = { digits(now) }
for i, key in ipairs(keys) do
    if keys[i + 1] and now - keys[i + 1].created > tonumber(ARGV[4]) then
        redis.call('HDEL', KEYS[1], key.name)
    else
        local n = #out
        out[n + 1], out[n + 2], out[n + 3] = key.name, digits(key.created), key.key
    end
end
return out
