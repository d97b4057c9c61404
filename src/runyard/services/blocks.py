"""Files that come in blocks, as Azure's clients send large ones: kept aside in the home until all are there.

Blocks are no artifacts: nobody can list or read them. They become a file when its client says in which order,
and what nobody asked for within a day is removed. They lie at the server that took them, so where several
servers answer one address, a client's requests must come to the same one.
"""

from __future__ import annotations

import functools
import hashlib
import re
import time
from collections.abc import Iterator, Sequence
from html import unescape
from pathlib import Path
from typing import Final

from runyard.entities.quota import Limited
from runyard.errors import InvalidParameter, NotFound, TooLarge
from runyard.protocol.limits import check_file_size
from runyard.protocol.wire import invalid
from runyard.services.artifacts import ArtifactUpload, Declared, begin_proxied_upload, resolve_place
from runyard.services.call import Call
from runyard.settings import Settings
from runyard.stores.artifacts.folder import FolderArtifactStore
from runyard.stores.artifacts.paths import ROOT, ArtifactPath

FOLDER: Final = "blocks"
KEPT_S: Final = 24 * 3600
MAX_BLOCKS: Final = 50_000
MAX_LIST_BYTES: Final = 8 * 1024 * 1024
_MAX_ID_LENGTH: Final = 128
# Blanks are taken off afterwards: a pattern that knows of them tries each way to share out a row of them.
_LISTED = re.compile(r"<(Latest|Uncommitted|Committed)>([^<>]*)</\1>")


def begin_block(call: Call, path: str, block_id: str, declared: Declared) -> ArtifactUpload:
    """Begin to take a block of the file at ``path``; whoever gets it commits or closes it.

    Raises:
        InvalidParameter: No file can lie there, or the block's id can't be one.
        TooLarge: With the blocks that are there it is more than a file may have.
        QuotaReached: With them it is more than the workspace may hold.
    """
    if not 0 < len(block_id) <= _MAX_ID_LENGTH:
        raise invalid("blockid", block_id, f"1 to {_MAX_ID_LENGTH} characters are expected.")
    folder = _folder(call, path)
    kept = _store(call.settings).list(folder)
    if len(kept) >= MAX_BLOCKS:
        raise TooLarge(f"A file has at most {MAX_BLOCKS} blocks.")
    size_bytes = sum(entry.size_bytes or 0 for entry in kept) + (declared.size_bytes or 0)
    check_file_size(size_bytes, call.settings.max_upload_bytes)
    standing = call.operation.standings.of(call.workspace.name)
    if standing is not None and Limited.ARTIFACT_BYTES in standing.limits:
        standing.check(Limited.ARTIFACT_BYTES, size_bytes)
    return _store(call.settings).create(folder / _name_of(block_id), declared)


def read_block_list(body: bytes) -> list[str]:
    """Return the ids in a list of blocks, in their order.

    Raises:
        InvalidParameter: It is no such list.
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidParameter("The list of blocks is not valid UTF-8.") from None
    if "<BlockList" not in text:
        raise InvalidParameter("The body is no list of blocks: it has no <BlockList>.")
    ids = [unescape(found[2].strip()) for found in _LISTED.finditer(text)]
    if len(ids) > MAX_BLOCKS:
        raise InvalidParameter(f"A file has at most {MAX_BLOCKS} blocks, not {len(ids)}.")
    return ids


def put_together(call: Call, path: str, block_ids: Sequence[str]) -> int:
    """Make the file at ``path`` of blocks that were taken, and return its size.

    Raises:
        InvalidParameter: A block is not there.
    """
    folder, store = _folder(call, path), _store(call.settings)
    names = [_name_of(block_id) for block_id in block_ids]
    sizes = {entry.name: entry.size_bytes or 0 for entry in store.list(folder)}
    missing = [block_id for block_id, name in zip(block_ids, names, strict=True) if str(name) not in sizes]
    if missing:
        raise InvalidParameter(f"The block {missing[0][:200]!r} of this file was not sent, or too long ago.")
    size_bytes = sum(sizes[str(name)] for name in names)
    with begin_proxied_upload(call, path, Declared(size_bytes)) as upload:
        for name in names:
            for piece in _pieces(store, folder / name):
                upload.write(piece)
        upload.commit()
    store.delete(folder)
    return size_bytes


def remove_old_blocks(settings: Settings, now_s: float | None = None) -> int:
    """Remove the blocks of files that nobody has gone on with for a day; return of how many files."""
    if not (settings.home / FOLDER).exists():
        return 0
    store, removed = _store(settings), 0
    until_ms = ((time.time() if now_s is None else now_s) - KEPT_S) * 1000
    for entry in store.list(ROOT):
        folder = ArtifactPath((entry.name,))
        try:
            latest_ms = max(
                (store.stat(folder / ArtifactPath((each.name,))).modified_ms for each in store.list(folder)),
                default=0,
            )
        except NotFound:
            continue  # it was put together meanwhile
        if latest_ms < until_ms:
            store.delete(folder)
            removed += 1
    return removed


def _pieces(store: FolderArtifactStore, block: ArtifactPath) -> Iterator[bytes]:
    with store.open(block) as download:
        offset = 0
        while piece := download.read(offset, download.preferred_read_bytes):
            offset += len(piece)
            yield piece


def _store(settings: Settings) -> FolderArtifactStore:
    return _opened(settings.home / FOLDER)


@functools.lru_cache(maxsize=16)
def _opened(folder: Path) -> FolderArtifactStore:
    return FolderArtifactStore(folder)


def _folder(call: Call, path: str) -> ArtifactPath:
    """One folder for each file, named by all that names the file."""
    place = f"{call.workspace.name}/{resolve_place(path)}"
    return ArtifactPath((hashlib.sha256(place.encode()).hexdigest(),))


def _name_of(block_id: str) -> ArtifactPath:
    return ArtifactPath((hashlib.sha256(block_id.encode()).hexdigest(),))
