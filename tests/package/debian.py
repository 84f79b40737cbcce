"""A Debian system in a folder. Commands run inside it: first without an init, then under a systemd
that sees nothing of the machine around it."""

import http.client
import os
import subprocess
import tempfile

import pytest
from support.deadline import seconds, wait_for
from support.process import spawn
from support.server import Server

ENV = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C",
    "HOME": "/root",
    "DEBIAN_FRONTEND": "noninteractive",
}
PORT = 8080

# A process table, /tmp and /run of its own, which end with the command.
_INSIDE = """
mount -t proc proc "$0/proc"
mount -t tmpfs tmpfs "$0/tmp"
mount -t tmpfs tmpfs "$0/run"
exec chroot "$0" "$@"
"""
_CHROOT = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--ipc", "--uts"]
_BOOT = [
    "systemd-nspawn",
    "--boot",
    "--register=no",
    "--keep-unit",
    "--network-namespace-path=/proc/self/ns/net",
    "--capability=CAP_NET_ADMIN",
    "--console=pipe",
]


def _read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def _cgroup():
    """A fresh cgroup for the system, or the reason why there is none."""
    mounts = [line.split() for line in _read("/proc/self/mounts").splitlines()]
    where = [words[1] for words in mounts if words[2] == "cgroup2"]
    if not where:
        pytest.skip("systemd cannot be booted: no cgroup2 file system is mounted")
    own = next(
        line[3:] for line in _read("/proc/self/cgroup").splitlines() if line.startswith("0::")
    )
    try:
        return tempfile.mkdtemp(prefix="confab-", dir=os.path.join(where[0], own.strip("/")))
    except OSError as e:
        pytest.skip(f"systemd cannot be booted: no cgroup: {e}")


class Debian:
    port = PORT
    request, json, health, wait_health = Server.request, Server.json, Server.health, Server.wait_health

    def __init__(self, root):
        self.root = root
        self.container = self._cgroup = None

    # ---- commands

    def command(self, *command):
        """As argv of this machine."""
        if self.container:
            return ["nsenter", "--target", str(self.init()), "--all", *command]
        return [*_CHROOT, "bash", "-euc", _INSIDE, self.root, *command]

    def run(self, *command, timeout=120):
        return subprocess.run(
            self.command(*command),
            env=ENV,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=seconds(timeout),
        )

    def ok(self, *command, **options):
        """Its output."""
        done = self.run(*command, **options)
        assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout[-4000:]}{self._told()}"
        return done.stdout.rstrip("\n")

    def _told(self):
        """What the journal has of the last commands."""
        return self.run("journalctl", "-b", "-n", "25", "--no-pager").stdout if self.container else ""

    def start(self, *command, **options):
        return spawn(self.command(*command), env=ENV, **options)

    def install(self, *what):
        """From the files that were fetched."""
        return self.ok("apt-get", "install", "-q", "-y", *what)

    def read(self, path):
        return _read(self.root + path)

    def write(self, path, text):
        os.makedirs(os.path.dirname(self.root + path), exist_ok=True)
        with open(self.root + path, "w", encoding="utf-8") as f:
            f.write(text)

    def exists(self, path):
        return os.path.lexists(self.root + path)

    def remains(self):
        """What confab has left in a system without its package: files by name, owner or text."""
        of_apt = "-path /var/lib/dpkg -o -path /var/lib/apt -o -path /var/cache -o -path /var/log"
        return self.ok(
            "sh",
            "-c",
            f"find / -xdev \\( {of_apt} -o -name '*.deb' \\) -prune -o"
            " \\( -name '*confab*' -o -nouser -o -nogroup \\) -print;"
            # NAME- are copies that passwd(5) keeps of the state before
            " grep -rsl --exclude='*-' confab /etc /var/lib --exclude-dir=dpkg --exclude-dir=apt || true;"
            " if dpkg -s confab 2>/dev/null; then dpkg -L confab; fi",
        )

    # ---- under systemd

    def prepare_boot(self):
        self.install("systemd-sysv", "dbus", "nftables")
        os.unlink(self.root + "/usr/sbin/policy-rc.d")

    def boot(self):
        self._cgroup = self._cgroup or _cgroup()
        log = os.path.join(os.path.dirname(self.root), "console.log")
        with open(log, "w", encoding="utf-8") as console:
            self.container = spawn(
                ["sh", "-euc", 'echo $$ >"$0/cgroup.procs"; exec "$@"']
                + [self._cgroup, *_BOOT, "--directory", self.root],
                env=ENV | {"SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
                stdout=console,
                stderr=subprocess.STDOUT,
            )
        wait_for(self._is_up, "systemd is up", 60)
        if self.container.poll() is not None:
            pytest.skip(f"systemd cannot be booted here: {_read(log)[-500:]}")
        failed = self.ok("systemctl", "list-units", "--failed", "--quiet", "--plain")
        assert failed == ""

    def _is_up(self):
        """Or will never be."""
        if self.container.poll() is not None:
            return True
        if self.init() is None:
            return False
        state = self.run("systemctl", "is-system-running", "--wait").stdout.strip()
        return state in ("running", "degraded")

    def reboot(self):
        self.run("systemctl", "reboot")
        asked_for = 133  # what systemd-nspawn says without a service manager that starts it again
        assert self.container.wait(seconds(60)) == asked_for
        self.boot()

    def init(self):
        """Process id of its systemd; None while there is none that has this system for a root."""
        pid = self.container.pid
        children = _read(f"/proc/{pid}/task/{pid}/children") if self.container.poll() is None else ""
        for child in children.split():
            try:
                is_init = _read(f"/proc/{child}/comm") == "systemd\n"
                if is_init and os.path.samefile(f"/proc/{child}/root", self.root):
                    return int(child)
            except OSError:
                pass  # it ended while we looked
        return None

    def halt(self):
        """Leaves no process and no cgroup."""
        if self.container:
            self.container.terminate()
            try:
                self.container.wait(seconds(30))
            except subprocess.TimeoutExpired:
                self.container.kill()
                self.container.wait()
        if self._cgroup:
            wait_for(self._cgroup_goes, "the cgroup is empty")

    def _cgroup_goes(self):
        try:
            for folder, _, _ in os.walk(self._cgroup, topdown=False):
                os.rmdir(folder)
        except OSError:
            return False  # somebody in it is just ending
        return True

    def unit(self, name, unit="confab.service"):
        """A property of the unit."""
        return self.ok("systemctl", "show", "--property", name, "--value", unit)

    def processes(self):
        """Those inside, as they are called outside, and /proc/PID/status of each."""
        space = os.readlink(f"/proc/{self.init()}/ns/pid")
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                if os.readlink(f"/proc/{pid}/ns/pid") == space:
                    lines = _read(f"/proc/{pid}/status").splitlines()
                    yield int(pid), dict(line.split(":\t", 1) for line in lines)
            except OSError:
                pass  # it ended while we looked

    def pid(self):
        """Of the service, as it is called outside."""
        inside = self.unit("MainPID")
        return next(p for p, status in self.processes() if status["NSpid"].split()[-1] == inside)

    def names_of(self, user):
        """Of the processes of that user."""
        uid = self.ok("id", "-u", user)
        return [status["Name"] for _, status in self.processes() if status["Uid"].split()[0] == uid]

    def answers(self):
        """Somebody listens on the port of confab."""
        try:
            return self.health()
        except (OSError, http.client.HTTPException):
            return None
