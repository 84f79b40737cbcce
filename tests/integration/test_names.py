"""Names: Unicode, who owns them, sessions and devices."""

from support.client import Client
from support.deadline import wait_for


def test_names_become_nfc(server, connect, new):
    number = new.x
    anna = connect(server, f"e\u0301va-{number}", f"cafe\u0301-{number}")
    welcome = anna.frames[0]
    assert welcome["user"] == f"\u00e9va-{number}"
    assert anna.frames[1]["room"] == f"caf\u00e9-{number}"
    assert anna.frames[1]["members"] == [f"\u00e9va-{number}"]


def test_names_in_both_forms_are_the_same(server, connect, new):
    number = new.x
    composed, apart = f"caf\u00e9-{number}", f"cafe\u0301-{number}"
    anna, ben = connect(server, new.anna, composed), connect(server)
    ben.hello(apart, room=composed)
    assert ben.user == composed
    ben.expect("history", room=composed)
    ben.send("message", room=apart, content="hi")
    assert anna.expect("message", content="hi")["user"] == composed
    anna.tell(apart, "psst")
    assert ben.expect("private")["to"] == composed


def test_names_of_every_script(server, connect, new, room):
    for base in ("Žofie", "Владимир", "山田太郎", "محمد", "देवी", "a_b-c.d", "٣٤٥"):
        user = connect(server, f"{base}-{new.x}"[:32], room)
        user.say("hi")


def test_same_session_is_the_same_user(server, other, connect, new, room):
    anna = connect(server, new.anna, room)
    for instance in (server, other):
        second = connect(instance, anna.user, room, session=anna.session)
        assert second.joined["members"] == [anna.user] and second.joined["count"] == 1
        second.say("from the second device")
        assert anna.expect("message", content="from the second device")["user"] == anna.user
        second.close()
    anna.say("alone again")


def test_name_taken_then_another_one(server, other, connect, new, room):
    anna = connect(server, new.anna, room)
    for instance in (server, other):
        thief = connect(instance)
        thief.send("hello", username=anna.user)
        thief.expect_error("name_taken", temporary=False)
        thief.send("hello", username=anna.user, session="guessed")
        thief.expect_error("name_taken")
        thief.hello(new.ben, room=room)
        thief.expect_joined(room)
        thief.say("under my own name", room)
        assert anna.expect("message")["user"] == thief.user


def test_name_taken_in_the_url(server, connect, new, room):
    anna = connect(server, new.anna, room)
    thief = Client(server, anna.user, room)
    thief.expect_error("name_taken")
    thief.hello(new.ben, room=room)
    thief.close()


def test_given_session_holds_the_name(server, connect, new, room):
    anna = connect(server, new.anna, room, session="my-own-secret")
    assert anna.frames[0]["session"] == "my-own-secret"
    anna.close()
    thief = connect(server)
    thief.send("hello", username=anna.user)
    thief.expect_error("name_taken")
    thief.send("hello", username=anna.user, session="my-own-secret")
    thief.expect("welcome")


def test_session_that_was_presented_outlives_its_connections(server, connect, new, room):
    anna = connect(server, new.anna, room)
    second = connect(server, anna.user, room, session=anna.session)
    second.close()
    anna.close()
    wait_for(lambda: server.stats()["users"] == 0, "the server has seen both go")
    heir = connect(server)
    heir.send("hello", username=anna.user)
    heir.expect_error("name_taken")
    heir.send("hello", username=anna.user, session=anna.session)
    heir.expect("welcome")


def test_made_up_session_ends_with_its_connection(server, connect, new, room):
    anna = connect(server, new.anna, room)
    heir = connect(server)
    heir.send("hello", username=anna.user)
    heir.expect_error("name_taken")
    anna.close()

    def free():
        heir.send("hello", username=anna.user)
        return heir.expect(("welcome", "error"))["type"] == "welcome"

    wait_for(free, "the name is free")


def test_made_up_sessions_cannot_be_guessed(server, connect, new, room):
    sessions = {connect(server, new.user, room).session for _ in range(10)}
    assert len(sessions) == 10
    assert all(len(s) >= 22 for s in sessions), "at least 128 bits"


def test_a_session_may_stand_among_the_subprotocols(server, connect, new, raw, room):
    anna = connect(server, new.anna, room)

    def come(path, *offers):
        connection = raw(server)
        names = ", ".join(["confab.v1", *(f"confab.session.{offer}" for offer in offers)])
        assert connection.upgrade(path, Sec_WebSocket_Protocol=names) == 101
        return connection

    path = f"/ws?username={anna.user}&room={room}"
    second = come(path, anna.session)
    assert second.expect("welcome")["session"] == anna.session
    assert second.expect("joined")["count"] == 1
    assert come(f"{path}&session=other", anna.session).expect("welcome")["user"] == anna.user
    come(path, "another").expect("error", code="name_taken")
    come(path, "").expect("error", code="name_taken")
    come(path).expect("error", code="name_taken")
    longest = "x" * 64
    ben = come(f"/ws?username={new.ben}", longest)
    assert ben.expect("welcome")["session"] == longest


def test_caps_may_stand_in_the_address(server, new, raw):
    able, other, plain = [raw(server) for _ in range(3)]
    for connection, caps in ((able, "&caps=away"), (other, "&caps=flight"), (plain, "")):
        assert connection.upgrade(f"/ws?username={new.x}{caps}") == 101
        connection.expect("welcome")
    able.expect("conversations")
    for connection in (other, plain):
        connection.expect("joined")  # `conversations` would have come before
        connection.expect("history")
