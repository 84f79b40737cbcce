"""Devices: all of a person's see the same; each can be ended, everywhere at once."""

import pytest

from support.deadline import wait_for
from support.rest import Device, ask

AT_ONCE_S = 2  # long before devices are asked for, every third of PRESENCE_TTL_S


@pytest.fixture
def three(server, other, new, room):
    """Devices of one account: on one instance, on the other, and on the first again."""
    name = new.anna
    devices = [
        Device.register(server, name, label="laptop"),
        Device.login(other, name, label="phone"),
        Device.login(server, name),
    ]
    clients = [d.connect(s, room) for d, s in zip(devices, (server, other, server))]
    yield devices, clients
    for client in clients:
        if client.is_open:
            client.close()


def listed(device, server):
    reply = device.ask(server, "GET", "/devices")
    assert (reply.status, reply.body["type"]) == (200, "devices"), reply.body
    return reply.body["devices"]


# ---- the same everywhere


def test_all_see_private_messages(three, other, connect, new, room):
    _, clients = three
    ben = connect(other, new.ben, room)
    ben.tell(clients[0].user, "psst")
    for client in clients:
        assert client.expect("private", content="psst")["user"] == ben.user


def test_all_see_what_one_says(three, connect, server, new, room):
    _, clients = three
    ben = connect(server, new.ben, room)
    clients[1].tell(ben.user, "from the phone")
    clients[2].say("to all")
    for client in clients:
        client.expect("private", content="from the phone", to=ben.user)
        client.expect("message", content="to all", user=clients[0].user)


def test_all_see_read_markers(three, connect, other, new, room):
    _, clients = three
    ben = connect(other, new.ben, room)
    seq = ben.tell(clients[0].user, "read this")["seq"]
    clients[0].expect("private", content="read this")
    clients[0].send("read", to=ben.user, seq=seq)
    for client in clients:
        assert client.expect("read", seq=seq)["user"] == clients[0].user


def test_a_device_that_comes_later_knows_the_conversations(three, server, other, connect, new, room):
    _, clients = three
    ben = connect(other, new.ben, room)
    clients[0].tell(ben.user, "before")
    later = Device.login(server, clients[0].user).connect(server)
    welcome = later.frames[0]
    assert f"@{ben.user}" in welcome["private"]
    later.close()


# ---- the list


def test_list(three, server, other):
    devices, _ = three
    rows = listed(devices[0], other)
    assert {row["id"] for row in rows} == {d.id for d in devices}
    assert [row["current"] for row in rows if row["id"] == devices[0].id] == [True]
    assert sum(row["current"] for row in rows) == 1
    labels = {row["id"]: row["label"] for row in rows}
    assert (labels[devices[0].id], labels[devices[1].id]) == ("laptop", "phone")
    assert all(row["online"] for row in rows)
    seen = [row["seen"] for row in rows]
    assert seen == sorted(seen, reverse=True)
    ask(server, "GET", "/devices").error(401, "login_required")


def test_a_device_keeps_its_id(server, other, new, room):
    first = Device.register(server, new.anna, label="laptop")
    again = Device.login(other, first.name, device=first.id)
    assert again.id == first.id
    assert [row["label"] for row in listed(again, server)] == ["laptop"]
    # the refresh token of before is worth nothing, and using it harms nobody
    ask(server, "POST", "/token", {"refresh_token": first.refresh}).error(401, "bad_token")
    again.refreshed(server).connect(server, room).close()
    # nobody gets the device of somebody else by naming it
    ben = Device.register(server, new.ben)
    assert Device.login(server, ben.name, device=first.id).id not in (first.id, ben.id)


# ---- the end of one


def test_revoked_everywhere_at_once(three, server, other, room):
    devices, clients = three
    lost = devices[1]
    twin = lost.connect(server, room)  # a second connection, on the other instance
    devices[0].ask(server, "DELETE", f"/devices/{lost.id}").done()
    for client in (clients[1], twin):
        assert client.expect("bye", timeout=AT_ONCE_S)["code"] == 4003
        client.expect_close(4003, AT_ONCE_S)
    for instance in (server, other):  # its tokens are worth nothing
        lost.ask(instance, "GET", "/devices").error(401, "bad_token")
        ask(instance, "POST", "/token", {"refresh_token": lost.refresh}).error(401, "bad_token")
    clients[0].say("we are still here")
    clients[2].expect("message", content="we are still here")
    assert {row["id"] for row in listed(devices[0], other)} == {devices[0].id, devices[2].id}


def test_revoked_token_opens_no_connection(server, other, connect, new):
    anna = Device.register(server, new.anna)
    lost = Device.login(server, anna.name)
    anna.ask(other, "DELETE", f"/devices/{lost.id}").done()
    for instance in (server, other):
        client = connect(instance)
        client.send("hello", token=lost.access)
        client.expect_close(4003, AT_ONCE_S)


def test_not_the_device_of_somebody_else(server, new, room):
    anna, ben = Device.register(server, new.anna), Device.register(server, new.ben)
    client = ben.connect(server, room)
    anna.ask(server, "DELETE", f"/devices/{ben.id}").error(404, "not_found")
    anna.ask(server, "DELETE", "/devices/0000000000000000").error(404, "not_found")
    anna.ask(server, "DELETE", "/devices/x").error(404, "not_found")
    ask(server, "DELETE", f"/devices/{ben.id}").error(401, "login_required")
    client.say("nobody touched me")
    client.close()


def test_logout(three, server, other):
    devices, clients = three
    ask(other, "POST", "/logout", {"refresh_token": devices[0].refresh}).done()
    clients[0].expect_close(4003, AT_ONCE_S)
    ask(other, "POST", "/logout", {"refresh_token": devices[0].refresh}).done()  # is, and was
    devices[1].ask(server, "POST", "/logout", {}).done()
    clients[1].expect_close(4003, AT_ONCE_S)
    clients[2].say("one is left")
    devices[2].ask(server, "POST", "/logout", {"all": True}).done()
    clients[2].expect_close(4003, AT_ONCE_S)


def test_logout_of_all(three, server):
    devices, clients = three
    ask(server, "POST", "/logout", {"refresh_token": devices[0].refresh, "all": True}).done()
    for client in clients:
        client.expect_close(4003, AT_ONCE_S)


def test_logout_with_a_forged_token(three, server):
    devices, clients = three
    id_, number, secret = devices[0].refresh.split(".")
    forged = f"{id_}.{number}.{secret[::-1]}"
    ask(server, "POST", "/logout", {"refresh_token": forged}).error(401, "bad_token")
    clients[0].say("still here")


def test_one_device_too_many(server, other, new, room):
    first = Device.register(server, new.anna)
    client = first.connect(other, room)
    for _ in range(19):
        last = Device.login(server, first.name)
    assert len(listed(last, other)) == 20 and client.is_open
    Device.login(server, first.name)
    client.expect_close(4003, AT_ONCE_S)  # it was unseen for longest
    assert len(listed(last, other)) == 20
    first.ask(server, "GET", "/devices").error(401, "bad_token")


# ---- trouble


def test_revoked_while_nobody_listens(start, own_redis, new, room):
    """Pub/sub is at most once: what it did not bring is found by asking."""
    redis = own_redis()
    server = start(redis, PRESENCE_TTL_S=4)
    anna = Device.register(server, new.anna)
    lost = Device.login(server, anna.name)
    client, stays = lost.connect(server, room), anna.connect(server, room)
    # as revoke.lua does it, but without the word to those who listen
    redis.client.delete(f"confab:device:{lost.id}")
    client.expect_close(4003)
    stays.say("still here")
    wait_for(lambda: len(listed(anna, server)) == 1, "one device is left")
