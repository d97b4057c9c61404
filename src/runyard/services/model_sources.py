"""Where a version of a model comes from: what a caller writes as its source, held against what they may read.

Nothing is fetched. A source either means files that this server keeps for the caller's own workspace, which
then stay as long as the version, or it is a word for clients with access to another storage. What does not
exist and what the caller may not read are refused alike, in MLflow's words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NoReturn
from urllib.parse import unquote_plus, urlsplit

from runyard.entities.registered_model import ModelVersion
from runyard.errors import InvalidParameter, NotFound
from runyard.protocol.azure_uris import parse_azure_artifact, parse_job_files, parse_local_upload
from runyard.protocol.filter_tokens import shortened
from runyard.protocol.limits import check_length, is_model_id, is_run_id
from runyard.protocol.model_uris import ModelUri, parse_model_uri, parse_runs_uri
from runyard.protocol.registry_names import MAX_ID_LENGTH, MAX_SOURCE_LENGTH, stage_named, version_number
from runyard.services.call import Call
from runyard.services.local_uploads import end_upload
from runyard.stores.artifacts.paths import (
    PROXY_SCHEME,
    check_remote_location,
    proxied_path,
    resolve_artifact_path,
)

PROMPT_SOURCES = frozenset({"dummy-source", "prompt-template"})
"""What clients write as the source of a prompt, which has no files."""

_WEB = ("http", "https")
_AZURE_ELSEWHERE = re.compile(
    r"azureml://(?:subscriptions/[^?#]*?/)?(?P<place>datastores|registries)/", re.IGNORECASE
)
_NOT_KEPT = {
    "datastores": "Nothing holds a datastore's files there for as long as the version: bring them here with "
    "`runyard datastore download`, and register the folder, as `runyard model register NAME FOLDER` does.",
    "registries": "This server has no registries: download the model where it is, and register the folder, "
    "as `runyard model register NAME FOLDER` does.",
}
_SMUGGLING = re.compile(r"[#?;\\]")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a version comes from; :class:`ModelVersion` tells what each means."""

    source: str
    storage_location: str
    kept_at: str = ""
    run_id: str = ""
    model_id: str = ""


def check_pattern(call: Call, source: str) -> None:
    """Check a source, as the caller wrote it, against what the server's administrator wants of one.

    Raises:
        InvalidParameter: It does not match.
    """
    pattern = call.settings.model_source_pattern
    if pattern and not re.search(pattern, source[: MAX_SOURCE_LENGTH + 1]):
        raise _invalid(source, "This server takes those alone that its setting model_source_pattern matches.")


def origin_of_prompt(source: str, run_id: str | None) -> Origin:
    """Return the origin of a version of a prompt, which lies in its tags alone.

    Raises:
        InvalidParameter: The source is not one of MLflow's placeholders.
    """
    if source not in PROMPT_SOURCES:
        raise InvalidParameter(
            f"Invalid prompt source: '{shortened(source)}'. Prompt sources must use an MLflow placeholder."
        )
    check_length(run_id or "", MAX_ID_LENGTH, "run_id")
    return Origin(source, source, run_id=run_id or "")


def resolve_origin(call: Call, source: str, run_id: str | None, model_id: str | None) -> Origin:
    """Return where a version comes from; in a transaction that may write, what it names is held.

    Args:
        call: Whose workspace, and who asks.
        source: As the caller wrote it.
        run_id: The run that they say it is of; ``None`` if they said nothing.
        model_id: The logged model that they say it is of.

    Raises:
        InvalidParameter: It can't be a source, or it is not of the run or model that was said.
        NotFound: It names a registered model or a version that is not there.
    """
    check_length(source, MAX_SOURCE_LENGTH, "source")
    check_length(run_id or "", MAX_ID_LENGTH, "run_id")
    check_length(model_id or "", MAX_ID_LENGTH, "model_id")
    job = parse_job_files(source)
    uploaded = parse_local_upload(source)
    if job is not None and is_run_id(job[0]):
        source, run_id = _below(_artifacts_of_run(call, source, job[0]), job[1]), run_id or job[0]
    elif uploaded is not None and (uploaded_id := end_upload(call, uploaded[0])) is not None:
        source, model_id = _below(_logged_model(call, source, uploaded_id)[0], uploaded[1]), uploaded_id
    source = _as_kept(call, source)
    scheme = _checked_scheme(source, "model_id" if model_id else "run_id")
    if scheme == "models":
        return _of_model_uri(call, source, run_id, model_id)
    if scheme == "runs":
        return _of_run_uri(call, source, run_id, model_id)
    if scheme == PROXY_SCHEME:
        return _of_proxied(call, source, run_id, model_id)
    return _of_remote(call, source, run_id, model_id)


def _as_kept(call: Call, source: str) -> str:
    """Return a place of files of this workspace, as Microsoft's clients were told of it, as it is kept."""
    named = parse_azure_artifact(source)
    if named is None or named.workspace != call.workspace.name:
        return source
    if not named.owner:
        return f"{PROXY_SCHEME}:/{named.path}"
    if is_model_id(named.owner):
        root = _logged_model(call, source, named.owner)[0]
    else:
        root = _artifacts_of_run(call, source, named.owner)
    return _below(root, named.path)


def _below(root: str, path: str) -> str:
    return f"{root.rstrip('/')}/{path}".rstrip("/")


def _checked_scheme(source: str, owner: str) -> str:
    try:
        parsed = urlsplit(source)
    except ValueError:
        raise _invalid(source, "It is no address.") from None
    scheme = parsed.scheme.lower()
    if scheme in ("", "file"):
        raise _invalid(
            source,
            f"To use a local path as a model version source, the {owner} request parameter has to be "
            f"specified and the local path has to be contained within the artifact directory of the run "
            f"specified by the {owner}.",
        )
    reasons = []
    if scheme in _WEB or (scheme == PROXY_SCHEME and parsed.netloc):
        reasons.append(
            f"'source' cannot use the '{scheme}' scheme: the '{scheme}' scheme addresses a host other than "
            "this server's own artifact store, and clients would send a credential there."
        )
    if _climbs(source):
        reasons.append(
            "If supplying a source as an http, https, local file path, ftp, objectstore, or mlflow-artifacts "
            "uri, an absolute path must be provided without relative path references present. Please provide "
            "an absolute path."
        )
    if reasons:  # both: which of them is told first changed between MLflow's versions
        raise _invalid(source, " ".join(reasons))
    if scheme in ("models", "runs", PROXY_SCHEME) and _SMUGGLING.search(source):
        raise _invalid(source, "It can't include a query, a fragment, params or backslashes.")
    return scheme


def _climbs(source: str) -> bool:
    """Whether a source, decoded as often as anybody might, leads elsewhere than it reads."""
    while (decoded := unquote_plus(source)) != source:
        source = decoded
    if "\0" in source or ".." in re.split(r"[/\\]", source):
        return True
    path = urlsplit(source).path
    return bool(path) and (not path.startswith("/") or "." in path.split("/"))


def _of_run_uri(call: Call, source: str, run_id: str | None, model_id: str | None) -> Origin:
    if urlsplit(source).netloc or model_id:
        _refuse(source, "model_id" if model_id else "run_id")
    try:
        named, below = parse_runs_uri(source)
    except InvalidParameter:
        _refuse(source, "run_id")
    if named != run_id:
        _refuse(source, "run_id")
    if not is_run_id(named):
        # No server of ours has such a run, in whatever workspace: it is a word for clients of another one.
        return Origin(source, source, run_id=named)
    place = proxied_path(_artifacts_of_run(call, source, named))
    kept_at = (
        ""
        if place is None
        else str(place / resolve_artifact_path(_single(below).strip("/"), is_directory=True))
    )
    return Origin(source, source, kept_at, run_id=named)


def _of_proxied(call: Call, source: str, run_id: str | None, model_id: str | None) -> Origin:
    place = proxied_path(_single(source))
    named, of_model = model_id or run_id, bool(model_id)
    owner = "model_id" if of_model else "run_id"
    if not named or place is None:
        _refuse(source, owner)
    found = _logged_model(call, source, named) if of_model else None
    root = proxied_path(found[0] if found else _artifacts_of_run(call, source, named))
    if root is None or place.segments[: len(root.segments)] != root.segments:
        _refuse(source, owner)
    run_id = run_id or (found[1] if found else "")
    return Origin(source, source, str(place), run_id, model_id or "")


def _of_remote(call: Call, source: str, run_id: str | None, model_id: str | None) -> Origin:
    elsewhere = _AZURE_ELSEWHERE.match(source)
    if elsewhere is not None:
        raise _invalid(source, _NOT_KEPT[elsewhere["place"].lower()])
    try:
        check_remote_location(source)
    except InvalidParameter as error:
        raise _invalid(source, f"{error.message[0].upper()}{error.message[1:]}") from None
    if model_id and not run_id:
        run_id = _logged_model(call, source, model_id)[1]
    return Origin(source, source, run_id=run_id or "", model_id=model_id or "")


def _of_model_uri(call: Call, source: str, run_id: str | None, model_id: str | None) -> Origin:
    if urlsplit(source).netloc:
        raise _invalid(source, "Registered model sources must use the active model registry.")
    try:
        named = parse_model_uri(source)
    except InvalidParameter:
        _refuse(source, "model_id")
    if named.model_id is None:
        return _of_version(_named_version(call, source, named), source, run_id, model_id)
    if named.model_id != model_id:
        _refuse(source, "model_id")
    artifact_uri, source_run_id = _logged_model(call, source, named.model_id)
    place = proxied_path(artifact_uri)
    kept_at = "" if place is None else str(place)
    return Origin(source, artifact_uri, kept_at, run_id or source_run_id, named.model_id)


def _of_version(version: ModelVersion, source: str, run_id: str | None, model_id: str | None) -> Origin:
    is_other_run = run_id is not None and run_id != version.run_id
    if is_other_run or (model_id is not None and model_id != version.model_id):
        raise _invalid(
            source, "The run_id and model_id request parameters must match the referenced model version."
        )
    return Origin(
        source=f"models:/{version.name}/{version.version}",
        storage_location=version.storage_location,
        kept_at=version.kept_at,
        run_id=version.run_id,
        model_id=version.model_id,
    )


def _named_version(call: Call, source: str, named: ModelUri) -> ModelVersion:
    workspace, metadata = call.workspace.name, call.stores.metadata
    model = metadata.registered_models.get_registered_model(workspace, named.name)
    if model.is_prompt:
        raise _invalid(source, "Prompt versions cannot be used as model version sources.")
    if named.version is not None:
        number = version_number(named.version)
    elif named.alias is not None:
        if named.alias not in model.aliases:
            raise InvalidParameter(f"Registered model alias {shortened(named.alias)} not found.")
        number = model.aliases[named.alias]
    else:
        stage = None if named.stage is None else stage_named(named.stage)
        number = max(
            (each.version for each in model.latest_versions if stage in (None, each.stage)), default=0
        )
        if not number:
            of_stage = "" if stage is None else f" and stage '{stage.value}'"
            raise NotFound(f"No versions of model with name '{named.name}'{of_stage} found")
    return metadata.model_versions.get_model_version(workspace, named.name, number)


def _artifacts_of_run(call: Call, source: str, run_id: str) -> str:
    try:
        run = call.stores.metadata.runs.get_run(call.workspace.name, run_id)
    except NotFound:
        _refuse(source, "run_id")
    if not _may_read(call, run.experiment_id):
        _refuse(source, "run_id")
    return run.artifact_uri


def _logged_model(call: Call, source: str, model_id: str) -> tuple[str, str]:
    """Return where a logged model keeps its files, and the run that logged it."""
    try:
        model = call.stores.metadata.logged_models.get_logged_model(call.workspace.name, model_id)
    except NotFound:
        _refuse(source, "model_id")
    if not _may_read(call, model.experiment_id):
        _refuse(source, "model_id")
    return model.artifact_uri, model.source_run_id


def _may_read(call: Call, experiment_id: str) -> bool:
    readable = call.experiments_to_read()
    return readable is None or experiment_id in readable


def _single(path: str) -> str:
    """Return a path as MLflow reads it, for which several slashes are one."""
    return re.sub("/+", "/", path)


def _refuse(source: str, owner: str) -> NoReturn:
    raise _invalid(
        source, f"The {owner} request parameter must identify the resource that contains the source."
    )


def _invalid(source: str, why: str) -> InvalidParameter:
    return InvalidParameter(f"Invalid model version source: '{shortened(source)}'. {why}")
