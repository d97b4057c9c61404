"""Jobs on a cluster of Kubernetes: each launch is a Job with one pod, in which an agent runs.

The agent's file comes by a ConfigMap, what it is told by a Secret that goes with the Job. The Job is made
suspended, then its Secret, then it is let go: a server that dies in between leaves nothing behind that runs
or that nobody finds.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from runyard.compute.base import AgentReport, AgentState, Launch, Launcher, Opening, TargetKind, owner_of
from runyard.compute.kubernetes_access import CREDENTIAL
from runyard.compute.kubernetes_cluster import Cluster, Object
from runyard.compute.kubernetes_manifests import (
    ATTEMPT,
    OWNER,
    RUN,
    KubernetesSettings,
    agent_of_all,
    job_of,
    secret_of,
    told_of,
)
from runyard.compute.kubernetes_reports import report_of_job
from runyard.errors import Unavailable

_PROBE = Launch("0" * 32, 1, {})


class KubernetesLauncher(Launcher):
    """Starts agents in pods.

    Args:
        opening: Where the cluster is and with what it is asked.
    """

    def __init__(self, opening: Opening) -> None:
        self._opening = opening
        self._settings: KubernetesSettings = opening.settings
        self._cluster = Cluster(opening)

    def check(self) -> None:
        self._server()
        self._cluster.list_pods(self._selector())
        self._cluster.list_jobs(self._selector())
        self._cluster.put_config_map(agent_of_all())
        job = self._cluster.create_job(self._job_of(_PROBE), is_dry=True)
        self._cluster.create_secret(secret_of(job, {}), is_dry=True)

    def close(self) -> None:
        self._cluster.close()

    def submit(self, launch: Launch) -> str:
        told = told_of(launch, self._server())
        self.forget(launch.handle)
        self._cluster.put_config_map(agent_of_all())
        job = self._cluster.create_job(self._job_of(launch))
        try:
            self._cluster.create_secret(secret_of(job, told))
            self._cluster.change_job(job["metadata"]["name"], {"spec": {"suspend": False}})
        except Unavailable:
            with contextlib.suppress(Unavailable):  # who can't be asked now finds it later, by its labels
                self._cluster.delete_job(job["metadata"]["name"])
            raise
        return launch.handle

    def reports_of(self, launched: Collection[str]) -> Mapping[str, AgentReport]:
        if not launched:
            return {}
        try:
            jobs = self._cluster.list_jobs(self._selector())
            pods = self._cluster.list_pods(self._selector())
        except Unavailable as error:
            return dict.fromkeys(launched, AgentReport(AgentState.UNKNOWN, reason=str(error)))
        by_job: dict[str, list[Object]] = defaultdict(list)
        for pod in pods:
            for owner in pod["metadata"].get("ownerReferences") or []:
                by_job[owner["uid"]].append(pod)
        seen = {_handle_of(job): report_of_job(job, by_job[job["metadata"]["uid"]]) for job in jobs}
        return {each: seen.get(each, AgentReport(AgentState.GONE)) for each in launched}

    def cancel(self, launched: str) -> None:
        # The cluster ends the pod of a suspended Job gently, and makes none if there is none yet.
        for job in self._jobs_of(launched):
            self._cluster.change_job(job["metadata"]["name"], {"spec": {"suspend": True}})

    def find(self, run_id: str, attempt: int) -> str | None:
        launched = f"{run_id}/{attempt}"
        return launched if self._jobs_of(launched) else None

    def list_launched(self) -> Collection[str]:
        return sorted({_handle_of(job) for job in self._cluster.list_jobs(self._selector())})

    def forget(self, launched: str) -> None:
        for job in self._jobs_of(launched):
            self._cluster.delete_job(job["metadata"]["name"])
        for pod in self._cluster.list_pods(self._selector(launched)):
            self._cluster.delete_pod(pod["metadata"]["name"])

    def _jobs_of(self, launched: str) -> Sequence[Object]:
        return self._cluster.list_jobs(self._selector(launched))

    def _job_of(self, launch: Launch) -> dict[str, Any]:
        return job_of(launch, self._settings, owner_of(self._opening), self._opening.name)

    def _selector(self, launched: str = "") -> str:
        """Return which labels the jobs and pods of this target have, or of one launch."""
        run_id, _, attempt = launched.partition("/")
        wanted = {OWNER: owner_of(self._opening)} | ({RUN: run_id, ATTEMPT: attempt} if launched else {})
        return ",".join(f"{name}={value}" for name, value in wanted.items())

    def _server(self) -> str:
        found = self._settings.server_url or self._opening.server
        if not found:
            raise Unavailable(
                "Pods must know where this server is: set server_url at the target, "
                "or public_url at the server."
            )
        return found


def _handle_of(job: Object) -> str:
    labels = job["metadata"].get("labels") or {}
    return f"{labels.get(RUN)}/{labels.get(ATTEMPT)}"


KIND = TargetKind(
    title="Kubernetes",
    summary="A cluster of Kubernetes: each job is a Job of its own, with one pod.",
    settings=KubernetesSettings,
    credential=CREDENTIAL,
    open=KubernetesLauncher,
)
