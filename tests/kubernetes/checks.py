"""What an API server refuses: first by Kubernetes' published OpenAPI, then by rules that are not in that."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

VERSION = "v1.37.0"
MAX_FILES_BYTES = 1 << 20

_SCHEMAS = {"Job": "job-batch-v1", "Pod": "pod-v1", "Secret": "secret-v1", "ConfigMap": "configmap-v1"}
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_LABEL_NAME = re.compile(r"([a-z0-9.-]{1,253}/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_FILE = re.compile(r"[-._a-zA-Z0-9]{1,253}")
_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]+)?)(m|k|M|G|T|Ki|Mi|Gi|Ti)?")
_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_UNITS |= {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}

Object = Mapping[str, Any]


def faults_of(kind: str, body: Object) -> list[str]:
    """Return what is wrong with an object that is to be kept; nothing if it is good."""
    by_schema = [
        f"{'.'.join(map(str, error.absolute_path)) or kind}: {error.message}"
        for error in _validator(kind).iter_errors(body)
    ]
    if by_schema:
        return by_schema
    more = {"Job": _of_job, "Secret": _of_files, "ConfigMap": _of_files}[kind]
    return [*_of_meta(body.get("metadata") or {}), *more(body)]


def faults_of_change(kind: str, before: Object, after: Object) -> list[str]:
    """Return what may not be changed that way."""
    if kind != "Job":
        return ["field is immutable when `immutable` is set"] if before.get("immutable") else []
    fixed = ("template", "completions", "selector", "podReplacementPolicy")
    return [
        f"spec.{name}: field is immutable"
        for name in fixed
        if before["spec"].get(name) != after["spec"].get(name)
    ]


def amount(quantity: str) -> Decimal:
    """Return what a quantity such as ``1.5Gi`` or ``500m`` stands for."""
    number, unit = _QUANTITY.fullmatch(quantity).groups()  # type: ignore[union-attr]
    return Decimal(number) / 1000 if unit == "m" else Decimal(number) * _UNITS[unit or ""]


@cache
def _validator(kind: str) -> Any:
    folder = files("kubernetes_validate") / "kubernetes-json-schema" / f"{VERSION}-local-strict"
    schema = json.loads((folder / f"{_SCHEMAS[kind]}.json").read_text())
    definitions = Resource.from_contents(json.loads((folder / "_definitions.json").read_text()))
    return Draft202012Validator(schema, registry=definitions @ (Resource.from_contents(schema) @ Registry()))


def _of_meta(meta: Object, field: str = "metadata", *, needs_name: bool = True) -> Iterator[str]:
    name = meta.get("name", "")
    if needs_name and (_SUBDOMAIN.fullmatch(name) is None or len(name) > 253):
        yield f"{field}.name: Invalid value: {name!r}: a lowercase RFC 1123 subdomain"
    for key, value in (meta.get("labels") or {}).items():
        if _LABEL_NAME.fullmatch(key) is None or _LABEL_VALUE.fullmatch(value) is None:
            yield f"{field}.labels: Invalid value: {key}={value!r}"
    for key in meta.get("annotations") or {}:
        if _LABEL_NAME.fullmatch(key) is None:
            yield f"{field}.annotations: Invalid value: {key!r}"
    for owner in meta.get("ownerReferences") or []:
        if not all(owner.get(each) for each in ("apiVersion", "kind", "name", "uid")):
            yield f"{field}.ownerReferences: Required value"


def _of_files(body: Object) -> Iterator[str]:
    text = {**(body.get("data") or {}), **(body.get("stringData") or {}), **(body.get("binaryData") or {})}
    for name in text:
        if _FILE.fullmatch(name) is None:
            yield f"data[{name}]: Invalid value"
    for value in (body.get("binaryData") or {}).values():
        base64.b64decode(value, validate=True)
    if sum(len(value) for value in text.values()) > MAX_FILES_BYTES:
        yield "data: Too long: must have at most 1048576 bytes"


def _of_job(body: Object) -> Iterator[str]:
    if len(body["metadata"].get("name", "")) > 63:
        yield "metadata.name: must be no more than 63 characters: its pods have it as a label"
    spec = body["spec"]
    yield from _negative(spec, "backoffLimit", "completions", "parallelism", "ttlSecondsAfterFinished")
    if spec.get("podReplacementPolicy") not in (None, "Failed", "TerminatingOrFailed"):
        yield "spec.podReplacementPolicy: Unsupported value"
    yield from _of_meta(spec["template"].get("metadata") or {}, "spec.template.metadata", needs_name=False)
    yield from _of_pod(spec["template"]["spec"])


def _negative(found: Object, *names: str) -> Iterator[str]:
    return (f"{name}: must be greater than or equal to 0" for name in names if found.get(name, 0) < 0)


def _of_pod(pod: Object) -> Iterator[str]:
    if pod.get("restartPolicy") not in ("Never", "OnFailure"):
        yield "spec.template.spec.restartPolicy: Required value: valid values: OnFailure, Never"
    yield from _negative(pod, "terminationGracePeriodSeconds")
    for name in pod.get("nodeSelector") or {}:
        if _LABEL_NAME.fullmatch(name) is None:
            yield f"spec.template.spec.nodeSelector: Invalid value: {name!r}"
    for toleration in pod.get("tolerations") or []:
        if toleration.get("operator") == "Exists" and toleration.get("value"):
            yield "spec.template.spec.tolerations.value: must be empty when `operator` is 'Exists'"
    volumes = {each["name"]: each for each in pod.get("volumes") or []}
    for volume in volumes.values():
        if len(volume) != 2:
            yield f"spec.template.spec.volumes[{volume['name']}]: exactly one volume type"
    for container in pod["containers"]:
        yield from _of_container(container, volumes)


def _of_container(container: Object, volumes: Mapping[str, Object]) -> Iterator[str]:
    if not container.get("image") or container["image"] != container["image"].strip():
        yield "containers.image: Required value"
    paths = [each["mountPath"] for each in container.get("volumeMounts") or []]
    if len(set(paths)) != len(paths) or any(":" in path for path in paths):
        yield "containers.volumeMounts.mountPath: must be unique, without ':'"
    for mount in container.get("volumeMounts") or []:
        if mount["name"] not in volumes:
            yield f"containers.volumeMounts.name: Not found: {mount['name']!r}"
    yield from _of_resources(container.get("resources") or {})


def _of_resources(resources: Object) -> Iterator[str]:
    requests, limits = resources.get("requests") or {}, resources.get("limits") or {}
    for name, quantity in [*requests.items(), *limits.items()]:
        if not isinstance(quantity, str) or _QUANTITY.fullmatch(quantity) is None:
            yield f"containers.resources: {name}: {quantity!r}: quantities must match the regular expression"
            return
    for name, quantity in requests.items():
        if name in limits and amount(quantity) > amount(limits[name]):
            yield f"containers.resources.requests: {name}: must be less than or equal to its limit"
    for name, quantity in limits.items():
        if "/" in name and (requests.get(name) != quantity or not quantity.isdigit()):
            yield f"containers.resources: {name}: must be an integer, and equal in requests and limits"
