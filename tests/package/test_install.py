"""The package in a fresh system that has no systemd, as in a container."""

import os
import re
import shutil
import signal
import subprocess

import pytest
from support.client import Client
from support.deadline import seconds, wait_for
from support.server import ROOT

AS_CONFAB = ["setpriv", "--reuid=confab", "--regid=confab", "--clear-groups"]
SETTINGS = ["env", "ENV_FILE=/etc/confab.env", "confab"]


@pytest.mark.skipif(not shutil.which("lintian"), reason="no lintian")
def test_lintian_is_content(debian):
    done = subprocess.run(
        # a file that may hold passwords; who answers for the package is whoever builds it
        ["lintian", "--suppress-tags"]
        + ["non-standard-file-perm,bogus-mail-host,bogus-mail-host-in-debian-changelog"]
        + ["--allow-root", "--fail-on", "error,warning", f"{debian.root}/confab.deb"],
        capture_output=True,
        text=True,
        timeout=seconds(120),
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_image_brings_what_the_package_depends_on(debian):
    """Dockerfile has a list of its own; here apt is asked what that list brings."""
    with open(os.path.join(ROOT, "Dockerfile"), encoding="utf-8") as f:
        words = f.read().split("--no-install-recommends", 1)[1].split("&&", 1)[0].split()
    plan = debian.ok("apt-get", "install", "-s", *(word for word in words if word != "\\"))
    there = debian.ok("dpkg-query", "-W", "-f", "${Package}\n").split()
    there += re.findall(r"^Inst (\S+)", plan, re.M)
    needed = debian.ok("dpkg-deb", "-f", "/confab.deb", "Depends")
    names = {item.split()[0] for item in needed.split(",")} - {"adduser"}
    assert len(names) > 10 and names <= set(there)


def test_installs_with_all_that_it_needs(debian):
    debian.install("/confab.deb")
    assert debian.ok("dpkg-query", "-W", "-f", "${db:Status-Status}", "confab") == "installed"
    assert debian.ok("dpkg", "--audit") == ""
    version = debian.ok("dpkg-query", "-W", "-f", "${Version}", "confab")
    assert debian.ok("confab", "--version").split()[1] == version
    assert "permanent-open" in debian.ok("confab-firewall", "--help")
    assert "No packages found" not in debian.ok("dpkg", "-S", "/usr/share/man/man1/confab.1.gz")


def test_makes_its_user_and_folders(debian):
    user = debian.ok("getent", "passwd", "confab").split(":")
    assert user[5:] == ["/var/lib/confab", "/usr/sbin/nologin"] and 0 < int(user[2]) < 1000
    assert debian.ok("stat", "-c", "%U:%G:%a", "/etc/confab.env") == "root:confab:640"
    assert debian.ok("stat", "-c", "%U:%G:%a", "/var/lib/confab") == "confab:confab:700"
    assert debian.exists("/etc/systemd/system/multi-user.target.wants/confab.service")


class Running:
    """with Running(debian): the server, as its user."""

    def __init__(self, debian):
        self.debian = debian

    def __enter__(self):
        self.process = self.debian.start(
            *AS_CONFAB, *SETTINGS, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
        )
        wait_for(lambda: self.process.poll() is not None or self.debian.answers() == 200, "health 200")
        assert self.process.poll() is None, self.process.stderr.read()

    def __exit__(self, *_):
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii") as f:
            os.kill(int(f.read()), signal.SIGTERM)  # the child of unshare(1), which waits for it
        _, log = self.process.communicate(timeout=seconds(30))
        assert self.process.returncode == 0, log


def test_serves_as_its_user(debian):
    with Running(debian):
        page = debian.request()
        assert page.status == 200 and b"<title>confab</title>" in page.body
        alice = Client(debian, "alice", "general")
        alice.expect_joined("general")
        alice.say("before the upgrade")
        alice.close()
        assert debian.exists("/var/lib/confab/redis.sock"), "a Redis of its own"


def test_an_upgrade_keeps_settings_and_data(debian, newer):
    text = debian.read("/etc/confab.env") + "RATE_LIMIT_MESSAGES=77\n"
    debian.write("/etc/confab.env", text)
    debian.install("--reinstall", "/confab.deb")
    debian.install(newer)
    assert debian.ok("dpkg-query", "-W", "-f", "${Version}", "confab").endswith("+later")
    assert debian.read("/etc/confab.env") == text
    assert debian.ok("stat", "-c", "%U:%G:%a", "/etc/confab.env") == "root:confab:640"
    with Running(debian):
        alice = Client(debian, "alice", "general")
        _, history = alice.expect_joined("general")
        assert [m["content"] for m in history["messages"]] == ["before the upgrade"]
        alice.close()


def test_removed_it_leaves_settings_and_data(debian):
    debian.ok("apt-get", "remove", "-q", "-y", "confab")
    assert not debian.exists("/usr/bin/confab")
    assert debian.exists("/etc/confab.env") and debian.exists("/var/lib/confab/archive.db")
    assert debian.ok("getent", "passwd", "confab")


def test_purged_it_leaves_nothing(debian):
    assert "/var/lib/confab" in debian.remains(), "what it looks for can be found"
    debian.ok("apt-get", "purge", "-q", "-y", "confab")
    assert debian.remains() == ""
