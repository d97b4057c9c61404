"""MLflow's addresses of models and of files of runs: ``models:/…`` and ``runs:/…``."""

from __future__ import annotations

from dataclasses import dataclass

from runyard.errors import InvalidParameter
from runyard.protocol.filter_tokens import shortened
from runyard.protocol.registry_names import LATEST


@dataclass(frozen=True, slots=True)
class ModelUri:
    """What an address of a model names: a logged model, or one version of a registered one.

    Args:
        model_id: The logged model.
        name: The registered model; with nothing else, its latest version is meant.
        version: Its version.
        stage: The latest version of a stage, as it was written.
        alias: The version that an alias points to.
    """

    model_id: str | None = None
    name: str = ""
    version: str | None = None
    stage: str | None = None
    alias: str | None = None


def parse_model_uri(uri: str) -> ModelUri:
    """Return what a ``models:/`` address names.

    Raises:
        InvalidParameter: It has not the form of one.
    """
    scheme, _, path = uri.partition(":")
    parts = path.lstrip("/").split("/")
    is_proper = scheme == "models" and path.startswith("/") and parts[0].strip() and len(parts) <= 2
    if not is_proper or (len(parts) == 2 and not parts[1].strip()):
        raise _improper(uri)
    if len(parts) == 2:
        return _of_suffix(*parts)
    name, at, alias = parts[0].rpartition("@")
    if not at:
        return ModelUri(model_id=parts[0])
    if not alias.strip():
        raise _improper(uri)
    return ModelUri(name=name, alias=alias)


def parse_runs_uri(uri: str) -> tuple[str, str]:
    """Return the run that a ``runs:/`` address names, and the path below its artifacts.

    Raises:
        InvalidParameter: It has not the form of one.
    """
    scheme, _, path = uri.partition(":")
    run_id, _, below = path[1:].partition("/")
    if scheme != "runs" or not path.startswith("/") or not run_id:
        raise InvalidParameter(
            f"Not a proper runs:/ URI: {shortened(uri)}. Runs URIs must be of the form "
            "'runs:/<run_id>/run-relative/path/to/artifact'"
        )
    return run_id, below


def _of_suffix(name: str, suffix: str) -> ModelUri:
    if suffix.isdecimal():
        return ModelUri(name=name, version=suffix)
    return ModelUri(name=name) if suffix.lower() == LATEST else ModelUri(name=name, stage=suffix)


def _improper(uri: str) -> InvalidParameter:
    return InvalidParameter(
        f"Not a proper models:/ URI: {shortened(uri)}. Models URIs must be of the form 'models:/name/suffix' "
        "or 'models:/name@alias' where suffix is a version, stage, or the string 'latest' and where alias is "
        "a registered model alias. Only one of suffix or alias can be defined at a time."
    )
