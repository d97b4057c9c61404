"""The files of an artifact store, each written and read in one call."""

from __future__ import annotations

from runyard.stores.artifacts.base import ArtifactStore
from runyard.stores.artifacts.paths import ArtifactPath, resolve_artifact_path


def at(text: str) -> ArtifactPath:
    """Return the place that ``text`` means; the empty text is the root."""
    return resolve_artifact_path(text, is_directory=True)


def put(store: ArtifactStore, text: str, content: bytes) -> None:
    """Write a file in one piece."""
    with store.create(at(text)) as upload:
        upload.write(content)
        upload.commit()


def get(store: ArtifactStore, text: str) -> bytes:
    """Read a file, piece by piece."""
    with store.open(at(text)) as download:
        size_bytes, step = download.file.size_bytes, download.preferred_read_bytes
        return b"".join(download.read(offset, step) for offset in range(0, size_bytes, step))


def names(store: ArtifactStore, text: str) -> list[str]:
    """List a directory as ``ls -p`` does: directories end in a slash."""
    return [entry.name + "/" * entry.is_directory for entry in store.list(at(text))]
