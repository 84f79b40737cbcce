-- Rooms out of an archive: those that Redis lacks, or has in an older version.
--
-- ARGV  1 prefix of all keys, then NAME, JSON of the whole room …
--
-- Answers how many were taken. What is no such room is left out, and so is one whose keys hold
-- something else.
local function texts(of)
    local out = {}
    for field, value in pairs(type(of) == 'table' and of or {}) do
        out[field] = type(value) == 'string' and value or nil
    end
    return out
end

local function restore(name, record)
    local room, config = room_read(ARGV[1], name), texts(record.config)
    local version = config.access and config.slow_ms and config.owner and config.topic
        and tonumber(config.version)
    local known = redis.call('HGET', room.key .. ':meta', 'version')
    if not version or version <= (tonumber(room.config.version) or 0)
        or version <= (tonumber(known) or 0) then
        return 0
    end
    for user in pairs(room.acl) do
        redis.pcall('HDEL', ARGV[1] .. '{user:' .. user .. '}:rooms', name)
    end
    redis.call('DEL', room.key .. ':config', room.key .. ':acl', room.key .. ':sanctions')
    room.config, room.acl, room.sanctions = config, {}, texts(record.sanctions)
    for user, role in pairs(texts(record.acl)) do
        if RANKS[role] then
            room_role_set(room, user, role)
        end
    end
    hash_write(room.key .. ':sanctions', room.sanctions)
    room_stamp(room, config.version)
    redis.call('ZADD', ARGV[1] .. 'rooms', 0, name)
    return 1
end

local taken = 0
for i = 2, #ARGV, 2 do
    local ok, record = pcall(cjson.decode, ARGV[i + 1])
    if ok and type(record) == 'table' then
        local done, count = pcall(restore, ARGV[i], record)
        taken = taken + (done and count or 0)
    end
end
return taken
