"""Engines of the tests' own, podman and docker, and a registry: what they keep lies in the tests' folders."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.running_server import free_port
from tests.waiting import until

BASE = Path(__file__).parents[1] / ".envs" / "container-base" / "base.tar"
IMAGE = "localhost/runyard-tests/base:1"
_PROGRAMS = ("podman", "runc", "dockerd", "docker-registry")
IS_POSSIBLE = BASE.is_file() and os.geteuid() == 0 and all(map(shutil.which, _PROGRAMS))
needs_engines = pytest.mark.skipif(
    not IS_POSSIBLE,
    reason="containers need root, podman, docker, a registry and the tests' image: `make test` makes them",
)
_REGISTRY = """
version: 0.1
storage:
  filesystem:
    rootdirectory: {folder}
http:
  addr: 127.0.0.1:{port}
"""


class TestsEngine:
    """An engine with the tests' image."""

    __test__ = False

    def __init__(self, words: list[str], environment: dict[str, str]) -> None:
        self.words = words
        self.environment = {"RUNYARD_CONTAINER_ENGINE": shlex.join(words), **environment}
        """The variables that tell an agent of it."""
        self.run("import", str(BASE), IMAGE)

    def run(self, *words: str) -> str:
        """Return what it prints."""
        variables = {**os.environ, **self.environment}
        command = [*self.words, *words]
        done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{words}: {done.stderr}"
        return done.stdout.strip()

    def containers(self) -> list[str]:
        """Return the names of all containers, those too that have ended."""
        return self.run("ps", "--all", "--format", "{{.Names}}").split()

    def images(self) -> list[str]:
        """Return the names of all images."""
        return self.run("images", "--format", "{{.Repository}}:{{.Tag}}").split()

    def pid(self) -> int:
        """Return the first process of the one container that there is."""
        (name,) = self.containers()
        return int(self.run("container", "inspect", "--format", "{{.State.Pid}}", name))

    def push(self, image: str) -> None:
        """Send an image to a registry, and forget it."""
        self.run("push", image)
        self.run("rmi", image)

    def close(self) -> None:
        """Leave nothing behind."""
        for name in self.containers():
            self.run("rm", "--force", name)


class TestsPodman(TestsEngine):
    """Runs where neither crun nor systemd's control groups can be had, as on machines of a CI."""

    def __init__(self, folder: Path) -> None:
        # Podman refuses a path of more than 50 characters for this one.
        self._running = tempfile.TemporaryDirectory(prefix="podman-")
        insecure = folder / "registries.conf"
        insecure.write_text('[[registry]]\nlocation = "127.0.0.1"\ninsecure = true\n')
        words = [
            *("podman", "--root", str(folder / "store"), "--runroot", self._running.name),
            *("--storage-driver", "overlay", "--runtime", "runc", "--cgroup-manager", "cgroupfs"),
        ]
        environment = {
            "RUNYARD_CONTAINER_OPTIONS": "--ulimit nofile=4096:4096 --ulimit nproc=4096:4096",
            "CONTAINERS_REGISTRIES_CONF": str(insecure),
        }
        super().__init__(words, environment)

    def push(self, image: str) -> None:
        self.run("push", "--tls-verify=false", image)
        self.run("rmi", image)

    def close(self) -> None:
        super().close()
        self.run("rmi", "--all", "--force")
        self._running.cleanup()


class TestsDocker(TestsEngine):
    """A daemon of the tests' own that touches no network of the machine."""

    def __init__(self, folder: Path) -> None:
        # A socket's path may not be long.
        socket = f"unix://{folder}/d.sock"
        options = [
            *("--host", socket, "--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec"),
            *("--pidfile", f"{folder}/pid", "--iptables=false", "--ip6tables=false", "--bridge=none"),
        ]
        self._folder = folder
        with (folder / "log").open("wb") as log:
            self._daemon = subprocess.Popen(["dockerd", *options], stdout=log, stderr=log)
        until(self._answers)
        super().__init__(["docker"], {"DOCKER_HOST": socket})

    def close(self) -> None:
        super().close()
        self._daemon.terminate()
        self._daemon.wait()
        subprocess.run(["umount", f"{self._folder}/exec/netns/default"], check=True)
        shutil.rmtree(self._folder)

    def _answers(self) -> bool:
        assert self._daemon.poll() is None, (self._folder / "log").read_text()
        return b"API listen on" in (self._folder / "log").read_bytes()


class TestsRegistry:
    """A registry on loopback that asks nobody for a password."""

    __test__ = False

    def __init__(self, folder: Path) -> None:
        port = free_port()
        self.host = f"127.0.0.1:{port}"
        configuration = folder / "registry.yml"
        configuration.write_text(_REGISTRY.format(folder=folder / "images", port=port))
        self._log = folder / "registry.log"
        with self._log.open("wb") as log:
            words = ["docker-registry", "serve", str(configuration)]
            self._process = subprocess.Popen(words, stdout=log, stderr=log)
        until(lambda: b"listening on" in self._log.read_bytes())

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait()
