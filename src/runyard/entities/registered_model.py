"""Registered models and their versions, and MLflow's way to keep prompts as such."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

IS_PROMPT_TAG = "mlflow.prompt.is_prompt"
PROMPT_TEXT_TAG = "mlflow.prompt.text"
PROMPT_TYPE_TAG = "_mlflow_prompt_type"
MODEL_VERSIONS_TAG = "mlflow.modelVersions"
"""The tag of a logged model that lists the versions that were registered of it, as JSON."""


class Stage(str, Enum):
    """How far a version has come on its way into use (MLflow's ``current_stage``)."""

    NONE = "None"
    STAGING = "Staging"
    PRODUCTION = "Production"
    ARCHIVED = "Archived"


def is_prompt(tags: Mapping[str, str]) -> bool:
    """Whether what has these tags is a prompt, which MLflow keeps as a registered model."""
    return tags.get(IS_PROMPT_TAG, "false").lower() == "true"


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One version of a registered model; times are milliseconds since the epoch.

    Args:
        workspace: Where its model is.
        name: Its model's name.
        version: Its number, which counts up and is never given twice while the model lives.
        created_ms: When it was registered.
        updated_ms: When it changed last.
        source: Where it was registered from, as the caller wrote it.
        storage_location: Where clients find its files.
        kept_at: The folder of its files below the workspace's artifacts; empty if they are elsewhere.
        stage: How far it has come.
        run_id: The run that made it; empty if that is not known.
        model_id: The logged model that it is a version of; empty if of none.
        run_link: The address of a run elsewhere.
        description: ``None`` once it was taken away.
        tags: Its own tags.
        aliases: The names by which its model points to it.
    """

    workspace: str
    name: str
    version: int
    created_ms: int
    updated_ms: int
    source: str
    storage_location: str
    kept_at: str = ""
    stage: Stage = Stage.NONE
    run_id: str = ""
    model_id: str = ""
    run_link: str = ""
    description: str | None = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    aliases: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class RegisteredModel:
    """A name under which versions of a model are registered; times are milliseconds since the epoch.

    Args:
        workspace: Where it is.
        name: Unique in the workspace, among prompts too.
        created_ms: When it was made.
        updated_ms: When it, or the list of its versions, changed last.
        description: What it is.
        tags: Its own tags.
        aliases: Names to the versions that they point to.
        latest_versions: The latest version in each stage that has any.
    """

    workspace: str
    name: str
    created_ms: int
    updated_ms: int
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, int] = field(default_factory=dict)
    latest_versions: Sequence[ModelVersion] = ()

    @property
    def is_prompt(self) -> bool:
        """Whether it is a prompt."""
        return is_prompt(self.tags)
