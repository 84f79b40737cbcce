"""What a person at the terminal sees: options, mistakes, addresses, signals, scripts/run.sh."""

import os
import shutil
import signal
import socket
import subprocess
import time

import pytest

from support.deadline import seconds, wait_for
from support.private import DataDir, is_running
from support.redis import Redis
from support.script import Script
from support.server import BINARY, Server, run


@pytest.fixture
def data():
    d = DataDir()
    yield d
    d.close()


# ---- options


def test_help_and_version():
    code, out, log = run("--help")
    assert code == 0 and not log
    for word in ("--server-port", "SERVER_PORT", "default 8080, 0 to 65535", "--check-health"):
        assert word in out
    code, out, log = run("--version")
    assert code == 0 and out.startswith("confab ") and not log


@pytest.mark.parametrize(
    "arguments, settings, line",
    [
        (
            ["--server-port=99999"],
            {},
            'SERVER_PORT (--server-port) is "99999": it must be a whole number from 0 to 65535',
        ),
        ([], {"PUMPS": "x"}, 'PUMPS (from the environment) is "x": it must be auto, threads or shared'),
        (["--port", "1"], {}, 'unknown option "--port": confab --help lists all options'),
    ],
)
def test_wrong_option(arguments, settings, line):
    code, out, log = run(*arguments, **settings)
    assert (code, out, log) == (2, "", [f"confab: {line}"])


def test_wrong_line_in_the_file():
    code, _, log = run(env_file="MAX_CLIENTS=many\n")
    assert code == 2
    assert log == [
        'confab: MAX_CLIENTS (line 1 of .env) is "many": it must be a whole number from 1 to 1000000'
    ]


def test_file_is_read(redis):
    with Server(redis, env_file="LOG_LEVEL=error\n", wait=False) as server:
        # at that level a start says nothing: stdout does
        assert server.process.stdout.readline().startswith("confab on port ")
        assert server.log == []


# ---- mistakes at the start: one line that says what to do, exit 1


def only_line(result):
    code, out, log = result
    assert code == 1 and out == ""
    assert len(log) == 1 and log[0].startswith("confab: "), log
    return log[0]


def test_port_is_taken(redis):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        line = only_line(run(redis=redis, SERVER_PORT=port))
    assert str(port) in line and "SERVER_PORT" in line


def test_address_is_not_of_this_machine(redis):
    line = only_line(run(redis=redis, BIND="192.0.2.99"))
    assert "192.0.2.99" in line and "BIND" in line


def test_redis_refuses_the_password():
    with Redis(password="right") as redis:
        line = only_line(run(redis=redis, REDIS_PASSWORD="wrong"))
        assert "refuses REDIS_PASSWORD" in line and "wrong" not in line.replace("WRONGPASS", "")
        line = only_line(run(redis=redis))
        assert line.endswith("set REDIS_PASSWORD")
        with Server(redis, REDIS_PASSWORD="right") as server:
            server.wait_health(200)


def test_redis_refuses_the_database(redis):
    line = only_line(run(redis=redis, REDIS_DB=9999))
    assert "refuses REDIS_DB" in line


def test_redis_is_not_there_yet():
    redis = Redis(started=False)
    try:
        with Server(redis) as server:
            server.wait_health(503)
            redis.start()
            server.wait_health(200)
    finally:
        redis.close()


# ---- health from the command line


def check_health(port):
    return subprocess.run(
        [BINARY, "--check-health", f"--server-port={port}"],
        env={"ENV_FILE": ""},
        capture_output=True,
        text=True,
        timeout=seconds(10),
    )


def test_check_health(redis):
    with Server(redis) as server:
        server.wait_health(200)
        done = check_health(server.port)
        assert done.returncode == 0 and '"status":"ok"' in done.stdout.replace(" ", "")
        port = server.port
    done = check_health(port)
    assert done.returncode == 1 and str(port) in done.stderr


def test_check_health_without_redis():
    with Server("127.0.0.1:1") as server:
        server.wait_health(503)
        assert check_health(server.port).returncode == 1


# ---- addresses


@pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("ip"), reason="needs root for a network namespace"
)
def test_addresses_are_those_of_the_lan():
    commands = ["ip link set lo up"]
    for name, address in (
        ("docker0", "172.17.0.1"),
        ("wlan0", "10.1.0.5"),
        ("eth0", "192.168.7.5"),
        ("br-0123456789ab", "172.18.0.1"),
        ("tun0", "10.8.0.2"),
        ("veth1", "169.254.1.1"),
    ):
        commands += [
            f"ip link add {name} type bridge",
            f"ip addr add {address}/24 dev {name}",
            f"ip link set {name} up",
        ]
    commands += ["ip route add default via 192.168.7.1", f"exec {BINARY} --addresses --server-port 80"]
    done = subprocess.run(
        ["unshare", "--net", "sh", "-ec", "\n".join(commands)],
        env={"PATH": os.environ["PATH"], "ENV_FILE": ""},
        capture_output=True,
        text=True,
    )
    assert done.stdout.split("\n") == [
        "confab on port 80",
        "  this machine     http://localhost/",
        "  on the network   http://192.168.7.5/",
        "  on the network   http://10.1.0.5/",
        "",
    ], done.stderr


@pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("ip"), reason="needs root for a network namespace"
)
def test_addresses_of_both_kinds_follow_their_default_routes():
    commands = []
    for name, v4, v6 in (("wlan0", "10.1.0.5", "fd00:1::5"), ("eth0", "192.168.7.5", "fd00:7::5")):
        commands += [
            f"ip link add {name} type bridge",
            f"ip addr add {v4}/24 dev {name}",
            f"ip addr add {v6}/64 dev {name} nodad",
            f"ip link set {name} up",
        ]
    commands += [
        "ip route add default via 192.168.7.1",
        "ip -6 route add default via fd00:1::1 dev wlan0",
        f"exec {BINARY} --addresses --bind ::",
    ]
    done = subprocess.run(
        ["unshare", "--net", "sh", "-ec", "\n".join(commands)],
        env={"PATH": os.environ["PATH"], "ENV_FILE": ""},
        capture_output=True,
        text=True,
    )
    assert [line.split()[-1] for line in done.stdout.splitlines()[2:]] == [
        "http://192.168.7.5:8080/",
        "http://[fd00:1::5]:8080/",
        "http://10.1.0.5:8080/",
        "http://[fd00:7::5]:8080/",
    ], done.stderr


def test_local_server_names_no_other_address(redis):
    with Server(redis) as server:
        assert server.process.stdout.readline() == f"confab on port {server.port}\n"
        assert server.process.stdout.readline().split()[-1] == f"http://localhost:{server.port}/"


# ---- signals


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signal_stops_in_order(redis, how):
    with Server(redis) as server:
        server.stop(how)
        assert [line["event"] for line in map_events(server)][-2:] == ["stopping", "stopped"]


def map_events(server):
    return [line for line in server.logged() if line.get("event") in ("stopping", "stopped")]


def tell_again(server):
    """True when it has ended."""
    server.process.send_signal(signal.SIGTERM)
    return server.process.poll() is not None


def test_second_signal_ends_at_once(data):
    """A Redis that does not end holds the stop up for ten seconds; nobody has to wait."""
    # threads that are not joined are what this is about
    options = os.environ.get("TSAN_OPTIONS", "") + " report_thread_leaks=0"
    with Server(DATA_DIR=data.path, TSAN_OPTIONS=options) as server:
        pid = data.wait_pid()
        os.kill(pid, signal.SIGSTOP)
        server.process.send_signal(signal.SIGTERM)
        server.wait_log(event="stopping")
        start = time.monotonic()
        # within the first second it is the same request, made twice
        wait_for(lambda: tell_again(server), "the end")
        assert server.process.wait() == 1
        assert time.monotonic() - start < seconds(8)
        os.kill(pid, signal.SIGKILL)


def test_ignored_signals_stay_ignored(redis):
    """nohup, and background jobs of scripts."""
    command = ["env", "--ignore-signal=INT,HUP", BINARY]
    process = subprocess.Popen(
        command,
        env={"REDIS_ADDR": redis.addr, "SERVER_PORT": "0", "ENV_FILE": "", "PATH": os.environ["PATH"]},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=seconds(20))
        assert process.returncode == 0
        assert "event=stopping signal=TERM" in log
    finally:
        process.kill()
        process.communicate()


# ---- scripts/run.sh


@pytest.fixture
def fake(tmp_path):
    """A confab that writes down how it was called and ends on SIGTERM with a status of choice."""
    path = tmp_path / "confab"
    path.write_text(
        '#!/bin/bash\ntrap "exit ${FAKE_STATUS:-0}" TERM\necho "called: $*"\n'
        "while :; do sleep 0.1; done\n"
    )
    path.chmod(0o755)
    return str(path)


def calls(script, count):
    found = lambda: [line for line in script.lines if line.startswith("called:")]
    return sorted(script.wait(lambda: len(found()) == count and found(), f"{count} calls"))


def test_run_passes_options_on(fake):
    with Script("scripts/run.sh", "--bind", "::1", "--pumps=shared", CONFAB_BIN=fake) as script:
        assert calls(script, 1) == ["called: --bind ::1 --pumps=shared"]


@pytest.mark.parametrize(
    "arguments, settings, env_file, first",
    [
        ([], {}, "", 8080),
        ([], {}, "SERVER_PORT=8100 # x\n", 8100),
        ([], {"SERVER_PORT": 8200}, "SERVER_PORT=8100\n", 8200),
        (["--server-port", "8300"], {"SERVER_PORT": 8200}, "", 8300),
        (["--server-port=8300"], {}, "", 8300),
    ],
)
def test_run_counts_ports_up(fake, tmp_path, arguments, settings, env_file, first):
    file = tmp_path / "env"
    file.write_text(env_file)
    settings |= {"CONFAB_BIN": fake, "ENV_FILE": str(file)}
    with Script("scripts/run.sh", "--instances", "3", *arguments, **settings) as script:
        own = f"--server-port={first} " if arguments else ""
        assert calls(script, 3) == [f"called: {own}--server-port={first + i}" for i in range(3)]


def test_run_gives_the_status_of_the_instances(fake):
    with Script("scripts/run.sh", "--instances=2", CONFAB_BIN=fake, FAKE_STATUS=7) as script:
        calls(script, 2)
        script.process.terminate()
        assert script.wait_exit() == 7


@pytest.mark.parametrize("arguments", [["--instances", "0"], ["--instances=65"], ["--instances"]])
def test_run_refuses_a_wrong_number(fake, arguments):
    with Script("scripts/run.sh", *arguments, CONFAB_BIN=fake) as script:
        assert script.wait_exit() == 2
        assert "it must be a whole number from 1 to 64" in script.text()


@pytest.mark.parametrize("name", ["run.sh", "cluster.sh"])
def test_scripts_have_help(name):
    with Script(f"scripts/{name}", "--help") as script:
        assert script.wait_exit() == 0
        assert script.lines[0].startswith(f"Usage: scripts/{name}")


def run_three(data):
    script = Script(
        "scripts/run.sh", "--instances", 3, SERVER_PORT=0, BIND="127.0.0.1", DATA_DIR=data.path
    )
    script.wait_listening(3)
    return script


def test_run_three_and_one_ctrl_c(data):
    with run_three(data) as script:
        pid = data.wait_pid()
        assert len(script.logged(event="redis_start")) == 1
        script.ctrl_c()
        assert script.wait_exit() == 0
        assert len(script.logged(event="stopped")) == 3
    assert not is_running(pid)


def instance_pids(data):
    """Of the processes that have DATA_DIR's lock open."""
    lock = os.path.join(os.path.realpath(data.path), "instances.lock")
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            files = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
        except OSError:
            continue
        if lock in files:
            found.append(int(pid))
    return found


def test_run_stops_gently_when_told_twice(data):
    """timeout(1) signals the script and then its group."""
    with run_three(data) as script:
        script.process.terminate()
        script.process.terminate()
        os.killpg(script.process.pid, signal.SIGTERM)
        assert script.wait_exit() == 0
        assert len(script.logged(event="stopped")) == 3


def test_run_an_instance_that_dies_ends_all(data):
    with run_three(data) as script:
        os.kill(instance_pids(data)[0], signal.SIGKILL)
        assert script.wait_exit() == 128 + signal.SIGKILL
        assert len(script.logged(event="stopped")) == 2


def test_run_that_is_killed_leaves_nothing_running(data):
    with run_three(data) as script:
        pid = data.wait_pid()
        script.process.kill()
        script.wait_exit()
        assert len(script.logged(event="stopped")) == 3
    data.wait_gone(pid)
