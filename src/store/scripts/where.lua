-- Put in front of claim.lua and online.lua: the key presence:USER, a JSON object
-- {"INSTANCE": until, …} in Redis milliseconds. `GET confab:presence:alice` shows where alice is.

local function presence_touch(key, instance, now, ttl_ms)
    local text = redis.pcall('GET', key) -- of another type: a table, replaced below
    local ok, places = pcall(cjson.decode, type(text) == 'string' and text or '{}')
    local kept, last = {}, now + ttl_ms
    if ok and type(places) == 'table' then
        for place, expiry in pairs(places) do
            if type(place) == 'string' and type(expiry) == 'number' and expiry > now then
                kept[place] = expiry
                last = math.max(last, expiry)
            end
        end
    end
    kept[instance] = now + ttl_ms
    redis.call('SET', key, cjson.encode(kept), 'PXAT', digits(last))
end
