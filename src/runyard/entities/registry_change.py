"""What changed in the model registry, with what MLflow tells webhooks of it (``mlflow/webhooks/types.py``).

========================================  =================================================================
kind of event                             payload
========================================  =================================================================
``registered_model.created``              ``{name, tags, description}``
``model_version.created``                 ``{name, version, source, run_id, tags, description}``
``model_version_tag.set``                 ``{name, version, key, value}``
``model_version_tag.deleted``             ``{name, version, key}``
``model_version_alias.created``           ``{name, alias, version}``
``model_version_alias.deleted``           ``{name, alias}``
``prompt.created``                        ``{name, tags, description}``
``prompt_version.created``                ``{name, version, template, tags, description}``
``prompt_tag.set``                        ``{name, key, value}``
``prompt_tag.deleted``                    ``{name, key}``
``prompt_version_tag.set``                ``{name, version, key, value}``
``prompt_version_tag.deleted``            ``{name, version, key}``
``prompt_alias.created``                  ``{name, alias, version}``
``prompt_alias.deleted``                  ``{name, alias}``
========================================  =================================================================

``version`` is text, ``tags`` are an object, a ``run_id`` or a ``description`` that is not known is ``null``.
The tags of a prompt are without those by which MLflow keeps it. What MLflow has no event for has no payload.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runyard.entities.event import EventKind, Subject
from runyard.entities.registered_model import (
    IS_PROMPT_TAG,
    PROMPT_TEXT_TAG,
    PROMPT_TYPE_TAG,
    ModelVersion,
    RegisteredModel,
    Stage,
    is_prompt,
)

_OF_PROMPTS = (IS_PROMPT_TAG, PROMPT_TEXT_TAG, PROMPT_TYPE_TAG)


@dataclass(frozen=True, slots=True)
class RegistryChange:
    """One change.

    Args:
        kind: What happened.
        what: The end of a sentence about it.
        subject: The names in it.
        payload: What MLflow's webhooks are told; ``None`` if MLflow has no such event.
    """

    kind: EventKind
    what: str
    subject: Subject
    payload: Mapping[str, Any] | None = None


def model_created(model: RegisteredModel) -> RegistryChange:
    """Return that a model, or a prompt, was made."""
    if not model.is_prompt:
        kind, tags = EventKind.REGISTERED_MODEL_CREATED, dict(model.tags)
    else:
        kind, tags = EventKind.PROMPT_CREATED, _own(model.tags)
    payload = {"name": model.name, "tags": tags, "description": model.description}
    return RegistryChange(kind, "was made", {"name": model.name}, payload)


def model_renamed(name: str, new_name: str) -> RegistryChange:
    """Return that a model has another name."""
    subject = {"name": new_name, "old_name": name}
    return RegistryChange(EventKind.REGISTERED_MODEL_RENAMED, f"was {name!r} before", subject)


def model_deleted(name: str) -> RegistryChange:
    """Return that a model is gone with its versions."""
    return RegistryChange(EventKind.REGISTERED_MODEL_DELETED, "was deleted", {"name": name})


def version_created(version: ModelVersion) -> RegistryChange:
    """Return that a version of a model, or of a prompt, was registered."""
    subject = {"name": version.name, "version": str(version.version)}
    what = f"has a version {version.version}"
    if is_prompt(version.tags):
        text, tags = version.tags.get(PROMPT_TEXT_TAG), _own(version.tags)
        payload = {**subject, "template": text, "tags": tags, "description": version.description or None}
        return RegistryChange(EventKind.PROMPT_VERSION_CREATED, what, subject, payload)
    payload = {
        **subject,
        "source": version.source,
        "run_id": version.run_id or None,
        "tags": dict(version.tags),
        "description": version.description or None,
    }
    return RegistryChange(EventKind.MODEL_VERSION_CREATED, what, subject, payload)


def version_moved(version: ModelVersion, stage: Stage) -> RegistryChange:
    """Return that a version is in another stage."""
    subject = {"name": version.name, "version": str(version.version), "stage": stage.value}
    what = f"has version {version.version} in stage {stage.value} now"
    return RegistryChange(EventKind.MODEL_VERSION_STAGE_CHANGED, what, subject)


def version_deleted(name: str, version: int) -> RegistryChange:
    """Return that a version is gone."""
    subject = {"name": name, "version": str(version)}
    return RegistryChange(EventKind.MODEL_VERSION_DELETED, f"has no version {version} any more", subject)


def prompt_tag_set(name: str, key: str, value: str) -> RegistryChange:
    """Return that a prompt has a tag; MLflow tells nobody of the tags of a registered model."""
    subject = {"name": name, "key": key}
    payload = {**subject, "value": value}
    return RegistryChange(EventKind.PROMPT_TAG_SET, f"has a tag {key!r}", subject, payload)


def prompt_tag_deleted(name: str, key: str) -> RegistryChange:
    """Return that a prompt has a tag no more."""
    subject = {"name": name, "key": key}
    return RegistryChange(EventKind.PROMPT_TAG_DELETED, f"has no tag {key!r} any more", subject, subject)


def version_tag_set(model: RegisteredModel, version: int, key: str, value: str) -> RegistryChange:
    """Return that a version has a tag."""
    kind = EventKind.PROMPT_VERSION_TAG_SET if model.is_prompt else EventKind.MODEL_VERSION_TAG_SET
    subject = {"name": model.name, "version": str(version), "key": key}
    what = f"has version {version} with a tag {key!r}"
    return RegistryChange(kind, what, subject, {**subject, "value": value})


def version_tag_deleted(model: RegisteredModel, version: int, key: str) -> RegistryChange:
    """Return that a version has a tag no more."""
    kind = EventKind.PROMPT_VERSION_TAG_DELETED if model.is_prompt else EventKind.MODEL_VERSION_TAG_DELETED
    subject = {"name": model.name, "version": str(version), "key": key}
    return RegistryChange(kind, f"has version {version} without a tag {key!r}", subject, subject)


def alias_set(model: RegisteredModel, alias: str, version: int) -> RegistryChange:
    """Return that an alias points to a version."""
    kind = EventKind.PROMPT_ALIAS_CREATED if model.is_prompt else EventKind.MODEL_VERSION_ALIAS_CREATED
    subject = {"name": model.name, "alias": alias, "version": str(version)}
    return RegistryChange(kind, f"has version {version} as {alias!r}", subject, subject)


def alias_deleted(model: RegisteredModel, alias: str) -> RegistryChange:
    """Return that an alias points nowhere any more."""
    kind = EventKind.PROMPT_ALIAS_DELETED if model.is_prompt else EventKind.MODEL_VERSION_ALIAS_DELETED
    subject = {"name": model.name, "alias": alias}
    return RegistryChange(kind, f"has no alias {alias!r} any more", subject, subject)


def _own(tags: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in tags.items() if key not in _OF_PROMPTS}
