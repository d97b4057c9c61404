"""A real Ray cluster of two nodes, in network namespaces of their own: Ray listens on all interfaces."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from pathlib import Path

import requests

from tests.killing import kill_all
from tests.running_server import scrubbed
from tests.waiting import until

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = ROOT / ".envs" / "ray" / "bin"
STARTED_WITHIN_S = 600.0
GAVE_UP = "timed out during startup"
"""What Ray says when a node has not joined within the half of a minute that it gives itself."""
# One of the blocks of addresses that are for tests of networks alone, and a part of it for each worker.
_NETWORK = f"198.18.{10 + int(os.environ.get('PYTEST_XDIST_WORKER', 'gw0').removeprefix('gw'))}"


def is_possible() -> bool:
    """Whether there is a Ray, and who may make namespaces."""
    return os.geteuid() == 0 and shutil.which("ip") is not None and (PROGRAMS / "ray").exists()


class Namespaces:
    """Two namespaces on one bridge of this machine, from which nothing leads out of it."""

    def __init__(self) -> None:
        self._name = f"ry{os.getpid()}"
        self.bridge = f"{_NETWORK}.1"
        self.names = [f"{self._name}{letter}" for letter in "ab"]
        self.addresses = [f"{_NETWORK}.{11 + number}" for number in range(len(self.names))]
        _ip("link", "add", self._name, "type", "bridge")
        _ip("addr", "add", f"{self.bridge}/24", "dev", self._name)
        _ip("link", "set", self._name, "up")
        for name, address in zip(self.names, self.addresses, strict=True):
            _ip("netns", "add", name)
            _ip("link", "add", f"v{name}", "type", "veth", "peer", "name", "eth0", "netns", name)
            _ip("link", "set", f"v{name}", "master", self._name, "up")
            _ip("-n", name, "link", "set", "lo", "up")
            _ip("-n", name, "addr", "add", f"{address}/24", "dev", "eth0")
            _ip("-n", name, "link", "set", "eth0", "up")

    def pids(self, name: str) -> list[int]:
        """Return the processes in one of them."""
        return [int(pid) for pid in _ip("netns", "pids", name).split()]

    def close(self) -> None:
        """Kill what runs in them, and remove them."""
        for name in self.names:
            kill_all(partial(self.pids, name))
            _ip("netns", "del", name)
        _ip("link", "del", self._name)


class RayCluster:
    """A head and a node, which ask whoever wants something of them for a token.

    The head has one CPU; the node has two, a GPU by name, and one of what is called ``second``.

    Args:
        environment: More variables of the nodes, for jobs in containers.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = environment or {}
        # The paths of Ray's sockets are long already.
        self.folder = Path(tempfile.mkdtemp(prefix="ry", dir="/tmp"))
        self.network = Namespaces()
        self.token = secrets.token_hex(32)
        (self.folder / "token").write_text(self.token)
        self.address = f"http://{self.network.addresses[0]}:8265"
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def home(self, node: int = 0) -> Path:
        """Return the home of the user on one of the nodes."""
        home = self.folder / f"home-{node}"
        home.mkdir(exist_ok=True)
        return home

    def ask(self, method: str, path: str, token: str | None = None) -> requests.Response:
        """Ask the dashboard, as somebody who has a token."""
        headers = {"Authorization": f"Bearer {self.token if token is None else token}"}
        return requests.request(method, f"{self.address}{path}", headers=headers, timeout=120)

    def ray(self, node: int, *words: str) -> str:
        """Run a command of Ray's on a node and return what it prints."""
        ran = self._run(node, *words)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    def variables(self, node: int) -> dict[str, str]:
        """Return the variables of a node's processes."""
        return scrubbed(os.environ) | {
            "HOME": str(self.home(node)),
            "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(self.folder / "token"),
            **self._environment,
        }

    def close(self) -> None:
        """End all of it."""
        self.network.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self) -> None:
        head, node = self.network.addresses
        common = ("--disable-usage-stats", "--object-store-memory", "80000000")
        own = ("--head", "--num-cpus", "1", "--dashboard-host", head, "--temp-dir", str(self.folder / "t"))
        self._begin(0, *own, "--node-ip-address", head, *common)
        has = ("--num-cpus", "2", "--num-gpus", "1", "--resources", '{"second": 1}')
        self._begin(1, "--address", f"{head}:6379", *has, "--node-ip-address", node, *common)
        until(self._answers, STARTED_WITHIN_S)

    def _answers(self) -> bool:
        """Tell whether the dashboard takes jobs; it listens a while after its node has joined."""
        try:
            return self.ask("GET", "/api/jobs/").status_code == HTTPStatus.OK
        except requests.ConnectionError:
            return False

    def _begin(self, node: int, *words: str) -> None:
        """Start a node, and return when it has joined: however long that takes, unlike Ray itself."""
        until(lambda: self._has_begun(node, *words), STARTED_WITHIN_S)

    def _has_begun(self, node: int, *words: str) -> bool:
        ran = self._run(node, "start", *words)
        if GAVE_UP in ran.stderr + ran.stdout:
            kill_all(partial(self.network.pids, self.network.names[node]))
            return False
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return True

    def _run(self, node: int, *words: str) -> subprocess.CompletedProcess[str]:
        # Not by `ip netns exec`: that would hide the control groups, which any node has.
        entered = ["nsenter", f"--net=/run/netns/{self.network.names[node]}"]
        command = [*entered, str(PROGRAMS / "ray"), *words]
        return subprocess.run(
            command, env=self.variables(node), capture_output=True, text=True, timeout=600, check=False
        )


def _ip(*words: str) -> str:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"
    return done.stdout
