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


def test_tabs_on_two_instances_are_one_user(short, connect, new, room):
    """Counted once, and announced once when the last of them has gone."""
    a, b = short
    anna, ben = connect(a, new.anna, room), connect(b, new.ben, room)
    tabs = [connect(a, new.tabs, room)]
    tabs.append(connect(b, tabs[0].user, room, session=tabs[0].session))
    user = tabs[0].user
    for client in (anna, ben):
        client.expect("presence", join=lambda names: user in names, count=3)
    assert tabs[1].joined["count"] == 3
    tabs[0].vanish()
    one_lease_later(a, (anna, ben), connect, new, room)
    for client in (anna, ben):
        assert not leaves(client, user)
    tabs[1].vanish()
    for client in (anna, ben):
        assert client.expect("presence", leave=[user])["count"] == 2
    one_lease_later(b, (anna, ben), connect, new, room)
    for client in (anna, ben):
        assert len(joins(client, user)) == len(leaves(client, user)) == 1


def one_lease_later(server, watchers, connect, new, room):
    """Somebody else's lease has run out since: what was to be announced has been announced."""
    fence = connect(server, new.fence, room)
    fence.vanish()
    for client in watchers:
        client.expect("presence", leave=lambda names: fence.user in names)


def test_killed_instance_leaves_no_ghosts(start, redis, connect, present, new, room):
    """Its users are announced to have left once, within their lease and the time until the others
    look; not those who have come back, or never had gone."""
    lease_s = 2
    settings = {"PRESENCE_TTL_S": lease_s, "HEARTBEAT_MS": 400}
    a, b, c = (start(redis, **settings) for _ in range(3))
    ben, carl = connect(b, new.ben, room), connect(c, new.carl, room)
    ghosts = [present(connect(a, new.ghost, room)) for _ in range(3)]
    back = present(connect(a, new.back, room, session="back"))
    tabs = present(connect(a, new.tabs, room, session="tabs"))
    present(connect(b, tabs.user, room, session="tabs"))
    a.process.kill()
    a.process.wait()
    killed_at = time.monotonic()
    again = present(connect(c, back.user, room, session="back"))
    assert sorted(again.joined["members"]) == sorted(
        [ben.user, carl.user, back.user, tabs.user, *(ghost.user for ghost in ghosts)]
    ), "nobody has left yet"
    for client in (ben, carl):
        gone = []
        while len(gone) < len(ghosts):
            presence = client.expect("presence", leave=lambda names: names != [])
            gone += presence["leave"]
        assert sorted(gone) == sorted(ghost.user for ghost in ghosts)
        assert presence["count"] == 4
    assert time.monotonic() - killed_at < lease_s * 4 / 3 + seconds(1)
    one_lease_later(b, (ben, carl), connect, new, room)
    for client in (ben, carl):
        for ghost in ghosts:
            assert len(leaves(client, ghost.user)) == 1
        for user in (back.user, tabs.user):
            assert not leaves(client, user) and len(joins(client, user)) <= 1
    late = connect(b, new.late, room)
    assert sorted(late.joined["members"]) == sorted(
        [ben.user, carl.user, back.user, tabs.user, late.user]
    )


def test_moving_to_another_instance_is_not_seen(short, connect, present, new, room):
    """From one to the other and back, each time within the lease."""
    a, b = short
    anna = present(connect(a, new.anna, room))
    ben = present(connect(b, new.ben, room, session="ben"))
    at = ben
    for server in (a, b, a, b):
        at.vanish()
        at = present(connect(server, ben.user, room, session="ben"))
        assert at.joined["count"] == 2
    one_lease_later(a, (anna, at), connect, new, room)
    assert not leaves(anna, ben.user) and len(joins(anna, ben.user)) == 1


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
