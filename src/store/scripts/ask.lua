-- Hands a question to one instance that answers for its archive.
--
-- KEYS  1 archives
-- ARGV  1 what the channels of mailboxes begin with  2 who asks  3 payload
--
-- Answers the instance that got it, '' when there is none. One whose mailbox nobody reads has
-- died. Who is asked first changes by the clock: Lua's random numbers are the same in every call.
local now = redis_now_ms()
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', digits(now))
local serving = redis.call('ZRANGE', KEYS[1], 0, -1)
for i = 1, #serving do
    local instance = serving[(now + i) % #serving + 1]
    if instance ~= ARGV[2] then
        if redis.call('PUBLISH', ARGV[1] .. instance, ARGV[3]) > 0 then
            return instance
        end
        redis.call('ZREM', KEYS[1], instance)
    end
end
return ''
