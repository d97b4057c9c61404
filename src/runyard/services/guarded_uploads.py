"""Uploads that meet a removal: what is acknowledged can be found, and nothing is left where nobody looks.

An upload may have begun before its run was removed and end after its folder was deleted. The removal is
committed before the folder is deleted, and an upload asks once its file is in place: whichever comes last
sees the other. A long upload asks at its begin too, so that nobody waits for what will be refused.
"""

from __future__ import annotations

from runyard.errors import NotFound
from runyard.services.call import Call
from runyard.stores.artifacts.base import ArtifactFile, ArtifactUpload, Declared
from runyard.stores.artifacts.paths import ArtifactPath

SOON_THERE_BYTES = 1024 * 1024


def guarded(call: Call, path: ArtifactPath, upload: ArtifactUpload, declared: Declared) -> ArtifactUpload:
    """Return an upload that ends in ``NotFound`` if what it belongs to is removed, now or meanwhile.

    Args:
        call: Who uploads, to which workspace.
        path: Where the file is to lie, with the workspace first.
        upload: The upload that was begun.
        declared: Its size; a small file is asked about at its end alone.

    Raises:
        NotFound: It is removed already.
    """
    is_long = declared.size_bytes is None or declared.size_bytes > SOON_THERE_BYTES
    if is_long and _is_gone(call, path):
        upload.close()
        raise _removed(path)
    return _GuardedUpload(call, path, upload)


def check_not_removed(call: Call, path: ArtifactPath) -> None:
    """Refuse to begin what would be refused at its end.

    Raises:
        NotFound: What a file at ``path`` would belong to is removed.
    """
    if _is_gone(call, path):
        raise _removed(path)


class _GuardedUpload(ArtifactUpload):
    def __init__(self, call: Call, path: ArtifactPath, upload: ArtifactUpload) -> None:
        self._call = call
        self._path = path
        self._upload = upload

    def write(self, piece: bytes | memoryview) -> None:
        self._upload.write(piece)

    def commit(self) -> ArtifactFile:
        file = self._upload.commit()
        if _is_gone(self._call, self._path):
            self._call.stores.artifacts.delete(self._path)
            raise _removed(self._path)
        return file

    def close(self) -> None:
        self._upload.close()


def _is_gone(call: Call, path: ArtifactPath) -> bool:
    return call.stores.metadata.trash.is_removed(call.workspace, path)


def _removed(path: ArtifactPath) -> NotFound:
    shown = "/".join(path.segments[1:])
    return NotFound(f"'{shown}' belongs to something that was removed; nothing was written.")
