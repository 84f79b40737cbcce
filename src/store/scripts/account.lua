-- Put in front of every script that changes accounts or devices. Which keys these are depends on
-- what is in others, so they are named here and not by the caller.
local PREFIX, USER = ARGV[1], ARGV[2]
local ACCOUNT, DEVICES = PREFIX .. 'account:' .. USER, PREFIX .. '{user:' .. USER .. '}:devices'

local function device_key(id)
    return PREFIX .. 'device:' .. id
end

-- To every instance with a connection of this user.
local function tell_user(payload)
    redis.call('PUBLISH', PREFIX .. 'user:' .. USER, payload)
end

local function device_is_theirs(id)
    return redis.call('HGET', device_key(id), 'user') == USER
end

-- Their living devices, the one unseen for longest first.
local function devices_living()
    local living = {}
    for _, id in ipairs(redis.call('ZRANGE', DEVICES, 0, -1)) do
        if device_is_theirs(id) then
            living[#living + 1] = id
        end
    end
    return living
end

local function device_end(id)
    redis.call('DEL', device_key(id), PREFIX .. '{user:' .. USER .. '}:cursor:' .. id)
    redis.call('ZREM', DEVICES, id)
end

-- What came for an account that ends, and where it was. It is not for who has the name next.
local function account_end_away(now)
    local own = PREFIX .. '{user:' .. USER .. '}:'
    redis.call('SET', own .. 'held', digits(now) .. ' *', 'EX', AWAY_SECONDS)
    redis.call('DEL', own .. 'conversations', own .. 'unread', own .. 'joined', own .. 'box',
        own .. 'mentions', own .. 'since')
    redis.call('ZREM', PREFIX .. 'seen', USER)
end

-- All but one; keep '': all.
local function devices_end(keep)
    local ended = 0
    for _, id in ipairs(devices_living()) do
        if id ~= keep then
            device_end(id)
            ended = ended + 1
        end
    end
    tell_user(keep == '' and 'd *' or 'd * ' .. keep)
    return ended
end

-- A device with a new seed, so that refresh tokens of before are worth nothing; answers its id.
-- wanted: '' or the id that it had. May revoke the one unseen for longest.
local function device_take(wanted, new, label, seed, ttl_s, now)
    local living = devices_living()
    local id = new
    for _, other in ipairs(living) do
        if other == wanted then
            id = wanted
        end
    end
    local key = device_key(id)
    redis.call('HSET', key, 'user', USER, 'seed', seed, 'n', 0, 'rotated', digits(now))
    if id == new or label ~= '' then
        redis.call('HSET', key, 'label', label)
    end
    redis.call('HSETNX', key, 'created', digits(now))
    redis.call('EXPIRE', key, ttl_s)
    redis.call('ZADD', DEVICES, digits(now), id)
    local revoked = {}
    for i = 1, id == new and #living + 1 - DEVICES_MOST or 0 do
        device_end(living[i])
        revoked[i] = living[i]
    end
    if #revoked > 0 then
        tell_user('d ' .. table.concat(revoked, ' '))
    end
    return id
end

-- The account's next version: it rises, whatever the clock does.
local function account_version(now, before)
    return digits(math.max(now, (tonumber(before) or 0) + 1))
end

-- Archives keep accounts too. record: JSON, '' when the account has ended. Nothing may fail here:
-- the account has been changed already.
local function account_archive(version, record)
    redis.pcall('XADD', PREFIX .. 'archive', 'NOMKSTREAM', 'MAXLEN', '~', ARCHIVE_BACKLOG, '*',
        '!account', USER .. ' ' .. version .. '\n' .. record)
end

-- Writes fields of the account, its version among them.
local function account_write(fields)
    local flat = {}
    for name, value in pairs(fields) do
        flat[#flat + 1] = name
        flat[#flat + 1] = value
    end
    redis.call('HSET', ACCOUNT, unpack(flat))
    local all, record = redis.call('HGETALL', ACCOUNT), {}
    for i = 1, #all, 2 do
        record[all[i]] = all[i + 1]
    end
    account_archive(fields.version, cjson.encode(record))
end
