"""Jobs on a Ray cluster: an agent is the entrypoint of a job of Ray's, on whichever node has room for it."""

from __future__ import annotations

import io
import json
import re
import secrets
import shlex
import time
import zipfile
from collections import defaultdict
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec

from runyard.agent.assignment import FILE_NAME
from runyard.agent.keeper import LAST_WORDS
from runyard.agent.marks import COMPLETED
from runyard.compute.base import (
    AgentReport,
    AgentState,
    CredentialPart,
    Launch,
    Launcher,
    Opening,
    ServerUrl,
    TargetKind,
    owner_of,
    report_from,
)
from runyard.compute.far_station import FOLDER, archive_of_agent
from runyard.compute.ray_dashboard import RayDashboard
from runyard.errors import NotFound, Unavailable

STOPPED_WITHIN_S = 25
"""How long Ray lets a job that it has told to stop send what it has; its own default is three seconds."""
OVER_WITHIN_S = STOPPED_WITHIN_S + 10.0
LOOKS_EVERY_S = 0.3
MONITORED_S = 1.5
"""For how long Ray may look after a job that has ended, as it does each second."""
REMEMBERED_S = 60.0
"""For how long it is remembered which of its jobs were deleted, should Ray note one again."""
OWNER = "runyard"
"""What is said of the server in the metadata of a job of Ray's."""

_ARCHIVE = "agent.pyz"
_SUBMISSION = re.compile(r"runyard-([0-9a-f]{32})-([0-9]{1,6})-[0-9a-f]{8}")
_OVER = ("SUCCEEDED", "FAILED", "STOPPED")
_WAITS = "PENDING"
_MOST_SAID = 500
_NOT_THERE = AgentReport(AgentState.GONE)

_ADDRESS = r"^https?://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?\Z"
_TOKEN = re.compile(r"[!-~]*")
_Amount = Annotated[float, msgspec.Meta(ge=0, le=1e9)]


class RaySettings(msgspec.Struct, forbid_unknown_fields=True):
    """What must be known of a cluster.

    Args:
        address: Where its dashboard is, as ``http://head:8265``.
        server_url: Where its nodes reach this server; the setting ``public_url`` if nothing is said.
        python: The interpreter of the nodes, 3.10 or newer.
        cpus_per_slot: CPUs of a slot.
        gpus_per_slot: GPUs of a slot.
        memory_bytes_per_slot: Memory of a slot; 0 for as much as there is.
        resources_per_slot: What the nodes have besides, by the names that ``ray start --resources`` gave it.
        use_containers: Whether jobs may be in containers on the nodes.
    """

    address: Annotated[str, msgspec.Meta(pattern=_ADDRESS, max_length=2000)]
    server_url: ServerUrl = ""
    python: Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f-][^\x00-\x1f]*$", max_length=1000)] = "python"
    cpus_per_slot: _Amount = 1.0
    gpus_per_slot: _Amount = 0.0
    memory_bytes_per_slot: Annotated[int, msgspec.Meta(ge=0, le=1 << 50)] = 0
    resources_per_slot: dict[Annotated[str, msgspec.Meta(min_length=1, max_length=200)], _Amount] = {}
    use_containers: bool = True

    def __post_init__(self) -> None:
        urlsplit(self.address).port  # noqa: B018 - a ValueError says that it is none


class RayLauncher(Launcher):
    """Starts agents on a Ray cluster.

    A job of Ray's that was deleted holds its name for a moment still, so each launch has a name of its own,
    and of several of one attempt the latest counts.

    Args:
        dashboard: The cluster's.
        settings: What an agent is given there.
        owner: By which name its jobs are known there, among those of others.
        server: Where nodes reach the server; empty if nobody said.
    """

    def __init__(self, dashboard: RayDashboard, settings: RaySettings, owner: str, server: str) -> None:
        self._ray = dashboard
        self._settings = settings
        self._owner = owner
        self._server = settings.server_url or server
        # Of those that were told to stop: all, and those that Ray had no room for yet.
        self._stopped: set[str] = set()
        self._told_to_stop: set[str] = set()
        self._deleted_s: dict[str, float] = {}

    def check(self) -> None:
        self._server_url()
        self._ray.list_jobs()

    def submit(self, launch: Launch) -> str:
        assignment = launch.elsewhere(self._server_url(), use_containers=self._settings.use_containers)
        for job in self._jobs().get(launch.handle, ()):
            self._stop(job)
        # Nobody guesses its name, and it is new each time: Ray remembers what could not be unpacked.
        package = f"_ray_pkg_{secrets.token_hex(16)}.zip"
        uri = self._ray.put_package(package, _package(assignment))
        self._ray.submit_job(self._job(launch, uri))
        return launch.handle

    def reports_of(self, launched: Collection[str]) -> Mapping[str, AgentReport]:
        if not launched:
            return {}
        try:
            jobs = self._jobs()
        except Unavailable as error:
            return dict.fromkeys(launched, AgentReport(AgentState.UNKNOWN, reason=str(error)))
        return {each: _report(jobs[each][-1]) if each in jobs else _NOT_THERE for each in launched}

    def cancel(self, launched: str) -> None:
        for job in self._jobs().get(launched, ()):
            self._stop(job)

    def find(self, run_id: str, attempt: int) -> str | None:
        handle = f"{run_id}/{attempt}"
        return handle if handle in self._jobs() else None

    def list_launched(self) -> Collection[str]:
        return sorted(self._jobs())

    def forget(self, launched: str) -> None:
        self.cancel(launched)
        until_s = time.monotonic() + OVER_WITHIN_S
        while going_on := self._over_deleted(launched):
            if time.monotonic() > until_s:
                raise Unavailable(f"Ray has not ended {going_on[0]['submission_id']} yet.")
            time.sleep(LOOKS_EVERY_S)
        stopped = {each for each in self._stopped if _handle_of(each) == launched}
        if stopped:
            time.sleep(MONITORED_S)
            self._jobs()
            self._stopped -= stopped

    def _jobs(self) -> dict[str, list[Mapping[str, Any]]]:
        """Return the jobs of this server by handles, the latest of each last."""
        found: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for job in sorted(self._ray.list_jobs(), key=lambda each: each.get("start_time") or 0):
            handle = _handle_of(job.get("submission_id") or "")
            is_own = (job.get("metadata") or {}).get(OWNER) == self._owner
            if handle is not None and job["submission_id"] in self._deleted_s:
                # Who looks after it for Ray has noted its end once more: it had been deleted meanwhile.
                if job["status"] in _OVER:
                    self._delete(job)
            elif handle is not None and is_own and not self._is_given_up(job):
                found[handle].append(job)
        return dict(found)

    def _is_given_up(self, job: Mapping[str, Any]) -> bool:
        """Whether it was told to stop before Ray had room for it: Ray does that when it starts it."""
        if job["submission_id"] not in self._told_to_stop:
            return False
        if job["status"] in _OVER:
            self._delete(job)
        return job["status"] in (_WAITS, *_OVER)

    def _delete(self, job: Mapping[str, Any]) -> None:
        with suppress(NotFound):
            self._ray.delete_job(job["submission_id"])
        self._told_to_stop.discard(job["submission_id"])
        now_s = time.monotonic()
        self._deleted_s = {
            each: at_s for each, at_s in self._deleted_s.items() if now_s - at_s < REMEMBERED_S
        } | {job["submission_id"]: now_s}

    def _stop(self, job: Mapping[str, Any]) -> None:
        if job["status"] in _OVER:
            return
        with suppress(NotFound):
            self._ray.stop_job(job["submission_id"])
        self._stopped.add(job["submission_id"])
        if job["status"] == _WAITS:
            self._told_to_stop.add(job["submission_id"])

    def _over_deleted(self, launched: str) -> list[Mapping[str, Any]]:
        """Have Ray forget the jobs of an agent that are over, and return those that are not."""
        going_on = []
        for job in self._jobs().get(launched, ()):
            if job["status"] in _OVER:
                self._delete(job)
            else:
                going_on.append(job)
        return going_on

    def _job(self, launch: Launch, package: str) -> Mapping[str, Any]:
        """Return what Ray is told; all of that can be read by whoever sees its dashboard."""
        settings, slots = self._settings, launch.slots
        run_id, _, attempt = launch.handle.partition("/")
        words = [settings.python, _ARCHIVE, "--keep", f"~/{FOLDER}/jobs", launch.handle, FILE_NAME]
        resources = {name: amount * slots for name, amount in settings.resources_per_slot.items()}
        return {
            "submission_id": f"runyard-{run_id}-{attempt}-{secrets.token_hex(4)}",
            "entrypoint": f"exec {shlex.join(words)}",
            "runtime_env": {
                "working_dir": package,
                "env_vars": {"RAY_JOB_STOP_WAIT_TIME_S": str(STOPPED_WITHIN_S)},
            },
            "metadata": {OWNER: self._owner},
            "entrypoint_num_cpus": settings.cpus_per_slot * slots,
            "entrypoint_num_gpus": settings.gpus_per_slot * slots,
            "entrypoint_memory": settings.memory_bytes_per_slot * slots,
            "entrypoint_resources": resources,
        }

    def _server_url(self) -> str:
        if not self._server:
            raise Unavailable(
                "Nobody said where the nodes of the cluster reach this server: set 'server_url' of the "
                "target, or the server's setting public_url."
            )
        return self._server


def _handle_of(submission_id: str) -> str | None:
    named = _SUBMISSION.fullmatch(submission_id)
    return f"{named[1]}/{named[2]}" if named is not None else None


def _package(assignment: Mapping[str, Any]) -> bytes:
    """Return the agent and what it is told, as Ray unpacks it on the node."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as package:
        package.writestr(_ARCHIVE, archive_of_agent()[0])
        package.writestr(FILE_NAME, json.dumps(assignment))
    return written.getvalue()


def _report(job: Mapping[str, Any]) -> AgentReport:
    if job["status"] not in _OVER:
        return AgentReport(AgentState.ALIVE)
    if job["status"] == "SUCCEEDED":
        return AgentReport(AgentState.ENDED, COMPLETED, 0)
    return _said(job.get("message") or "")


def _said(message: str) -> AgentReport:
    """Return how an agent ended by what Ray kept of the last that was printed on the node."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    for line in reversed(lines):
        if line.startswith(LAST_WORDS):
            try:
                return report_from(json.loads(line.removeprefix(LAST_WORDS)))
            except (ValueError, KeyError):
                break
    return AgentReport(AgentState.GONE, reason=lines[-1][:_MOST_SAID] if lines else "")


def _open(opening: Opening) -> RayLauncher:
    settings: RaySettings = opening.settings
    token = opening.credential.get("token", "").strip()
    if _TOKEN.fullmatch(token) is None:
        raise Unavailable("The token has blanks or line breaks in it.")
    dashboard = RayDashboard(settings.address, opening.lookup, token)
    return RayLauncher(dashboard, settings, owner_of(opening), opening.server)


KIND = TargetKind(
    title="Ray",
    summary="A cluster of Ray, which is reached at its dashboard.",
    settings=RaySettings,
    credential=(CredentialPart("token", "The token of the cluster, if it asks for one."),),
    open=_open,
)
