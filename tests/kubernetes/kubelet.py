"""Runs the containers of pods on this machine, each in a PID namespace that ends with it."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.kubernetes.checks import amount
from tests.kubernetes.objects import Objects

IMAGES = frozenset({"python:3.12", "own/image:1"})
"""What can be pulled: each is this machine's files, with this Python as its python3."""
MAX_MESSAGE_BYTES = 4_096
MAX_LOG_BYTES = 2_048
_LEFT_OUT = frozenset({"proc", "dev", "sys", "run", "runyard"})


@dataclass
class Container:
    """One that runs.

    Args:
        process: What has made its namespaces, and ends when it does.
        pid: The process of its command, as this machine counts.
        folder: Where its volumes and what it says lie.
    """

    process: subprocess.Popen[bytes]
    pid: int
    folder: Path
    told_s: float | None = field(default=None)


class Kubelet:
    """The one node of the cluster.

    Args:
        objects: Of the cluster.
        folder: For volumes.
    """

    def __init__(self, objects: Objects, folder: Path) -> None:
        self._objects = objects
        self._folder = folder
        self.containers: dict[str, Container] = {}
        self.capacity = {"cpu": Decimal(64), "memory": amount("256Gi")}
        self.labels = {"kubernetes.io/os": "linux", "disk": "ssd"}
        self.is_lost = False
        # What a pod was when it was looked at must not be said of it when it has been evicted meanwhile.
        self._turn = threading.Lock()

    def work(self) -> None:
        """Do what is due."""
        if self.is_lost:
            return
        with self._turn:
            self._work()

    def evict(self, pod: Mapping[str, Any]) -> None:
        """End a pod as a node does that has no memory left."""
        status = {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."}
        with self._turn:
            self._end(self.containers[pod["metadata"]["uid"]])
            self._say(pod, status)

    def close(self) -> None:
        """End all containers."""
        for container in self.containers.values():
            self._end(container)

    def _work(self) -> None:
        for pod in self._objects.list("pods"):
            container = self.containers.get(pod["metadata"]["uid"])
            if pod["status"]["phase"] in ("Succeeded", "Failed"):
                self._remove(pod)
            elif container is not None:
                self._watch(pod, container)
            elif "deletionTimestamp" in pod["metadata"]:
                self._objects.remove("pods", pod["metadata"]["name"])
            else:
                self._start(pod)

    def _end(self, container: Container) -> None:
        container.process.kill()  # what it has made dies with it
        container.process.wait()

    def _start(self, pod: dict[str, Any]) -> None:
        spec = pod["spec"]["containers"][0]
        if why := self._does_not_fit(pod):
            condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": why}
            self._say(pod, {"phase": "Pending", "conditions": [condition]})
            return
        if spec["image"] not in IMAGES:
            self._wait(pod, "ImagePullBackOff", f'Back-off pulling image "{spec["image"]}"')
            return
        folder = self._folder / pod["metadata"]["uid"]
        try:
            mounts = self._mounts(pod, folder)
        except FileNotFoundError as missing:
            self._wait(pod, "ContainerCreating", str(missing))
            return
        self.containers[pod["metadata"]["uid"]] = _run(spec, mounts, folder)
        self._say(
            pod, {"phase": "Running", "containerStatuses": [{"name": "agent", "state": {"running": {}}}]}
        )

    def _does_not_fit(self, pod: Mapping[str, Any]) -> str:
        spec = pod["spec"]
        if not (spec.get("nodeSelector") or {}).items() <= self.labels.items():
            return "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector."
        for name, quantity in spec["containers"][0]["resources"]["requests"].items():
            if amount(quantity) > self.capacity.get(name, 0):
                return f"0/1 nodes are available: 1 Insufficient {name}."
        return ""

    def _mounts(self, pod: Mapping[str, Any], folder: Path) -> list[str]:
        """Make the volumes of a pod, and return how they are mounted."""
        volumes = {each["name"]: each for each in pod["spec"].get("volumes") or []}
        words: list[str] = []
        for mount in pod["spec"]["containers"][0].get("volumeMounts") or []:
            place = folder / "volumes" / mount["name"]
            self._fill(volumes[mount["name"]], place)
            words += ["--ro-bind" if mount.get("readOnly") else "--bind", str(place), mount["mountPath"]]
        return words

    def _fill(self, volume: Mapping[str, Any], place: Path) -> None:
        content: Mapping[str, Any] = {}
        if "secret" in volume:
            content = self._there("secrets", volume["secret"]["secretName"])["data"]
        elif "configMap" in volume:
            content = self._there("configmaps", volume["configMap"]["name"])["binaryData"]
        place.mkdir(parents=True, exist_ok=True)
        place.chmod(0o777)
        for name, value in content.items():
            (place / name).write_bytes(base64.b64decode(value))
            (place / name).chmod(0o644)

    def _there(self, plural: str, name: str) -> Mapping[str, Any]:
        found = self._objects.find(plural, name)
        if found is None:
            raise FileNotFoundError(f'MountVolume.SetUp failed: {plural} "{name}" not found')
        return found

    def _watch(self, pod: dict[str, Any], container: Container) -> None:
        code = container.process.poll()
        if code is not None:
            self._say_ended(pod, container, code)
            return
        grace_s = pod["metadata"].get("deletionGracePeriodSeconds")
        if grace_s is None:
            return
        now_s = time.monotonic()
        if container.told_s is None:
            container.told_s = now_s
            _signal(container, signal.SIGTERM)
        elif now_s - container.told_s > grace_s:
            _signal(container, signal.SIGKILL)

    def _say_ended(self, pod: dict[str, Any], container: Container, code: int) -> None:
        message = (container.folder / "termination-log").read_bytes()[:MAX_MESSAGE_BYTES]
        if (
            not message
            and code
            and pod["spec"]["containers"][0]["terminationMessagePolicy"].startswith("Fall")
        ):
            message = (container.folder / "log").read_bytes()[-MAX_LOG_BYTES:]
        state = {"exitCode": code, "reason": "Error" if code else "Completed"}
        if message:
            state["message"] = message.decode("utf-8", "replace")
        status = {"name": "agent", "state": {"terminated": state}}
        self._say(pod, {"phase": "Failed" if code else "Succeeded", "containerStatuses": [status]})

    def _remove(self, pod: Mapping[str, Any]) -> None:
        """Take a pod off that was to go and has ended; its volumes go with it."""
        container = self.containers.pop(pod["metadata"]["uid"], None)
        if container is not None:
            shutil.rmtree(container.folder, ignore_errors=True)
        if "deletionTimestamp" in pod["metadata"]:
            self._objects.remove("pods", pod["metadata"]["name"])

    def _wait(self, pod: dict[str, Any], reason: str, message: str) -> None:
        waiting = {"waiting": {"reason": reason, "message": message}}
        self._say(pod, {"phase": "Pending", "containerStatuses": [{"name": "agent", "state": waiting}]})

    def _say(self, pod: Mapping[str, Any], status: dict[str, Any]) -> None:
        with self._objects.lock:
            found = self._objects.find("pods", pod["metadata"]["name"])
            if found is not None and found["status"] != status:
                self._objects.keep("pods", found | {"status": status})


def _run(spec: Mapping[str, Any], mounts: list[str], folder: Path) -> Container:
    (folder / "termination-log").touch()
    words = ["bwrap", "--unshare-pid", "--die-with-parent", "--clearenv"]
    for place in sorted(Path("/").iterdir()):
        if place.name not in _LEFT_OUT:
            bind = ["--symlink", os.readlink(place)] if place.is_symlink() else ["--bind", str(place)]
            words += [*bind, str(place)]
    words += ["--ro-bind", "/sys", "/sys", "--proc", "/proc", "--dev", "/dev", *mounts]
    words += ["--bind", str(folder / "termination-log"), spec["terminationMessagePath"]]
    own = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": "/root"}
    own |= {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}  # all containers get it
    own |= {each["name"]: each["value"] for each in spec.get("env") or []}
    for name, value in own.items():
        words += ["--setenv", name, value]
    told, tells = os.pipe()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*words, "--info-fd", str(tells), "--chdir", "/", "--", *spec["command"], *spec.get("args", [])],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[tells],
        )
    os.close(tells)
    with os.fdopen(told) as info:
        said = info.read()
    return Container(process, _child_of(json.loads(said)["child-pid"]), folder)


def _child_of(pid: int) -> int:
    """Return the first child of the first process of a namespace: the command; 0 if that has ended."""
    path = Path(f"/proc/{pid}/task/{pid}/children")
    while path.exists():
        with contextlib.suppress(OSError):
            if found := path.read_text().split():
                return int(found[0])
    return 0


def _signal(container: Container, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        if container.pid:
            os.kill(container.pid, number)
