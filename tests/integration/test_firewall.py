"""firewall-control.sh with the real firewalls, each in network and mount namespaces of its own.

A machine of two namespaces: `host`, with the firewall and a listener, and `phone`, which tries
to connect. blocked → open → connects → closed → blocked."""

import os
import shlex
import shutil
import subprocess
import sys

import pytest

from support.deadline import seconds, wait_for
from support.process import spawn
from support.server import Server

SCRIPT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", "firewall-control.sh"))
PORT = 8080
HOST, PHONE = "10.111.0.1", "10.111.0.2"
HOST6, PHONE6 = "fd00:111::1", "fd00:111::2"
OTHER, OTHER6 = "10.111.0.3", "fd00:111::3"  # the phone has these as well
ENV = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}

LISTENER = f"""
import socket
s = socket.create_server(("::", {PORT}), family=socket.AF_INET6, dualstack_ipv6=True)
print("listening", flush=True)
while True:
    s.accept()[0].close()
"""


def has_namespaces():
    if os.geteuid() != 0 or not shutil.which("ip", path=ENV["PATH"]):
        return False
    return subprocess.run(["unshare", "--net", "--mount", "true"], capture_output=True).returncode == 0


needs_namespaces = pytest.mark.skipif(not has_namespaces(), reason="needs root and namespaces")


def needs(program):
    return pytest.mark.skipif(not shutil.which(program, path=ENV["PATH"]), reason=f"no {program}")


class Machine:
    """Processes that hold the namespaces open; commands enter them by nsenter(1)."""

    def __init__(self, folder):
        self.folder = folder
        self.env = dict(ENV)
        self.children = []
        self.host = self._hold()
        self.phone = self._hold()
        self._connect()
        # settings of the machine must not change: a test writes to copies
        self.ok("mount", "--make-rprivate", "/")
        for path in ("/etc/ufw", "/lib/ufw", "/etc/firewalld", "/etc/systemd/system"):
            if os.path.isdir(path):
                self.copy(path)
        self.ok("mount", "-t", "tmpfs", "tmpfs", "/run")

    def _hold(self):
        child = spawn(
            ["unshare", "--net", "--mount", "sh", "-c", "echo ready; exec sleep infinity"],
            stdout=subprocess.PIPE,
            text=True,
        )
        self.children.append(child)
        assert child.stdout.readline() == "ready\n"
        return child.pid

    def _connect(self):
        self.ok("ip", "link", "add", "lan0", "type", "veth", "peer", "name", "lan1")
        self.ok("ip", "link", "set", "lan1", "netns", str(self.phone))
        for pid, name, last in ((self.host, "lan0", 1), (self.phone, "lan1", 2)):
            for command in (
                f"addr add 10.111.0.{last}/24 dev {name}",
                f"addr add fd00:111::{last}/64 dev {name} nodad",
                "link set lo up",
                f"link set {name} up",
            ):
                self.ok("ip", *command.split(), where=pid)
        self.ok("ip", "route", "add", "default", "via", PHONE)
        self.ok("ip", "addr", "add", f"{OTHER}/24", "dev", "lan1", where=self.phone)
        self.ok("ip", "addr", "add", f"{OTHER6}/64", "dev", "lan1", "nodad", where=self.phone)

    def copy(self, path):
        copy = os.path.join(self.folder, path.strip("/").replace("/", "-"))
        shutil.copytree(path, copy, symlinks=True)
        self.ok("mount", "--bind", copy, path)

    def run(self, *command, where=None, **options):
        return subprocess.run(
            ["nsenter", "--net", "--mount", "-t", str(where or self.host), *command],
            env=self.env,
            capture_output=True,
            text=True,
            timeout=seconds(60),
            **options,
        )

    def ok(self, *command, **options):
        done = self.run(*command, **options)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def start(self, *command, **options):
        child = spawn(
            ["nsenter", "--net", "--mount", "-t", str(self.host), *command], env=self.env, **options
        )
        self.children.append(child)
        return child

    def listen(self):
        child = self.start(sys.executable, "-c", LISTENER, stdout=subprocess.PIPE, text=True)
        assert child.stdout.readline() == "listening\n"

    def connects(self, address=HOST, timeout=10, source=None):
        """Does a TCP connection from the phone come through?"""
        source = source or (PHONE6 if ":" in address else PHONE)
        code = (
            "import socket, sys\n"
            f"try: socket.create_connection(({address!r}, {PORT}), "
            f"timeout={seconds(timeout)}, source_address=({source!r}, 0)).close()\n"
            "except OSError: sys.exit(1)\n"
        )
        return self.run(sys.executable, "-Ic", code, where=self.phone).returncode == 0

    def is_blocked(self, address=HOST, source=None):
        """What passes does so within microseconds; only a refusal without an answer takes time."""
        return not self.connects(address, 0.2, source)

    def control(self, *arguments, **options):
        return self.run(SCRIPT, *arguments, **options)

    def done(self, *arguments, **options):
        """The commands it said it runs, and its last line."""
        done = self.control(*arguments, **options)
        assert done.returncode == 0, done
        lines = done.stdout.splitlines()
        return [line[2:] for line in lines if line.startswith("+ ")], lines[-1] if lines else ""

    def status(self):
        done = self.control("status")
        assert done.returncode in (0, 3), done.stderr
        return done.stdout

    def close(self):
        # the timers of a test that failed
        self.run("sh", "-c", "for f in /run/confab-firewall/confab-*; do kill -- -$(cut -d' ' -f3 $f); done")
        for child in reversed(self.children):
            child.kill()
            child.wait()
            if child.stdout:
                child.stdout.close()


@pytest.fixture
def machine(tmp_path):
    m = Machine(str(tmp_path))
    try:
        m.listen()
        yield m
    finally:
        m.close()


def use_iptables(machine):
    for program in ("iptables", "ip6tables"):
        machine.ok(program, "-P", "INPUT", "DROP")
        machine.ok(program, "-A", "INPUT", "-i", "lo", "-j", "ACCEPT")
    machine.ok("ip6tables", "-A", "INPUT", "-p", "ipv6-icmp", "-j", "ACCEPT")
    return lambda: machine.ok("iptables", "-S") + machine.ok("ip6tables", "-S")


def use_nft(machine):
    """A machine without iptables."""
    for program in ("iptables", "ip6tables"):
        machine.ok("mount", "--bind", "/dev/null", os.path.realpath(shutil.which(program, path=ENV["PATH"])))
    machine.ok(
        "nft",
        "add table inet filter; "
        "add chain inet filter input { type filter hook input priority 0; policy drop; }; "
        "add rule inet filter input iif lo accept; "
        "add rule inet filter input meta l4proto ipv6-icmp accept",
    )
    return lambda: machine.ok("nft", "list", "ruleset")


def use_ufw(machine):
    machine.ok("ufw", "--force", "enable")
    return lambda: machine.ok("ufw", "show", "added") + machine.ok("iptables", "-S", "INPUT")


# A bus of this test's own, which starts nothing by itself.
BUS_CONFIG = """<busconfig>
  <listen>unix:path={}</listen>
  <policy context="default">
    <allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/>
    <allow receive_type="method_call"/><allow receive_type="method_return"/>
    <allow receive_type="error"/><allow receive_type="signal"/>
  </policy>
</busconfig>
"""


def use_firewalld(machine):
    bus = os.path.join(machine.folder, "bus")
    machine.env["DBUS_SYSTEM_BUS_ADDRESS"] = f"unix:path={bus}"
    config = os.path.join(machine.folder, "bus.conf")
    with open(config, "w", encoding="ascii") as f:
        f.write(BUS_CONFIG.format(bus))
    machine.start("dbus-daemon", "--nofork", "--nopidfile", f"--config-file={config}")
    wait_for(lambda: os.path.exists(bus), "the bus listens")
    machine.start(
        "firewalld", "--nofork", "--nopid", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    wait_for(lambda: machine.run("firewall-cmd", "--state").returncode == 0, "firewalld", 30)
    return lambda: machine.ok("firewall-cmd", "--list-all") + machine.ok(
        "firewall-cmd", "--permanent", "--list-all"
    )


FIREWALLS = [
    pytest.param(use_iptables, "iptables", id="iptables", marks=needs("iptables")),
    pytest.param(use_nft, "nftables", id="nft", marks=needs("nft")),
    pytest.param(use_ufw, "ufw", id="ufw", marks=needs("ufw")),
    pytest.param(use_firewalld, "firewalld", id="firewalld", marks=needs("firewalld")),
]

DRY_RUN = {
    use_iptables: "iptables -w -I INPUT -p tcp --dport 8080 ",
    use_nft: "nft insert rule inet filter input tcp dport 8080 accept ",
    use_ufw: "iptables -w -I INPUT -p tcp --dport 8080 ",
    use_firewalld: "firewall-cmd --quiet --zone=public --add-rich-rule=",
}


@needs_namespaces
@pytest.mark.parametrize("use, name", FIREWALLS)
def test_open_and_close(machine, use, name):
    rules = use(machine)
    before = rules()
    assert machine.is_blocked() and machine.is_blocked(HOST6)
    assert machine.status() == f"Port {PORT}/tcp is closed ({name}).\n"

    shown, _ = machine.done("open", "--dry-run")
    assert any(DRY_RUN[use] in line for line in shown) and rules() == before, shown

    assert machine.done("open") == (shown, f"Port {PORT}/tcp is open ({name}).")
    opened = rules()
    assert machine.connects() and machine.connects(HOST6)
    assert machine.done("open") == ([], f"Port {PORT}/tcp is open ({name}).")
    assert rules() == opened, "twice is the same as once"

    shown, _ = machine.done("close", "--dry-run")
    assert rules() == opened
    for expected in (shown, []):
        assert machine.done("close") == (expected, f"Port {PORT}/tcp is closed ({name}).")
        assert rules() == before
    assert machine.is_blocked() and machine.is_blocked(HOST6)


@needs_namespaces
@pytest.mark.parametrize("use, name", FIREWALLS)
def test_permanent(machine, use, name):
    rules = use(machine)
    before = rules()
    refused = machine.control("permanent-open", input="\n")
    assert refused.returncode == 1 and "[y/N]" in refused.stdout
    assert "nothing was changed" in refused.stderr and rules() == before

    for arguments in ([], ["--source", PHONE]):
        done = machine.control("permanent-open", *arguments, input="y\n")
        assert done.returncode == 0 and "also after a reboot" in done.stdout, done
        assert machine.connects()
    machine.done("permanent-close", "--source", PHONE)
    assert machine.connects(source=OTHER), "that of the others stays"
    done = machine.control("permanent-open", input="y\n")
    assert done.returncode == 0 and "also after a reboot" in done.stdout, done
    opened = rules()
    assert machine.connects() and machine.connects(HOST6)
    assert "also after a reboot" in machine.control("permanent-open", "--yes").stdout
    assert rules() == opened

    for _ in range(2):
        assert machine.control("permanent-close").returncode == 0
        assert rules() == before
    assert machine.is_blocked()
    assert machine.status() == f"Port {PORT}/tcp is closed ({name}).\n"


@needs_namespaces
@pytest.mark.parametrize("use, name", FIREWALLS)
def test_source(machine, use, name):
    """Only for that network, of either version of IP; the others stay out."""
    rules = use(machine)
    before = rules()
    for network, host, other in ((PHONE, HOST, OTHER), (f"{PHONE6}/128", HOST6, OTHER6)):
        machine.done("open", "--source", network)
        assert machine.connects(host)
        assert machine.is_blocked(host, source=other)
    opened = rules()
    assert machine.done("open", "--source", PHONE)[0] == []
    assert rules() == opened
    assert machine.status() == (
        f"Port {PORT}/tcp is open for {PHONE} ({name}).\n"
        f"Port {PORT}/tcp is open for {PHONE6} ({name}).\n"
    )
    machine.done("close", "--source", "10.111.0.0/16")
    assert rules() == opened, "that one was not open"
    machine.done("close", "--source", PHONE)
    assert machine.is_blocked() and machine.connects(HOST6)
    machine.done("open", "--source", "10.111.0.99/29")  # its network is 10.111.0.96/29
    assert machine.is_blocked() and "10.111.0.96/29" in machine.status()
    machine.done("close")
    assert rules() == before
    assert machine.is_blocked() and machine.is_blocked(HOST6)


@needs_namespaces
@pytest.mark.parametrize("use, name", FIREWALLS[1::2])
def test_closes_by_itself(machine, use, name):
    rules = use(machine)
    before = rules()
    machine.done("open", "--source", PHONE, "--for", "1h")
    _, told = machine.done("open", "--for", f"{seconds(4)}s")
    assert machine.connects(source=OTHER)
    assert told.startswith(f"Port {PORT}/tcp is open ({name}); it closes by itself in 0 min ")
    with open(f"/proc/{machine.host}/root/run/confab-firewall/confab-firewall-close-{PORT}") as f:
        process = int(f.read().split()[2])
    assert os.getsid(process) == process, "it outlives the terminal"
    wait_for(lambda: machine.is_blocked(source=OTHER), "the port is closed", 30)
    wait_for(lambda: not os.path.exists(f"/proc/{process}"), "the timer is done")
    assert machine.status().startswith(f"Port {PORT}/tcp is open for {PHONE} ({name}); it closes")
    # without a time it is open until somebody closes it
    assert machine.done("open", "--source", PHONE)[1] == f"Port {PORT}/tcp is open for {PHONE} ({name})."
    machine.done("close")
    assert rules() == before and machine.is_blocked()
    assert machine.run("ls", "/run/confab-firewall").stdout == "control\n"


@needs_namespaces
@pytest.mark.parametrize("use, name", FIREWALLS[:2])
def test_unit_opens_after_a_reboot(machine, use, name):
    rules = use(machine)
    before = rules()
    for arguments in (["--source", PHONE], ["--source", PHONE6], []):
        machine.done("permanent-open", "--yes", *arguments)
    opened = sorted(rules().splitlines())
    machine.done("close")
    assert rules() == before
    folder = "/etc/systemd/system"
    for unit in machine.ok("sh", "-c", f"ls {folder}/confab-firewall-*.service").split():
        for line in machine.ok("cat", unit).splitlines():
            if line.startswith("ExecStart=-"):
                machine.ok(*shlex.split(line.removeprefix("ExecStart=-")))
    assert sorted(rules().splitlines()) == opened
    machine.done("permanent-close")
    assert rules() == before
    assert machine.run("sh", "-c", f"ls {folder}/confab-firewall-*").stdout == ""


@needs_namespaces
@needs("nft")
def test_page_through_the_opened_port(machine, tmp_path):
    use_nft(machine)
    url = f"http://{HOST}:8081/"
    fetch = ["curl", "--silent", "--fail", "--noproxy", "*", "--max-time"]
    launcher = ["nsenter", "--net", "-t", str(machine.host)]
    with Server(launcher=launcher, DATA_DIR=tmp_path / "data", BIND="0.0.0.0", SERVER_PORT=8081, MDNS="off"):
        assert machine.run(*fetch, "0.3", url, where=machine.phone).returncode != 0
        machine.done("open", "--port", "8081")
        assert "<title>" in machine.run(*fetch, "10", url, where=machine.phone).stdout
        machine.done("close", "--port", "8081")
        assert machine.run(*fetch, "0.3", url, where=machine.phone).returncode != 0


FOREIGN = {
    "iptables": ["iptables", "-A", "INPUT", "-p", "tcp", "--dport", str(PORT), "-j", "ACCEPT"],
    "nft": ["nft", "add rule inet filter input tcp dport 8080 accept"],
    "ufw": ["ufw", "allow", f"{PORT}/tcp"],
    "firewalld": ["firewall-cmd", f"--add-port={PORT}/tcp"],
}


@needs_namespaces
@pytest.mark.parametrize("use, name", FIREWALLS)
def test_rules_of_others_stay(machine, use, name, request):
    rules = use(machine)
    machine.ok(*FOREIGN[request.node.callspec.id])
    before = rules()
    assert machine.connects()
    for command in ("open", "close", "permanent-open", "permanent-close"):
        done = machine.control(command, "--yes")
        assert done.returncode == 0, done
    assert rules() == before
    assert machine.connects()


@needs_namespaces
@needs("iptables")
def test_without_rules_nothing_is_refused(machine):
    assert machine.connects()
    assert machine.status() == f"Port {PORT}/tcp is open: this machine's firewall refuses nothing.\n"


@needs_namespaces
@needs("iptables")
def test_another_port(machine):
    rules = use_iptables(machine)
    assert "Port 9000/tcp is open" in machine.control("open", "--port", "9000").stdout
    machine.env["SERVER_PORT"] = "9001"
    assert "Port 9001/tcp is open" in machine.control("open").stdout
    assert rules().count("--dport 9000 ") == rules().count("--dport 9001 ") == 2
    assert machine.is_blocked()


def run(*arguments, **options):
    return subprocess.run([SCRIPT, *arguments], capture_output=True, text=True, **options)


def test_help():
    done = run("--help")
    assert done.returncode == 0
    for word in ("open", "close", "status", "permanent-open", "permanent-close", "--port", "--source", "--for", "--dry-run"):
        assert word in done.stdout


@pytest.mark.parametrize(
    "arguments, word",
    [
        ([], "Usage"),
        (["shut"], '"shut"'),
        (["open", "close"], "one command"),
        (["open", "--port", "0"], '"0"'),
        (["open", "--port", "65536"], '"65536"'),
        (["open", "--port", "80; reboot"], '"80; reboot"'),
        (["open", "--port"], "missing after --port"),
        (["open", "--source"], "missing after --source"),
        (["open", "--quickly"], '"--quickly"'),
        *(
            (["open", f"--source={source}"], f'"{source}"')
            for source in (
                "192.168.0.256",
                "192.168.0.0/33",
                "0.0.0.0/0",
                "192.168.1",
                "fd00::/129",
                "::/0",
                "fd00::1::2",
                "1:2:3:4:5:6:7",
                "12345::",
                "phone.local",
                "10.0.0.1; reboot",
            )
        ),
        *(
            (["open", f"--for={time}"], f'"{time}"')
            for time in ("0m", "30", "m", "-5m", "1.5h", "169h", "10d", "5m5s")
        ),
        (["close", "--for", "30m"], "--for goes with open"),
        (["permanent-open", "--for", "30m"], "--for goes with open"),
    ],
)
def test_wrong_arguments(arguments, word):
    done = run(*arguments, env={"PATH": os.environ["PATH"]})
    assert done.returncode == 2 and word in done.stderr and not done.stdout
    assert not arguments or done.stderr.count("\n") == 1, "one clear line"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become nobody")
def test_without_root():
    folder = shutil.copy(SCRIPT, "/tmp/confab-firewall-control.sh")
    try:
        done = subprocess.run(
            ["setpriv", "--reuid", "65534", "--clear-groups", "bash", folder, "open"],
            capture_output=True,
            text=True,
        )
    finally:
        os.unlink(folder)
    assert done.returncode == 1
    assert done.stderr == (
        f"confab-firewall-control.sh: this needs root: sudo {folder} open --port 8080\n"
    )


@needs_namespaces
def test_no_firewall_tool(machine, tmp_path):
    tools = tmp_path / "tools"
    tools.mkdir()
    for program in ("bash", "id", "awk", "sed", "grep", "env", "readlink", "cut", "tr", "sort"):
        (tools / program).symlink_to(shutil.which(program))
    text = open(SCRIPT, encoding="utf-8").read().replace("PATH=$PATH:/usr/sbin:/sbin\n", "")
    script = tmp_path / "firewall-control.sh"
    script.write_text(text)
    done = subprocess.run(
        ["bash", str(script), "open"], env={"PATH": str(tools)}, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "no firewalld, ufw, nft or iptables on this machine" in done.stderr
