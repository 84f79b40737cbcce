"""Nobody learns from an error, or from how long it takes, whether there is an account."""

import time

import pytest

from support.client import Client
from support.rest import Device, login, register

NO_LIMITS = {"LOGIN_LIMIT": 0, "LOGIN_LIMIT_NAME": 0, "LOGIN_LIMIT_ADDRESS": 0}
WRONG = "wrong password"


@pytest.fixture(scope="module")
def server(redis):
    from support.server import Server

    with Server(redis, **NO_LIMITS, REGISTER_LIMIT_ADDRESS=0) as s:
        s.wait_health(200)
        yield s


def without_date(headers):
    return {name: value for name, value in headers.items() if name != "date"}


def test_same_answer(server, new):
    anna = Device.register(server, new.anna)
    replies = [login(server, name, WRONG) for name in (anna.name, new.nobody)]
    for reply in replies:
        reply.error(401, "bad_login")
    known, unknown = replies
    assert known.text == unknown.text
    assert without_date(known.headers) == without_date(unknown.headers)


def test_same_questions_to_redis(server, redis, new):
    """The commands that Redis gets are the same, but for the name in them."""
    anna, asked = Device.register(server, new.anna), []
    for name in (anna.name, new.nobody):
        with redis.client.monitor() as monitor:
            login(server, name, WRONG)
            redis.client.ping()
            commands = []
            for line in monitor.listen():
                if line["command"] == "PING":
                    break
                if "login:" in line["command"] or "registered:" in line["command"]:
                    commands.append(line["command"].split()[0])
        asked.append(commands)
    assert asked[0] == asked[1] != []


def test_same_time(server, new):
    """A hash takes tens of milliseconds: whoever left it out would show. The least of many times is
    that of an undisturbed login, whatever else runs on the machine."""
    anna = Device.register(server, new.anna)
    took = {anna.name: [], new.nobody: []}
    for _ in range(20):
        for name, times in took.items():
            begin = time.perf_counter()
            login(server, name, WRONG)
            times.append(time.perf_counter() - begin)
    known, unknown = (min(times) for times in took.values())
    assert min(known, unknown) > 0.005
    assert abs(known - unknown) < 0.2 * max(known, unknown), took


def test_taken_is_all_one_hears(server, new, connect, room):
    """A name that a guest holds and one that is registered: the same refusal."""
    guest, anna = connect(server, new.guest, room), Device.register(server, new.anna)
    answers = [register(server, name) for name in (guest.user, anna.name)]
    for answer in answers:
        answer.error(409, "name_taken")
    assert answers[0].text == answers[1].text
    errors = []
    for name in (guest.user, anna.name):
        client = Client(server)
        client.send("hello", username=name)
        errors.append(client.expect_error("name_taken"))
        client.close()
    assert errors[0] == errors[1]
