"""The Debian package in a fresh Debian 12: scripts/package.sh --test, which gives these tests
namespaces, a network without an outside and the system in memory."""

import os
import shutil
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "integration"))
sys.path.insert(0, os.path.dirname(__file__))

from debian import Debian  # noqa: E402


@pytest.fixture(scope="session")
def debian():
    """Without an init."""
    return Debian(os.environ["CONFAB_DEBIAN"])


@pytest.fixture(scope="session")
def booted(debian):
    """The same system, under systemd."""
    debian.prepare_boot()
    try:
        debian.boot()
        yield debian
    finally:
        debian.halt()


@pytest.fixture(scope="session")
def newer(debian, tmp_path_factory):
    """The package once more, as a later version: its path inside."""
    folder = str(tmp_path_factory.mktemp("newer") / "confab")
    subprocess.run(["dpkg-deb", "-R", f"{debian.root}/confab.deb", folder], check=True)
    control = os.path.join(folder, "DEBIAN", "control")
    with open(control, encoding="utf-8") as f:
        text = f.read()
    version = next(line for line in text.splitlines() if line.startswith("Version: "))
    with open(control, "w", encoding="utf-8") as f:
        f.write(text.replace(version, f"{version}+later"))
    built = ["dpkg-deb", "-Znone", "-b", folder, f"{debian.root}/newer.deb"]
    subprocess.run(built, check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(folder)
    return "/newer.deb"
