-- What does Redis know of accounts? A Redis that came back empty does not even know that it lacks
-- them, so that somebody has to say that it may be believed.
--
-- KEYS  1 accounts:ready
-- ARGV  1 '': only asks; 'open': nobody has an archive; 'restored': out of an archive
--
-- Answers {'' or what was said, 1 when there are accounts}.
local by = redis.call('HGET', KEYS[1], 'by')
if ARGV[1] == 'restored' or ARGV[1] == 'open' and not by then
    by = ARGV[1]
    redis.call('HSET', KEYS[1], 'by', by)
end
return { by or '', redis.call('HEXISTS', KEYS[1], 'used') }
