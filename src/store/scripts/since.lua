-- Put in front of claim.lua and register.lua. Behind clock.lua.
--
-- Who takes a free name may not be who had it before. {user:USER}:held, 'MS SESSION', says until
-- when the name was whose at the latest ('MS *': an account that has ended), and {user:USER}:since
-- is from when on private messages are those of who has the name now: what is older is not theirs to
-- see (history.lua, archive) nor to change (act.lua). What was written while nobody had the name is.
-- Where Redis does not know who had it, it is a day ago: all that it keeps for guests.
--
-- Answers since for this session, and whether it has to be written.
local function name_since(own, session, holder, now)
    local since = tonumber(redis.call('GET', own .. ':since') or nil)
    local held, by = string.match(redis.call('GET', own .. ':held') or '', '^(%d+) (.*)$')
    if since and (holder or by == session) then
        return since, false
    elseif held and by ~= session then
        return math.min(tonumber(held), now), true
    end
    return now - HISTORY_SECONDS * 1000, true
end
