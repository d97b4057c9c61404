"""What can be done with artifacts: list, read, write and delete the files of runs and models.

Files are named in two ways: by the ``artifact_uri`` of their run or model and a path below it, and, as
MLflow's clients do, by the path below the workspace that such a URI means (``mlflow-artifacts:/<path>``).
Either way they lie below a directory of the workspace's own, so that no call names another workspace's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from runyard.errors import InvalidParameter, NotFound, NotImplementedHere
from runyard.protocol.limits import is_model_id
from runyard.services.call import Call
from runyard.services.guarded_uploads import guarded
from runyard.services.quotas import limited
from runyard.stores.artifacts.base import (
    NOTHING_DECLARED,
    ArtifactDownload,
    ArtifactEntry,
    ArtifactUpload,
    Declared,
    GivesAddresses,
)
from runyard.stores.artifacts.checksums import checked
from runyard.stores.artifacts.paths import (
    ROOT,
    ArtifactPath,
    names_directory,
    proxied_path,
    resolve_artifact_path,
)

__all__ = [
    "ArtifactDownload",
    "ArtifactUpload",
    "Declared",
    "DownloadAddress",
    "ListedArtifact",
    "artifact_uri_of_owner",
    "artifact_uri_of_run",
    "begin_proxied_upload",
    "begin_upload",
    "check_file_path",
    "delete_proxied",
    "gives_addresses",
    "is_at_hand",
    "kept_here",
    "list_directory",
    "list_proxied",
    "open_file",
    "open_place",
    "open_proxied",
    "proxied_download_address",
    "refuse_presigned_download",
    "refuse_presigned_upload",
    "resolve_place",
]

MAX_PRESIGNED_S = 604_800  # seven days, what the clouds sign for at most


@dataclass(frozen=True, slots=True)
class ListedArtifact:
    """A file, or with ``size_bytes`` of ``None`` a directory, by its path below what was listed."""

    path: str
    size_bytes: int | None


@dataclass(frozen=True, slots=True)
class DownloadAddress:
    """Where a file can be read without the server and without a credential, and how large it is.

    Without a size there is no such address: a client of MLflow's then asks the server for the bytes.
    """

    url: str
    size_bytes: int | None


def artifact_uri_of_run(call: Call, run_id: str) -> str:
    """Return where a run, active or deleted, keeps its artifacts."""
    return call.stores.metadata.runs.get_run(call.workspace.name, run_id).artifact_uri


def artifact_uri_of_owner(call: Call, owner: str) -> str:
    """Return where a run, or a logged model by its ``m-…``, keeps its artifacts."""
    return _artifact_uri(call, None, owner) if is_model_id(owner) else artifact_uri_of_run(call, owner)


def list_directory(call: Call, artifact_uri: str, path: str | None = None) -> list[ListedArtifact]:
    """Return what lies directly in the directory ``path`` below ``artifact_uri``, sorted.

    Paths start at ``artifact_uri``. A file, and what is not there, have nothing in them.

    Raises:
        InvalidParameter: A path that can't be, or artifacts that are kept where the server doesn't look.
    """
    below = resolve_artifact_path(path or "", is_directory=True)
    return _listed(call, kept_here(artifact_uri) / below, below)


def check_file_path(path: str) -> None:
    """Raise unless a file can lie at ``path``, whatever it is relative to; said before anything is looked up.

    Raises:
        InvalidParameter: None can.
    """
    resolve_artifact_path(path)


def open_file(call: Call, artifact_uri: str, path: str) -> ArtifactDownload:
    """Open the file ``path`` below ``artifact_uri``; whoever gets it closes it.

    Raises:
        InvalidParameter: As :func:`list_directory`; or a directory is there.
        NotFound: Nothing is there.
    """
    return open_place(call, kept_here(artifact_uri) / resolve_artifact_path(path))


def begin_upload(call: Call, artifact_uri: str, path: str) -> ArtifactUpload:
    """Begin to write the file ``path`` below ``artifact_uri``; whoever gets it commits or closes it.

    Raises:
        InvalidParameter: As :func:`list_directory`.
        StorageFull: There is no room.
    """
    return _begun(call, kept_here(artifact_uri) / resolve_artifact_path(path))


def list_proxied(call: Call, path: str | None) -> list[ListedArtifact]:
    """Return what lies directly in a directory of the workspace, by name, sorted."""
    return _listed(call, resolve_artifact_path(path or "", is_directory=True), ROOT)


def open_proxied(call: Call, path: str) -> ArtifactDownload:
    """Open a file of the workspace; whoever gets it closes it."""
    place = resolve_artifact_path(path, is_directory=True)
    if names_directory(path):
        _refuse_directory(place)
    return open_place(call, place)


def begin_proxied_upload(call: Call, path: str, declared: Declared = NOTHING_DECLARED) -> ArtifactUpload:
    """Begin to write a file of the workspace; whoever gets it commits or closes it.

    To commit it raises ``InvalidParameter`` if its checksum is not the declared one.
    """
    return _begun(call, resolve_place(path), declared)


def resolve_place(path: str) -> ArtifactPath:
    """Return where in a workspace a file is to be written.

    Raises:
        InvalidParameter: None can lie there.
    """
    place = resolve_artifact_path(path, is_directory=True)
    if names_directory(path):
        raise InvalidParameter("Artifact path must include a filename (cannot end with '/').")
    return place


def is_at_hand(call: Call) -> bool:
    """Whether a small file is read or written faster than another thread could be asked to do it."""
    return call.stores.artifacts.is_at_hand


def gives_addresses(call: Call) -> bool:
    """Whether clients may download straight from the storage: it can, and the settings let it."""
    return call.settings.artifact_address_s > 0 and isinstance(call.stores.artifacts, GivesAddresses)


def proxied_download_address(call: Call, path: str) -> DownloadAddress:
    """Return an address of the storage's own for a file of the workspace, good for a few minutes.

    Raises:
        NotFound: Nothing is there.
        InvalidParameter: A path that can't be, or that of a directory.
        NotImplementedHere: This storage gives none, or the settings don't let it.
    """
    place = resolve_artifact_path(path)
    store, valid_s = call.stores.artifacts, call.settings.artifact_address_s
    if valid_s == 0 or not isinstance(store, GivesAddresses):
        raise NotImplementedHere("Multipart download is not supported for the current artifact repository")
    with open_place(call, place) as download:
        url = store.download_address(_key(call, place), valid_s)
        return DownloadAddress(url, download.file.size_bytes) if url else DownloadAddress("", None)


def delete_proxied(call: Call, path: str) -> None:
    """Delete a file or a directory of the workspace, if it is there.

    Raises:
        InvalidParameter: A path that can't be; or all of the workspace's artifacts at once.
    """
    place = resolve_artifact_path(path, is_directory=True)
    if place == ROOT:
        raise InvalidParameter("Invalid path: name the file or directory to delete.")
    call.stores.artifacts.delete(_key(call, place))


def refuse_presigned_download(call: Call, run_id: str, path: str, expires_in_s: int | None) -> NoReturn:
    """Say why no address to read a run's file directly from storage can be had."""
    if expires_in_s is not None and not 1 <= expires_in_s <= MAX_PRESIGNED_S:
        raise InvalidParameter(
            f"expiration must be between 1 and {MAX_PRESIGNED_S} seconds (got {expires_in_s})."
        )
    resolve_artifact_path(path)
    if proxied_path(artifact_uri_of_run(call, run_id)) is not None:
        raise InvalidParameter(
            "Presigned download is not supported for runs with proxied artifact storage "
            "(artifact URI scheme: mlflow-artifacts). "
            "This endpoint requires a run with a direct cloud storage artifact URI."
        )
    raise NotImplementedHere("Presigned download is not supported for the current artifact repository")


def refuse_presigned_upload(call: Call, run_id: str | None, model_id: str | None, path: str) -> NoReturn:
    """Say why no address to write a file of a run or model directly to storage can be had."""
    if bool(run_id) == bool(model_id):
        raise InvalidParameter("Exactly one of run_id and model_id must be provided.")
    resolve_artifact_path(path)
    if proxied_path(_artifact_uri(call, run_id, model_id)) is not None:
        raise InvalidParameter(
            "Presigned upload is not supported for proxied artifact storage "
            "(artifact URI scheme: mlflow-artifacts). "
            "This endpoint requires a direct cloud storage artifact URI."
        )
    raise NotImplementedHere("Presigned upload is not supported for the current artifact repository")


def _artifact_uri(call: Call, run_id: str | None, model_id: str | None) -> str:
    if run_id:
        return artifact_uri_of_run(call, run_id)
    models = call.stores.metadata.logged_models
    return models.get_logged_model(call.workspace.name, model_id or "").artifact_uri


def _key(call: Call, place: ArtifactPath) -> ArtifactPath:
    return ArtifactPath((call.workspace.name,)) / place


def _begun(call: Call, place: ArtifactPath, declared: Declared = NOTHING_DECLARED) -> ArtifactUpload:
    key = _key(call, place)
    upload = limited(call, call.stores.artifacts.create(key, declared), declared)
    return checked(guarded(call, key, upload, declared), declared)


def kept_here(artifact_uri: str) -> ArtifactPath:
    """Return where below its workspace the server keeps what an ``artifact_uri`` names.

    Raises:
        InvalidParameter: It keeps it nowhere: the files are in another storage.
    """
    place = proxied_path(artifact_uri)
    if place is None:
        raise InvalidParameter(
            f"These artifacts are kept at {artifact_uri}, which this server does not open. "
            "Use a client that has access to that storage."
        )
    return place


def _listed(call: Call, place: ArtifactPath, shown_below: ArtifactPath) -> list[ListedArtifact]:
    entries: Sequence[ArtifactEntry] = call.stores.artifacts.list(_key(call, place))
    return [
        ListedArtifact(str(shown_below / ArtifactPath((entry.name,))), entry.size_bytes) for entry in entries
    ]


def open_place(call: Call, place: ArtifactPath) -> ArtifactDownload:
    """Open a file of the workspace, naming it as the caller did if it can't be opened."""
    try:
        return call.stores.artifacts.open(_key(call, place))
    except NotFound:
        raise NotFound(f"No such artifact: '{place}'") from None
    except InvalidParameter:
        _refuse_directory(place)


def _refuse_directory(place: ArtifactPath) -> NoReturn:
    raise InvalidParameter(f"Artifact path refers to a directory, not a file: '{place}'") from None
