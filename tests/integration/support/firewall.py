"""Two machines, one behind a firewall: the real ones, and firewall-control.sh."""

import os
import shutil
import socket
import struct
import subprocess
import sys

from .deadline import seconds, wait_for
from .lan import ADDRESSES, ENV, Lan
from .server import ROOT

SCRIPT = os.path.join(ROOT, "firewall-control.sh")
PORT = 8080
HOST, PHONE = ADDRESSES
HOST6, PHONE6 = "fd00:112::1", "fd00:112::2"
OTHER, OTHER6 = "10.112.0.3", "fd00:112::3"  # the phone has these as well

LISTENER = f"""
import socket
s = socket.create_server(("::", {PORT}), family=socket.AF_INET6, dualstack_ipv6=True)
print("listening", flush=True)
while True:
    s.accept()[0].close()
"""


class Machine(Lan):
    def __init__(self):
        super().__init__()
        self.env = self.host.env
        self.ok, self.run, self.start = self.host.ok, self.host.run, self.host.start
        for host, address in ((self.host, HOST6), (self.phone, PHONE6), (self.phone, OTHER6)):
            device = "lan0" if host is self.host else "lan1"
            host.ok("ip", "addr", "add", f"{address}/64", "dev", device, "nodad")
        self.phone.ok("ip", "addr", "add", f"{OTHER}/24", "dev", "lan1")
        for path in ("/etc/ufw", "/lib/ufw", "/etc/firewalld", "/etc/systemd/system"):
            if os.path.isdir(path):
                self.host.copy(path)

    def listen(self):
        child = self.start(sys.executable, "-c", LISTENER, stdout=subprocess.PIPE, text=True)
        assert child.stdout.readline() == "listening\n"

    def connects(self, address=HOST, timeout=10, source=None):
        """Does a TCP connection from the phone come through?"""
        source = source or (PHONE6 if ":" in address else PHONE)
        try:
            with self.phone.inside():
                socket.create_connection((address, PORT), seconds(timeout), (source, 0)).close()
        except OSError:
            return False
        return True

    def is_blocked(self, address=HOST, source=None):
        """What passes does so within microseconds; only a refusal without an answer takes time."""
        return not self.connects(address, 0.2, source)

    def asks(self, name, timeout=10):
        """The address that a question of the phone by multicast gets for a name, None: nobody
        answers. It remembers nothing that it has heard before (RFC 6762, section 6.7)."""
        labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
        question = struct.pack(">6H", 7, 0, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">2H", 1, 1)
        with self.phone.inside():
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with s:
            s.settimeout(seconds(timeout))
            s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(PHONE))
            s.sendto(question, ("224.0.0.251", 5353))
            try:
                return socket.inet_ntoa(s.recv(1500)[-4:])
            except TimeoutError:
                return None

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


def use_firewalld(machine):
    machine.host.start_bus()
    machine.start("firewalld", "--nofork", "--nopid")
    wait_for(lambda: machine.run("firewall-cmd", "--state").returncode == 0, "firewalld", 30)
    return lambda: machine.ok("firewall-cmd", "--list-all") + machine.ok(
        "firewall-cmd", "--permanent", "--list-all"
    )
