"""Makes pods of Jobs and says of Jobs what has become of those, as Kubernetes' own controller does."""

from __future__ import annotations

import secrets
from typing import Any

from tests.kubernetes.objects import Objects, moment


class JobController:
    """Looks at all Jobs again and again.

    Args:
        objects: Of the cluster.
    """

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._had_pod: set[str] = set()

    def work(self) -> None:
        """Do what is due."""
        with self._objects.lock:
            for job in self._objects.list("jobs"):
                self._look_at(job)

    def _look_at(self, job: dict[str, Any]) -> None:
        uid = job["metadata"]["uid"]
        if any(
            each["status"] == "True" for each in _conditions(job) if each["type"] in ("Failed", "Complete")
        ):
            return
        pods = self._objects.list("pods", {"batch.kubernetes.io/controller-uid": uid})
        over = [each for each in pods if each["status"]["phase"] in ("Succeeded", "Failed")]
        if job["spec"].get("suspend"):
            for pod in pods:
                if pod not in over and "deletionTimestamp" not in pod["metadata"]:
                    self._objects.delete("pods", pod["metadata"]["name"])
            self._say(job, "Suspended", "JobSuspended")
            return
        if any(each["status"]["phase"] == "Succeeded" for each in over):
            self._say(job, "Complete", "CompletionsReached")
        elif over or (uid in self._had_pod and not pods):
            self._say(job, "Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit")
        elif not pods:
            self._had_pod.add(uid)
            self._objects.keep("pods", _pod_of(job))

    def _say(self, job: dict[str, Any], condition: str, reason: str, message: str = "") -> None:
        if any(each["type"] == condition for each in _conditions(job)):
            return
        said = {"type": condition, "status": "True", "reason": reason, "message": message}
        job["status"] = {"conditions": [*_conditions(job), said]}
        self._objects.keep("jobs", job)


def _conditions(job: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (job.get("status") or {}).get("conditions") or []
    return found


def _pod_of(job: dict[str, Any]) -> dict[str, Any]:
    template, meta = job["spec"]["template"], job["metadata"]
    owner = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "name": meta["name"],
        "uid": meta["uid"],
        "controller": True,
    }
    labels = {
        **template["metadata"].get("labels", {}),
        "batch.kubernetes.io/controller-uid": meta["uid"],
        "batch.kubernetes.io/job-name": meta["name"],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{meta['name']}-{secrets.token_hex(3)[:5]}",
            "uid": secrets.token_hex(16),
            "creationTimestamp": moment(),
            "labels": labels,
            "ownerReferences": [owner],
        },
        "spec": template["spec"],
        "status": {"phase": "Pending"},
    }
