-- A device has messages up to some number: its cursors, and what the writers are told. Both only
-- rise. What is of another epoch or above the top is ignored: it may cross with a new epoch.
--
-- KEYS  1 cursors of the device  2 device:ID, then for each stream: meta, delivered
-- ARGV  1 user  2 life of cursors in s, '' for a guest  3 channel of the user
--       for each stream: name in the cursors, epoch, number, and of a conversation the payload and
--       the other one's channel, of the mentions '' and ''
--
-- Answers for how many streams something rose.
--
-- All is read before the first write. A key of another type concerns its own stream alone.
local USER, LIFE = ARGV[1], ARGV[2]
-- What a connection said before its device was signed out must not leave cursors behind.
local has_cursors = LIFE ~= '' and redis.call('HGET', KEYS[2], 'user') == USER

local cursors, delivered = {}, {}
for i = 0, (#KEYS - 2) / 2 - 1 do
    local meta_key, delivered_key = KEYS[3 + 2 * i], KEYS[4 + 2 * i]
    local arg = 4 + 5 * i
    local name, epoch, seq = ARGV[arg], ARGV[arg + 1], tonumber(ARGV[arg + 2])
    local meta = redis.pcall('HMGET', meta_key, 'epoch', 'seq')
    local top = not meta.err and meta[1] == epoch and tonumber(meta[2])
    if top and seq <= top then
        if has_cursors then
            local cursor = redis.call('HGET', KEYS[1], name)
            local of, old = string.match(cursor or '', '^(%S*) (%d+)$')
            if of ~= epoch or tonumber(old) < seq then
                cursors[#cursors + 1], cursors[#cursors + 2] = name, epoch .. ' ' .. digits(seq)
            end
        end
        local old = ARGV[arg + 3] ~= '' and redis.pcall('HGET', delivered_key, USER)
        if type(old) ~= 'table' and ARGV[arg + 3] ~= '' then
            old = tonumber(old or 0) or 0
            if old < seq or old > top then -- above the top: of an earlier life of the stream
                delivered[#delivered + 1] = { meta_key, delivered_key, digits(seq), ARGV[arg + 3],
                    ARGV[arg + 4] }
            end
        end
    end
end

if #cursors > 0 then
    redis.call('HSET', KEYS[1], unpack(cursors))
    redis.call('EXPIRE', KEYS[1], LIFE)
end
for _, one in ipairs(delivered) do
    redis.call('HSET', one[2], USER, one[3])
    redis.call('PEXPIRE', one[2], math.max(redis.call('PTTL', one[1]), HISTORY_SECONDS * 1000))
    redis.call('PUBLISH', ARGV[3], one[4])
    if one[5] ~= ARGV[3] then
        redis.call('PUBLISH', one[5], one[4])
    end
end
return math.max(#cursors / 2, #delivered)
