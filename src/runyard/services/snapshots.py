"""The code of jobs: archives that are kept once, by the SHA-256 of what they hold."""

from __future__ import annotations

import re
from functools import partial

from runyard.errors import InvalidParameter, NotFound
from runyard.protocol.wire import invalid
from runyard.services.call import Call
from runyard.services.quotas import limited
from runyard.stores.artifacts.base import ArtifactDownload, ArtifactFile, ArtifactUpload, Declared
from runyard.stores.artifacts.checksums import checked
from runyard.stores.artifacts.paths import ArtifactPath
from runyard.stores.metadata.base_jobs import Snapshot
from runyard.stores.opening import Stores

KEPT_UNNAMED_MS = 24 * 3600 * 1000
"""How long code stays that no job names, which somebody may have uploaded to submit one."""
FORGOTTEN_AT_ONCE = 100

_SHA256 = re.compile(r"[0-9a-f]{64}")
_FOLDER, _FILE = "snapshots", "code.tar.gz"


def get_snapshot(call: Call, sha256: str) -> Snapshot:
    """Return what is known of an archive.

    Raises:
        NotFound: The workspace has none of this hash.
        InvalidParameter: It is no hash.
    """
    check_sha256(sha256)
    found = call.stores.metadata.snapshots.find_snapshot(call.workspace.name, sha256)
    if found is None:
        raise NotFound(f"Workspace '{call.workspace.name}' has no snapshot {sha256}. Upload it first.")
    return found


def open_snapshot(call: Call, sha256: str) -> ArtifactDownload:
    """Open an archive; whoever gets it closes it.

    Raises:
        NotFound: The workspace has none of this hash.
    """
    found = get_snapshot(call, sha256)
    return call.stores.artifacts.open(_path(found.workspace, sha256))


def begin_upload(call: Call, sha256: str, declared: Declared) -> ArtifactUpload:
    """Begin to keep an archive; its end raises ``InvalidParameter`` if it has another hash.

    Raises:
        InvalidParameter: It is no hash, or not the one that a header declares.
        StorageFull: There is no room.
    """
    check_sha256(sha256)
    if declared.sha256 not in (None, sha256):
        raise InvalidParameter("The declared SHA-256 of the body is not that of the address.")
    expected = Declared(declared.size_bytes, sha256)
    upload = call.stores.artifacts.create(_path(call.workspace.name, sha256), expected)
    return _KeptUpload(call, sha256, checked(limited(call, upload, expected), expected))


def use_snapshot(call: Call, sha256: str) -> None:
    """Note in the transaction of this thread that a job needs an archive, which stays for as long as that.

    Raises:
        NotFound: The workspace has none of this hash.
    """
    call.stores.metadata.snapshots.keep(get_snapshot(call, sha256), call.now_ms())


def remove_unneeded(stores: Stores, now_ms: int) -> int:
    """Remove archives that no job names any more; return how many."""
    before_ms = now_ms - KEPT_UNNAMED_MS
    unneeded = stores.metadata.snapshots.list_unneeded(before_ms, FORGOTTEN_AT_ONCE)
    if not unneeded:
        return 0
    # Forgotten first: who asks for one meanwhile is told to upload it again, and is not given half of it.
    forgotten = stores.database.retrying(lambda: stores.metadata.snapshots.forget(unneeded, before_ms))
    for each in forgotten:
        stores.database.retrying(partial(_delete_forgotten, stores, each))
    return len(forgotten)


def _delete_forgotten(stores: Stores, snapshot: Snapshot) -> None:
    """Delete an archive, unless it was uploaded again since it was forgotten."""
    workspace, sha256 = snapshot.workspace, snapshot.sha256
    with stores.atomic(alone_for=_turn(workspace, sha256)):
        if stores.metadata.snapshots.find_snapshot(workspace, sha256) is None:
            stores.artifacts.delete(_path(workspace, sha256).parent)


def check_sha256(sha256: str) -> None:
    """Refuse what is no SHA-256 in small hexadecimal digits."""
    if _SHA256.fullmatch(sha256) is None:
        raise invalid("sha256", sha256[:100], "The SHA-256 of the archive, 64 small hexadecimal digits.")


class _KeptUpload(ArtifactUpload):
    """Notes that the archive is there once it is."""

    def __init__(self, call: Call, sha256: str, upload: ArtifactUpload) -> None:
        self._call = call
        self._sha256 = sha256
        self._upload = upload

    def write(self, piece: bytes | memoryview) -> None:
        self._upload.write(piece)

    def commit(self) -> ArtifactFile:
        stores, workspace = self._call.stores, self._call.workspace.name
        # Not tried again by itself: between two tries the file may be deleted that the first has put there.
        with stores.atomic(alone_for=_turn(workspace, self._sha256)):
            file = self._upload.commit()
            kept = Snapshot(workspace, self._sha256, file.size_bytes)
            stores.metadata.snapshots.keep(kept, self._call.now_ms())
        return file

    def close(self) -> None:
        self._upload.close()


def _turn(workspace: str, sha256: str) -> str:
    """Return for what whoever puts an archive in its place, or deletes it, is alone."""
    return f"snapshot {workspace}/{sha256}"


def _path(workspace: str, sha256: str) -> ArtifactPath:
    return ArtifactPath((workspace, _FOLDER, sha256, _FILE))
