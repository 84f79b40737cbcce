"""Two machines on one wire: network and mount namespaces, with real programs in them."""

import contextlib
import ctypes
import os
import shutil
import subprocess
import sys
import tempfile

import pytest

from .deadline import seconds, wait_for
from .process import spawn
from .server import Server

ENV = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}
ADDRESSES = ("10.112.0.1", "10.112.0.2")


def has_namespaces():
    if os.geteuid() != 0 or not shutil.which("ip", path=ENV["PATH"]):
        return False
    return subprocess.run(["unshare", "--net", "--mount", "true"], capture_output=True).returncode == 0


needs_namespaces = pytest.mark.skipif(not has_namespaces(), reason="needs root and namespaces")


def needs(*programs):
    """A mark of tests that run them."""
    missing = [program for program in programs if not shutil.which(program, path=ENV["PATH"])]
    return pytest.mark.skipif(bool(missing), reason=f"needs {', '.join(missing)}")


# A bus of this machine's own, which starts nothing by itself.
BUS = """<busconfig>
  <listen>unix:path={}</listen>
  <policy context="default">
    <allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/>
    <allow receive_type="method_call"/><allow receive_type="method_return"/>
    <allow receive_type="error"/><allow receive_type="signal"/>
  </policy>
</busconfig>
"""
AVAHI = "[server]\nhost-name={}\nuse-iff-running=no\n[wide-area]\nenable-wide-area=no\n"


class Host:
    def __init__(self, name, folder):
        self.name, self.folder = name, folder
        self.children = []
        holder = self.spawn(
            ["unshare", "--net", "--mount", "sh", "-c", "echo ready; exec sleep infinity"],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert holder.stdout.readline() == "ready\n"
        self.pid = holder.pid
        self.bus = os.path.join(folder, f"{name}.bus")
        self.env = dict(ENV)
        self.avahi = None
        self.ok("mount", "--make-rprivate", "/")
        self.ok("mount", "-t", "tmpfs", "tmpfs", "/run")
        self.ok("ip", "link", "set", "lo", "up")

    @property
    def enter(self):
        return ["nsenter", "--net", "--mount", "-t", str(self.pid)]

    def spawn(self, command, **options):
        child = spawn(command, **options)
        self.children.append(child)
        return child

    def run(self, *command, env=None, **options):
        return subprocess.run(
            [*self.enter, *command],
            env=self.env | (env or {}),
            capture_output=True,
            text=True,
            timeout=seconds(60),
            **options,
        )

    def ok(self, *command, **options):
        done = self.run(*command, **options)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def plug(self, device, address):
        self.ok("ip", "addr", "add", f"{address}/24", "dev", device)
        self.ok("ip", "link", "set", device, "up")

    def start(self, *command, **options):
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return self.spawn([*self.enter, *command], env=self.env, **{**quiet, **options})

    @contextlib.contextmanager
    def inside(self):
        """What this thread connects from here on is in this machine's network."""
        libc = ctypes.CDLL(None, use_errno=True)
        with open("/proc/thread-self/ns/net") as own, open(f"/proc/{self.pid}/ns/net") as there:
            try:
                assert libc.setns(there.fileno(), 0) == 0, os.strerror(ctypes.get_errno())
                yield
            finally:
                assert libc.setns(own.fileno(), 0) == 0, os.strerror(ctypes.get_errno())

    def copy(self, path):
        """What the machine writes to that folder goes to a copy."""
        copy = os.path.join(self.folder, self.name + path.replace("/", "-"))
        shutil.copytree(path, copy, symlinks=True)
        self.ok("mount", "--bind", copy, path)

    def start_bus(self):
        self.env["DBUS_SYSTEM_BUS_ADDRESS"] = f"unix:path={self.bus}"
        config = os.path.join(self.folder, f"{self.name}.conf")
        with open(config, "w", encoding="ascii") as f:
            f.write(BUS.format(self.bus))
        self.start("dbus-daemon", "--nofork", "--nopidfile", f"--config-file={config}")
        wait_for(lambda: os.path.exists(self.bus), "the bus listens")

    def start_avahi(self):
        config = os.path.join(self.folder, f"{self.name}.avahi")
        with open(config, "w", encoding="ascii") as f:
            f.write(AVAHI.format(self.name))
        self.avahi = self.start(
            "avahi-daemon", "--no-drop-root", "--no-chroot", "--no-rlimits", "-f", config
        )
        wait_for(lambda: self.run("avahi-daemon", "--check").returncode == 0, "avahi runs")

    def stop_avahi(self):
        self.avahi.terminate()
        self.avahi.wait()

    def resolve(self, name):
        """What the other machines say that a name is; "" when none does."""
        out = self.run("avahi-resolve", "-4", "-n", name).stdout.split()
        return out[1] if len(out) == 2 else ""

    def serve(self, redis, **settings):
        # a Redis on a Unix socket is in every network
        bus = {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={self.bus}"}
        options = {"BIND": "0.0.0.0", "SERVER_PORT": "8080", **bus, **settings}
        return Server(redis, launcher=self.enter, **options)

    def fetch(self, url):
        """Status and beginning of the body, or what went wrong."""
        code = (
            "import sys, urllib.request\n"
            "try:\n"
            f"    with urllib.request.urlopen({url!r}, timeout={seconds(10)}) as r:\n"
            "        print(r.status, r.read().decode())\n"
            "except OSError as e: print(e)\n"
        )
        return self.ok(sys.executable, "-Ic", code)

    def closes(self):
        """The processes that firewall-control.sh left to close ports later."""
        return self.run("sh", "-c", "cut -d' ' -f3 /run/confab-firewall/confab-*").stdout.split()

    def close(self):
        for process in self.closes():
            self.run("kill", "--", f"-{process}")
        for child in reversed(self.children):
            child.kill()
            child.wait()
            if child.stdout:
                child.stdout.close()


class Lan:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="confab-lan-")
        self.host, self.phone = self.hosts = [Host(n, self.folder) for n in ("host", "phone")]
        self.host.ok("ip", "link", "add", "lan0", "type", "veth", "peer", "name", "lan1")
        self.host.ok("ip", "link", "set", "lan1", "netns", str(self.phone.pid))
        for host, device, address in zip(self.hosts, ("lan0", "lan1"), ADDRESSES):
            host.plug(device, address)
        self.host.ok("ip", "route", "add", "default", "via", ADDRESSES[1])

    def close(self):
        for host in self.hosts:
            host.close()
        shutil.rmtree(self.folder)
