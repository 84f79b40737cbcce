-- An instance answers for its archive, until its lease ends.
--
-- KEYS  1 archives
-- ARGV  1 instance  2 length of the lease in ms
local now = redis_now_ms()
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', digits(now))
return redis.call('ZADD', KEYS[1], digits(now + ARGV[2]), ARGV[1])
