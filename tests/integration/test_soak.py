"""confab-soak, the prover: it finds nothing wrong where nothing is, and is not blind."""

import json
import os
import ssl
import subprocess

import pytest

from support.deadline import seconds, wait_for
from support.mangle import Proxy
from support.process import spawn
from support.rest import Device
from support.server import BINARY, Server, parse

SOAK = os.path.join(os.path.dirname(BINARY), "confab-soak")


def url(server, scheme="ws"):
    return f"{scheme}://127.0.0.1:{server.port}"


class Run:
    def __init__(self, *arguments, stdin=subprocess.DEVNULL, env=None):
        self.process = spawn(
            [SOAK, *map(str, arguments)],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=env,
        )

    def end(self, timeout=40, stdin=None):
        out, err = self.process.communicate(stdin, timeout=seconds(timeout))
        assert "Sanitizer" not in err and "runtime error" not in err, err
        return self.process.returncode, out, err


@pytest.fixture(scope="module")
def two(redis):
    """Two instances; one way to run them is enough, since the clients are what is tried here."""
    with Server(redis, RATE_LIMIT_MESSAGES=0) as a, Server(redis, RATE_LIMIT_MESSAGES=0) as b:
        a.wait_health(200)
        b.wait_health(200)
        yield a, b


@pytest.fixture
def one(two):
    return two[0]


@pytest.fixture
def soak(request):
    """Runs it; returns (status, what --json printed, stderr)."""

    def soak(*arguments, **options):
        run = Run("--json", *arguments, **options)
        request.addfinalizer(run.process.kill)
        code, out, err = run.end()
        return code, json.loads(out) if out else None, err

    return soak


@pytest.fixture
def proxy(request):
    def proxy(server, mangle, **options):
        p = Proxy(server, mangle, **options)
        request.addfinalizer(p.close)
        return p

    return proxy


FAULTS = ("lost", "duplicated", "reordered", "skipped", "diverged", "unacked", "unsettled")


def test_two_instances_keep_their_promises(two, soak):
    load = ["--clients", 20, "--rate", 300, "--seconds", 3]
    trouble = ["--drop", 30, "--sleep-ms", 800, "--moves", 10, "--slow", 3]
    pids = [server.process.pid for server in two]
    watched = ["--pids", ",".join(map(str, pids))]
    code, result, err = soak(*load, *trouble, *watched, *map(url, two))
    assert (code, result["verdict"], result["reasons"]) == (0, "holds", []), err
    assert {name: result[name] for name in FAULTS} == dict.fromkeys(FAULTS, 0)
    assert result["acked"] == result["sent"] > 200
    assert result["deliveries"] > 2000
    assert result["reconnects"] > 10 and result["resumes"] > 20
    assert result["recovered_messages"] > 20
    assert result["latency_ms"]["p50"] <= result["latency_ms"]["p99"] <= result["latency_ms"]["max"]
    assert [p["pid"] for p in result["processes"]] == pids
    for process in result["processes"]:
        assert process["start"]["rss_kb"] > 1000 and process["end"]["threads"] > 1
        assert process["start"]["fds"] > 10
        assert process["minute"] is None
    assert any(parse(line).get("event") == "running" for line in err.splitlines())


def test_resuming_is_measured(two, soak):
    code, result, err = soak("--missed", 50, "--clients", 20, *map(url, two))
    assert (code, result["verdict"]) == (0, "holds"), err
    assert result["recovered_messages"] == 20 * 2 * 50
    assert result["reconnects"] == 20
    times = result["resume_ms"]
    assert 0 < times["p50"] <= times["p99"] <= times["max"] <= result["all_ms"]


def test_clients_may_be_accounts(redis, soak, new, tmp_path):
    """Where nobody else may be."""
    with Server(redis, ACCOUNTS="required", RATE_LIMIT_MESSAGES=0) as server:
        server.wait_health(200)
        devices = [Device.register(server, getattr(new, f"soak{n}")) for n in range(4)]
        accounts = tmp_path / "accounts"
        accounts.write_text("".join(f"{device.name} {device.access}\n" for device in devices))
        load = ["--clients", 4, "--rate", 50, "--seconds", 2, "--drop", 5, "--sleep-ms", 300]
        code, result, err = soak(*load, "--accounts", accounts, url(server))
        assert (code, result["verdict"]) == (0, "holds"), err
        assert result["acked"] > 20 and result["reconnects"] > 0
        code, result, err = soak(*load, url(server))
        assert code == 2 and "hello was refused: login_required" in err


# ---- not blind: each kind of mangling is called by its name


def repeat():
    """Every tenth message comes twice."""
    messages = 0

    def mangle(frame):
        nonlocal messages
        messages += frame["type"] == "message"
        return [frame, frame] if frame["type"] == "message" and messages % 10 == 0 else [frame]

    return mangle


def swap():
    """The tenth message of a connection comes behind the next one of its room."""
    messages, held = 0, None

    def mangle(frame):
        nonlocal messages, held
        if frame["type"] != "message":
            return [frame]
        messages += 1
        if messages == 10:
            held = frame
            return []
        if held and held["room"] == frame["room"]:
            first, held = held, None
            return [frame, first]
        return [frame]

    return mangle


def alter_for_one():
    """The first connection sees other words than everybody else."""
    connections = 0

    def connect():
        nonlocal connections
        connections += 1
        mine = connections == 1

        def mangle(frame):
            if mine and frame["type"] == "message":
                return [{**frame, "content": frame["content"].replace("soak", "SOAK")}]
            return [frame]

        return mangle

    return connect


def cut_history():
    """What is missed while away comes back without one of its messages."""

    def mangle(frame):
        if frame["type"] == "history" and len(frame["messages"]) > 2:
            del frame["messages"][1]
        return [frame]

    return mangle


def shorten_history():
    """The same, and the number that is told fits."""
    cut = 0

    def mangle(frame):
        nonlocal cut
        if frame["type"] == "joined" and frame["recovered"] and frame["missed"] > 1:
            cut = 1
            frame["missed"] -= 1
        elif frame["type"] == "history" and cut:
            del frame["messages"][0]
            cut = 0
        return [frame]

    return mangle


def swallow_acks():
    return lambda frame: [] if frame["type"] == "ack" else [frame]


def mute_one():
    """One connection gets no message any more, and no number that would tell it so."""
    connections = 0

    def connect():
        nonlocal connections
        connections += 1
        mine, messages = connections == 1, 0

        def mangle(frame):
            nonlocal messages
            messages += frame["type"] == "message"
            if not mine or messages < 10:
                return [frame]
            return [] if frame["type"] in ("message", "heartbeat", "joined") else [frame]

        return mangle

    return connect


MANGLES = [
    pytest.param(lambda: repeat, "duplicated", (), id="repeat"),
    pytest.param(lambda: swap, "reordered", (), id="swap"),
    pytest.param(alter_for_one, "diverged", (), id="alter"),
    pytest.param(lambda: cut_history, "skipped", ("--drop", 20), id="cut-history"),
    pytest.param(lambda: shorten_history, "skipped", ("--drop", 20), id="shorten-history"),
    pytest.param(lambda: swallow_acks, "unacked", (), id="swallow-acks"),
    pytest.param(mute_one, "lost", (), id="mute"),
]


@pytest.mark.parametrize("make,counter,options", MANGLES)
def test_broken_server_is_found_out(one, soak, proxy, make, counter, options):
    broken = proxy(one, make())
    load = ["--clients", 8, "--rate", 150, "--rooms", 2, "--seconds", 1, "--settle", 2]
    calm = ["--drop", 0, "--moves", 0, "--sleep-ms", 500]
    code, result, err = soak(*load, *calm, *options, url(broken))
    assert (code, result["verdict"]) == (1, "broken"), err
    assert result[counter] > 0, result
    assert result["reasons"] and "event=broken" in err
    others = {n: result[n] for n in FAULTS if n not in (counter, "unsettled") and result[n]}
    assert not others, "and nothing else is"


def test_honest_proxy_changes_nothing(one, soak, proxy):
    honest = proxy(one, lambda: lambda frame: [frame])
    code, result, err = soak("--clients", 8, "--seconds", 1, "--drop", 10, url(honest))
    assert (code, result["verdict"]) == (0, "holds"), err


# ---- Redis loses everything


def test_lost_data_is_told(start, own_redis):
    """Redis comes back empty: whoever was away is told of a gap, and nothing worse happens."""
    redis = own_redis()
    server = start(redis)
    load = ["--clients", 20, "--rate", 100, "--drop", 20, "--sleep-ms", 1000]
    run = Run("--json", "--allow-loss", *load, url(server), stdin=subprocess.PIPE)
    try:
        for line in run.process.stderr:
            if parse(line).get("event") == "running":
                break
        wait_for(lambda: server.stats()["clients"] < 18, "some are away")
        redis.kill()
        redis.wipe()
        redis.start()
        print("end loss", file=run.process.stdin, flush=True)
        for line in run.process.stderr:
            if parse(line).get("event") == "recovered":
                break
        code, out, err = run.end(stdin="stop\n")
    finally:
        run.process.kill()
    result = json.loads(out)
    assert (code, result["verdict"]) == (0, "holds"), err
    assert result["epochs"] == 3, "in each room"
    assert result["gaps_declared"] >= result["gaps_in_window"] > 0
    worse = ("duplicated", "reordered", "skipped", "diverged", "unacked", "unsettled")
    assert {name: result[name] for name in worse} == dict.fromkeys(worse, 0)


# ---- stdin


def test_marks_and_stop(one):
    run = Run("--json", "--seconds", 60, "--rate", 200, url(one), stdin=subprocess.PIPE)
    seen = []

    def until(event):
        for line in run.process.stderr:
            seen.append(line)
            if parse(line).get("event") == event:
                return parse(line)
        raise AssertionError(f"no event={event}: {seen}")

    def tell(text):
        run.process.stdin.write(text)
        run.process.stdin.flush()

    try:
        assert until("running")["clients"] == "30"
        tell("begin first\nend first\nbegin sec")
        assert until("recovered")["mark"] == "first"
        tell("ond\nend second\nend third\nbegin fourth\nnonsense\n")
        assert [until("recovered")["mark"] for _ in range(2)] == ["second", "third"]
        code, out, err = run.end(stdin="stop\n")
    finally:
        run.process.kill()
    assert code == 0, err
    result = json.loads(out)
    assert result["seconds"] < 40
    marks = {mark["name"]: mark for mark in result["marks"]}
    assert list(marks) == ["first", "second", "third", "fourth"]
    for name in ("first", "second", "third"):
        assert 0 <= marks[name]["begin_ms"] <= marks[name]["end_ms"]
        assert 0 < marks[name]["recovery_ms"] < 10000
    assert marks["fourth"]["end_ms"] is None and marks["fourth"]["recovery_ms"] is None


# ---- wrong use


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--clients", "0", "ws://127.0.0.1:1"],
        ["--clients", "many", "ws://127.0.0.1:1"],
        ["--nonsense", "1", "ws://127.0.0.1:1"],
        ["--seed"],
        ["ftp://127.0.0.1"],
        ["ws://"],
        ["ws://127.0.0.1:99999"],
        ["--pids", "1,x", "ws://127.0.0.1:1"],
        ["--accounts", "/nowhere", "ws://127.0.0.1:1"],
        ["--accounts", "/dev/null", "ws://127.0.0.1:1"],
        ["--accounts", "/etc/passwd", "ws://127.0.0.1:1"],
    ],
    ids=" ".join,
)
def test_wrong_use(arguments):
    code, out, err = Run(*arguments).end()
    assert (code, out) == (2, "")
    assert err.startswith("confab-soak: ") and err.count("\n") == 1


def test_help():
    code, out, err = Run("--help").end()
    assert (code, err) == (0, "")
    for option in ("--clients", "--sleep-ms", "--missed", "--allow-loss", "--insecure"):
        assert f"  {option} " in out


def test_nobody_there(one, soak):
    code, result, err = soak(url(one), "ws://127.0.0.1:1")
    assert (code, result) == (2, None)
    assert "cannot reach ws://127.0.0.1:1: " in err


def test_not_confab(one, soak):
    code, result, err = soak(url(one) + "/elsewhere")
    assert (code, result) == (2, None)
    assert "cannot reach" in err and "404" in err


# ---- TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    key, cert = str(folder / "key.pem"), str(folder / "cert.pem")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", cert]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return cert, context


def test_tls(one, soak, proxy, certificate):
    cert, context = certificate
    secure = proxy(one, lambda: lambda frame: [frame], ssl=context)
    load = ["--clients", 5, "--seconds", 1, "--drop", 5, "--sleep-ms", 200]
    code, result, err = soak(*load, url(secure, "wss"))
    assert (code, result) == (2, None), "nobody vouches for this certificate"
    assert "cannot reach wss://127.0.0.1" in err
    code, result, err = soak(*load, "--insecure", url(secure, "https"))
    assert (code, result["verdict"]) == (0, "holds"), err
    trusting = os.environ | {"SSL_CERT_FILE": cert}
    code, result, err = soak(*load, f"wss://localhost:{secure.port}", env=trusting)
    assert (code, result["verdict"]) == (0, "holds"), err
