"""Who is there: leases, late goodbyes, large rooms, heartbeats."""

import time

import pytest

from support.deadline import seconds
from support.server import Server


@pytest.fixture(scope="module")
def short(redis):
    """Two instances whose leases end after two seconds."""
    settings = {"RATE_LIMIT_MESSAGES": 0, "PRESENCE_TTL_S": 2, "HEARTBEAT_MS": 400}
    with Server(redis, **settings) as a, Server(redis, **settings) as b:
        a.wait_health(200)
        b.wait_health(200)
        yield a, b


def leaves(client, user):
    return [f for f in client.frames if f["type"] == "presence" and user in f["leave"]]


def joins(client, user):
    return [f for f in client.frames if f["type"] == "presence" and user in f["join"]]


def test_join_is_announced_once(server, connect, new, room):
    anna = connect(server, new.anna, room)
    ben = connect(server, new.ben, room)
    anna.expect("presence", join=lambda names: ben.user in names, count=2)
    second = connect(server, ben.user, room, session=ben.session)
    carl = connect(server, new.carl, room)
    anna.expect("presence", join=lambda names: carl.user in names, count=3)
    assert sorted(second.joined["members"]) == sorted([anna.user, ben.user])
    assert len(joins(anna, ben.user)) == 1


def test_leave_is_announced_at_once(server, connect, present, new, room):
    """Far sooner than a lease of 30 s ends."""
    anna = present(connect(server, new.anna, room))
    ben = present(connect(server, new.ben, room))
    ben.send("leave", room=room)
    presence = anna.expect("presence", leave=[ben.user])
    assert presence["count"] == 1


def test_leave_on_one_of_two_devices_is_none(server, connect, present, new, room):
    anna = present(connect(server, new.anna, room))
    ben = present(connect(server, new.ben, room))
    second = connect(server, ben.user, room, session=ben.session)
    ben.send("leave", room=room)
    ben.expect("left")
    second.say("still here")
    anna.expect("message", content="still here")
    assert not leaves(anna, ben.user)
    second.send("leave", room=room)
    anna.expect("presence", leave=[ben.user])


def test_join_and_leave_in_one_breath(server, connect, present, new, room):
    """Who has left before the join was announced leaves no ghost behind."""
    anna = present(connect(server, new.anna, room))
    ben = connect(server)
    ben.hello(new.ben)
    ben.send_many([{"type": "join", "room": room}, {"type": "leave", "room": room}])
    ben.expect("left")
    late = present(connect(server, new.late, room))
    late.say("fence")
    anna.until("message", content="fence")
    assert len(joins(anna, ben.user)) == len(leaves(anna, ben.user))
    last = connect(server, new.last, room)
    assert sorted(last.joined["members"]) == sorted([anna.user, late.user, last.user])


def test_disconnect_is_announced_when_the_lease_ends(short, connect, new, room):
    a, b = short
    anna, ben = connect(a, new.anna, room), connect(b, new.ben, room)
    gone = connect(a, new.gone, room)
    back = connect(a, new.back, room)
    left_at = time.monotonic()
    gone.vanish()
    back.vanish()
    again = connect(b, back.user, room, session=back.session)
    for client in (anna, ben):
        presence = client.expect("presence", leave=lambda names: gone.user in names)
        assert presence["join"] == [] and presence["leave"] == [gone.user]
        assert presence["count"] == 3
    assert time.monotonic() - left_at > 1
    # Once, and not who is back: whose lease would have ended at the same time.
    again.say("fence")
    for client in (anna, ben):
        client.until("message", content="fence")
        assert len(leaves(client, gone.user)) == 1
        assert not leaves(client, back.user)
        assert len(joins(client, back.user)) == 1
    late = connect(a, new.late, room)
    assert sorted(late.joined["members"]) == sorted([anna.user, ben.user, back.user, late.user])


def test_those_who_stay_keep_their_lease(short, connect, new, room):
    a, b = short
    anna, ben = connect(a, new.anna, room), connect(b, new.ben, room)
    for n in range(2):  # two leases in a row, ended by somebody else's
        gone = connect(a, new.gone, room)
        gone.vanish()
        anna.expect("presence", leave=lambda names, gone=gone: gone.user in names)
    assert not leaves(anna, ben.user) and not leaves(ben, anna.user)


def test_room_is_left_behind_by_its_last_user(short, redis, connect, new, room):
    """Nobody hears it, but the next one must not meet a ghost."""
    a, b = short
    watch = new.watch
    anna = connect(a, new.anna, watch)
    ben = connect(a, new.ben, watch)
    ben.join(room)
    ben.vanish()
    anna.expect("presence", leave=lambda names: ben.user in names)
    carl = connect(b, new.carl, room)
    assert carl.joined["members"] == [carl.user]


@pytest.mark.parametrize("pumps", ["shared", "threads"])
def test_large_room_is_counted_not_listed(start, redis, connect, new, room, pumps):
    server = start(redis, PUMPS=pumps)
    crowd = [connect(server, new.one, room) for _ in range(200)]
    assert "members" in crowd[-1].joined and crowd[-1].joined["count"] == 200
    one_more = connect(server, new.more, room)
    assert "members" not in one_more.joined
    assert one_more.joined["count"] == 201
    presence = crowd[0].expect("presence", count=201)
    assert presence["join"] == [] and presence["leave"] == []
    one_more.say("hello everybody")
    for client in crowd:
        client.expect("message", content="hello everybody")


# ---- heartbeats


def test_heartbeat_shows_the_tops(short, connect, new, room):
    anna = connect(short[0], new.anna, room)
    ben = connect(short[1], new.ben, room)
    second = new.second
    anna.join(second)
    ben.say_all(["one", "two"])
    anna.say("three", second)
    heartbeat = anna.expect("heartbeat", top=lambda top: top == {room: 2, second: 1})
    assert set(heartbeat) == {"type", "server_time", "top"}
    assert abs(heartbeat["server_time"] - time.time() * 1000) < 5000
    assert anna.frames[0]["heartbeat_ms"] == 400


def test_silent_client_is_closed(short, connect, raw, new, room):
    silent = raw(short[0])
    assert silent.upgrade(f"/ws?username={new.silent}&room={room}") == 101
    start = time.monotonic()
    watcher = connect(short[0], new.watcher, room)
    assert silent.expect_close() == 4102
    assert 0.6 < time.monotonic() - start < seconds(4)
    assert [f["code"] for f in silent.frames if f["type"] == "bye"] == [4102]
    assert watcher.is_open, "who answers stays"


def test_any_frame_is_life(short, connect, new, room):
    anna = connect(short[0], new.anna, room, answer_heartbeats=False)
    for n in range(6):  # each in answer to a heartbeat: longer than 2.5 of them
        anna.expect("heartbeat")
        if n % 2:
            anna.send_text("not even JSON")
        else:
            anna.send("history", room=room)
    assert anna.is_open


def test_silent_before_hello(start, redis, raw):
    server = start(redis, HANDSHAKE_TIMEOUT_S=1)
    silent = raw(server)
    assert silent.upgrade() == 101
    begin = time.monotonic()
    silent.expect_close()
    assert 0.5 < time.monotonic() - begin < seconds(4)
