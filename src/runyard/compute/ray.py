"""Jobs on a Ray cluster: an agent is the entrypoint of a job of Ray's, on whichever node has room for it."""

from __future__ import annotations

import io
import json
import re
import secrets
import shlex
import time
import zipfile
from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import msgspec

from runyard.agent.assignment import FILE_NAME
from runyard.agent.keeper import LAST_WORDS
from runyard.compute.base import AgentReport, AgentState, Launch, Launcher, Opening, TargetKind, report_from
from runyard.compute.far_station import FOLDER, agent_archive
from runyard.compute.ray_dashboard import RayDashboard
from runyard.errors import NotFound, Unavailable

STOPPED_WITHIN_S = 25
"""How long Ray lets a job that it has told to stop send what it has; its own default is three seconds."""
OVER_WITHIN_S = STOPPED_WITHIN_S + 10.0
LOOKS_EVERY_S = 0.3
OWNER = "runyard"
"""What is said of the server in the metadata of a job of Ray's."""

_ARCHIVE = "agent.pyz"
_SUBMISSION = re.compile(r"runyard-([0-9a-f]{32})-([0-9]{1,6})")
_OVER = ("SUCCEEDED", "FAILED", "STOPPED")
_WAITS = "PENDING"
_MOST_SAID = 500

_Amount = Annotated[float, msgspec.Meta(ge=0, le=1e9)]


class RaySettings(msgspec.Struct, forbid_unknown_fields=True):
    """What must be known of a cluster."""

    address: Annotated[str, msgspec.Meta(pattern=r"^https?://[^\s/@?#]+(/[^\s?#]*)?$", max_length=2000)]
    """Where its dashboard is, as ``http://head:8265``."""
    server_url: Annotated[str, msgspec.Meta(pattern=r"^(https?://[^\s@?#]+)?$", max_length=2000)] = ""
    """Where its nodes reach this server; the setting public_url if nothing is said."""
    python: Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f-][^\x00-\x1f]*$", max_length=1000)] = "python"
    """The interpreter of the nodes, 3.10 or newer."""
    cpus_per_slot: _Amount = 1.0
    gpus_per_slot: _Amount = 0.0
    memory_bytes_per_slot: Annotated[int, msgspec.Meta(ge=0, le=1 << 50)] = 0
    resources_per_slot: dict[Annotated[str, msgspec.Meta(min_length=1, max_length=200)], _Amount] = {}
    """What the nodes have besides, by the names that ``ray start --resources`` gave it."""


class RayLauncher(Launcher):
    """Starts agents on a Ray cluster.

    Args:
        dashboard: The cluster's.
        settings: What an agent is given there.
        folder: A folder of the server's, where it keeps by which name its jobs are known there.
        server: Where nodes reach the server; empty if nobody said.
    """

    def __init__(self, dashboard: RayDashboard, settings: RaySettings, folder: Path, server: str) -> None:
        self._ray = dashboard
        self._settings = settings
        self._folder = folder
        self._server = settings.server_url or server
        self._stopped: set[str] = set()

    def check(self) -> None:
        self._server_url()
        self._ray.list_jobs()

    def submit(self, launch: Launch) -> str:
        assignment = launch.elsewhere(self._server_url())
        submission = partial(self._submit, launch, assignment)
        try:
            submission()
        except Unavailable as error:
            if "already exists" not in str(error):
                raise
            self.forget(launch.handle)
            submission()
        self._stopped.discard(launch.handle)
        return launch.handle

    def reports_of(self, launched: Collection[str]) -> Mapping[str, AgentReport]:
        if not launched:
            return {}
        try:
            jobs = {job.get("submission_id"): job for job in self._ray.list_jobs()}
        except Unavailable as error:
            return dict.fromkeys(launched, AgentReport(AgentState.UNKNOWN, reason=str(error)))
        return {each: self._report(each, jobs.get(_submission_id(each))) for each in launched}

    def cancel(self, launched: str) -> None:
        self._stopped.add(launched)
        try:
            self._ray.stop_job(_submission_id(launched))
        except NotFound:
            return

    def find(self, run_id: str, attempt: int) -> str | None:
        handle = f"{run_id}/{attempt}"
        job = self._ray.find_job(_submission_id(handle))
        return None if job is None or self._is_given_up(handle, job) else handle

    def list_launched(self) -> Collection[str]:
        found = []
        owner = self._owner()
        for job in self._ray.list_jobs():
            named = _SUBMISSION.fullmatch(job.get("submission_id") or "")
            if named is not None and (job.get("metadata") or {}).get(OWNER) == owner:
                handle = f"{named[1]}/{named[2]}"
                if not self._is_given_up(handle, job):
                    found.append(handle)
        return sorted(found)

    def forget(self, launched: str) -> None:
        submission_id = _submission_id(launched)
        try:
            job = self._ray.find_job(submission_id)
            if job is not None and job["status"] not in _OVER:
                self.cancel(launched)
                job = self._over(submission_id)
            if job is not None:
                self._ray.delete_job(submission_id)
        except NotFound:
            pass
        if job is None:
            self._stopped.discard(launched)

    def _submit(self, launch: Launch, assignment: Mapping[str, Any]) -> None:
        # A name that nobody guesses, and a new one each time: Ray remembers what could not be unpacked.
        package = f"_ray_pkg_{secrets.token_hex(16)}.zip"
        uri = self._ray.put_package(package, _package(assignment))
        settings = self._settings
        words = [settings.python, _ARCHIVE, "--keep", f"~/{FOLDER}/jobs", launch.handle, FILE_NAME]
        self._ray.submit_job(
            {
                "submission_id": _submission_id(launch.handle),
                "entrypoint": f"exec {shlex.join(words)}",
                "runtime_env": {
                    "working_dir": uri,
                    "env_vars": {"RAY_JOB_STOP_WAIT_TIME_S": str(STOPPED_WITHIN_S)},
                },
                "metadata": {OWNER: self._owner()},
                "entrypoint_num_cpus": settings.cpus_per_slot * launch.slots,
                "entrypoint_num_gpus": settings.gpus_per_slot * launch.slots,
                "entrypoint_memory": settings.memory_bytes_per_slot * launch.slots,
                "entrypoint_resources": {
                    name: amount * launch.slots for name, amount in settings.resources_per_slot.items()
                },
            }
        )

    def _report(self, handle: str, job: Mapping[str, Any] | None) -> AgentReport:
        if job is None or self._is_given_up(handle, job):
            return AgentReport(AgentState.GONE)
        if job["status"] not in _OVER:
            return AgentReport(AgentState.ALIVE)
        if job["status"] == "SUCCEEDED":
            return AgentReport(AgentState.ENDED, "completed", 0)
        return _said(job.get("message") or "")

    def _is_given_up(self, handle: str, job: Mapping[str, Any]) -> bool:
        """Whether it was told to stop before Ray had a place for it: it will, as soon as it is started."""
        return job["status"] == _WAITS and handle in self._stopped

    def _over(self, submission_id: str) -> Mapping[str, Any] | None:
        """Return a job that was told to stop when it has; None if it waits for a place still.

        Raises:
            Unavailable: It has not stopped.
        """
        until_s = time.monotonic() + OVER_WITHIN_S
        while True:
            job = self._ray.find_job(submission_id)
            if job is None or job["status"] in _OVER:
                return job
            if time.monotonic() > until_s:
                if job["status"] == _WAITS:
                    return None
                raise Unavailable(f"Ray has not ended {submission_id} within {OVER_WITHIN_S:.0f} s.")
            time.sleep(LOOKS_EVERY_S)

    def _server_url(self) -> str:
        if not self._server:
            raise Unavailable(
                "Nobody said where the nodes of the cluster reach this server: set 'server_url' of the target, "
                "or the server's setting public_url."
            )
        return self._server

    def _owner(self) -> str:
        """Return by which name this server is known on the cluster, where others may have jobs too."""
        path = self._folder / "owner"
        if not path.exists():
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.write_text(secrets.token_hex(16), encoding="ascii")
        return path.read_text(encoding="ascii")


def _submission_id(handle: str) -> str:
    run_id, _, attempt = handle.partition("/")
    return f"runyard-{run_id}-{attempt}"


def _package(assignment: Mapping[str, Any]) -> bytes:
    """Return the agent and what it is told, as Ray unpacks it on the node."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as package:
        package.writestr(_ARCHIVE, agent_archive())
        package.writestr(FILE_NAME, json.dumps(assignment))
    return written.getvalue()


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
    dashboard = RayDashboard(settings.address, opening.lookup, opening.credential.get("token", "").strip())
    return RayLauncher(dashboard, settings, opening.folder, opening.server)


KIND = TargetKind(RaySettings, frozenset({"token"}), _open)
