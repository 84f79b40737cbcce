"""Two instances on one Redis look like one server."""

import threading

from support.deadline import wait_for


def test_one_order_everywhere(server, other, connect, new, room):
    """Many write at once on both instances; everybody sees the same stream, without a hole."""
    writers = [connect((server, other)[n % 2], new.writer, room) for n in range(8)]
    readers = [connect(instance, new.reader, room) for instance in (server, other)]

    def write(client):
        client.say_all([f"{client.user}:{n}" for n in range(25)], window=5)

    threads = [threading.Thread(target=write, args=(w,)) for w in writers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    streams = []
    for client in writers + readers:
        client.expect("message", seq=200)
        streams.append([(m["seq"], m["id"], m["content"]) for m in client.messages()])
    assert [seq for seq, _, _ in streams[0]] == list(range(1, 201))
    assert all(stream == streams[0] for stream in streams)
    for writer in writers:
        own = [c for _, _, c in streams[0] if c.startswith(writer.user + ":")]
        assert own == [f"{writer.user}:{n}" for n in range(25)]
    assert len({id_ for _, id_, _ in streams[0]}) == 200


def test_ack_and_message_agree_on_the_other_side(server, other, connect, new, room):
    anna, ben = connect(server, new.anna, room), connect(other, new.ben, room)
    ack = anna.say("hi")
    message = ben.expect("message")
    assert {k: message[k] for k in ("seq", "id", "timestamp", "cid")} == {
        k: ack[k] for k in ("seq", "id", "timestamp", "cid")
    }


def test_roster_spans_instances(server, other, connect, present, new, room):
    anna = present(connect(server, new.anna, room))
    ben = present(connect(other, new.ben, room))
    assert sorted(ben.joined["members"]) == sorted([anna.user, ben.user])
    assert ben.joined["count"] == 2
    presence = anna.expect("presence", join=lambda names: ben.user in names)
    assert set(presence) == {"type", "room", "join", "leave", "count"}
    assert (presence["room"], presence["leave"], presence["count"]) == (room, [], 2)
    ben.send("leave", room=room)
    presence = anna.expect("presence", leave=[ben.user])
    assert (presence["join"], presence["count"]) == ([], 1)


def test_user_on_both_leaves_one(server, other, connect, present, new, room):
    """Users are counted, not connections."""
    anna = present(connect(server, new.anna, room))
    ben = present(connect(server, new.ben, room))
    ben2 = present(connect(other, ben.user, room, session=ben.session))
    ben.send("leave", room=room)
    ben.expect("left")
    ben2.say("still here")
    anna.expect("message", content="still here")
    late = connect(other, new.late, room)
    assert ben.user in late.joined["members"]
    ben2.send("leave", room=room)
    anna.expect("presence", leave=[ben.user])
    left = [f for f in anna.frames if f["type"] == "presence" and ben.user in f["leave"]]
    assert len(left) == 1


def test_name_is_kept_while_a_device_is_on_the_other(server, other, connect, new, room):
    """A made-up session ends with its last connection, wherever that is."""
    anna = connect(server, new.anna, room)
    second = connect(other, anna.user, room, session=anna.session)
    anna.close()
    thief = connect(server)
    thief.send("hello", username=anna.user)
    thief.expect_error("name_taken")
    second.say("still here")


def test_rate_limit_spans_instances(start, redis, connect, new, room):
    limit = {"RATE_LIMIT_MESSAGES": 5, "RATE_LIMIT_WINDOW_S": 2}
    a, b = start(redis, **limit), start(redis, **limit)
    anna = connect(a, new.anna, room)
    anna2 = connect(b, anna.user, room, session=anna.session)
    ben = connect(b, new.ben, room)
    acks = [(anna, anna2)[n % 2].say(f"m{n}") for n in range(5)]
    anna2.send("message", room=room, content="too many", cid="x")
    error = anna2.expect_error("rate_limited", cid="x", temporary=True)
    assert 0 < error["retry_after_ms"] <= 2000
    anna.send("private", to=ben.user, content="too many", cid="y")
    anna.expect_error("rate_limited", cid="y", temporary=True)
    # Repetitions do not count, and others are not concerned.
    assert anna.say("m0", cid=acks[0]["cid"])["duplicate"] is True
    ben.say("not concerned")
    ben.until("message", content="not concerned")
    assert len(ben.messages()) == 6

    # It ends by itself, and a refused message did not use up its cid.
    def accepted():
        anna2.send("message", room=room, content="too many", cid="x")
        answer = anna2.expect(("ack", "error"), cid="x")
        assert answer["type"] == "ack" or answer["code"] == "rate_limited"
        return answer["type"] == "ack"

    wait_for(accepted, "the window ends")
    assert anna2.say("too many", cid="x")["duplicate"] is True


def test_stats_of_both(server, other, connect, new, room):
    connect(server, new.anna, room)
    connect(other, new.ben, room)
    first, second = server.stats(), other.stats()
    assert first["instance"] != second["instance"]
    assert (first["instance"], second["instance"]) == (server.instance, other.instance)


def test_survivor_carries_on(start, redis, connect, present, new, room):
    """One instance is killed: the others do not notice, its clients come back elsewhere."""
    a, b = start(redis, PRESENCE_TTL_S=2), start(redis, PRESENCE_TTL_S=2)
    anna = present(connect(a, new.anna, room, session="anna"))
    ben = connect(b, new.ben, room)
    anna.say("before")
    ben.expect("message", content="before")
    a.process.kill()
    a.process.wait()
    anna.expect_close()
    ben.say("while anna is away")
    # Her lease ends although nobody says goodbye for her.
    ben.expect("presence", leave=[anna.user], timeout=20)
    back = connect(b)
    back.hello(anna.user, session="anna", resume={room: {"epoch": anna.epoch[room], "seq": 1}})
    joined, history = back.expect_joined(room)
    assert joined["recovered"] is True
    assert [m["content"] for m in history["messages"]] == ["while anna is away"]
