"""From what a person calls a source to what reads it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from runyard.sdk.transfer.exported import ExportedFolder
from runyard.sdk.transfer.exporting import MANIFEST
from runyard.sdk.transfer.mlflow_database import MlflowDatabase
from runyard.sdk.transfer.mlflow_folder import MlflowFolder
from runyard.sdk.transfer.mlflow_server import MlflowServer
from runyard.sdk.transfer.source import Source


def open_source(text: str, artifact_roots: Sequence[Path] = (), workspace: str = "default") -> Source:
    """Return what reads a source: a server's address, a database's URL, or a folder.

    Args:
        text: ``http(s)://…``, a URL of SQLAlchemy's, or the path of a folder.
        artifact_roots: Folders in which files of its runs may be read.
        workspace: Which workspace of a database, where it has several.

    Raises:
        InvalidParameter: It is none of these.
        NotFound: It is not there.
        Unavailable: It can't be reached.
    """
    parts = urlsplit(text)
    if parts.scheme in ("http", "https"):
        return MlflowServer(text)
    if parts.scheme == "file":
        return MlflowFolder(Path(unquote(parts.path)), artifact_roots)
    if "://" in text:
        return MlflowDatabase(text, artifact_roots, workspace)
    path = Path(text).expanduser()
    if path.is_file():
        return MlflowDatabase(f"sqlite:///{path}", artifact_roots, workspace)
    if (path / MANIFEST).is_file():
        return ExportedFolder(path)
    return MlflowFolder(path, artifact_roots)
