"""What a target on Kubernetes is told, and the manifests that are made of it."""

from __future__ import annotations

import base64
import json
import re
import secrets
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from runyard.compute.base import Launch, ServerUrl
from runyard.compute.far_station import archive_of_agent

ASSIGNMENT_FILE = "assignment.json"
AGENT_FILE = "agent.pyz"
TERMINATION_LOG = "/dev/termination-log"
"""Where a node reads what a container says last; it is kept with the pod's status, 4096 bytes of it."""

OWNER, RUN, ATTEMPT, TARGET = "runyard/owner", "runyard/run", "runyard/attempt", "runyard/target"
KEPT_S = 7 * 86_400
"""How long a job that is over stays if the server does not come back to remove it."""
LAST_WORDS_S = 60
"""What an agent has beyond the script's grace to send what is left: it stops by itself before that."""

_AGENT, _TOLD, _FOLDER, _CACHE = "/runyard/agent", "/runyard/told", "/runyard/job", "/runyard/cache"
_MANAGED_BY = {"app.kubernetes.io/managed-by": "runyard"}
_QUANTITY = r"^[0-9]{1,9}(\.[0-9]{1,3})?(m|k|M|G|T|Ki|Mi|Gi|Ti)?\Z"
_LABEL = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\Z"
_SUBDOMAIN = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*\Z"
_SHM_UNITS = {"": "", "b": "", "k": "Ki", "m": "Mi", "g": "Gi"}

Label = Annotated[str, msgspec.Meta(pattern=_LABEL)]
Subdomain = Annotated[str, msgspec.Meta(pattern=_SUBDOMAIN, max_length=253)]
Amount = Annotated[str, msgspec.Meta(pattern=_QUANTITY)] | Annotated[float, msgspec.Meta(ge=0.001, le=1e15)]
"""As Kubernetes writes quantities, or a plain number."""
Word = Annotated[str, msgspec.Meta(max_length=316)]
Some = Annotated[list[Subdomain], msgspec.Meta(max_length=10)]


class Toleration(msgspec.Struct, forbid_unknown_fields=True):
    """A taint of nodes that pods may be put on all the same.

    Args:
        key: Of the taint; empty for all.
        operator: ``Exists``, or ``Equal`` for one of this value.
        value: Of the taint.
        effect: Which effect of it; empty for all.
    """

    key: Word = ""
    operator: Annotated[str, msgspec.Meta(pattern=r"^(Exists|Equal)\Z")] = "Equal"
    value: Word = ""
    effect: Annotated[str, msgspec.Meta(pattern=r"^(|NoSchedule|PreferNoSchedule|NoExecute)\Z")] = ""


class KubernetesSettings(msgspec.Struct, forbid_unknown_fields=True):
    """What a target on Kubernetes is told.

    Args:
        namespace: Where its jobs are made.
        image: What a job runs in if its environment names no image; it must have python3.
        server: Address of the API server, beside a token; a kubeconfig has its own.
        server_url: Where pods reach this server, if not at its public address.
        cpu: Of each slot.
        memory: Of each slot.
        gpus: Of each slot.
        gpu_name: What the cluster calls a GPU.
        node_selector: Labels that nodes must have.
        tolerations: Taints that nodes may have.
        service_account: Whom the pods belong to; they get no token of it.
        image_pull_secrets: Names of secrets that images are pulled with.
        cache_claim: Name of a claim of a volume for environments, shared by jobs.
        run_as_user: Number of the user in the container; left out, the image's, which may be root.
    """

    namespace: Label = "default"
    image: Annotated[str, msgspec.Meta(min_length=1, max_length=500, pattern=r"^\S+\Z")] = "python:3.12"
    server: Annotated[str, msgspec.Meta(max_length=500)] = ""
    server_url: ServerUrl = ""
    cpu: Amount = "1"
    memory: Amount = "2Gi"
    gpus: Annotated[int, msgspec.Meta(ge=0, le=64)] = 0
    gpu_name: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9.-]{1,200}/[A-Za-z0-9._-]{1,63}\Z")] = (
        "nvidia.com/gpu"
    )
    node_selector: Annotated[dict[Word, Word], msgspec.Meta(max_length=50)] = {}
    tolerations: Annotated[list[Toleration], msgspec.Meta(max_length=50)] = []
    service_account: Subdomain | None = None
    image_pull_secrets: Some = []
    cache_claim: Subdomain | None = None
    run_as_user: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)] | None = None


def job_of(launch: Launch, settings: KubernetesSettings, owner: str, target: str) -> dict[str, Any]:
    """Return the Job of a launch. It is suspended: its pod is made when its secret is there.

    Args:
        launch: What is to be started.
        settings: Of the target.
        owner: Which server's target, as a label.
        target: What the target is called.
    """
    name = f"runyard-{launch.run_id}-{launch.attempt}-{secrets.token_hex(3)}"
    labels = {**_MANAGED_BY, OWNER: owner, RUN: launch.run_id, ATTEMPT: str(launch.attempt)}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "labels": labels, "annotations": {TARGET: target}},
        "spec": {
            "suspend": True,
            "completions": 1,
            "parallelism": 1,
            "backoffLimit": 0,
            # One that is being ended is not over: there must not be two.
            "podReplacementPolicy": "Failed",
            "ttlSecondsAfterFinished": KEPT_S,
            "template": {"metadata": {"labels": labels}, "spec": _pod(name, launch, settings)},
        },
    }


def secret_of(job: Mapping[str, Any], assignment: Mapping[str, Any]) -> dict[str, Any]:
    """Return the secret with what an agent is told; it goes with its Job.

    Args:
        job: As the cluster keeps it.
        assignment: What the agent is told.
    """
    meta = job["metadata"]
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": meta["name"], "uid": meta["uid"]}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": meta["name"], "labels": meta["labels"], "ownerReferences": [owner]},
        "type": "Opaque",
        "immutable": True,
        "stringData": {ASSIGNMENT_FILE: json.dumps(assignment)},
    }


def agent_of_all() -> dict[str, Any]:
    """Return the map with the agent's file, the same for all jobs of this version."""
    content, _ = archive_of_agent()
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": _agent_name(), "labels": _MANAGED_BY},
        "immutable": True,
        "binaryData": {AGENT_FILE: base64.b64encode(content).decode()},
    }


def told_of(launch: Launch, server: str) -> dict[str, Any]:
    """Return what the agent of a pod is told.

    Args:
        launch: What is to be started.
        server: Where the server is reached from there.
    """
    # A pod is a container already, and has no engine for another one, as a Dockerfile would need.
    told = dict(launch.elsewhere(server, use_containers=False))
    environment = dict(told.get("environment") or {})
    if (environment.get("docker") or {}).get("image"):
        environment["docker"] = {}  # it runs in that image
    return {**told, "environment": environment, "cache": _CACHE, "end_file": TERMINATION_LOG}


def _pod(name: str, launch: Launch, settings: KubernetesSettings) -> dict[str, Any]:
    docker = (launch.assignment.get("environment") or {}).get("docker") or {}
    volumes = _volumes(name, settings, docker.get("shm_size", ""))
    user = settings.run_as_user
    container = {
        "name": "agent",
        "image": docker.get("image") or settings.image,
        "command": ["python3", f"{_AGENT}/{AGENT_FILE}"],
        "args": ["--told", f"{_TOLD}/{ASSIGNMENT_FILE}", f"{_FOLDER}/work"],
        "env": [{"name": "HOME", "value": _FOLDER}] if user else [],
        "resources": _resources(launch.slots, settings),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            **({"capabilities": {"drop": ["ALL"]}} if user else {}),
        },
        "terminationMessagePath": TERMINATION_LOG,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [
            {"name": volume["name"], "mountPath": path, **more} for volume, path, more in volumes
        ],
    }
    grace_s = int(float(launch.assignment.get("stop_grace_s", 10.0)) + 1) + LAST_WORDS_S
    pod: dict[str, Any] = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        # The first process of a namespace gets no signal that it has not asked for: an agent that is ended
        # while its Python begins would not notice.
        "shareProcessNamespace": True,
        "terminationGracePeriodSeconds": grace_s,
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}, **_user(user)},
        "containers": [container],
        "volumes": [volume for volume, _, _ in volumes],
    }
    chosen = {
        "nodeSelector": dict(settings.node_selector),
        "tolerations": [_without_empty(msgspec.to_builtins(each)) for each in settings.tolerations],
        "serviceAccountName": settings.service_account,
        "imagePullSecrets": [{"name": each} for each in settings.image_pull_secrets],
    }
    return pod | _without_empty(chosen)


def _volumes(
    name: str, settings: KubernetesSettings, shm_size: str
) -> list[tuple[dict[str, Any], str, dict[str, Any]]]:
    """Return the volumes of a pod, where each is, and how."""
    claim = {"persistentVolumeClaim": {"claimName": settings.cache_claim}}
    cache: dict[str, Any] = claim if settings.cache_claim else {"emptyDir": {}}
    volumes: list[tuple[dict[str, Any], str, dict[str, Any]]] = [
        ({"name": "agent", "configMap": {"name": _agent_name()}}, _AGENT, {"readOnly": True}),
        ({"name": "told", "secret": {"secretName": name}}, _TOLD, {"readOnly": True}),
        ({"name": "job", "emptyDir": {}}, _FOLDER, {}),
        ({"name": "cache", **cache}, _CACHE, {}),
    ]
    size = re.fullmatch(r"([0-9]+)([bkmg]?)", shm_size.lower())
    if size:
        limit = size[1] + _SHM_UNITS[size[2]]
        memory = {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": limit}}
        volumes.append((memory, "/dev/shm", {}))
    return volumes


def _resources(slots: int, settings: KubernetesSettings) -> dict[str, Any]:
    wanted = {"cpu": _times(f"{settings.cpu}", slots), "memory": _times(f"{settings.memory}", slots)}
    if settings.gpus:
        wanted[settings.gpu_name] = str(settings.gpus * slots)
    return {"requests": wanted, "limits": dict(wanted)}


def _times(quantity: str, factor: int) -> str:
    """Return a quantity of Kubernetes times a number, in the same unit and without a fraction's rounding."""
    unit = quantity.lstrip("0123456789.")
    number = quantity.removesuffix(unit)
    whole, _, part = number.partition(".")
    total = int(whole + part) * factor
    digits = str(total).rjust(len(part) + 1, "0")
    return f"{digits[: -len(part)]}.{digits[-len(part) :]}{unit}" if part else f"{digits}{unit}"


def _user(user: int | None) -> dict[str, Any]:
    return (
        {} if user is None else {"runAsNonRoot": True, "runAsUser": user, "runAsGroup": user, "fsGroup": user}
    )


def _agent_name() -> str:
    return f"runyard-agent-{archive_of_agent()[1]}"


def _without_empty(content: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in content.items() if value}
