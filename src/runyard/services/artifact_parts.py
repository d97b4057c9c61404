"""Files that clients send to the object store themselves, in parts; the server begins that and ends it."""

from __future__ import annotations

from collections.abc import Mapping

from runyard.errors import InvalidParameter, NotImplementedHere
from runyard.protocol.limits import check_file_size
from runyard.services.artifacts import resolve_place
from runyard.services.call import Call
from runyard.services.guarded_uploads import check_not_removed, guarded
from runyard.services.quotas import limited
from runyard.stores.artifacts.base import Declared, PartsBegun, TakesParts
from runyard.stores.artifacts.paths import ArtifactPath, resolve_artifact_path

__all__ = ["PartsBegun", "begin_parts", "drop_parts", "finish_parts", "takes_parts"]


def takes_parts(call: Call) -> bool:
    """Whether clients may try to send files straight to the storage: the settings let them."""
    return call.settings.artifact_address_s > 0 and isinstance(call.stores.artifacts, TakesParts)


def begin_parts(call: Call, directory: str, local_path: str, count: int) -> PartsBegun:
    """Begin an upload in parts, each of which goes to an address that is good for a few minutes.

    Clients tell where the file lies on their own machine; only its name matters.

    Raises:
        InvalidParameter: No file can lie there, or there may not be so many parts.
        NotFound: It belongs to something that was removed.
        NotImplementedHere: The storage takes no parts, or the settings don't let it: clients send one piece.
    """
    key, store = _key(call, directory, local_path), _store(call)
    check_not_removed(call, key)
    begun = store.begin_parts(key, count, call.settings.artifact_address_s)
    if begun is None:
        raise _not_here()
    return begun


def finish_parts(
    call: Call, directory: str, local_path: str, upload_id: str, etags: Mapping[int, str]
) -> None:
    """Make a file of the parts that have come. Who is refused may drop them.

    Raises:
        InvalidParameter: A part has not come, or is not what it was.
        NotFound: There is no such upload, or it belongs to something that was removed.
        QuotaReached: The workspace has no room for it.
        TooLarge: It is larger than the settings let a file be.
    """
    key, store = _key(call, directory, local_path), _store(call)
    size_bytes = store.parts_size_bytes(key, upload_id, sorted(etags))
    check_file_size(size_bytes, call.settings.max_upload_bytes)
    declared = Declared(size_bytes=size_bytes)
    upload = limited(call, store.finish_parts(key, upload_id, etags), declared)
    with guarded(call, key, upload, declared) as ready:
        ready.commit()


def drop_parts(call: Call, directory: str, local_path: str, upload_id: str) -> None:
    """Give up an upload in parts.

    Raises:
        NotFound: There is no such upload.
    """
    key, store = _key(call, directory, local_path), _store(call)
    store.drop_parts(key, upload_id)


def _key(call: Call, directory: str, local_path: str) -> ArtifactPath:
    name = local_path.replace("\\", "/").rpartition("/")[2]
    if not name:
        raise InvalidParameter("'path' must end in the name of a file.")
    below = resolve_artifact_path(directory, is_directory=True)
    return ArtifactPath((call.workspace.name,)) / below / resolve_place(name)


def _store(call: Call) -> TakesParts:
    store = call.stores.artifacts
    if not takes_parts(call) or not isinstance(store, TakesParts):
        raise _not_here()
    return store


def _not_here() -> NotImplementedHere:
    return NotImplementedHere("Multipart upload is not supported for the current artifact repository")
