"""One run: a fresh Redis, fresh servers, confab-bench, and what it says."""

import json
import os
import shutil
import subprocess
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass

from kinds import Kind
from logins import Logins
from processes import LOAD_CPU, ROOT, CannotRun, Process, Redis, Server, pinned
from processes import start_confab, start_peer, start_redis
from workloads import Workload

DEADLINE_S = "40"  # for connecting all clients, and for the last deliveries
LIMIT_S = 300  # a generator that takes longer hangs


@dataclass
class Outcome:
    """`reason` is empty when all went well. Without a result the run did not happen."""

    result: dict
    reason: str
    took_s: float


class Rig:
    """Measures the programs in the folder `build`. Use it with `with`: it has a scratch folder."""

    def __init__(self, build: str, over_tcp: bool, seconds: int | None) -> None:
        self.confab = os.path.join(build, "confab")
        self.bench = os.path.join(build, "confab-bench")
        self.over_tcp, self.seconds = over_tcp, seconds
        for program in (self.confab, self.bench):
            if not os.access(program, os.X_OK):
                raise CannotRun(f"no {program}")

    def __enter__(self) -> "Rig":
        self.scratch = tempfile.mkdtemp(prefix="confab-bench-")
        return self

    def __exit__(self, *_) -> None:
        shutil.rmtree(self.scratch, ignore_errors=True)

    def folder(self, name: str) -> str:
        """An empty one."""
        path = os.path.join(self.scratch, name)
        shutil.rmtree(path, ignore_errors=True)
        os.makedirs(path)
        return path

    def measure(self, workload: Workload, kind: Kind) -> Outcome:
        begin = time.monotonic()
        result, reason = {}, ""
        try:
            with ExitStack() as running:
                redis = start_redis(self.folder("redis"))
                running.callback(redis.process.close)
                servers = []
                for i in range(workload.instances):
                    servers.append(self.start(kind, redis, i))
                    running.callback(servers[-1].process.close)
                parts = [redis.process, *(server.process for server in servers)]
                command = self.command(workload, kind, servers, redis)
                if workload.logins:
                    with Logins(servers[0].port, workload.logins) as logins:
                        result, reason = drive(command, parts)
                    reason = reason or logins.judge()
                else:
                    result, reason = drive(command, parts)
        except CannotRun as error:
            reason = str(error)
        reason = reason.replace(f"{self.scratch}/", "").replace(f"{ROOT}/", "")[:300]
        return Outcome(result, reason, time.monotonic() - begin)

    def start(self, kind: Kind, redis: Redis, instance: int) -> Server:
        name = f"{kind.name}-{instance}"
        if kind.is_peer:
            return start_peer(kind, redis.port, self.folder(name))
        address = f"127.0.0.1:{redis.port}" if self.over_tcp else f"unix:{redis.path}"
        return start_confab(kind, self.confab, address, self.folder(name))

    def command(self, workload, kind, servers: list[Server], redis: Redis) -> list[str]:
        command = [*pinned(LOAD_CPU), self.bench, "--json", "--deadline", DEADLINE_S]
        command += workload.arguments(self.seconds)
        if kind.dialect != "confab":
            command += ["--dialect", kind.dialect]
        for server in servers:
            command += ["--url", f"ws://127.0.0.1:{server.port}"]
            for pid in server.process.pids():
                command += ["--pid", str(pid)]
        return [*command, "--redis-pid", str(redis.process.child.pid)]


def drive(command: list[str], parts: list[Process]) -> tuple[dict, str]:
    """The result and what was wrong. It is over when one of the parts ends."""
    pipe = subprocess.PIPE
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True)
    until = time.monotonic() + LIMIT_S
    try:
        while True:
            try:
                stdout, stderr = child.communicate(timeout=0.2)
                break
            except subprocess.TimeoutExpired:
                if time.monotonic() > until:
                    return {}, f"not finished after {LIMIT_S} s"
                if any(part.has_ended() for part in parts):
                    break
    finally:
        if child.poll() is None:
            child.kill()
            child.communicate()
    for part in parts:
        if part.has_ended():
            return {}, f"{part.name} ended: {part.last_words()}"
    return judge(child.returncode, stdout, stderr)


def judge(status: int, stdout: str, stderr: str) -> tuple[dict, str]:
    words = [
        line.removeprefix("confab-bench: ")
        for line in stderr.splitlines()
        if line.strip() and "used a whole core" not in line  # the figures show that
    ]
    try:
        result = json.loads(stdout)
    except ValueError:
        result = {}
    if status == 0 and result:
        return result, ""
    return result, words[-1] if words else f"exit status {status}"
