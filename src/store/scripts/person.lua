-- Somebody is to be forgotten: the account ends, and the archives get the order. Lists and read
-- markers are looked through behind this, key by key.
--
-- ARGV  1 prefix of all keys  2 user
--
-- Answers {was there an account, is there an archive, now in ms}.
local account = redis.call('HMGET', ACCOUNT, 'version', 'fold1', 'fold2')
local now = redis_now_ms()

if account[1] then
    rooms_leave(PREFIX, USER, now)
    devices_end('')
    redis.call('DEL', ACCOUNT, DEVICES)
    for i = 2, 3 do
        local key = PREFIX .. 'registered:' .. (account[i] or '')
        if redis.call('GET', key) == USER then
            redis.call('DEL', key)
        end
    end
    account_archive(account_version(now, account[1]), '')
end
account_end_away(redis_now_ms())
local entry = redis.pcall('XADD', PREFIX .. 'archive', 'NOMKSTREAM', 'MAXLEN', '~',
    ARCHIVE_BACKLOG, '*', '!forget', digits(now) .. ' ' .. USER)
return { account[1] and 1 or 0, type(entry) == 'string' and 1 or 0, digits(now) }
