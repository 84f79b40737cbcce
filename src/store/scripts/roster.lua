-- Who is in a room, after ending what has run out.
--
-- KEYS  1 members  2 users  3 marks
-- ARGV  1 channel
--
-- Answers {count, names joined by '\n', marks as marks.lua publishes them without 'k '}; nil for
-- the names of a large room and for the marks where none are told.
local left = lease_sweep(KEYS[1], KEYS[2], redis_now_ms())
local count = lease_announce(ARGV[1], KEYS[2], {}, left)
if count > MEMBERS_LISTED then
    return { count, false, false }
end
local lines = { '' }
if count <= RECEIPTS then
    local all = redis.pcall('HGETALL', KEYS[3])
    for i = 1, #all, 2 do
        if all[i] == '' then
            lines[1] = all[i + 1]
        else
            lines[#lines + 1] = all[i] .. ' ' .. all[i + 1]
        end
    end
end
local names = table.concat(redis.call('HKEYS', KEYS[2]), '\n')
return { count, names, #lines > 1 and table.concat(lines, '\n') }
