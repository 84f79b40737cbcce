"""Coming back: exactly the missed, or the gap stated; pages of history."""


def test_resume_brings_exactly_the_missed(server, other, connect, new, room):
    anna, ben = connect(server, new.anna, room), connect(server, new.ben, room)
    ben.say_all([f"m{n}" for n in range(1, 4)])
    anna.expect("message", seq=3)
    anna.vanish()
    ben.say_all([f"m{n}" for n in range(4, 8)])
    for instance in (server, other):
        back = connect(instance)
        back.hello(anna.user, session=anna.session)
        joined, history = back.join(room, epoch=anna.epoch[room], seq=3)
        assert (joined["recovered"], joined["missed"], joined["seq"]) == (True, 4, 7)
        assert joined["epoch"] == anna.epoch[room]
        assert [m["content"] for m in history["messages"]] == ["m4", "m5", "m6", "m7"]
        assert [m["seq"] for m in history["messages"]] == [4, 5, 6, 7]


def test_resume_at_the_top(server, connect, new, room):
    anna = connect(server, new.anna, room)
    anna.say("one")
    joined, history = anna.join(room, epoch=anna.epoch[room], seq=1)
    assert (joined["recovered"], joined["missed"], history["messages"]) == (True, 0, [])


def test_resume_with_a_foreign_epoch(server, connect, new, room):
    anna = connect(server, new.anna, room)
    anna.say("one")
    anna.expect("message", content="one")  # the answer to it may be earlier than the room's cache
    for seq in (0, 1, 50):
        joined, history = anna.join(room, epoch="another", seq=seq)
        assert (joined["recovered"], joined["missed"]) == (False, 0)
        assert joined["epoch"] == anna.epoch[room]
        assert [m["content"] for m in history["messages"]] == ["one"]


def test_resume_beyond_the_top(server, connect, new, room):
    anna = connect(server, new.anna, room)
    anna.say("one")
    anna.expect("message", content="one")
    joined, history = anna.join(room, epoch=anna.epoch[room], seq=50)
    assert joined["recovered"] is False
    assert [m["content"] for m in history["messages"]] == ["one"]


def test_resume_too_old_states_the_gap(server, connect, new, room):
    anna = connect(server, new.anna, room)
    anna.say_all([f"m{n}" for n in range(1, 121)])
    anna.until("message", seq=120)
    joined, history = anna.join(room, epoch=anna.epoch[room], seq=5)
    assert (joined["recovered"], joined["missed"], joined["seq"]) == (False, 15, 120)
    assert [m["seq"] for m in history["messages"]] == list(range(21, 121))
    joined, history = anna.join(room, epoch=anna.epoch[room], seq=20)
    assert (joined["recovered"], joined["missed"]) == (True, 100)
    assert [m["seq"] for m in history["messages"]] == list(range(21, 121))
    assert history["more"] is False


def test_resume_while_others_write(server, other, connect, new, room):
    """Live messages wait until the history is out: no gap and no repetition at the seam."""
    ben = connect(other, new.ben, room)
    anna = connect(server, new.anna, room)
    top = 0
    for turn in range(10):
        ben.send_many(
            {"type": "message", "room": room, "content": f"{turn}-{n}"} for n in range(20)
        )
        back = connect(server)
        back.hello(new.carl, resume={room: {"epoch": ben.epoch[room], "seq": top}})
        joined, _ = back.expect_joined(room)
        assert joined["recovered"] is True
        ben.say(f"{turn}-end")
        back.until("message", content=f"{turn}-end")
        assert back.seqs(room) == list(range(top + 1, top + 22))
        top = back.seqs(room)[-1]
    anna.expect("message", seq=top)
    assert anna.seqs() == list(range(1, top + 1))


# ---- history


def test_history_pages(server, connect, new, room):
    anna = connect(server, new.anna, room)
    anna.say_all([f"m{n}" for n in range(1, 131)])

    def page(**fields):
        anna.send("history", room=room, **fields)
        history = anna.expect("history", room=room)
        assert history["epoch"] == anna.epoch[room]
        return [m["seq"] for m in history["messages"]], history["more"]

    assert page() == (list(range(31, 131)), False)
    assert page(limit=100) == (list(range(31, 131)), False)
    assert page(limit=10) == (list(range(121, 131)), True)
    assert page(limit=10, before=121) == (list(range(111, 121)), True)
    assert page(limit=10, before=41) == (list(range(31, 41)), False)
    assert page(limit=10, before=31) == ([], False)
    assert page(limit=1, before=32) == ([31], False)
    assert page(limit=50, before=1) == ([], False)
    assert page(limit=1, before=10**15) == ([130], True)


def test_fresh_join_shows_the_latest(server, other, connect, new, room):
    anna = connect(server, new.anna, room)
    anna.say_all([f"m{n}" for n in range(1, 106)])
    anna.expect("message", seq=105)
    messages = anna.messages()[5:]
    for instance in (server, other):
        ben = connect(instance, new.ben, room)
        assert ben.joined["seq"] == 105
        assert ben.joined["recovered"] is False
        got = [{"type": "message", **m} for m in ben.history["messages"]]
        assert got == messages
        assert ben.history["more"] is False
