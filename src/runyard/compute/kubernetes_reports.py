"""What a cluster says of a Job and its pod, read as what has become of an agent."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from runyard.agent.marks import PREPARING
from runyard.compute.base import AgentReport, AgentState

STARTS_WITHIN_S = 900.0
"""For how long an image may be pulled in vain, or a pod not be made; to wait for a node has no end."""
OVERDUE_S = 120.0
"""How late a pod that is to end may be; after that its node is taken to be lost."""

_NEVER = frozenset({"InvalidImageName", "ErrImageNeverPull"})
_IN_VAIN = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
    }
)
_ENDS = frozenset({"completed", "failed", "canceled"})
_WORDS = {
    "OOMKilled": "the container ran out of memory (OOMKilled)",
    "NodeLost": "its node does not answer",
}

Object = Mapping[str, Any]


def report_of_job(job: Object, pods: Sequence[Object], now: datetime | None = None) -> AgentReport:
    """Return what is seen of the agent of a Job.

    Args:
        job: The Job.
        pods: Those that the Job has made; there is one at most that is not over.
        now: Now; left out, by this machine's clock.
    """
    now = now or datetime.now(timezone.utc)
    reports = [_of_pod(pod, now) for pod in sorted(pods, key=_made)]
    for state in (AgentState.ENDED, AgentState.ALIVE, AgentState.UNKNOWN):
        found = next((each for each in reports if each.state is state), None)
        if found is not None:
            return found
    if reports:
        return reports[-1]
    failed = _condition(job, "Failed")
    if failed:
        return AgentReport(AgentState.GONE, reason=_said(failed))
    if _condition(job, "Complete") or job.get("spec", {}).get("suspend"):
        return AgentReport(AgentState.GONE)
    if _age_s(_made(job), now) > STARTS_WITHIN_S:
        return AgentReport(AgentState.GONE, reason="the cluster has made no pod; its events say why")
    return AgentReport(AgentState.ALIVE, reason="the cluster has not made the pod yet")


def _of_pod(pod: Object, now: datetime) -> AgentReport:
    status = pod.get("status") or {}
    if status.get("phase") in ("Succeeded", "Failed"):
        return _of_past(status)
    if status.get("reason") == "NodeLost" or status.get("phase") == "Unknown" or _is_overdue(pod, now):
        return AgentReport(AgentState.UNKNOWN, reason=_WORDS["NodeLost"])
    waits = _waits_for(status)
    if waits is None:
        return AgentReport(AgentState.ALIVE)
    reason, message = waits
    is_late = reason in _IN_VAIN and _age_s(_made(pod), now) > STARTS_WITHIN_S
    state = AgentState.GONE if reason in _NEVER or is_late else AgentState.ALIVE
    return AgentReport(state, reason=f"{reason}: {message}" if message else reason)


def _of_past(status: Object) -> AgentReport:
    """Return how a pod's agent has ended: by its own last words, or as its node has seen it."""
    terminated = next((each for each in _states(status, "terminated")), {})
    said = str(terminated.get("message") or "").strip()
    content = _content_of(said)
    if _is_end(content):
        code, reason = content.get("exit_code"), str(content.get("reason", ""))
        return AgentReport(AgentState.ENDED, content["status"], code, reason)
    has_run_nothing = content.get("status") == PREPARING
    why = _why(status, terminated, "" if has_run_nothing else said)
    return AgentReport(AgentState.GONE, reason=why, has_run_nothing=has_run_nothing)


def _why(status: Object, terminated: Object, said: str) -> str:
    """Return why a container ended whose agent has not said so."""
    disrupted = _condition({"status": status}, "DisruptionTarget")
    reason, code = str(terminated.get("reason") or ""), terminated.get("exitCode")
    if reason in _WORDS:
        return _WORDS[reason]
    if status.get("reason"):  # Evicted, Preempting, DeadlineExceeded and others
        return _said(status)
    if disrupted:
        return _said(disrupted)
    if reason in ("", "Error", "Completed"):
        last = said.splitlines()[-1] if said else ""
        return f"exit code {code}{f': {last}' if last else ''}" if code is not None else ""
    return f"{reason}: {said}" if said else reason


def _content_of(said: str) -> dict[str, Any]:
    try:
        found = json.loads(said)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _is_end(content: Object) -> bool:
    status = content.get("status")
    return isinstance(status, str) and status in _ENDS and isinstance(content.get("exit_code"), int | None)


def _waits_for(status: Object) -> tuple[str, str] | None:
    """Return why a pod has not begun and what is said of it, if there is anything."""
    for waiting in _states(status, "waiting"):
        return str(waiting.get("reason") or "ContainerCreating"), str(waiting.get("message") or "")
    for condition in status.get("conditions") or []:
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return str(condition.get("reason") or "Unschedulable"), str(condition.get("message") or "")
    return None


def _states(status: Object, which: str) -> Iterator[Object]:
    for container in status.get("containerStatuses") or []:
        if state := (container.get("state") or {}).get(which):
            yield state


def _condition(found: Object, kind: str) -> Object:
    conditions = (found.get("status") or {}).get("conditions") or []
    return next(
        (each for each in conditions if each.get("type") == kind and each.get("status") == "True"), {}
    )


def _said(what: Object) -> str:
    reason, message = str(what.get("reason") or ""), str(what.get("message") or "")
    return f"{reason}: {message}" if reason and message else reason or message


def _is_overdue(pod: Object, now: datetime) -> bool:
    """Whether a pod should have ended some time ago; the moment that is written at it counts its grace."""
    ends = pod.get("metadata", {}).get("deletionTimestamp")
    return bool(ends) and _age_s(str(ends), now) > OVERDUE_S


def _made(found: Object) -> str:
    return str(found.get("metadata", {}).get("creationTimestamp") or "")


def _age_s(moment: str, now: datetime) -> float:
    try:
        return (now - datetime.fromisoformat(moment.replace("Z", "+00:00"))).total_seconds()
    except ValueError:
        return 0.0
