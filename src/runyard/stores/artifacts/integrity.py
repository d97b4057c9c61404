"""Whether files are what their senders declared, where the store keeps what that was."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from runyard.errors import InvalidParameter, NotFound, Unavailable
from runyard.stores.artifacts.base import ArtifactDownload, ArtifactStore
from runyard.stores.artifacts.paths import ArtifactPath
from runyard.stores.artifacts.walking import walk_files
from runyard.stores.integrity import RESTORE, Fault

PIECE_BYTES = 1024 * 1024


@dataclass(slots=True)
class ArtifactCounts:
    """How much was looked at.

    Args:
        files: How many files there are.
        verified_files: How many of them have a checksum and were read.
        verified_bytes: How long these are together.
    """

    files: int = 0
    verified_files: int = 0
    verified_bytes: int = 0


class ArtifactIntegrity:
    """One check of all files.

    Args:
        store: A server may be at work on it.
        on_progress: Called with the bytes that were passed, and how many there are.
    """

    def __init__(self, store: ArtifactStore, on_progress: Callable[[int, int], None]) -> None:
        self.counts = ArtifactCounts()
        self._store = store
        self._on_progress = on_progress

    def faults(self) -> Iterator[Fault]:
        """Yield the files whose bytes are not those that were sent, or can't be read."""
        total = sum(size_bytes for _, size_bytes in walk_files(self._store))
        passed = 0
        for path, size_bytes in walk_files(self._store):
            yield from self._check(path)
            passed += size_bytes
            self._on_progress(passed, max(passed, total))

    def _check(self, path: ArtifactPath) -> Iterator[Fault]:
        try:
            download = self._store.open(path)
        except (NotFound, InvalidParameter):  # deleted meanwhile, or a directory now
            return
        with download:
            self.counts.files += 1
            if download.file.sha256 is None:
                return
            self.counts.verified_files += 1
            self.counts.verified_bytes += download.file.size_bytes
            found = _sha256_of(download)
            if found != download.file.sha256:
                what = (
                    "its bytes can't be read" if found is None else "its bytes are not those that were sent"
                )
                yield Fault(f"artifact {path}", what, RESTORE)


def _sha256_of(download: ArtifactDownload) -> str | None:
    digest, offset = hashlib.sha256(), 0
    try:
        while piece := download.read(offset, PIECE_BYTES):
            digest.update(piece)
            offset += len(piece)
    except Unavailable:
        return None
    return digest.hexdigest()
