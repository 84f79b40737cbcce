-- What Redis has of a person, without secrets; archives have the messages. Reads only.
--
-- ARGV  1 prefix of all keys  2 user
--
-- Answers JSON objects, each with `person` and one thing of theirs.
local PREFIX, USER = ARGV[1], ARGV[2]
local MINE = PREFIX .. '{user:' .. USER .. '}:'

local function hash_read(key)
    local all, hash = redis.call('HGETALL', key), {}
    for i = 1, #all, 2 do
        hash[all[i]] = all[i + 1]
    end
    return hash
end

-- Of a table {name → JSON}: by name, so that two exports can be compared.
local function object(fields)
    local names = {}
    for name in pairs(fields) do
        names[#names + 1] = name
    end
    table.sort(names)
    for i, name in ipairs(names) do
        names[i] = cjson.encode(name) .. ':' .. fields[name]
    end
    return '{' .. table.concat(names, ',') .. '}'
end

-- A number as it stands in Redis; 0 when it is none.
local function number(text)
    return text and string.match(text, '^%d+') or '0'
end

-- Of a table {name → text}: {name → JSON of it}.
local function each(hash, json)
    local fields = {}
    for name, value in pairs(hash) do
        fields[name] = json(value)
    end
    return object(fields)
end

local lines = {}
local function line(kind, json)
    lines[#lines + 1] = '{"person":' .. cjson.encode(USER) .. ',"' .. kind .. '":' .. json .. '}'
end

local a = redis.call('HMGET', PREFIX .. 'account:' .. USER, 'created', 'version', 'role')
line('account', a[2] and object({
    created = number(a[1]), changed = number(a[2]), role = a[3] and cjson.encode(a[3]) or nil,
}) or 'null')

-- `received`: where the device is in each conversation; of '' in the mentions.
local seen = redis.call('ZRANGE', MINE .. 'devices', 0, -1, 'WITHSCORES')
for i = 1, #seen, 2 do
    local d = redis.call('HMGET', PREFIX .. 'device:' .. seen[i], 'user', 'label', 'created')
    if d[1] == USER then
        line('device', object({
            id = cjson.encode(seen[i]), label = cjson.encode(d[2] or ''), created = number(d[3]),
            seen = number(seen[i + 1]),
            received = each(hash_read(MINE .. 'cursor:' .. seen[i]), cjson.encode),
        }))
    end
end

-- With whom, when somebody wrote last, how far they have read and received, how much is unread.
local unread = hash_read(MINE .. 'unread')
local others = redis.call('ZREVRANGE', MINE .. 'conversations', 0, -1, 'WITHSCORES')
for i = 1, #others, 2 do
    local other = others[i]
    local swap = USER > other
    local key = PREFIX .. '{dm:' .. (swap and other or USER) .. '|' .. (swap and USER or other)
        .. '}:'
    line('conversation', object({
        with = cjson.encode(other), last_s = number(others[i + 1]),
        read = number(redis.call('HGET', key .. 'read', USER)),
        delivered = number(redis.call('HGET', key .. 'delivered', USER)),
        unread = number(unread[other]),
    }))
end

local ROLES = { o = '"owner"', m = '"moderator"', w = '"member"' }
for room, role in pairs(hash_read(MINE .. 'rooms')) do
    line('room', object({ name = cjson.encode(room), role = ROLES[role] or cjson.encode(role) }))
end
for _, room in ipairs(redis.call('HKEYS', MINE .. 'joined')) do
    line('joined', cjson.encode(room))
end
for _, mention in ipairs(redis.call('LRANGE', MINE .. 'mentions', 0, -1)) do
    line('mention', mention)
end
return lines
