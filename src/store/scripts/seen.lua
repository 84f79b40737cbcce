-- When people were last seen. Somebody with a presence key is here now.
--
-- KEYS  1 seen, then presence:USER for each
-- ARGV  the users
--
-- Answers for each: 0 now, ms, or nil when nobody knows.
local answers = {}
for i = 1, #ARGV do
    local at = redis.call('ZSCORE', KEYS[1], ARGV[i])
    answers[i] = redis.call('EXISTS', KEYS[i + 1]) == 1 and 0 or at and tonumber(at) or false
end
return answers
