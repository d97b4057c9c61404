"""An upload that is committed only if it is what its sender said it would be."""

from __future__ import annotations

import hashlib

from runyard.errors import InvalidParameter
from runyard.stores.artifacts.base import ArtifactFile, ArtifactUpload, Declared


def checked(upload: ArtifactUpload, declared: Declared) -> ArtifactUpload:
    """Return ``upload``, wrapped so that its commit raises ``InvalidParameter`` for another content."""
    return upload if declared.sha256 is None else _CheckedUpload(upload, declared.sha256)


class _CheckedUpload(ArtifactUpload):
    def __init__(self, upload: ArtifactUpload, sha256: str) -> None:
        self._upload = upload
        self._sha256 = sha256
        self._received = hashlib.sha256()

    def write(self, piece: bytes | memoryview) -> None:
        self._received.update(piece)
        self._upload.write(piece)

    def commit(self) -> ArtifactFile:
        received = self._received.hexdigest()
        if received != self._sha256:
            raise InvalidParameter(
                f"The file's SHA-256 is {received}, and its sender declared {self._sha256}: nothing was kept."
            )
        return self._upload.commit()

    def close(self) -> None:
        self._upload.close()
