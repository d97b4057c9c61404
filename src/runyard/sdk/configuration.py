"""The small file that says which workspace a folder belongs to: finding, reading and writing it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from runyard.entities.workspace import DEFAULT_WORKSPACE
from runyard.errors import InvalidParameter, NotFound
from runyard.protocol.messages.workspaces import RESOURCE_GROUP, SUBSCRIPTION_ID
from runyard.sdk.addresses import home_folder, server_url

FILE_NAMES = ("config.json", "project.json")
FOLDERS = (".runyard", ".azureml", "aml_config", "")
WRITTEN_FOLDER = ".azureml"

_SCOPE = re.compile(
    r"/subscriptions/(?P<subscription_id>[^/]+)/resourceGroups/(?P<resource_group>[^/]+)"
    r"/providers/Microsoft\.MachineLearningServices/workspaces/(?P<workspace_name>[^/]+)/?"
)


@dataclass(frozen=True, slots=True)
class Configuration:
    """Which workspace a folder belongs to.

    Args:
        workspace_name: Name of the workspace.
        subscription_id: What Azure's clients want to read beside it.
        resource_group: As above.
        runyard_url: Address of the server; None when the file was written by another tool.
    """

    workspace_name: str
    subscription_id: str = SUBSCRIPTION_ID
    resource_group: str = RESOURCE_GROUP
    runyard_url: str | None = None


def find_configuration(path: str | os.PathLike[str] | None = None) -> Configuration:
    """Return the nearest configuration.

    In each folder from ``path`` up to the root it looks into ``.runyard/``, ``.azureml/``,
    ``aml_config/`` and the folder itself for ``config.json`` and then ``project.json``; after that into
    the home of this person's server (``RUNYARD_HOME``, or ``~/.runyard``). With ``RUNYARD_URL`` set, the
    address that such a home names does not count, and without any file the workspace is ``default``.

    Args:
        path: A folder to start from, the working directory by default; or the file itself.

    Raises:
        NotFound: There is none; the message lists the places.
        InvalidParameter: A file in one of those folders, or that at ``path``, is not a configuration.
    """
    start = Path(path).expanduser() if path is not None else Path.cwd()
    if start.is_file():
        return read_configuration(start)
    if path is not None and not start.is_dir():
        raise NotFound(f"There is no folder and no file {start}.")
    for candidate, is_named in _candidates(start.absolute()):
        found = _configuration_at(candidate, is_named)
        if found is not None and candidate.parent == home_folder() and os.environ.get("RUNYARD_URL"):
            return replace(found, runyard_url=None)
        if found is not None:
            return found
    if os.environ.get("RUNYARD_URL"):
        return Configuration(DEFAULT_WORKSPACE)
    searched = "\n  ".join(str(folder) for folder in _searched_folders(start.absolute()))
    raise NotFound(
        "No workspace configuration was found. Write one with `runyard workspace config --write .`, or open "
        f"a workspace by its name: Workspace.get('default'). {' and '.join(FILE_NAMES)} were looked for in"
        f"\n  {searched}"
    )


def read_configuration(path: Path) -> Configuration:
    """Return what the file says.

    Raises:
        InvalidParameter: It is not JSON, or it names no workspace.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise InvalidParameter(f"{path} is not a readable workspace configuration: {error}") from None
    found = _from_content(content) if isinstance(content, dict) else None
    if found is None:
        raise InvalidParameter(f"{path} names no workspace: it has neither 'workspace_name' nor 'Scope'.")
    return found


def write_configuration(configuration: Configuration, folder: Path, file_name: str = FILE_NAMES[0]) -> Path:
    """Write ``folder/.azureml/config.json`` and return its path. It holds no secret and may be committed.

    Raises:
        InvalidParameter: ``file_name`` leads out of the folder, or a file is where the folder would be.
    """
    if file_name in {"", ".", ".."} or Path(file_name).name != file_name:
        raise InvalidParameter(f"{file_name!r} must be the plain name of a file.")
    target = folder.expanduser() / WRITTEN_FOLDER / file_name
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise InvalidParameter(
            f"{str(folder)!r} can't be the folder to write {WRITTEN_FOLDER}/{file_name} into: a file is in "
            "the way. Give a folder, as '.'; it is made if it is not there."
        ) from None
    content = {
        "subscription_id": configuration.subscription_id,
        "resource_group": configuration.resource_group,
        "workspace_name": configuration.workspace_name,
        "runyard_url": configuration.runyard_url,
    }
    unfinished = target.with_name(f".{target.name}.{os.getpid()}")
    unfinished.write_text(json.dumps(content, indent=4) + "\n", encoding="utf-8")
    unfinished.replace(target)
    return target


def _searched_folders(start: Path) -> Iterator[Path]:
    # With RUNYARD_HOME set, another server's home that lies on the way up must not win over it.
    foreign = Path.home() / ".runyard" if os.environ.get("RUNYARD_HOME") else None
    for folder in (start, *start.parents):
        for name in FOLDERS:
            searched = folder / name if name else folder
            if searched != foreign:
                yield searched
    yield home_folder()


def _candidates(start: Path) -> Iterator[tuple[Path, bool]]:
    """Yield each file to try, and whether its folder's name says that it is a workspace configuration."""
    for folder in _searched_folders(start):
        for file_name in FILE_NAMES:
            yield folder / file_name, folder.name in FOLDERS


def _configuration_at(path: Path, is_named: bool) -> Configuration | None:
    if not path.is_file():
        return None
    try:
        return read_configuration(path)
    except InvalidParameter:
        # A plain config.json may belong to anything, as to a model that was downloaded.
        if is_named:
            raise
        return None


def _from_content(content: dict[str, Any]) -> Configuration | None:
    scope = _SCOPE.fullmatch(str(content.get("Scope") or content.get("Id") or ""))
    named = scope.groupdict() if scope else content
    if not named.get("workspace_name"):
        return None
    url = content.get("runyard_url")
    return Configuration(
        workspace_name=str(named["workspace_name"]),
        subscription_id=str(named.get("subscription_id") or SUBSCRIPTION_ID),
        resource_group=str(named.get("resource_group") or RESOURCE_GROUP),
        runyard_url=server_url(str(url)) if url else None,
    )
