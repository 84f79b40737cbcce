-- Heartbeat of an instance: its own lease, where its users are, their names, and that they were
-- seen.
--
-- KEYS  1 instance:ID  2 seen, then for each user: presence:USER, name:USER, {user:USER}:held
-- ARGV  1 JSON about the instance  2 instance  3 PRESENCE_TTL in ms  4 NAME_HOLD in ms, then users
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])
local now = redis_now_ms()
local seen = {}
for i = 3, #KEYS, 3 do
    presence_touch(KEYS[i], ARGV[2], now, tonumber(ARGV[3]))
    redis.call('PEXPIRE', KEYS[i + 1], ARGV[4])
    local holder = redis.pcall('GET', KEYS[i + 1]) -- of a guest
    if type(holder) == 'string' then
        local session = string.gsub(holder, '^~', '')
        redis.call('SET', KEYS[i + 2], digits(now + ARGV[4]) .. ' ' .. session, 'EX', AWAY_SECONDS)
    end
    seen[#seen + 1], seen[#seen + 2] = digits(now), ARGV[5 + (i - 3) / 3]
end
if #seen > 0 then
    redis.call('ZADD', KEYS[2], unpack(seen))
    redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', digits(now - AWAY_SECONDS * 1000))
    redis.call('ZREMRANGEBYRANK', KEYS[2], 0, -1 - SEEN_KEPT)
end
return #KEYS
