"""The files of a version of a registered model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from runyard.errors import AlreadyExists, NotFound
from runyard.protocol.messages.artifacts import WireFile
from runyard.protocol.messages.model_versions import ListVersionFiles, VersionFilesAnswer
from runyard.sdk.connection import Connection
from runyard.sdk.downloads import DownloadProgress, download_from, path_below
from runyard.sdk.many_files import transfer_all

if TYPE_CHECKING:
    pass


def list_files(connection: Connection, name: str, version: int) -> list[WireFile]:
    """Return all files of a version by their paths in it, sorted.

    Raises:
        NotFound: The version does not exist any more.
        InvalidParameter: They are kept where the server does not look.
    """
    files, waiting = [], [""]
    while waiting:
        query = ListVersionFiles(name=name, version=str(version), path=waiting.pop())
        answer = connection.get("/api/v1/model-versions/files", VersionFilesAnswer, query)
        files += [found for found in answer.files if not found.is_dir]
        waiting += [
            found.path for found in answer.files if found.is_dir and found.path.startswith(query.path)
        ]
    return sorted(files, key=lambda found: found.path)


def download(connection: Connection, name: str, version: int, target_dir: Path, may_replace: bool) -> Path:
    """Bring the files of a version to this machine, and return the path of the only one, or of the folder.

    Raises:
        AlreadyExists: One is there already and may not be replaced; nothing is written.
        NotFound: The version does not exist any more, or has no files.
    """
    files = list_files(connection, name, version)
    if not files:
        raise NotFound(f"Model({name!r}, version={version}) has no files.")
    is_single = len(files) == 1 and "/" not in files[0].path
    folder = target_dir if is_single else path_below(target_dir, name)
    targets = [path_below(folder, file.path) for file in files]
    taken = [] if may_replace else [target for target in targets if target.exists()]
    if taken:
        raise AlreadyExists(f"{taken[0]} is there already. Give exist_ok=True to replace it.")
    owner = {"name": name, "version": str(version)}

    def fetch(pair: tuple[WireFile, Path], progress: DownloadProgress) -> None:
        download_from(connection, "/model-versions/get-artifact", owner, *pair, progress)

    transfer_all(fetch, zip(files, targets, strict=True))
    return targets[0] if is_single else folder
