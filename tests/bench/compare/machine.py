"""Where and with what was measured."""

import os
import platform
import re
import subprocess

from kinds import Kind
from processes import PEERS, ROOT


def output(*command: str) -> str:
    """The first line of it; empty when the program is missing or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip().split("\n")[0] if done.returncode == 0 else ""


def processor() -> str:
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        found = re.search(r"^model name\s*: (.*)", f.read(), re.MULTILINE)
    return found.group(1) if found else "processor"


def system_name() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    except OSError:
        return "Linux"


def machine() -> dict[str, str]:
    return {
        "processors": f"{os.cpu_count()} × {processor()}",
        "system": f"{system_name()}, {platform.system()} {platform.release()}",
    }


def redis_version() -> str:
    found = re.search(r" v=(\S+)", output("redis-server", "--version"))
    return found.group(1) if found else "unknown"


def libwebsockets_version() -> str:
    return output("pkg-config", "--modversion", "libwebsockets").rstrip("-") or "unknown"


def revision() -> str:
    return output("git", "rev-parse", "--short", "HEAD") or "unknown"


def versions(kinds: list[Kind]) -> dict[str, str]:
    found = {"libwebsockets": libwebsockets_version(), "Redis": redis_version()}
    for kind in kinds:
        if kind.is_peer:
            script = os.path.join(PEERS, f"{kind.name}.sh")
            found[kind.name] = output(script, "--version") or "unknown"
    return found
