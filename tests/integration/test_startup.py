"""Starting and stopping: clear words, right exit codes, nothing acknowledged is lost."""

import os
import re
import signal
import socket
import threading

import pytest

from support.client import Client
from support.deadline import wait_for
from support.raw import Closed
from support.server import ROOT, Server, run


def settings():
    """(name, default) of every setting, from the table that the code has."""
    with open(f"{ROOT}/include/confab/base/settings.h", encoding="utf-8") as header:
        text = header.read()
    numbers = re.findall(r"    X\(\w+, ([A-Z_]+), (\d+), \d+, \d+,", text)
    texts = re.findall(r'    X\(\w+, ([A-Z_]+), "(.*?)",', text)
    assert len(numbers) > 15 and len(texts) > 8
    return numbers + texts


def one_line(log, *words):
    """The complaint is one line that has all these words."""
    found = [line for line in log if all(word.lower() in line.lower() for word in words)]
    assert len(found) == 1, log
    return found[0]


# ---- words


def test_help():
    code, out, log = run("--help")
    assert code == 0 and not log
    for name, default in settings():
        flag = "\n  --" + name.lower().replace("_", "-") + " "
        assert flag in out, flag
        assert name in out, name
        paragraph = out[out.index(flag) + 1 :].split("\n  --")[0]
        assert default in paragraph, (name, default, paragraph)


def test_version_or_unknown_flag():
    code, _, log = run("--no-such-flag", "1")
    assert code == 2
    one_line(log, "--no-such-flag")


BAD = [
    ("SERVER_PORT", "65536", "65535"),
    ("SERVER_PORT", "-1", "65535"),
    ("SERVER_PORT", "http", "65535"),
    ("SERVER_PORT", "80 80", "65535"),
    ("SERVER_PORT", "8080x", "65535"),
    ("SERVER_PORT", "99999999999999999999", "65535"),
    ("MAX_CLIENTS", "0", "1000000"),
    ("HEARTBEAT_MS", "199", "200"),
    ("HEARTBEAT_MS", "1e3", "300000"),
    ("PRESENCE_TTL_S", "1", "600"),
    ("NET_THREADS", "17", "16"),
    ("PUMPS", "sometimes", "threads"),
    ("LOG_LEVEL", "loud", "debug"),
    ("REDIS_FSYNC", "never", "always"),
    ("BIND", "not-an-address", "address"),
    ("REDIS_ADDR", "localhost:99999", "host:port"),
    ("REDIS_ADDR", "nonsense:", "host:port"),
]


@pytest.mark.parametrize("name,value,allowed", BAD, ids=[f"{n}={v}" for n, v, _ in BAD])
def test_wrong_value(redis, name, value, allowed):
    code, _, log = run(**{"redis": redis, name: value})
    assert code == 2
    one_line(log, name, allowed)


def test_wrong_value_as_a_flag(redis):
    for arguments in (("--server-port", "70000"), ("--server-port=70000",)):
        code, _, log = run(*arguments, redis=redis)
        assert code == 2
        one_line(
            log, "--server-port" if "SERVER_PORT" not in "".join(log) else "SERVER_PORT", "65535"
        )


def test_flag_without_its_value(redis):
    code, _, log = run("--server-port", redis=redis)
    assert code == 2
    one_line(log, "--server-port")


def test_flags_beat_environment_beats_file(redis):
    file = "# comment\nHEARTBEAT_MS=1000\nPRESENCE_TTL_S=3\nRATE_LIMIT_WINDOW_S=4\n"
    settings = {"PRESENCE_TTL_S": 5, "RATE_LIMIT_WINDOW_S": 6}
    arguments = ("--rate-limit-window-s", "7")
    with Server(redis, arguments=arguments, env_file=file, **settings) as server:
        server.wait_health(200)
        client = Client(server, "config-test", "config-test")
        welcome = client.expect("welcome")
        client.close()
    assert welcome["heartbeat_ms"] == 1000
    assert welcome["limits"]["window_s"] == 7


# ---- errors at start


def test_port_taken(redis):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        code, _, log = run(redis=redis, SERVER_PORT=port)
    assert code not in (0, 2)
    one_line(log, str(port), "SERVER_PORT")


def test_redis_refuses_the_password(own_redis):
    redis = own_redis(password="correct horse")
    for wrong in ({}, {"REDIS_PASSWORD": "battery staple"}):
        code, _, log = run(redis=redis, **wrong)
        assert code not in (0, 2)
        one_line(log, "REDIS_PASSWORD")
        assert "battery" not in "\n".join(log), "a secret in the log"


def test_redis_takes_the_password(own_redis, start, connect, new, room):
    redis = own_redis(password="correct horse")
    server = start(redis, REDIS_PASSWORD="correct horse")
    connect(server, new.anna, room).say("hi")
    assert "horse" not in server.log_text()
    assert b"horse" not in server.request("GET", "/api/v1/stats").body


def test_redis_has_no_such_database(own_redis):
    code, _, log = run(redis=own_redis(), REDIS_DB=9999)
    assert code not in (0, 2)
    one_line(log, "REDIS_DB")


# ---- stopping


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_stops_in_order(redis, how):
    with Server(redis) as server:
        server.wait_health(200)
        server.stop(how, timeout=5)


def test_stops_while_redis_is_away():
    with Server("unix:/nonexistent/redis.sock") as server:
        server.stop(timeout=5)


@pytest.mark.parametrize("pumps", ["threads", "shared"])
def test_clients_are_told(redis, new, room, pumps):
    with Server(redis, PUMPS=pumps, NET_THREADS=2) as server:
        server.wait_health(200)
        clients = [Client(server, new.anna, room) for _ in range(20)]
        for client in clients:
            client.expect_joined(room)
        silent = Client(server)  # has not said hello
        server.stop(timeout=15)
        for client in clients:
            bye = client.expect("bye")
            assert bye["code"] == 4201 and bye["reason"] and bye["retry_ms"] >= 0
            client.expect_close(4201)
        silent.expect_close(4201)
        delays = {next(f for f in c.frames if f["type"] == "bye")["retry_ms"] for c in clients}
        assert len(delays) > 5, "they would all come back at once"


@pytest.mark.parametrize("pumps", ["threads", "shared"])
def test_stop_under_load_loses_nothing_acknowledged(redis, new, room, pumps):
    with Server(redis, PUMPS=pumps, NET_THREADS=2, RATE_LIMIT_MESSAGES=0) as server:
        server.wait_health(200)
        clients = [Client(server, new.anna, room) for _ in range(6)]
        for client in clients:
            client.expect_joined(room)

        def write(client):
            try:
                while client.is_open:
                    frames = [
                        {"type": "message", "room": room, "content": "x", "cid": client.new_cid()}
                        for _ in range(10)
                    ]
                    client.send_many(frames)
                    client.expect("ack", cid=frames[-1]["cid"])
            except Exception:
                assert not client.is_open or any(f["type"] == "bye" for f in client.frames)

        threads = [threading.Thread(target=write, args=(c,)) for c in clients]
        for thread in threads:
            thread.start()
        clients[0].expect("message", seq=200, timeout=20)
        server.stop(timeout=20)
        for thread in threads:
            thread.join()
        for client in clients:
            client.expect_close(4201)
        top = int(redis.client.hget(f"confab:{{room:{room}}}:meta", "seq"))
        acks = sorted(f["seq"] for c in clients for f in c.frames if f["type"] == "ack")
        assert len(acks) == len(set(acks)) and acks[-1] <= top
        for client in clients:
            assert client.seqs(room) == list(range(1, len(client.seqs(room)) + 1))


def test_refuses_newcomers_while_stopping(redis, raw, new, room):
    with Server(redis) as server:
        server.wait_health(200)
        client = Client(server, new.anna, room)
        client.expect_joined(room)
        server.process.send_signal(signal.SIGTERM)
        client.expect("bye")
        try:
            assert raw(server).upgrade() == 503
        except (Closed, OSError):
            pass  # it no longer listens
        assert server.wait_exit() == 0


def test_deaf_client_does_not_hold_it_up(redis, raw, new, room):
    with Server(redis, DRAIN_SECONDS=2) as server:
        server.wait_health(200)
        raw(server, new.anna, room)
        server.stop(timeout=8)


def test_names_are_free_after_a_restart(redis, new, room):
    with Server(redis) as server:
        server.wait_health(200)
        client = Client(server, new.anna, room)
        session = client.expect("welcome")["session"]
        name = client.user
        server.stop()
    with Server(redis) as server:
        server.wait_health(200)
        client = Client(server, name, room, session=session)
        client.expect("welcome")
        client.close()


def test_log_has_no_content(redis, new, room):
    with Server(redis, LOG_LEVEL="debug") as server:
        server.wait_health(200)
        client = Client(server, new.anna, room, session="secret-session")
        client.expect_joined(room)
        client.say("a very secret sentence", room)
        client.send_text('{"type":"message","content":"malformed secret"')
        client.expect("error")
        client.close()
    text = "\n".join(server.log)
    assert "secret" not in text.replace("secret-room", "")


def test_log_level(redis):
    with Server(redis, LOG_LEVEL="debug") as talkative:
        talkative.wait_health(200)
    assert all(re.match(r"^\S+=\S", line) for line in talkative.log), talkative.log_text()
    wait_for(lambda: talkative.logged(event="listening"), "it said where it listens")


def test_two_runs_are_two_instances(redis):
    with Server(redis) as a, Server(redis) as b:
        assert re.fullmatch(r"[0-9a-f]{16}", a.instance)
        assert a.instance != b.instance


def test_net_threads_are_pinned(start, redis):
    cpu = max(os.sched_getaffinity(0))
    server = start(redis, NET_THREADS=2, NET_CPUS=cpu)
    pinned = {name: cpus for name, cpus in server.affinities() if name.startswith("net-")}
    assert pinned == {"net-0": {cpu}, "net-1": {cpu}}
    assert dict(server.affinities())["hub"] == os.sched_getaffinity(0)
