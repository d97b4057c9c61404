"""A datastore: a place for files that a workspace knows by a name."""

from __future__ import annotations

import builtins
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from runyard.errors import InvalidParameter, NotFound
from runyard.protocol.messages.common import Empty
from runyard.protocol.messages.datastores import (
    DatastoreAnswer,
    ListDatastoresAnswer,
    WireDatastore,
    WireDatastoreFile,
)
from runyard.sdk.addresses import one_segment
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.arguments import listed, text
from runyard.sdk.connection import connection_of
from runyard.sdk.data_reference import DataReference
from runyard.sdk.datastore_facts import DatastoreFacts
from runyard.sdk.datastore_files import DatastoreFiles, Transferred, has_wildcards
from runyard.sdk.datastore_registration import RegistersDatastores
from runyard.sdk.local_pairs import local_pairs, pairs_of_files
from runyard.sdk.representation import html_table, link

if TYPE_CHECKING:
    from runyard.sdk.connection import Connection
    from runyard.sdk.workspace import Workspace

_DATASTORES = "/api/v1/datastores"


@names_arguments
class Datastore(DatastoreFacts, RegistersDatastores):
    """A place for files: in the server's own store, or in a bucket that the workspace has registered.

    All bytes pass through the server, so a client needs its credential alone; the bucket's own lies encrypted
    on the server.

    Args:
        workspace: Where it is registered.
        name: Its name; by default the workspace's default datastore.

    Raises:
        NotFound: The workspace has no such datastore.

    Example:
        >>> store = Datastore.get(ws, "workspaceblobstore")
        >>> store.upload("data", target_path="raw").uri
        'azureml://datastores/workspaceblobstore/paths/raw'
        >>> store.download("here", prefix="raw")
        2
    """

    def __init__(self, workspace: Workspace, name: str | None = None) -> None:
        self._workspace = workspace
        self._described = _described(workspace, _all_of(workspace).default if name is None else name)

    @classmethod
    def _of(cls, workspace: Workspace, described: WireDatastore) -> Datastore:
        """Return the datastore that the server has just described, without asking again."""
        opened = Datastore.__new__(Datastore)
        opened._workspace = workspace
        opened._described = described
        return opened

    @staticmethod
    def get(workspace: Workspace, datastore_name: str) -> Datastore:
        """Return a datastore by its name.

        Raises:
            NotFound: The workspace has no such datastore.

        Example:
            >>> Datastore.get(ws, "workspaceblobstore")
            Datastore('workspaceblobstore', kind='folder')
        """
        return Datastore(workspace, datastore_name)

    @staticmethod
    def get_default(workspace: Workspace) -> Datastore:
        """Return the workspace's default datastore.

        Example:
            >>> Datastore.get_default(ws).name
            'workspaceblobstore'
        """
        return Datastore(workspace)

    def set_as_default(self) -> None:
        """Make this the workspace's default datastore.

        Raises:
            Forbidden: The credential does not allow it.

        Example:
            >>> scans = Datastore.register_folder(ws, "scans")
            >>> scans.set_as_default()
            >>> ws.get_default_datastore().name
            'scans'
        """
        answer = self._connection.post(
            f"{_path(self.name)}/set-default", Empty(), DatastoreAnswer, is_repeatable=True
        )
        self._described = answer.datastore

    def unregister(self) -> None:
        """Forget the datastore and its credential; the files stay where they are.

        Raises:
            InvalidParameter: It is one that each workspace has.
            NotFound: It is forgotten already.

        Example:
            >>> scans = Datastore.register_folder(ws, "scans")
            >>> scans.unregister()
            >>> "scans" in ws.datastores
            False
        """
        self._connection.delete(_path(self.name), Empty(), Empty)

    def list(self, path: str = "") -> builtins.list[WireDatastoreFile]:
        """Return what lies directly in a folder, sorted; of a pattern as ``raw/**/*.csv`` the files that fit.

        Raises:
            NotFound: Nothing is there.

        Example:
            >>> store.upload("data", target_path="raw").path_on_datastore
            'raw'
            >>> [each.path for each in store.list("raw")]
            ['raw/a.csv', 'raw/b.csv']
        """
        return builtins.list(self.files.find(path) if has_wildcards(path) else self.files.list(path))

    def upload(
        self,
        src_dir: str | os.PathLike[str],
        target_path: str | None = None,
        overwrite: bool = False,
        show_progress: bool = True,
    ) -> DataReference:
        """Send a folder of this machine with all files below it, and return a reference to where they are.

        Each file appears whole or not at all; those that are there already stay as they are, unless
        ``overwrite`` says otherwise. Links to directories are not followed.

        Args:
            src_dir: The folder, or one file.
            target_path: The folder of the datastore to put them into; by default its root.
            overwrite: Whether to replace files that are there.
            show_progress: Whether to show bars, where a person watches.

        Raises:
            InvalidParameter: ``src_dir`` is not there, or a name can't be kept.
            Forbidden: The credential does not allow it.

        Example:
            >>> store.upload("data", target_path="raw", overwrite=True).path_on_datastore
            'raw'
        """
        if not isinstance(src_dir, str | os.PathLike):
            raise InvalidParameter(f"src_dir must be a path, not {src_dir!r}.")
        pairs = local_pairs(Path(src_dir), target_path)
        self.send(pairs, overwrite=overwrite, show_progress=show_progress)
        return self.path(target_path)

    def upload_files(
        self,
        files: Sequence[str | os.PathLike[str]],
        relative_root: str | os.PathLike[str] | None = None,
        target_path: str | None = None,
        overwrite: bool = False,
        show_progress: bool = True,
    ) -> DataReference:
        """Send single files of this machine, and return a reference to where they are.

        Args:
            files: Their paths.
            relative_root: The folder from which on their paths are kept; by default the one that all of them
                have in common.
            target_path: The folder of the datastore to put them into; by default its root.
            overwrite: Whether to replace files that are there; else they stay as they are.
            show_progress: Whether to show bars, where a person watches.

        Raises:
            InvalidParameter: One is not there, or not below ``relative_root``.
            Forbidden: The credential does not allow it.

        Example:
            >>> store.upload_files(["data/a.csv"], target_path="raw").path_on_datastore
            'raw'
        """
        pairs = pairs_of_files(listed(files, "files"), relative_root, target_path)
        self.send(pairs, overwrite=overwrite, show_progress=show_progress)
        return self.path(target_path)

    def send(
        self, pairs: Sequence[tuple[Path, str]], *, overwrite: bool = False, show_progress: bool = True
    ) -> Transferred:
        """Send files to paths in the datastore, and say what came of it.

        Raises:
            InvalidParameter: A path can't be, or two files would get one.
            Forbidden: The credential does not allow it.

        Example:
            >>> store.send([(Path("data/a.csv"), "raw/first.csv")]).files
            1
        """
        return self.files.upload(pairs, overwrite=overwrite, show_progress=show_progress)

    def download(
        self,
        target_path: str | os.PathLike[str],
        prefix: str | None = None,
        overwrite: bool = False,
        show_progress: bool = True,
    ) -> int:
        """Bring files to this machine, below a folder, by their paths in the datastore; return how many came.

        Args:
            target_path: The folder to put them into.
            prefix: Only what lies below this folder, this one file, or what fits a pattern as ``raw/*.csv``.
            overwrite: Whether to replace files that are there; else they stay, and are not counted.
            show_progress: Whether to show bars, where a person watches.

        Raises:
            NotFound: Nothing is there.

        Example:
            >>> place = store.upload("data", target_path="raw")
            >>> store.download("here", prefix="raw/**/*.csv")
            2
        """
        brought = self.files.download(
            prefix or "", Path(target_path), overwrite=overwrite, show_progress=show_progress
        )
        return brought.files

    def delete(self, path: str) -> None:
        """Delete a file, or a folder with all that is in it, for good.

        Raises:
            InvalidParameter: The path is that of the datastore's root.
            Forbidden: The credential does not allow it.

        Example:
            >>> place = store.upload("data", target_path="raw")
            >>> store.delete("raw/a.csv")
            >>> [each.path for each in store.list("raw")]
            ['raw/b.csv']
        """
        self.files.delete(path)

    def path(self, path: str | None = None, data_reference_name: str | None = None) -> DataReference:
        """Return a reference to a path, as an input or output of a job.

        Example:
            >>> ws.get_default_datastore().path("raw").as_download().uri
            'azureml://datastores/workspaceblobstore/paths/raw'
        """
        place = text(path or "", "path").strip("/")
        return DataReference(self, data_reference_name, place or None)

    def as_mount(self) -> DataReference:
        """Return a reference to the whole datastore that a job reads where it is.

        Example:
            >>> store.as_mount()
            DataReference('azureml://datastores/workspaceblobstore/paths/', mode='mount')
        """
        return self.path().as_mount()

    def as_download(self, path_on_compute: str | None = None) -> DataReference:
        """Return a reference to the whole datastore that is brought to a job's machine.

        Example:
            >>> store.as_download("/tmp/all").mode
            'download'
        """
        return self.path().as_download(path_on_compute)

    def as_upload(self, path_on_compute: str | None = None) -> DataReference:
        """Return a reference to the datastore that a job's files are sent to.

        Example:
            >>> store.as_upload().mode
            'upload'
        """
        return self.path().as_upload(path_on_compute)

    @property
    def files(self) -> DatastoreFiles:
        """The files in it, one by one.

        Example:
            >>> place = store.upload("data", target_path="raw")
            >>> [each.size_bytes for each in store.files.walk("raw")]
            [8, 8]
        """
        return DatastoreFiles(self._connection, self.name)

    @property
    def name(self) -> str:
        """Name of the datastore.

        Example:
            >>> store.name
            'workspaceblobstore'
        """
        return self._described.name

    @property
    def workspace(self) -> Workspace:
        """The workspace that it is registered in.

        Example:
            >>> store.workspace.name
            'lab'
        """
        return self._workspace

    @property
    def _connection(self) -> Connection:
        return self._workspace.connection

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Datastore) and (self._workspace, self.name) == (other.workspace, other.name)

    def __hash__(self) -> int:
        return hash((self._workspace, self.name))

    def __repr__(self) -> str:
        return f"Datastore({self.name!r}, kind={self._described.kind!r})"

    def _repr_html_(self) -> str:
        described = self._described
        return html_table(
            [
                ("Datastore", self.name),
                ("Kind", described.kind),
                ("Bucket", described.bucket),
                ("Folder", described.prefix or described.folder),
                ("Account", described.account),
                ("Endpoint", described.endpoint),
                ("Description", described.description),
                ("Default", "yes" if described.is_default else ""),
                ("Workspace", link(f"{self._workspace.tracking_uri}/", self._workspace.name)),
            ]
        )


class Datastores(dict[str, Datastore]):
    """The datastores of a workspace by name, as they were when the server was asked.

    Example:
        >>> ws.datastores["workspaceblobstore"].is_default
        True
    """

    def _repr_html_(self) -> str:
        return html_table(
            (name, f"{each.details.kind}{', the default' if each.is_default else ''}")
            for name, each in self.items()
        )


def datastores_of(workspace: Workspace) -> Datastores:
    """Return all datastores of a workspace by name."""
    return Datastores((each.name, Datastore._of(workspace, each)) for each in _all_of(workspace).datastores)


def _all_of(workspace: Workspace) -> ListDatastoresAnswer:
    return connection_of(workspace).get(_DATASTORES, ListDatastoresAnswer)


def _described(workspace: Workspace, name: str) -> WireDatastore:
    try:
        return connection_of(workspace).get(_path(name), DatastoreAnswer).datastore
    except NotFound:
        known = ", ".join(datastores_of(workspace))
        raise NotFound(f"Workspace {workspace.name!r} has no datastore {name!r}; it has {known}.") from None


def _path(name: str) -> str:
    return f"{_DATASTORES}/{one_segment(name, 'datastore_name')}"
