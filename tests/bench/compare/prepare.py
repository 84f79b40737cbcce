"""Installs what is missing and builds what is measured."""

import os
import subprocess
import sys

from processes import PEERS, ROOT, CannotRun

RELEASE = os.path.join(ROOT, "build", "release")


def must(what: str, *command: str, cwd: str = ROOT) -> None:
    """Its output goes to stderr: stdout is for the table."""
    try:
        status = subprocess.run(command, cwd=cwd, stdout=sys.stderr).returncode
    except OSError as error:
        raise CannotRun(f"{what}: {error}") from error
    if status:
        raise CannotRun(f"{what}: {command[0]} ended with {status}")


def install_packages() -> None:
    must("packages", os.path.join(ROOT, "scripts", "deps.sh"), "build", "run", "peers")


def install_modules() -> None:
    """The npm packages of the peers; npm leaves a list of them that is as old as they are."""
    lock = os.path.join(PEERS, "package-lock.json")
    installed = os.path.join(PEERS, "node_modules", ".package-lock.json")
    if os.path.exists(installed) and os.path.getmtime(installed) >= os.path.getmtime(lock):
        return
    must("npm packages", "npm", "ci", "--no-audit", "--no-fund", cwd=PEERS)


def build() -> str:
    must("cannot configure: run scripts/deps.sh", "cmake", "--preset", "release")
    must(
        "cannot build",
        *("cmake", "--build", "--preset", "release", "--target", "confab", "confab-bench"),
    )
    return RELEASE
