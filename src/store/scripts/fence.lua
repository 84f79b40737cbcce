-- Put in front of publish.lua and resume.lua: which epoch is a stream in, and may it stay there?
--
-- A number is a promise: (epoch, seq) names one message for ever. Redis can break it without
-- knowing: restarted without its last second of writes, or replaced by a replica that lagged, it
-- would give out numbers that somebody has seen on other messages. So each stream's meta hash says
--
--   epoch      a random text; numbers mean something only within it
--   seq        the last number given out
--   first      the first number of the epoch
--   fence      identity of the Redis that gives out numbers now: its run_id, new at each start
--   fence_seq  seq at the moment when that process took over
--   renewed    when a message last renewed the stream's time to live (publish.lua)
--   kept       how many messages the list holds; absent: HISTORY_MESSAGES. Conversations of accounts
--              have it, and live for AWAY_SECONDS (publish.lua)
--   guard, version  of a room that has an owner: copies of what its config says (guard.lua)
--
-- and each caller says what it knows: epoch, the highest number it has seen, and under which
-- fence. A new epoch changes the epoch's text only: seq goes on rising, so that entry i of the
-- history list always is number seq - i (newest first, index from 0).
--
-- stream: {epoch, seq, fence, …} of the hash; the epoch is nil when there is none. stream.guard and
-- stream.version: of a room, nil or as guard_find() has them.
-- known_epoch '' knows nothing. candidate: random text for a new epoch.
--
-- Reads only. Answers nil when the epoch holds, 'wait' (ask again), or a function that writes what
-- must change before a number is given out; it changes stream, too, and returns an error when
-- Redis cannot write.
local function stream_judge(meta_key, history_key, stream, known_epoch, known_seq, known_fence,
    fence, candidate, patient)
    local epoch, seq, keep = stream[1], stream[2], false
    if epoch and stream[3] ~= fence then
        -- Another process than last time. Only somebody who knows this epoch can vouch that
        -- nothing is missing. Who knows nothing cannot tell a clean restart from a loss: a new
        -- epoch is the safe answer. Somebody else may know: while Redis has only just come back
        -- ('1' in patient), others are let vouch first.
        if known_epoch ~= epoch and patient == '1' then
            return 'wait'
        end
        keep = known_epoch == epoch and tonumber(known_seq) <= seq
    elseif epoch and known_epoch ~= epoch then
        return
    elseif epoch then
        known_seq = tonumber(known_seq)
        -- A caller who could vouch came first, but this one has seen numbers from the process
        -- before that never reached this one.
        local missed = known_fence ~= fence
            and known_seq > tonumber(redis.call('HGET', meta_key, 'fence_seq') or 0)
        -- Or the process lives on with older data: it was a replica of one that lagged meanwhile.
        if not missed and known_seq <= seq then
            return
        end
    end -- else: nothing is there; it expired, or never was
    return function()
        local top, written = string.format('%d', seq), nil
        if keep then
            written = redis.pcall('HSET', meta_key, 'fence', fence, 'fence_seq', top)
        else
            written = redis.pcall('HSET', meta_key, 'epoch', candidate, 'seq', top,
                'first', string.format('%d', seq + 1), 'fence', fence, 'fence_seq', top)
            stream[1] = candidate
        end
        if type(written) == 'table' then
            return written
        end
        if not epoch then
            -- Entries left behind by a lost meta hash have no number any more. Not before HSET:
            -- Redis looks at its memory only before the first write of a script, and DEL needs
            -- none.
            redis.call('DEL', history_key)
            if stream.guard then
                redis.call('HSET', meta_key, 'guard', stream.guard, 'version', stream.version or 0)
            end
        end
    end
end
