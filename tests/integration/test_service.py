"""confab as a service: what it takes from a service manager and tells it."""

import gzip
import os
import signal
import socket
import subprocess

import pytest

from support.deadline import seconds, wait_for
from support.process import spawn
from support.server import BINARY, ROOT, Server
from support.systemd import Hang, Manager

UNIT = os.path.join(ROOT, "deploy", "confab.service")


@pytest.fixture
def manager(tmp_path):
    m = Manager(str(tmp_path))
    yield m
    m.close()


def test_says_when_it_is_ready_reloads_and_stops(redis, manager):
    with Server(redis, NOTIFY_SOCKET=manager.path) as server:
        assert manager.hear() == {"READY": "1", "STATUS": f"Listening on port {server.port}."}
        assert server.health() in (200, 503), "somebody answers"
        server.process.send_signal(signal.SIGHUP)
        told = manager.hear()
        assert told["RELOADING"] == "1" and int(told["MONOTONIC_USEC"]) > 0
        assert manager.hear()["READY"] == "1"
        server.stop()
        assert manager.hear() == {"STOPPING": "1", "STATUS": "Sending clients away."}


def test_is_not_ready_without_redis(manager, tmp_path):
    code = subprocess.run(
        [BINARY, "--data-dir", "/proc/nowhere"],
        env={"PATH": os.environ["PATH"], "NOTIFY_SOCKET": manager.path, "SERVER_PORT": "0"},
        cwd=tmp_path,
        capture_output=True,
        timeout=seconds(20),
    ).returncode
    assert code == 1
    with pytest.raises(TimeoutError):
        manager.hear(0.05)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to hold a thread of another process")
@pytest.mark.parametrize("thread", ["hub", "net-0", "net-1", "accept"])
def test_watchdog_hears_nothing_while_a_thread_hangs(redis, manager, thread):
    settings = {"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": 1600000 * seconds(1), "NET_THREADS": 2}
    with Server(redis, **settings) as server:
        for _ in range(3):
            manager.wait("WATCHDOG")
        with Hang(server.process.pid, thread):
            manager.forget()
            line = server.wait_log(event="thread_hangs")
            assert line["thread"] == thread
            assert int(line["silent_ms"]) >= 800 * seconds(1)
            manager.forget()  # one answer may have come before it hung
            with pytest.raises(TimeoutError):
                manager.hear(1)
        manager.wait("WATCHDOG")
        assert len(server.logged(event="thread_hangs")) == 1


def test_watchdog_sleeps_when_nobody_waits_for_it(redis, manager):
    """WATCHDOG_PID names another process (sd_watchdog_enabled(3))."""
    with Server(redis, NOTIFY_SOCKET=manager.path, WATCHDOG_USEC=400000, WATCHDOG_PID=1):
        manager.wait("READY")
        with pytest.raises(TimeoutError):
            manager.hear(0.5)


# ---- sockets that are passed


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


def activated(redis, *options):
    """confab behind systemd-socket-activate, which starts it at the first connection."""
    return Server(
        redis,
        wait=False,
        launcher=["systemd-socket-activate", "-E", "REDIS_ADDR", "-E", "BIND", *options],
    )


def test_takes_a_socket_over(redis):
    port = free_port()
    with activated(redis, "--listen", f"127.0.0.1:{port}") as server:
        server.port = port
        connection = wait_listening(port)
        connection.sendall(b"GET /api/v1/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = connection.recv(4096)
        assert answer.startswith(b"HTTP/1.1 200 ") or answer.startswith(b"HTTP/1.1 503 ")
        connection.close()
        assert server.wait_log(event="listening")["port"] == str(port)
        server.wait_health(200)


def wait_listening(where):
    """A connection to a port, or a path."""
    is_path = str(where).startswith("/")

    def connect():
        s = socket.socket(socket.AF_UNIX if is_path else socket.AF_INET)
        s.settimeout(seconds(10))
        try:
            s.connect(where if is_path else ("127.0.0.1", int(where)))
            return s
        except (ConnectionRefusedError, FileNotFoundError):
            s.close()
            return None

    return wait_for(connect, "systemd-socket-activate listens")


@pytest.mark.parametrize(
    "options, word",
    [
        (["-l", "127.0.0.1:{port}", "-l", "127.0.0.1:{other}"], "passes 2 sockets"),
        (["-l", "{folder}/socket"], "no listening TCP socket"),
    ],
)
def test_refuses_other_sockets(redis, tmp_path, options, word):
    where = {"port": free_port(), "other": free_port(), "folder": tmp_path}
    with activated(redis, *(option.format(**where) for option in options)) as server:
        s = wait_listening(options[-1].format(**where).removeprefix("127.0.0.1:"))
        assert server.wait_exit() == 1
        s.close()
        lines = [line for line in server.log if line.startswith("confab: ")]
        assert len(lines) == 1 and word in lines[0], server.log_text()


# ---- the journal


def run_into_pipe(redis, journal, *arguments):
    """What confab writes to stderr; journal: JOURNAL_STREAM names this pipe, or another file."""
    reading, writing = os.pipe()
    stat = os.fstat(writing if journal else 0)
    child = spawn(
        [BINARY, *arguments],
        env={
            "PATH": os.environ["PATH"],
            "JOURNAL_STREAM": f"{stat.st_dev}:{stat.st_ino}",
            "REDIS_ADDR": redis.addr,
            "SERVER_PORT": "0",
            "ENV_FILE": "",
        },
        stdout=subprocess.PIPE,
        stderr=writing,
        text=True,
    )
    os.close(writing)
    if not arguments:
        assert child.stdout.readline()
        child.terminate()
    with open(reading, encoding="utf-8") as f:
        lines = f.read().splitlines()
    child.wait(seconds(20))
    child.stdout.close()
    return lines


def test_lines_for_the_journal(redis):
    lines = run_into_pipe(redis, True)
    assert any(line.startswith("<6>level=info event=listening port=") for line in lines)
    assert all(line.startswith("<") and "time=" not in line for line in lines), lines
    assert run_into_pipe(redis, True, "--log-level", "loud")[0].startswith("<3>confab: ")
    assert all(line.startswith("time=") for line in run_into_pipe(redis, False))


# ---- the unit


def test_unit_is_confined():
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=19", UNIT],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


# ---- installed without a package


@pytest.fixture
def installed(tmp_path):
    """What `cmake --install` puts below a folder, and its list of it."""
    build = os.path.dirname(BINARY)
    if not os.path.exists(os.path.join(build, "cmake_install.cmake")):
        pytest.skip(f"{build} is no build folder")
    subprocess.run(
        ["cmake", "--install", build, "--prefix", "/usr/local"],
        env=os.environ | {"DESTDIR": str(tmp_path)},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    with open(os.path.join(build, "install_manifest.txt"), encoding="utf-8") as f:
        return tmp_path, f.read().splitlines()


def test_installs_below_a_folder(installed):
    root, listed = installed
    found = [path for path in root.rglob("*") if path.is_file()]
    files = {f"/{path.relative_to(root)}": path.stat().st_mode & 0o777 for path in found}
    assert files == {
        "/usr/local/bin/confab": 0o755,
        "/usr/local/bin/confab-soak": 0o755,
        "/usr/local/sbin/confab-firewall": 0o755,
        "/usr/local/etc/confab.env": 0o640,
        "/usr/local/lib/systemd/system/confab.service": 0o644,
        "/usr/local/lib/systemd/system/confab.socket": 0o644,
        "/usr/local/lib/sysusers.d/confab.conf": 0o644,
        "/usr/local/share/doc/confab/changelog.gz": 0o644,
        "/usr/local/share/doc/confab/copyright": 0o644,
        "/usr/local/share/man/man1/confab-soak.1.gz": 0o644,
        "/usr/local/share/man/man1/confab.1.gz": 0o644,
        "/usr/local/share/man/man8/confab-firewall.8.gz": 0o644,
    }
    assert sorted(listed) == sorted(files), "what README removes again"


def test_man_page_is_what_help_says(installed):
    root, _ = installed
    binary = root / "usr/local/bin/confab"
    with gzip.open(root / "usr/local/share/man/man1/confab.1.gz", "rt", encoding="utf-8") as f:
        page = f.read()
    said = subprocess.run([binary, "--help"], capture_output=True, text=True, check=True).stdout
    assert page.startswith(".TH CONFAB 1\n.SH NAME\nconfab \\- real-time chat server\n")
    assert said.strip() in page.replace("\\-", "-").replace("\\&", "").replace("\\e", "\\")


def test_makes_its_user(installed):
    root, _ = installed
    (root / "etc").mkdir()
    subprocess.run(["systemd-sysusers", f"--root={root}"], check=True, capture_output=True)
    with open(root / "etc/passwd", encoding="utf-8") as f:
        user = next(line for line in f if line.startswith("confab:")).rstrip("\n").split(":")
    assert user[5:] == ["/var/lib/confab", "/usr/sbin/nologin"]
