"""The service under a systemd that was booted for it. The tests are one story, in their order."""

import http.client
import itertools
import json
import os
import socket
import ssl
import subprocess

import pytest
from support.client import Client
from support.deadline import seconds, wait_for
from support.server import BINARY
from support.systemd import Hang

_users = itertools.count(1)
DROP_IN = "/etc/systemd/system/{}.d/test.conf"


def drop_in(debian, unit, text):
    """Settings of the unit on top of its own; none with an empty text."""
    path = debian.root + DROP_IN.format(unit)
    if text:
        debian.write(DROP_IN.format(unit), text)
    else:
        os.unlink(path)
        os.rmdir(os.path.dirname(path))
    debian.ok("systemctl", "daemon-reload")


@pytest.fixture
def extra(booted):
    """Settings of a unit for one test."""
    units = []

    def extra(unit, text):
        units.append(unit)
        drop_in(booted, unit, text)

    yield extra
    for unit in units:
        drop_in(booted, unit, "")


def journal(debian, *arguments):
    lines = debian.ok("journalctl", "-u", "confab.service", "-o", "json", *arguments).splitlines()
    return [json.loads(line) for line in lines]


def wait_line(debian, text, *arguments):
    """The first line of the journal that has the text."""

    def look():
        found = [e for e in journal(debian, *arguments) if text in e["MESSAGE"]]
        return found[0] if found else None

    return wait_for(look, f"{text} in the journal")


def join(debian, **options):
    """Somebody new: a name stays with its session for a while."""
    client = Client(debian, f"user-{next(_users)}", "general", **options)
    client.expect("welcome")
    _, client.history = client.expect_joined("general")
    return client


def said(client):
    return [m["content"] for m in client.history["messages"]]


def test_runs_as_soon_as_it_is_installed(booted):
    booted.install("/confab.deb")
    assert booted.unit("ActiveState") == "active"
    assert booted.unit("Type") == "notify"
    assert booted.unit("StatusText") == f"Listening on port {booted.port}."
    assert booted.ok("systemctl", "is-enabled", "confab.service") == "enabled"
    assert booted.health() in (200, 503), "ready means that it listens"
    booted.wait_health(200)
    alice = join(booted)
    alice.say("hello, systemd")
    alice.close()


def test_has_no_rights(booted):
    pid = booted.pid()
    told = dict(booted.processes())[pid]
    assert sorted(booted.names_of("confab")) == ["confab", "redis-server"]
    uid = booted.ok("id", "-u", "confab")
    assert told["Uid"].split() == [uid] * 4
    assert [told[f"Cap{name}"].strip("0") for name in ("Inh", "Prm", "Eff", "Bnd", "Amb")] == [""] * 5
    assert told["NoNewPrivs"] == "1" and told["Seccomp"] == "2"
    own = {name: os.readlink(f"/proc/{pid}/ns/{name}") for name in ("mnt", "user", "uts", "net")}
    init = {name: os.readlink(f"/proc/{booted.init()}/ns/{name}") for name in own}
    assert [name for name in own if own[name] == init[name]] == ["net"]


# Run by the unit itself, as its user: COMMAND, and what it must answer.
REFUSED = {
    "touch /etc/x": "Read-only file system",
    "touch /usr/x": "Read-only file system",
    "touch /var/lib/x": "Read-only file system",
    "touch /var/tmp/x && ls /var/tmp/here": "No such file or directory",
    "ls /home/somebody": "Permission denied",
    "ls /proc/1/status": "No such file or directory",
    "chmod u+s /var/lib/confab/probe": "Operation not permitted",
    "unshare --user true": "Operation not permitted",
    "chrt --rr 1 true": "Operation not permitted",
    "mount -t tmpfs tmpfs /tmp": "must be superuser",
    "mknod /var/lib/confab/x c 1 3": "Operation not permitted",
    "dmesg": "Operation not permitted",
    # AF_PACKET, SOCK_RAW
    "perl -e 'socket(my $s, 17, 3, 0) or die qq($!\\n)'": "Address family not supported",
    # the device of a disk, of the kernel's memory
    "ls /dev/kmsg": "No such file or directory",
    "echo x >/sys/fs/cgroup/cgroup.procs": "Read-only file system",
}


def test_may_do_nothing_else(booted, extra):
    booted.ok("mkdir", "-p", "/home/somebody")
    booted.ok("touch", "/var/tmp/here")
    script = "#!/bin/sh\ncd /var/lib/confab\ntouch probe\n"
    for number, command in enumerate(REFUSED):
        script += f"{{ {command}; }} >answer-{number} 2>&1\n"
    booted.write("/usr/local/bin/probe", script)
    booted.ok("chmod", "755", "/usr/local/bin/probe")
    extra("confab.service", "[Service]\nExecStartPre=-/usr/local/bin/probe\n")
    booted.ok("systemctl", "restart", "confab.service")
    answers = [booted.read(f"/var/lib/confab/answer-{n}").strip() for n in range(len(REFUSED))]
    wrong = [
        (command, answer)
        for (command, word), answer in zip(REFUSED.items(), answers)
        if word not in answer
    ]
    assert not wrong
    booted.ok("sh", "-c", "rm -r /var/lib/confab/answer-* /var/lib/confab/probe /usr/local/bin/probe /home/somebody")


def test_units_are_well_formed(booted):
    """With the programs and manual pages that they name."""
    assert booted.ok("systemd-analyze", "verify", "--man=no", "confab.service", "confab.socket") == ""


def test_exposure(booted):
    out = booted.ok("systemd-analyze", "security", "--threshold=19", "--no-pager", "confab.service")
    assert "Overall exposure level for confab.service" in out


def test_journal_knows_how_bad_a_line_is(booted):
    lines = journal(booted, "_COMM=confab")
    assert {e["PRIORITY"] for e in lines if "event=listening " in e["MESSAGE"]} == {"6"}
    assert all(not e["MESSAGE"].startswith("<") for e in lines)
    booted.write("/etc/confab.env", booted.read("/etc/confab.env") + "LOG_LEVEL=loud\n")
    assert booted.run("systemctl", "restart", "confab.service").returncode != 0
    booted.ok("systemctl", "stop", "confab.service")
    bad = [e for e in journal(booted, "-p", "err") if "LOG_LEVEL" in e["MESSAGE"]]
    assert bad and {e["PRIORITY"] for e in bad} == {"3"}
    text = booted.read("/etc/confab.env").replace("LOG_LEVEL=loud\n", "")
    booted.write("/etc/confab.env", text)
    booted.ok("systemctl", "reset-failed", "confab.service")
    booted.ok("systemctl", "start", "confab.service")


# ---- reload


def as_confab(debian, *command):
    user = ["setpriv", "--reuid=confab", "--regid=confab", "--clear-groups"]
    return debian.ok(*user, "env", "ENV_FILE=/etc/confab.env", "confab", *command)


def serial(debian, context):
    with socket.create_connection(("127.0.0.1", debian.port), seconds(10)) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as s:
            return s.getpeercert()["serialNumber"]


@pytest.fixture
def secured(booted):
    as_confab(booted, "tls", "init")
    booted.ok("systemctl", "restart", "confab.service")
    yield
    booted.ok("rm", "-r", "/var/lib/confab/tls")
    booted.ok("systemctl", "restart", "confab.service")


@pytest.mark.usefixtures("secured")
def test_reload_reads_the_certificate_again(booted):
    context = ssl.create_default_context(cafile=booted.root + "/var/lib/confab/tls/ca.crt")
    first, pid = serial(booted, context), booted.unit("MainPID")
    alice = join(booted, ssl=context)
    as_confab(booted, "tls", "renew")
    booted.ok("systemctl", "reload", "confab.service")
    wait_for(lambda: serial(booted, context) != first, "the new certificate")
    assert wait_line(booted, "event=tls_reloaded reason=SIGHUP")["PRIORITY"] == "6"
    alice.say("still here")
    assert booted.unit("MainPID") == pid and booted.unit("ActiveState") == "active"

    path = "/var/lib/confab/tls/server.crt"
    good = booted.read(path)
    booted.write(path, "no certificate\n")
    booted.ok("systemctl", "reload", "confab.service")
    assert wait_line(booted, "holds no certificate", "-p", "err")["PRIORITY"] == "3"
    assert serial(booted, context) != first
    booted.write(path, good)
    alice.close()


# ---- the watchdog


def test_a_thread_that_hangs_leads_to_a_new_start(booted, extra):
    extra("confab.service", f"[Service]\nWatchdogSec={seconds(4)}\n")
    booted.ok("systemctl", "restart", "confab.service")
    booted.wait_health(200)
    alice = join(booted)
    alice.say("before the hub hung")
    before = booted.unit("MainPID")
    with Hang(booted.pid(), "hub"):
        wait_for(
            lambda: booted.unit("NRestarts") == "1" and booted.unit("ActiveState") == "active",
            "a new start",
            30,
        )
    assert booted.unit("MainPID") != before
    assert wait_line(booted, "event=thread_hangs", "-p", "err")["_PID"] == before
    assert wait_line(booted, "Watchdog timeout")
    booted.wait_health(200)
    again = join(booted)
    assert said(again)[-1] == "before the hub hung"
    again.close()
    assert alice.close_code is not None or not alice.is_open


# ---- stop


def test_a_stop_sends_clients_away_first(booted):
    booted.ok("systemctl", "restart", "confab.service")
    booted.wait_health(200)
    alice = join(booted)
    alice.say("goodbye")
    booted.ok("systemctl", "stop", "confab.service")
    assert alice.expect("bye")["retry_ms"] > 0
    alice.expect_close()
    assert booted.unit("Result") == "success" and booted.unit("ExecMainStatus") == "0"
    assert wait_line(booted, "event=drained clients=1 left=0")
    assert wait_line(booted, 'event=redis_stop reason="last instance left"')
    assert booted.names_of("confab") == [], "its Redis has ended with it"
    assert booted.answers() is None


# ---- socket activation


def test_the_first_connection_starts_it(booted):
    booted.ok("systemctl", "start", "confab.socket")
    assert booted.unit("ActiveState") == "inactive"
    assert booted.health() in (200, 503), "this very connection is answered"
    wait_for(lambda: booted.unit("ActiveState") == "active", "the service is ready")
    assert booted.wait_health(200)["status"] == "ok"


def test_nobody_is_refused_during_a_restart(booted):
    restart = booted.start("systemctl", "restart", "confab.service")
    answers = []
    while restart.poll() is None or len(answers) < 3:
        answers.append(booted.health())
    assert restart.returncode == 0 and set(answers) <= {200, 503}


def test_a_port_below_1024(booted, extra):
    booted.ok("systemctl", "stop", "confab.socket", "confab.service")
    extra("confab.socket", "[Socket]\nListenStream=\nListenStream=80\n")
    booted.ok("systemctl", "start", "confab.socket")
    connection = http.client.HTTPConnection("127.0.0.1", 80, timeout=seconds(10))
    connection.request("GET", "/")
    assert b"<title>confab</title>" in connection.getresponse().read()
    connection.close()
    booted.ok("systemctl", "stop", "confab.socket", "confab.service")


# ---- the firewall


def connects(debian):
    try:
        socket.create_connection(("127.0.0.1", debian.port), 0.3).close()
        return True
    except OSError:
        return False


NFTABLES = """#!/usr/sbin/nft -f
flush ruleset
table inet filter {
    chain input {
        type filter hook input priority 0; policy drop;
        ct state established accept
    }
}
"""


def test_a_timer_of_systemd_closes_the_port(booted):
    booted.write("/etc/nftables.conf", NFTABLES)
    booted.ok("systemctl", "enable", "--now", "nftables.service")
    booted.ok("systemctl", "start", "confab.service")
    rules = booted.ok("nft", "list", "ruleset")
    assert not connects(booted)
    assert "systemd-run" in booted.ok("confab-firewall", "open", "--for", f"{seconds(6)}s")
    assert connects(booted)
    timer = "confab-firewall-close-8080-tcp.timer"
    assert booted.unit("ActiveState", timer) == "active"
    wait_for(lambda: not connects(booted), "closed by itself", 20)
    wait_for(lambda: booted.unit("ActiveState", timer) == "inactive", "the timer has gone")
    assert booted.run("confab-firewall", "status").returncode == 3
    assert booted.ok("nft", "list", "ruleset") == rules


def test_after_a_reboot(booted):
    booted.ok("confab-firewall", "permanent-open", "--yes")
    booted.reboot()
    assert booted.unit("ActiveState", "confab-firewall-8080-tcp.service") == "active"
    assert booted.unit("ActiveState") == "active", "it is enabled"
    assert connects(booted)
    booted.wait_health(200)
    alice = join(booted)
    assert said(alice)[-1] == "goodbye"
    alice.close()
    booted.ok("confab-firewall", "permanent-close")
    assert not connects(booted)
    booted.ok("systemctl", "disable", "--now", "nftables.service")
    booted.ok("nft", "flush", "ruleset")


# ---- the package under systemd


def test_an_upgrade_starts_the_new_version(booted, newer):
    before = booted.unit("MainPID")
    alice = join(booted)
    alice.say("before the upgrade")
    booted.install(newer)
    assert booted.unit("MainPID") not in ("0", before)
    assert booted.ok("systemctl", "is-enabled", "confab.service") == "enabled"
    booted.wait_health(200)
    again = join(booted)
    assert said(again)[-1] == "before the upgrade"
    again.close()


def test_an_upgrade_does_not_start_what_was_turned_off(booted, newer):
    booted.ok("systemctl", "disable", "--now", "confab.service")
    booted.install("--reinstall", newer)
    assert booted.unit("ActiveState") == "inactive"
    assert booted.run("systemctl", "is-enabled", "confab.service").stdout.strip() == "disabled"
    booted.ok("systemctl", "enable", "--now", "confab.service")


def test_remove_stops_it(booted):
    booted.wait_health(200)
    booted.ok("apt-get", "remove", "-q", "-y", "confab")
    assert booted.answers() is None
    assert booted.names_of("confab") == []
    assert booted.unit("LoadState") == "not-found"
    assert booted.exists("/etc/confab.env") and booted.exists("/var/lib/confab/archive.db")


def test_purge_leaves_nothing(booted):
    booted.ok("apt-get", "purge", "-q", "-y", "confab")
    assert booted.remains() == ""
    assert booted.ok("systemctl", "list-units", "--all", "--plain", "--no-legend", "*confab*") == ""
    assert booted.ok("find", "/run", "/tmp", "/var/tmp", "-name", "*confab*") == ""


def test_without_a_package(booted):
    """README: cmake --install, and its list for taking it away again."""
    build = os.path.dirname(BINARY)
    subprocess.run(
        ["cmake", "--install", build, "--prefix", "/usr/local"],
        env=os.environ | {"DESTDIR": booted.root},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    with open(f"{build}/install_manifest.txt", encoding="utf-8") as f:
        listed = f.read().splitlines()
    booted.ok("systemctl", "daemon-reload")
    booted.ok("systemd-sysusers", "/usr/local/lib/sysusers.d/confab.conf")
    booted.ok("install", "-m", "640", "-g", "confab", "/etc/confab.env", "/etc/copy.env")
    booted.ok("mv", "/etc/copy.env", "/etc/confab.env")
    booted.ok("systemctl", "enable", "--now", "confab.service")
    assert booted.wait_health(200)["status"] == "ok"
    assert booted.ok("stat", "-c", "%U:%a", "/var/lib/confab") == "confab:700"
    booted.ok("systemctl", "disable", "--now", "confab.service")
    booted.ok("rm", *listed)
    booted.ok("systemctl", "daemon-reload")
    booted.ok("sh", "-c", "userdel confab; rm -r /var/lib/confab; rmdir /usr/local/share/doc/confab")
    assert booted.remains() == ""
