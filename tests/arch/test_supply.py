"""S31: the package asks nobody for anything when it is imported or started."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.arch.source_tree import ROOT, modules

# What would need an extra that is not asked for here.
LEFT_OUT = ("runyard.stores.metadata.migrations", "runyard.examples")

IMPORT_ALL = """
import importlib, socket, sys

def refused(*arguments, **options):
    raise AssertionError("the network was asked for something")

for name in ("getaddrinfo", "gethostbyname", "create_connection"):
    setattr(socket, name, refused)
socket.socket.connect = refused
for name in sys.argv[1:]:
    importlib.import_module(name)
from runyard.cli import main
raise SystemExit(main(["--version"]))
"""


def test_s31_no_module_asks_the_network_when_it_is_imported():
    names = sorted(name for name in modules() if not name.startswith(LEFT_OUT) and "__main__" not in name)
    assert len(names) > 150
    ended = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, *names], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout.split()[:1]) == (0, ["runyard"]), ended.stderr[-3000:]


def test_the_guard_would_be_noticed():
    ended = subprocess.run(
        [
            sys.executable,
            "-c",
            IMPORT_ALL.replace("from runyard", "socket.create_connection(('x', 1))\nfrom runyard"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "the network was asked" in ended.stderr


@pytest.mark.parametrize("lock", ["dev", "server", "examples", "fuzz"])
def test_s31_each_locked_file_has_hashes_and_no_host(lock):
    text = (ROOT / "requirements" / f"{lock}.txt").read_text()
    pinned = [line for line in text.splitlines() if "==" in line]
    assert pinned
    assert text.count("--hash=sha256:") >= len(pinned)
    assert "://" not in text
