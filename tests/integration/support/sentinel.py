"""A master, a replica of it, and Sentinels that watch them: real processes on loopback ports."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile

from redis import Redis as Client  # absolute: the package
from redis.exceptions import ConnectionError, RedisError

from .deadline import seconds, wait_for
from .process import spawn

NAME = "mymaster"


class Port:
    """A port that nobody else gets: a socket that is bound and does not listen. A server may
    bind the same port next to it, since both say SO_REUSEADDR, and come back to it."""

    def __init__(self):
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", 0))
        self.number = self._socket.getsockname()[1]

    def close(self):
        self._socket.close()


class Process:
    """What a Redis and a Sentinel have in common."""

    password = None

    def __init__(self):
        self._port = Port()
        self.port = self._port.number
        self.addr = f"127.0.0.1:{self.port}"
        self.folder = tempfile.mkdtemp(prefix="confab-sentinel-")
        self.process = None
        self.client = Client(
            port=self.port,
            password=self.password,
            decode_responses=True,
            socket_timeout=seconds(10),
        )

    def start(self, *arguments):
        assert self.process is None
        command = ["redis-server", *arguments]
        self.process = spawn(command, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
        wait_for(self.answers, f"{command[:3]} answers")

    def answers(self):
        assert self.process.poll() is None, "it ended"
        try:
            return self.client.ping()
        except RedisError:
            return False

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def close(self):
        self.client.close()
        self.kill()
        self._port.close()
        shutil.rmtree(self.folder)


class Node(Process):
    """A Redis that keeps its data on disk."""

    def start(self, replica_of=None):
        arguments = ["--bind", "127.0.0.1", "--port", str(self.port), "--dir", self.folder]
        arguments += ["--save", "", "--appendonly", "yes", "--repl-diskless-sync-delay", "0"]
        if replica_of is not None:
            arguments += ["--replicaof", "127.0.0.1", str(replica_of.port)]
        super().start(*arguments)

    def _tells(self, question):
        """None when a Sentinel changes its role just now, which cuts everybody off."""
        try:
            return question()
        except ConnectionError:
            return None

    def role(self):
        return self._tells(lambda: self.client.execute_command("ROLE")[0])

    def offset(self):
        return self.client.info("replication")["master_repl_offset"]

    def linked(self):
        """It is a replica that has its master's data."""
        info = self._tells(lambda: self.client.info("replication"))
        return info and info.get("master_link_status") == "up"

    def used_by(self):
        """Names of confab's connections: INSTANCE-commands and INSTANCE-bus of each instance."""
        clients = self._tells(self.client.client_list)
        return clients and sorted(
            c["name"].removeprefix("confab-") for c in clients if c["name"].startswith("confab-")
        )


class Sentinel(Process):
    """It watches nothing before watch()."""

    def __init__(self, password=None, **options):
        self.password = password
        super().__init__()
        self.config = os.path.join(self.folder, "sentinel.conf")
        lines = [f"port {self.port}", "bind 127.0.0.1", f"dir {self.folder}"]
        lines += [f'requirepass "{password}"'] if password else []
        lines += [f"sentinel {name.replace('_', '-')} {value}" for name, value in options.items()]
        with open(self.config, "w", encoding="utf-8") as f:
            f.write("\n".join(lines) + "\n")

    def start(self):
        super().start(self.config, "--sentinel")
        # By default it looks at roles every 10 s and connects once per second, which is too late
        # for down-after-milliseconds below that.
        self.do("debug", "info-period", 500, "publish-period", 200, "ping-period", 300)

    def do(self, *words):
        return self.client.execute_command("SENTINEL", *words)

    def watch(self, master, name=NAME, quorum=1, host="127.0.0.1", down_after=500):
        self.do("monitor", name, host, master.port, quorum)
        self.do("set", name, "down-after-milliseconds", down_after, "failover-timeout", 2000)

    def watchers(self):
        """Connections that hear its events."""
        return sum(c["sub"] != "0" for c in self.client.client_list())

    def good_replicas(self, name=NAME):
        """How many it would promote."""
        replicas = [dict(zip(r[::2], r[1::2])) for r in self.do("replicas", name)]
        return sum(r["flags"] == "slave" and r["master-link-status"] == "ok" for r in replicas)


class Group:
    """Two nodes, the first one is the master at the beginning, and one Sentinel."""

    def __init__(self):
        self.nodes = [Node(), Node()]
        self.sentinel = Sentinel()
        self._all = [*self.nodes, self.sentinel]
        first, second = self.nodes
        first.start()
        second.start(replica_of=first)
        wait_for(second.linked, "the replica is there")
        self.sentinel.start()
        self.sentinel.watch(first)
        wait_for(self.sentinel.good_replicas, "the Sentinel knows the replica")

    def add_sentinel(self, **options):
        sentinel = Sentinel(**options)
        self._all.append(sentinel)
        return sentinel

    def master(self):
        """Who it is in the eyes of the Sentinel."""
        port = int(self.sentinel.do("get-master-addr-by-name", NAME)[1])
        return next(n for n in self.nodes if n.port == port)

    def wait_in_sync(self):
        """Everything that was written until now is on both."""
        master = self.master()
        replica = next(n for n in self.nodes if n is not master)
        top = master.offset()
        wait_for(lambda: replica.offset() >= top, "the replica has it all")

    def close(self):
        for process in self._all:
            process.close()
