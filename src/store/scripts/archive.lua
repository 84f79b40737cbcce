-- Accounts, told to archives as if they had just changed.
--
-- KEYS  account:NAME …
-- ARGV  1 prefix of all keys
for _, key in ipairs(KEYS) do
    local all, record = redis.call('HGETALL', key), {}
    for i = 1, #all, 2 do
        record[all[i]] = all[i + 1]
    end
    if record.version then
        local name = string.sub(key, #ARGV[1] + #'account:' + 1)
        redis.call('XADD', ARGV[1] .. 'archive', 'NOMKSTREAM', 'MAXLEN', '~', ARCHIVE_BACKLOG, '*',
            '!account', name .. ' ' .. record.version .. '\n' .. cjson.encode(record))
    end
end
return #KEYS
