-- An invitation is used: an account becomes a member of a room.
--
-- ARGV  1 prefix of all keys  2 room, or '': the invitation's  3 code  4 user  5 instance
--
-- No event tells of it: nobody else may do more or less by it, and whoever comes by it has Redis
-- asked. An instance that sees the higher version when it loads the room asks once too often.
--
-- Answers as room_access(), or {'denied', CODE, MS}. Who is on the list already uses nothing up.
local PREFIX, USER, now = ARGV[1], ARGV[4], redis_now_ms()
local key = PREFIX .. 'invite:' .. ARGV[3]
local invitation = redis.call('HMGET', key, 'room', 'uses', 'by')
local room = room_read(PREFIX, ARGV[2] ~= '' and ARGV[2] or invitation[1] or '')
if room.exists and room.acl[USER] then
    return room_access(room, USER, now)
elseif not room.exists or invitation[1] ~= room.name then
    return { 'denied', 'bad_invitation', -1 }
end
local banned = sanction_until(room.sanctions['b:' .. USER], now)
if banned then
    return { 'denied', 'banned', banned == 0 and -1 or banned - now }
end
local refused = room_refuses(room, USER, 'w')
if refused then
    return { 'denied', refused, -1 }
end
redis.call('HLEN', room.key .. ':meta') -- of another type? Better now than in the middle
redis.call('SCARD', room.key .. ':invites')

room_role_set(room, USER, 'w')
if invitation[2] ~= '-1' and redis.call('HINCRBY', key, 'uses', -1) <= 0 then
    redis.call('DEL', key)
    redis.call('SREM', room.key .. ':invites', ARGV[3])
end
room_stamp(room, room_version(room, now))
room_archive(PREFIX, '!room', room_record(room), '!audit',
    room_audit(room, now, USER, 'join', USER, 'invited by ' .. invitation[3], ARGV[5]))
return room_access(room, USER, now)
