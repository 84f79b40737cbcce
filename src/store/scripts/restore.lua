-- Accounts out of an archive: those that Redis lacks, or has in an older version.
--
-- KEYS  1 accounts:ready
-- ARGV  1 prefix of all keys, then NAME, JSON of account:NAME …
--
-- Answers how many were taken.
local taken = 0
for i = 2, #ARGV, 2 do
    local name, ok, record = ARGV[i], pcall(cjson.decode, ARGV[i + 1])
    local key = ARGV[1] .. 'account:' .. name
    local version = ok and type(record) == 'table' and tonumber(record.version)
    if version and version > (tonumber(redis.call('HGET', key, 'version')) or 0) then
        local flat = {}
        for field, value in pairs(record) do
            if type(value) == 'string' then
                flat[#flat + 1], flat[#flat + 2] = field, value
            end
        end
        redis.call('HSET', key, unpack(flat))
        for _, fold in ipairs({ record.fold1, record.fold2 }) do
            redis.call('SET', ARGV[1] .. 'registered:' .. fold, name, 'NX')
        end
        if type(record.since) == 'string' then
            redis.call('SET', ARGV[1] .. '{user:' .. name .. '}:since', record.since)
        end
        if redis.call('DEL', ARGV[1] .. 'name:' .. name) == 1 then
            redis.call('PUBLISH', ARGV[1] .. 'user:' .. name, 'g ')
        end
        taken = taken + 1
    end
end
if taken > 0 then
    redis.call('HSET', KEYS[1], 'used', 1)
end
return taken
