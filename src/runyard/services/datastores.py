"""The datastores of a workspace: registered, listed, removed, and which of them is the default one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from runyard.entities.datastore import BLOB_STORE, BUILT_IN, Datastore, DatastoreKind, Place
from runyard.errors import AlreadyExists, InvalidParameter, NotFound, Unavailable
from runyard.protocol import limits
from runyard.services.call import Call
from runyard.services.datastore_places import (
    checked_credential,
    checked_place,
    open_place,
    sealed_credential,
)
from runyard.services.tokens import identify
from runyard.stores.artifacts.objects import said_by

MAX_DATASTORES: Final = 200
MAX_NAME_LENGTH: Final = 255
MAX_DESCRIPTION_LENGTH: Final = 5000
_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class NewDatastore:
    """What somebody registers.

    Args:
        name: Its name.
        kind: What keeps the files.
        place: Where.
        credential: What it is signed with, by the names that its kind has for that.
        description: Free text.
        overwrite: Whether it may take the place of one of its name.
        skip_validation: Whether to keep it without looking whether it can be reached.
    """

    name: str
    kind: DatastoreKind
    place: Place
    credential: Mapping[str, str] = field(default_factory=dict, repr=False)
    description: str = ""
    overwrite: bool = False
    skip_validation: bool = False


def register_datastore(call: Call, wanted: NewDatastore) -> Datastore:
    """Keep a datastore and return it; no file is made or moved.

    Raises:
        InvalidParameter: It can't be, can't be reached, or there are too many.
        AlreadyExists: There is one of that name, and ``overwrite`` is false.
    """
    datastore = _made(call, wanted)
    if not wanted.skip_validation:
        _check_reachable(call, datastore)
    kept, workspace = call.stores.metadata.datastores, call.workspace.name
    with call.stores.atomic(alone_for=f"datastores of {workspace}"):
        if not kept.add_datastore(workspace, datastore):
            if not wanted.overwrite:
                raise AlreadyExists(
                    f"Workspace '{workspace}' has a datastore '{datastore.name}' already. "
                    "Unregister it first, or say overwrite."
                )
            kept.replace_datastore(workspace, datastore)
        if len(kept.list_datastores(workspace)) > MAX_DATASTORES:
            raise InvalidParameter(f"A workspace may have {MAX_DATASTORES} datastores; unregister one first.")
        return kept.get_datastore(workspace, datastore.name)


def get_datastore(call: Call, name: str) -> Datastore:
    """Return a datastore.

    Raises:
        NotFound: The workspace has none of that name.
    """
    check_name(name)
    return BUILT_IN.get(name) or call.stores.metadata.datastores.get_datastore(call.workspace.name, name)


def list_datastores(call: Call) -> list[Datastore]:
    """Return the datastores that each workspace has, then those that this one has registered, by name."""
    return [*BUILT_IN.values(), *call.stores.metadata.datastores.list_datastores(call.workspace.name)]


def default_datastore(call: Call) -> str:
    """Return the name of the workspace's default datastore."""
    return call.stores.metadata.datastores.find_default(call.workspace.name) or BLOB_STORE


def set_default_datastore(call: Call, name: str) -> Datastore:
    """Make a datastore the workspace's default one, and return it.

    Raises:
        NotFound: The workspace has none of that name.
    """
    with call.stores.atomic(alone_for=f"datastores of {call.workspace.name}"):
        datastore = get_datastore(call, name)
        call.stores.metadata.datastores.set_default(call.workspace.name, name)
    return datastore


def unregister_datastore(call: Call, name: str) -> None:
    """Forget a datastore and its credential; the files stay where they are.

    Raises:
        InvalidParameter: It is one that each workspace has.
        NotFound: The workspace has none of that name.
    """
    check_name(name)
    if name in BUILT_IN:
        raise InvalidParameter(f"Each workspace has the datastore '{name}'; it can't be unregistered.")
    with call.stores.atomic(alone_for=f"datastores of {call.workspace.name}"):
        if not call.stores.metadata.datastores.remove_datastore(call.workspace.name, name):
            raise NotFound(f"Workspace '{call.workspace.name}' has no datastore '{name}'.")


def check_name(name: str) -> None:
    """Refuse what can be no datastore's name."""
    if len(name) > MAX_NAME_LENGTH or not _NAME.fullmatch(name):
        raise InvalidParameter(
            f"Invalid value {name[:MAX_NAME_LENGTH]!r} for 'name': expected 1 to {MAX_NAME_LENGTH} letters "
            "of ASCII, digits, '_' and '-', the first of them no '-'."
        )


def _made(call: Call, wanted: NewDatastore) -> Datastore:
    check_name(wanted.name)
    if wanted.name in BUILT_IN:
        raise InvalidParameter(f"Each workspace has a datastore '{wanted.name}'; choose another name.")
    limits.check_length(wanted.description, MAX_DESCRIPTION_LENGTH, "description")
    place = checked_place(call, wanted.kind, wanted.place)
    credential = checked_credential(wanted.kind, wanted.credential)
    return Datastore(
        name=wanted.name,
        kind=wanted.kind,
        place=place,
        description=wanted.description,
        created_ms=call.now_ms(),
        created_by=identify(call).name,
        updated_ms=call.now_ms(),
        sealed=sealed_credential(call, wanted.name, credential),
    )


def _check_reachable(call: Call, datastore: Datastore) -> None:
    try:
        place = open_place(call, datastore)
        place.store.list(place.root)
    except (Unavailable, NotFound) as error:
        raise InvalidParameter(
            f"Datastore '{datastore.name}' can't be listed, so it was not registered: "
            f"{said_by(error.__cause__ or error)}. Look at its names and its credential, or skip the "
            "validation."
        ) from None
