"""What is in Redis: another program may read it, so names, kinds and lives are promises."""

import json


def keys(redis, part):
    return sorted(redis.client.keys(f"*{part}*"))


def test_history_list(server, redis, connect, new, room):
    anna = connect(server, new.anna, room)
    anna.say_all([f"m{n}" for n in range(1, 121)])
    key = f"confab:{{room:{room}}}:history"
    assert redis.client.type(key) == "list"
    assert redis.client.llen(key) == 100
    assert 86400 - 60 <= redis.client.ttl(key) <= 86400
    newest, oldest = (json.loads(redis.client.lindex(key, at)) for at in (0, -1))
    assert (newest["seq"], newest["content"]) == (120, "m120")
    assert (oldest["seq"], oldest["content"]) == (21, "m21")


def test_meta(server, redis, connect, new, room):
    anna = connect(server, new.anna, room)
    anna.say_all(["one", "two"])
    meta = redis.client.hgetall(f"confab:{{room:{room}}}:meta")
    assert meta["seq"] == "2"
    assert meta["epoch"] == anna.epoch[room]
    assert meta["fence"]


def test_dedupe_key(server, redis, connect, new, room):
    anna = connect(server, new.anna, room)
    anna.say("hi", cid="abc")
    key = f"confab:{{room:{room}}}:dedupe:{anna.user}:abc"
    assert redis.client.exists(key)
    assert 240 <= redis.client.ttl(key) <= 300


def test_presence_key(server, redis, connect, new, room):
    anna = connect(server, new.anna, room)
    key = f"confab:presence:{anna.user}"
    assert redis.client.type(key) == "string"
    assert 0 < redis.client.ttl(key) <= 30


def test_presence_key_is_kept_alive(start, redis, connect, new, room):
    server = start(redis, PRESENCE_TTL_S=2)
    anna, gone = connect(server, new.anna, room), connect(server, new.gone, room)
    anna_key, gone_key = f"confab:presence:{anna.user}", f"confab:presence:{gone.user}"
    gone.vanish()
    for _ in range(2):  # two lives, seen by the end of one that nobody keeps alive
        redis.client.set("confab-test:clock", "x", px=2500)
        while redis.client.exists("confab-test:clock"):
            assert redis.client.exists(anna_key)
    assert not redis.client.exists(gone_key)


def test_rate_key(plain, redis, connect, new, room):
    anna = connect(plain, new.anna, room)
    for n in range(3):
        anna.say(f"m{n}")
    key = f"confab:rate:{anna.user}"
    assert redis.client.get(key) == "3"
    assert 0 < redis.client.ttl(key) <= 10


def test_every_key_of_a_user_ends_by_itself(server, redis, connect, new, room):
    anna, ben = connect(server, new.anna, room), connect(server, new.ben, room)
    anna.say("hi", cid="abc")
    anna.tell(ben.user, "psst", cid="def")
    anna.send("read", room=room, seq=1)
    ben.expect("read")
    found = keys(redis, anna.user) + keys(redis, room)
    assert found
    for_ever = [key for key in found if redis.client.ttl(key) == -1]
    assert not for_ever


def test_prefix(start, redis, connect, new, room):
    server = start(redis, REDIS_PREFIX="elsewhere:")
    anna, ben = connect(server, new.anna, room), connect(server, new.ben, room)
    anna.say("hi")
    anna.tell(ben.user, "psst")
    anna.send("read", room=room, seq=1)
    ben.expect("read")
    found = keys(redis, room) + keys(redis, anna.user)
    assert found and all(key.startswith("elsewhere:") for key in found)


def test_prefixes_are_apart(start, server, redis, connect, new, room):
    """Two chats on one Redis do not hear each other."""
    stranger = connect(start(redis, REDIS_PREFIX="elsewhere:"), new.anna, room)
    anna = connect(server, stranger.user, room)  # the same name: another chat
    anna.say("for us")
    stranger.say("for them")
    anna.expect("message")
    assert [m["content"] for m in stranger.messages()] in (["for them"], [])
    assert [m["content"] for m in anna.messages()] == ["for us"]


def test_database_number(start, server, redis, connect, new, room):
    """Keys go to the database that was named."""
    anna = connect(start(redis, REDIS_DB=3), new.anna, room)
    anna.say("hi")
    assert not keys(redis, room)


def test_room_channel(server, redis, connect, present, new, room):
    """Another program may listen."""
    anna = present(connect(server, new.anna, room))
    with redis.client.pubsub() as listener:
        listener.subscribe(f"confab:{{room:{room}}}")
        assert listener.get_message(timeout=10)["type"] == "subscribe"
        anna.say("hi")
        message = listener.get_message(timeout=10)
        assert message["type"] == "message" and "hi" in message["data"]
