-- Who has what of a room: numbers up to which people have received and read, which only rise.
--
-- KEYS  1 marks  2 meta  3 users
-- ARGV  1 channel  2 epoch, then for each user: name, received, read
--
-- Published is 'k EPOCH', then a line 'NAME RECEIVED READ' for each that rose. Answers how many.
-- The field '' is the epoch: in another one the numbers may be of other messages.
local meta = redis.call('HMGET', KEYS[2], 'epoch', 'seq')
local top = meta[1] == ARGV[2] and tonumber(meta[2])
if not top then
    return 0
end
local same = redis.call('HGET', KEYS[1], '') == ARGV[2]
local risen, lines = { '', ARGV[2] }, { 'k ' .. ARGV[2] }
for i = 3, #ARGV, 3 do
    local user, received, read = ARGV[i], tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
    local known = same and redis.call('HGET', KEYS[1], user) or ''
    local old_received, old_read = string.match(known, '^(%d+) (%d+)$')
    old_received, old_read = tonumber(old_received or 0), tonumber(old_read or 0)
    received = received <= top and math.max(received, old_received) or old_received
    read = read <= top and math.max(read, old_read) or old_read
    if received > old_received or read > old_read then
        local value = digits(received) .. ' ' .. digits(read)
        risen[#risen + 1], risen[#risen + 2] = user, value
        lines[#lines + 1] = user .. ' ' .. value
    end
end
if #lines == 1 then
    return 0
end
if not same then
    redis.call('DEL', KEYS[1])
end
redis.call('HSET', KEYS[1], unpack(risen))
redis.call('EXPIRE', KEYS[1], HISTORY_SECONDS)
if redis.call('HLEN', KEYS[1]) > MARKS_KEPT then -- of people who are gone
    for _, user in ipairs(redis.call('HKEYS', KEYS[1])) do
        if user ~= '' and redis.call('HEXISTS', KEYS[3], user) == 0 then
            redis.call('HDEL', KEYS[1], user)
        end
    end
end
redis.call('PUBLISH', ARGV[1], table.concat(lines, '\n'))
return #lines - 1
