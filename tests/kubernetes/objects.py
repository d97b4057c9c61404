"""The objects of a cluster: kept with versions, listed by labels, deleted with what they own."""

from __future__ import annotations

import base64
import copy
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from tests.kubernetes.checks import faults_of, faults_of_change

Key = tuple[str, str]
"""The plural of a kind, and a name."""


class Refused(Exception):
    """What the API server answers in place of what was asked.

    Args:
        code: The status.
        reason: In Kubernetes' words.
        message: What a person reads.
    """

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code, self.reason = code, reason


@dataclass(frozen=True)
class Kind:
    """One kind of objects: what it is called, and in which group."""

    name: str
    plural: str
    api_version: str


KINDS = {
    each.plural: each
    for each in (
        Kind("Job", "jobs", "batch/v1"),
        Kind("Pod", "pods", "v1"),
        Kind("Secret", "secrets", "v1"),
        Kind("ConfigMap", "configmaps", "v1"),
    )
}


def moment(after_s: float = 0) -> str:
    """Return a moment as Kubernetes writes it: in whole seconds."""
    return (datetime.now(timezone.utc) + timedelta(seconds=after_s)).strftime("%Y-%m-%dT%H:%M:%SZ")


class Objects:
    """All objects of one namespace."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._kept: dict[Key, dict[str, Any]] = {}
        self._version = 0

    def create(self, plural: str, body: Mapping[str, Any], *, is_dry: bool = False) -> dict[str, Any]:
        """Keep an object and return it as it is kept."""
        kind = KINDS[plural]
        made = copy.deepcopy(dict(body))
        if (made.get("apiVersion"), made.get("kind")) != (kind.api_version, kind.name):
            raise Refused(400, "BadRequest", f"expected {kind.api_version} {kind.name}")
        if faults := faults_of(kind.name, made):
            name = (made.get("metadata") or {}).get("name")
            raise Refused(422, "Invalid", f'{kind.name} "{name}" is invalid: {"; ".join(faults)[:1000]}')
        with self.lock:
            key = (plural, made["metadata"]["name"])
            if key in self._kept:
                raise Refused(409, "AlreadyExists", f'{plural} "{key[1]}" already exists')
            made["metadata"] |= {"uid": str(uuid.uuid4()), "creationTimestamp": moment(), "namespace": "ml"}
            if plural == "secrets":
                made["data"] = {**(made.get("data") or {}), **_encoded(made.pop("stringData", None) or {})}
            if not is_dry:
                self.keep(plural, made)
        return copy.deepcopy(made)

    def keep(self, plural: str, found: dict[str, Any]) -> None:
        """Keep an object as it is now."""
        with self.lock:
            self._version += 1
            found["metadata"]["resourceVersion"] = str(self._version)
            self._kept[plural, found["metadata"]["name"]] = copy.deepcopy(found)

    def find(self, plural: str, name: str) -> dict[str, Any] | None:
        """Return an object, if it is there."""
        with self.lock:
            return copy.deepcopy(self._kept.get((plural, name)))

    def list(self, plural: str, labels: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
        """Return the objects of a kind that have all these labels."""
        wanted = (labels or {}).items()
        with self.lock:
            return [
                copy.deepcopy(each)
                for (kind, _), each in self._kept.items()
                if kind == plural and wanted <= (each["metadata"].get("labels") or {}).items()
            ]

    def change(self, plural: str, name: str, change: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        """Change an object by a client's wish, if that may be."""
        with self.lock:
            before = self.find(plural, name)
            if before is None:
                raise Refused(404, "NotFound", f'{plural} "{name}" not found')
            after = copy.deepcopy(before)
            change(after)
            kind = KINDS[plural].name
            if faults := [*faults_of(kind, after), *faults_of_change(kind, before, after)]:
                raise Refused(422, "Invalid", f'{kind} "{name}" is invalid: {"; ".join(faults)[:1000]}')
            self.keep(plural, after)
            return after

    def delete(self, plural: str, name: str, grace_s: int | None = None) -> None:
        """Delete an object; a pod is marked, and goes when its node has ended it."""
        with self.lock:
            found = self.find(plural, name)
            if found is None:
                raise Refused(404, "NotFound", f'{plural} "{name}" not found')
            if plural != "pods" or grace_s == 0:
                self.remove(plural, name)
                self._collect(found["metadata"]["uid"])
                return
            meta, own_s = found["metadata"], found["spec"].get("terminationGracePeriodSeconds", 30)
            wanted_s = own_s if grace_s is None else grace_s
            if wanted_s < meta.get("deletionGracePeriodSeconds", wanted_s + 1):
                meta |= {"deletionTimestamp": moment(wanted_s), "deletionGracePeriodSeconds": wanted_s}
                self.keep(plural, found)

    def remove(self, plural: str, name: str) -> None:
        """Take an object off for good."""
        with self.lock:
            self._kept.pop((plural, name), None)

    def _collect(self, uid: str) -> None:
        """Delete what an object that is no more has owned, as the garbage collector does behind it."""
        for plural in KINDS:
            for each in self.list(plural):
                if uid in _owners(each):
                    self.delete(plural, each["metadata"]["name"])


def _owners(found: Mapping[str, Any]) -> Iterable[str]:
    return [each["uid"] for each in found["metadata"].get("ownerReferences") or []]


def _encoded(texts: Mapping[str, str]) -> dict[str, str]:
    return {name: base64.b64encode(text.encode()).decode() for name, text in texts.items()}
