"""Private messages: all connections of both, on all instances; kept like a room's."""


def test_private_reaches_all_connections_of_both(server, other, connect, new, room):
    anna = connect(server, new.anna, room)
    anna2 = connect(other, anna.user, room, session=anna.session)
    ben = connect(other, new.ben, room)
    ben2 = connect(server, ben.user, room, session=ben.session)
    carl = connect(server, new.carl, room)
    ack = anna.tell(ben.user, "psst", cid="p1")
    assert set(ack) == {"type", "cid", "to", "seq", "id", "timestamp"}
    assert (ack["to"], ack["seq"]) == (ben.user, 1)
    expected = {
        "type": "private", "seq": 1, "id": ack["id"], "user": anna.user, "to": ben.user,
        "content": "psst", "timestamp": ack["timestamp"], "cid": "p1",
    }  # fmt: skip
    told = [client.expect("private") for client in (anna, anna2, ben, ben2)]
    anna.send("history", to=ben.user)
    epoch = anna.expect("history", to=ben.user)["epoch"]
    assert told == [{**expected, "epoch": epoch}] * 4
    answer = ben2.tell(anna.user, "yes?")
    assert (answer["to"], answer["seq"]) == (anna.user, 2)
    for client in (anna, anna2, ben, ben2):
        message = client.expect("private")
        assert (message["seq"], message["user"], message["to"]) == (2, ben.user, anna.user)
    anna.say("fence")
    for client in (anna, anna2, ben, ben2, carl):
        client.until("message", content="fence")
    counts = [sum(f["type"] == "private" for f in c.frames) for c in (anna, anna2, ben, ben2, carl)]
    assert counts == [2, 2, 2, 2, 0]


def test_private_is_kept(server, other, connect, new, room):
    anna = connect(server, new.anna, room)
    absent = new.ben
    for n in range(1, 4):
        anna.tell(absent, f"m{n}")
    ben = connect(other, absent, room)
    assert ben.frames[0]["private"] == {f"@{anna.user}": 3}
    for client, partner in ((ben, anna.user), (anna, absent)):
        client.send("history", to=partner)
        history = client.expect("history", to=partner)
        assert set(history) == {"type", "to", "epoch", "messages", "more"}
        assert [m["content"] for m in history["messages"]] == ["m1", "m2", "m3"]
        assert history["more"] is False
        assert all((m["user"], m["to"]) == (anna.user, absent) for m in history["messages"])
    ben.send("history", to=anna.user, limit=1, before=3)
    history = ben.expect("history", to=anna.user)
    assert [m["seq"] for m in history["messages"]] == [2] and history["more"] is True
    again = connect(server, anna.user, room, session=anna.session)
    assert again.frames[0]["private"] == {f"@{absent}": 3}


def test_private_conversations_are_private(server, connect, new, room):
    anna, ben, carl = (connect(server, new.user, room) for _ in range(3))
    anna.tell(ben.user, "secret")
    carl.send("history", to=anna.user)
    assert carl.expect("history", to=anna.user)["messages"] == []
    carl.send("history", to=ben.user)
    assert carl.expect("history", to=ben.user)["messages"] == []


def test_private_same_cid_is_one_message(server, connect, new, room):
    anna, ben = connect(server, new.anna, room), connect(server, new.ben, room)
    first = anna.tell(ben.user, "once", cid="same")
    assert anna.tell(ben.user, "once", cid="same") == first | {"duplicate": True}
    anna.tell(ben.user, "fence")
    ben.expect("private", content="fence")
    assert [f["content"] for f in ben.frames if f["type"] == "private"] == ["once"] + ["fence"]


def test_private_resume_answers_with_history(server, connect, new, room):
    anna, ben = connect(server, new.anna, room), connect(server, new.ben, room)
    for n in range(1, 6):
        anna.tell(ben.user, f"m{n}")
    ben.expect("private", content="m5")
    ben.send("history", to=anna.user)
    epoch = ben.expect("history", to=anna.user)["epoch"]
    ben.vanish()
    back = connect(server)
    resume = {f"@{anna.user}": {"epoch": epoch, "seq": 3}}
    back.hello(ben.user, session=ben.session, resume=resume)
    history = back.expect("history", to=anna.user)
    assert [m["content"] for m in history["messages"]] == ["m4", "m5"]
