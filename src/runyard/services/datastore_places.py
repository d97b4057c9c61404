"""Where datastores may be: what a caller names is checked before it is kept, and again when it is opened."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from runyard.entities.datastore import ARTIFACT_STORE, Datastore, DatastoreKind, Place
from runyard.errors import InvalidParameter
from runyard.protocol import limits
from runyard.services.call import Call
from runyard.services.google_tokens import GoogleTokens, plain_account_key
from runyard.services.outbound import OutboundClient
from runyard.services.sealing import Sealer
from runyard.settings import Settings
from runyard.stores.artifacts.base import ArtifactStore
from runyard.stores.artifacts.folder import FolderArtifactStore
from runyard.stores.artifacts.foreign import open_foreign
from runyard.stores.artifacts.paths import ROOT, ArtifactPath, datastores_of, resolve_artifact_path

MAX_CREDENTIAL_LENGTH: Final = 16_384
DEFAULT_REGION: Final = "us-east-1"
_REGION: Final = re.compile(r"[a-z0-9-]{1,40}")
_ACCOUNT: Final = re.compile(r"[a-z0-9]{3,24}")


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a kind of object store is named by, and which credentials it takes: one of the sets, or none."""

    bucket: re.Pattern[str]
    bucket_rule: str
    fields: frozenset[str]
    credentials: tuple[frozenset[str], ...]


_KINDS: Final = {
    DatastoreKind.S3: _Kind(
        re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"),
        "3 to 63 small letters, digits, '-' and '.'",
        frozenset({"bucket", "prefix", "endpoint", "region"}),
        (
            frozenset({"access_key_id", "secret_access_key"}),
            frozenset({"access_key_id", "secret_access_key", "session_token"}),
        ),
    ),
    DatastoreKind.AZURE_BLOB: _Kind(
        re.compile(r"(?:\$root|\$web|[a-z0-9][a-z0-9-]{1,61}[a-z0-9])"),
        "3 to 63 small letters, digits and '-'",
        frozenset({"bucket", "prefix", "endpoint", "account"}),
        (frozenset({"account_key"}), frozenset({"sas_token"})),
    ),
    DatastoreKind.GCS: _Kind(
        re.compile(r"[a-z0-9][a-z0-9_.-]{1,220}[a-z0-9]"),
        "3 to 222 small letters, digits, '-', '_' and '.'",
        frozenset({"bucket", "prefix", "endpoint"}),
        (frozenset({"service_account_key"}),),
    ),
}


@dataclass(frozen=True, slots=True)
class OpenedPlace:
    """A datastore that is ready to be used: its files lie below ``root`` in ``store``."""

    store: ArtifactStore
    root: ArtifactPath


def checked_place(call: Call, kind: DatastoreKind, place: Place) -> Place:
    """Return a place as it is kept, if files may be there.

    Raises:
        InvalidParameter: It is named by what its kind has not, or lies where this server may not look.
    """
    known = _KINDS[kind].fields if kind in _KINDS else frozenset({"folder"})
    for name, value in asdict(place).items():
        if value and name not in known:
            raise InvalidParameter(f"A datastore of kind '{kind.value}' has no '{name}'.")
    if kind not in _KINDS:
        if place.folder:
            _folder_of(call.settings, place.folder)
        return place
    _check_names(kind, place)
    if place.endpoint:
        _check_endpoint(call.settings, place.endpoint)
    region = place.region or (DEFAULT_REGION if kind is DatastoreKind.S3 else "")
    prefix = str(_prefix(place))
    return replace(place, region=region, prefix=prefix, endpoint=place.endpoint.rstrip("/"))


def checked_credential(kind: DatastoreKind, credential: Mapping[str, str]) -> dict[str, str]:
    """Return a credential as it is kept, if it can be one; what it holds is not repeated in a refusal.

    Raises:
        InvalidParameter: It has what its kind has not, or lacks what goes with the rest.
    """
    given = {name: value for name, value in credential.items() if value}
    allowed = _KINDS[kind].credentials if kind in _KINDS else ()
    for name, value in given.items():
        limits.check_length(value, MAX_CREDENTIAL_LENGTH, f"credential.{name}")
        if not value.isprintable() and name != "service_account_key":
            raise InvalidParameter(f"'credential.{name}' has a control character in it.")
    if given and frozenset(given) not in allowed:
        expected = " or ".join(" and ".join(sorted(each)) for each in allowed) or "none"
        raise InvalidParameter(f"The 'credential' of a datastore of kind '{kind.value}' is {expected}.")
    if "service_account_key" in given:
        given["service_account_key"] = plain_account_key(given["service_account_key"])
    return given


def open_place(call: Call, datastore: Datastore) -> OpenedPlace:
    """Return a datastore's store and where in it the files lie.

    Raises:
        InvalidParameter: The server's settings do not let it be there any more.
        Unavailable: Its credential was encrypted with another key.
    """
    if datastore.kind in _KINDS:
        return OpenedPlace(_opened(call, datastore), ROOT / _prefix(datastore.place))
    if datastore.place.folder:
        above, below = _folder_of(call.settings, datastore.place.folder)
        key = ("folder", above)
        return OpenedPlace(call.operation.opened.get(key, lambda: _open_folder(call.settings, above)), below)
    workspace = call.workspace.name
    if datastore.name == ARTIFACT_STORE:
        return OpenedPlace(call.stores.artifacts, ArtifactPath((workspace,)))
    return OpenedPlace(call.stores.artifacts, datastores_of(workspace) / ArtifactPath((datastore.name,)))


def sealed_credential(call: Call, name: str, credential: Mapping[str, str]) -> str:
    """Return a credential as the database may keep it."""
    if not credential:
        return ""
    return Sealer(call.settings).seal(json.dumps(dict(credential)), _owner(call, name))


def _opened(call: Call, datastore: Datastore) -> ArtifactStore:
    place = datastore.place
    if place.endpoint:
        _check_endpoint(call.settings, place.endpoint)

    def open_it() -> ArtifactStore:
        plain = Sealer(call.settings).open(datastore.sealed, _owner(call, datastore.name))
        credential: dict[str, str] = json.loads(plain) if plain else {}
        tokens = GoogleTokens(OutboundClient(call.settings), credential.get("service_account_key", ""))
        return open_foreign(datastore.kind, place, credential, tokens)

    key = (call.workspace.name, datastore.name, datastore.kind, place, datastore.sealed)
    return call.operation.opened.get(key, open_it)


def _owner(call: Call, name: str) -> str:
    return f"datastore {call.workspace.name}/{name}"


def _prefix(place: Place) -> ArtifactPath:
    try:
        return resolve_artifact_path(place.prefix, is_directory=True)
    except InvalidParameter as error:
        raise InvalidParameter(
            f"Invalid value {place.prefix[:100]!r} for 'prefix': expected a folder as 'scans/2026'. "
            f"{error.message.rstrip('.')}."
        ) from None


def _check_names(kind: DatastoreKind, place: Place) -> None:
    rule = _KINDS[kind]
    if not rule.bucket.fullmatch(place.bucket):
        raise InvalidParameter(
            f"Invalid value {place.bucket[:100]!r} for 'bucket': expected {rule.bucket_rule}."
        )
    if kind is DatastoreKind.AZURE_BLOB and not _ACCOUNT.fullmatch(place.account):
        raise InvalidParameter(
            f"Invalid value {place.account[:100]!r} for 'account': expected 3 to 24 small letters and digits."
        )
    if place.region and not _REGION.fullmatch(place.region):
        raise InvalidParameter(
            f"Invalid value {place.region[:100]!r} for 'region': expected a region as {DEFAULT_REGION!r}."
        )


def _check_endpoint(settings: Settings, endpoint: str) -> None:
    if {"?", "#"} & set(endpoint):
        raise InvalidParameter("'endpoint' takes no query and no fragment.")
    OutboundClient(settings).check_named(endpoint, "endpoint")


def _folder_of(settings: Settings, folder: str) -> tuple[Path, ArtifactPath]:
    """Return the folder that an administrator named, and the path below it that is meant.

    What lies below is opened name by name and never through a link, as all artifacts are.
    """
    normal = Path(os.path.normpath(folder)) if folder.startswith("/") and "\0" not in folder else None
    for allowed in (Path(os.path.normpath(each)) for each in settings.datastore_folders):
        if normal is not None and normal.is_relative_to(allowed):
            _check_apart(settings, allowed)
            below = str(normal.relative_to(allowed))
            return allowed, resolve_artifact_path(below, is_directory=True)
    raise InvalidParameter(
        "'folder' is not in one of the folders that this server's setting datastore_folders names. Leave it "
        "out for a folder in the server's own store, or ask an administrator."
    )


def _open_folder(settings: Settings, folder: Path) -> ArtifactStore:
    try:
        return FolderArtifactStore(folder, settings.durability)
    except OSError as error:
        raise InvalidParameter(
            f"The server can't write into {folder}, which datastore_folders names: {error.strerror}."
        ) from None


def _check_apart(settings: Settings, allowed: Path) -> None:
    """Refuse a folder that would show the home, with its keys and the files of all workspaces."""
    home, named = settings.home.resolve(), allowed.resolve()
    if home.is_relative_to(named) or named.is_relative_to(home) or not named.is_dir():
        raise InvalidParameter(
            f"The setting datastore_folders names {allowed}, which is no folder, or has the server's home in "
            "it or around it: an administrator must name another one."
        )
