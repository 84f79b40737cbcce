-- Put in front of publish.lua and resume.lua: which epoch is a stream in, and may it stay there?
--
-- A number is a promise: (epoch, seq) names one message for ever. Redis can break it without
-- knowing: restarted without its last second of writes, or replaced by a replica that lagged, it
-- would give out numbers that somebody has seen on other messages. So each stream's meta hash says
--
--   epoch      a random text; numbers mean something only within it
--   seq        the last number given out
--   fence      identity of the Redis that gives out numbers now: its run_id, new at each start
--   fence_seq  seq at the moment when that process took over
--   renewed    when a message last renewed the stream's time to live (publish.lua)
--
-- and each caller says what it knows: epoch, the highest number it has seen, and under which
-- fence. A new epoch changes the epoch's text only: seq goes on rising, so that entry i of the
-- history list always is number seq - i (newest first, index from 0).

-- Reads only. Raises an error when the key is of another type.
local function stream_read(meta_key)
    local m = redis.call('HMGET', meta_key, 'epoch', 'seq', 'fence', 'fence_seq',
        'renewed')
    local seq = tonumber(m[2])
    if not m[1] or not seq then
        return { seq = 0, renewed = 0 }
    end
    return { epoch = m[1], seq = seq, fence = m[3], fence_seq = tonumber(m[4]) or 0,
        renewed = tonumber(m[5]) or 0 }
end

-- Whoever knows nothing of this epoch cannot tell a clean restart of Redis from a loss, and would
-- start a new epoch. Somebody else may know: while Redis has only just come back ('1' in patient),
-- others are let vouch first. Reads only; true: ask again.
local function stream_must_wait(stream, known, fence, patient)
    return patient == '1' and stream.epoch and stream.fence ~= fence
        and known.epoch ~= stream.epoch
end

-- Writes what must change before a number is given out. stream: of stream_read().
-- known: epoch ('' knows nothing), seq, fence. candidate: random text for a new epoch.
local function stream_settle(meta_key, history_key, stream, known, fence, candidate)
    local keep, fresh = true, not stream.epoch
    if fresh then
        keep = false -- nothing there: expired, or never was
    elseif stream.fence ~= fence then
        -- Another process than last time. Only somebody who knows this epoch can vouch that
        -- nothing is missing. Who knows nothing cannot tell a clean restart from a loss: a new
        -- epoch is the safe answer.
        keep = known.epoch == stream.epoch and known.seq <= stream.seq
    elseif known.epoch == stream.epoch and known.fence ~= fence
        and known.seq > stream.fence_seq then
        -- A caller who could vouch came first, but this one has seen numbers from the process
        -- before that never reached this one.
        keep = false
    elseif known.epoch == stream.epoch and known.seq > stream.seq then
        -- The process lives on with older data: it was a replica of one that lagged meanwhile.
        keep = false
    else
        return
    end
    if not keep then
        stream.epoch = candidate
    end
    redis.call('HSET', meta_key, 'epoch', stream.epoch, 'seq', digits(stream.seq),
        'fence', fence, 'fence_seq', digits(stream.seq))
    if fresh then
        -- Entries left behind by a lost meta hash have no number any more. Not before HSET: Redis
        -- looks at its memory only before the first write of a script, and DEL needs none.
        redis.call('DEL', history_key)
    end
end
