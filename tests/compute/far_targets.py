"""A kind of targets that may be cut off: a real launcher of real agents, behind a switch."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import msgspec

from runyard.compute.base import AgentReport, AgentState, Opening
from runyard.compute.local import LocalLauncher
from runyard.errors import StorageFull, Unavailable
from runyard.services.job_queue import JobQueue
from tests.server.local import Local, good

COMPUTE, JOBS = "/api/v1/compute", "/api/v1/jobs"
NOW_MS = 1_800_000_000_000


class FarSettings(msgspec.Struct, forbid_unknown_fields=True):
    """As a real kind has them."""

    host: str


class CutOff(LocalLauncher):
    """Starts agents as the launcher of this machine does, as long as the way there is open."""

    is_open = True
    is_full = False
    opened: ClassVar[list[Opening]] = []
    made: ClassVar[list[CutOff]] = []
    refused: ClassVar[set[str]] = set()
    silent: ClassVar[set[str]] = set()
    is_answered = threading.Event()

    def __init__(self, opening):
        super().__init__(opening.folder)
        self.name = opening.name
        self.opened.append(opening)
        self.made.append(self)
        self.started: list[str] = []
        self.together: list[int] = []
        self.is_closed = False

    def _pass(self) -> None:
        if self.name in self.silent:
            self.is_answered.wait()
        if not type(self).is_open:
            raise Unavailable("vm.example does not answer.")

    def check(self):
        self._pass()

    def close(self):
        self.is_closed = True

    def submit(self, launch):
        self._pass()
        if launch.run_id in self.refused:
            raise Unavailable("There is no such node.")
        self.started.append(launch.handle)
        return super().submit(replace(launch, settings={}))  # the real one's are others

    def submit_many(self, launches):
        self.together.append(len(launches))
        return super().submit_many(launches)

    def reports_of(self, launched):
        if not type(self).is_open:
            return dict.fromkeys(launched, AgentReport(AgentState.UNKNOWN))
        return super().reports_of(launched)

    def find(self, run_id, attempt):
        self._pass()
        return super().find(run_id, attempt)

    def list_launched(self):
        self._pass()
        if self.is_full:
            raise StorageFull("There is no room in ~/.runyard.")
        return super().list_launched()

    def cancel(self, launched):
        self._pass()
        super().cancel(launched)

    def forget(self, launched):
        self._pass()
        super().forget(launched)


def attach(local: Local, name: str = "vm", **more):
    body = {"name": name, "kind": "far", "settings": {"host": "vm.example"}} | more
    return local.ask("POST", COMPUTE, json=body)


def submit(local: Local, **more) -> str:
    body = {"experiment_id": "0", "command": ["sleep", "600"], "compute": "vm"} | more
    run_id: str = good(local.ask("POST", JOBS, json=body))["job"]["run_id"]
    return run_id


def job_of(local: Local, run_id: str):
    return good(local.ask("GET", f"{JOBS}/{run_id}"))["job"]


def has_come_to(queue: JobQueue, local: Local, run_id: str, status: str, now_ms: int = NOW_MS) -> bool:
    queue.work(now_ms)
    return str(job_of(local, run_id)["status"]) == status


def left(queue: JobQueue, local: Local, now_ms: int = NOW_MS) -> int:
    queue.work(now_ms)
    return len(agents(local))


def agents(local: Local) -> list[Path]:
    return sorted((local.settings.home / "compute").glob("*/*/*/assignment.json"))
