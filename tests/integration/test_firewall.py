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
from support.firewall import (
    HOST,
    HOST6,
    OTHER,
    OTHER6,
    PHONE,
    PHONE6,
    PORT,
    SCRIPT,
    Machine,
    use_firewalld,
    use_iptables,
    use_nft,
    use_ufw,
)
from support.lan import ENV, needs_namespaces


def needs(program):
    return pytest.mark.skipif(not shutil.which(program, path=ENV["PATH"]), reason=f"no {program}")


@pytest.fixture
def machine():
    m = Machine()
    try:
        m.listen()
        yield m
    finally:
        m.close()


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
    machine.done("close", "--source", "10.112.0.0/16")
    assert rules() == opened, "that one was not open"
    machine.done("close", "--source", PHONE)
    assert machine.is_blocked() and machine.connects(HOST6)
    machine.done("open", "--source", "10.112.0.99/29")  # its network is 10.112.0.96/29
    assert machine.is_blocked() and "10.112.0.96/29" in machine.status()
    machine.done("close")
    assert rules() == before
    assert machine.is_blocked() and machine.is_blocked(HOST6)


@needs_namespaces
@pytest.mark.parametrize("use, name", FIREWALLS[1::2])
def test_closes_by_itself(machine, use, name):
    rules = use(machine)
    before = rules()
    machine.done("open", "--source", PHONE, "--for", "1h")
    # a terminal that ends with the command: its processes get SIGHUP
    terminal = f"{SCRIPT} open --for {seconds(4)}s"
    told = machine.ok("script", "--quiet", "--return", "--command", terminal, "/dev/null")
    told = told.splitlines()[-1]
    assert machine.connects(source=OTHER)
    assert told.startswith(f"Port {PORT}/tcp is open ({name}); it closes by itself in 0 min ")
    with open(f"/proc/{machine.host.pid}/root/run/confab-firewall/confab-firewall-close-{PORT}-tcp") as f:
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
@needs("iptables")
def test_systemd_closes(machine):
    """Where it runs, a timer of its: gone after a reboot, as the rule is."""
    use_iptables(machine)
    machine.ok("mkdir", "-p", "/run/systemd/system")
    shown, _ = machine.done("open", "--for", "30m", "--dry-run")
    copy = "/run/confab-firewall/control"
    assert shown[-1] == (
        f"systemd-run --quiet --collect --unit=confab-firewall-close-{PORT}-tcp --on-active=1800s "
        f"--timer-property=AccuracySec=1s {copy} close --port {PORT}/tcp --source any"
    )
    assert machine.is_blocked()
    # one that somebody has stopped already is in nobody's way
    machine.done("open")
    state = "/run/confab-firewall"
    machine.ok("sh", "-c", f"mkdir {state}; echo any 99999999 0 >{state}/confab-firewall-close-{PORT}-tcp")
    assert "closes by itself" in machine.status()
    machine.done("close")
    assert machine.is_blocked() and machine.ok("ls", state) == ""


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
    assert machine.status() == f"Port {PORT}/tcp is open by a rule that is not confab's ({name}).\n"


ANSWERS = """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 5353))
s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton("224.0.0.251") + socket.inet_aton(HOST))
print("answers", flush=True)
while True:
    _, address = s.recvfrom(1500)
    s.sendto(socket.inet_aton(HOST), address)
"""


@needs_namespaces
@pytest.mark.parametrize("use, name", FIREWALLS)
def test_questions_by_multicast(machine, use, name):
    """Port 5353/udp is another port with the same commands. ufw lets it through by itself."""
    rules = use(machine)
    before = rules()
    program = machine.start(
        sys.executable, "-Ic", f"HOST = {HOST!r}{ANSWERS}", stdout=subprocess.PIPE, text=True
    )
    assert program.stdout.readline() == "answers\n"
    mine, others = "5353/udp is open (", "5353/udp is open by a rule that is not confab's ("
    blocked = name != "ufw"
    assert machine.asks("x.local", 0.3) == (None if blocked else HOST)
    told = machine.control("status", "--mdns")
    assert told.returncode == 3 and ("5353/udp is closed" if blocked else others) in told.stdout
    for command in ("open", "permanent-open"):
        opened = machine.control(command, "--mdns", "--yes").stdout
        assert f"{PORT}/tcp is open" in opened
        assert mine in opened or "5353/udp is open, also after a reboot (" in opened
        assert machine.asks("x.local") == HOST and machine.connects()
    assert machine.control("status", "--port", "5353/udp").returncode == 0
    shown, _ = machine.done("permanent-close")
    assert shown and machine.is_blocked() and machine.asks("x.local") == HOST
    machine.done("permanent-close", "--mdns")
    assert machine.asks("x.local", 0.3) == (None if blocked else HOST)
    assert rules() == before


@needs_namespaces
@pytest.mark.parametrize("use, name", FIREWALLS[1:2])
def test_rules_of_others_with_many_ports(machine, use, name):
    use(machine)
    for rule, state in (
        ("tcp dport 80 accept", 3),
        ("udp dport 8080 accept", 3),
        ("tcp dport 8080 drop", 3),
        ("tcp dport { 80, 18080 } accept", 3),
        ("ip saddr 10.0.0.0/8 tcp dport { 80, 8080 } counter accept", 0),
    ):
        machine.ok("nft", f"add rule inet filter input {rule}")
        assert machine.control("status").returncode == state, rule


@needs_namespaces
@pytest.mark.parametrize("use, name", FIREWALLS[3:])
def test_zone_of_the_interface(machine, use, name):
    """The zone that the network's interface is in, which need not be the default one."""
    use(machine)
    machine.ok("firewall-cmd", "--zone=home", "--change-interface=lan0")
    assert machine.is_blocked()
    shown, _ = machine.done("open")
    assert "--zone=home" in shown[0] and machine.connects()
    machine.ok("firewall-cmd", "--zone=home", "--add-port=8000-8090/tcp")
    machine.done("close")
    assert "not confab's" in machine.status() and machine.connects()


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
        (["open", "--port", "80/sctp"], '"80/sctp"'),
        (["open", "--port", "/udp"], '"/udp"'),
        (["open", "--port", ""], '""'),
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
        f"confab-firewall-control.sh: this needs root: sudo {folder} open\n"
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


@needs_namespaces
@needs("nft")
def test_a_firewall_that_it_may_not_read(machine):
    """Root in a container: what cannot be seen is not called open."""
    use_nft(machine)
    for command in ("status", "open", "close"):
        done = machine.run("setpriv", "--bounding-set=-net_admin", SCRIPT, command)
        assert done.returncode == 1
        assert "nft cannot read this machine's firewall" in done.stderr, done
        assert done.stdout == "" and done.stderr.count("\n") == 1
