"""Places in datastores as values: what jobs are told to read and write, and how it comes to them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from runyard.errors import InvalidParameter
from runyard.sdk.argument_errors import names_arguments

if TYPE_CHECKING:
    from runyard.sdk.datastore import Datastore

Mode = Literal["mount", "download", "upload"]
PLACEHOLDER = "$AZUREML_DATAREFERENCE_"
"""What stands before the name of a reference in a word of a job, for the path that it has there."""
_NO_NAME = re.compile(r"\W+")


@names_arguments
@dataclass(frozen=True)
class DataPath:
    """A path in a datastore, as an input that may be given another value later.

    Args:
        datastore: Which datastore.
        path_on_datastore: The path in it; None for its root.
        name: What to call it.

    Example:
        >>> DataPath(ws.get_default_datastore(), "scans/2026").uri
        'azureml://datastores/workspaceblobstore/paths/scans/2026'
    """

    datastore: Datastore
    path_on_datastore: str | None = None
    name: str | None = None

    @property
    def datastore_name(self) -> str:
        """Name of the datastore.

        Example:
            >>> DataPath(store, "scans").datastore_name
            'workspaceblobstore'
        """
        return self.datastore.name

    @property
    def uri(self) -> str:
        """The place as one text, as Azure's second SDK writes it.

        Example:
            >>> DataPath(store, "scans/2026").uri
            'azureml://datastores/workspaceblobstore/paths/scans/2026'
        """
        return _uri(self.datastore, self.path_on_datastore)

    def create_data_reference(
        self, data_reference_name: str | None = None, datapath_compute_binding: object = None
    ) -> DataReference:
        """Return the same place with a way to come to a job; the binding has no effect.

        Example:
            >>> DataPath(store, "scans").create_data_reference("scans").as_download()
            DataReference('azureml://datastores/workspaceblobstore/paths/scans', mode='download')
        """
        return DataReference(self.datastore, data_reference_name or self.name, self.path_on_datastore)


@names_arguments
@dataclass(frozen=True)
class DataReference:
    """A path in a datastore and how it comes to a job; :meth:`as_mount` and its like return changed copies.

    Args:
        datastore: Which datastore.
        data_reference_name: What scripts call it; by default made of the path.
        path_on_datastore: The path in it; None for its root.
        mode: ``mount``, ``download`` or ``upload``.
        path_on_compute: Where it is to be on the machine that runs the job.
        overwrite: Whether files that are there already are replaced.

    Example:
        >>> ws.get_default_datastore().path("scans").as_download("/tmp/scans")
        DataReference('azureml://datastores/workspaceblobstore/paths/scans', mode='download')
    """

    datastore: Datastore
    data_reference_name: str | None = None
    path_on_datastore: str | None = None
    mode: Mode = "mount"
    path_on_compute: str | None = None
    overwrite: bool = False

    def __post_init__(self) -> None:
        _check_mode(self.mode)
        if self.data_reference_name is None:
            made = _NO_NAME.sub("_", f"{self.datastore.name}_{self.path_on_datastore or ''}").strip("_")
            object.__setattr__(self, "data_reference_name", made)

    @property
    def uri(self) -> str:
        """The place as one text, as Azure's second SDK writes it.

        Example:
            >>> store.path("scans").uri
            'azureml://datastores/workspaceblobstore/paths/scans'
        """
        return _uri(self.datastore, self.path_on_datastore)

    def path(self, path: str | None = None, data_reference_name: str | None = None) -> DataReference:
        """Return a reference to a path below this one.

        Example:
            >>> store.path("scans").path("2026").uri
            'azureml://datastores/workspaceblobstore/paths/scans/2026'
        """
        below = "/".join(part.strip("/") for part in (self.path_on_datastore, path) if part)
        return replace(self, path_on_datastore=below or None, data_reference_name=data_reference_name)

    def as_mount(self) -> DataReference:
        """Return a copy that is read where it is, as far as the machine can.

        Example:
            >>> store.path("scans").as_mount().mode
            'mount'
        """
        return replace(self, mode="mount")

    def as_download(self, path_on_compute: str | None = None, overwrite: bool = False) -> DataReference:
        """Return a copy that is brought to the machine before the job begins.

        Example:
            >>> store.path("scans").as_download("/tmp/scans").path_on_compute
            '/tmp/scans'
        """
        return replace(self, mode="download", path_on_compute=path_on_compute, overwrite=overwrite)

    def as_upload(self, path_on_compute: str | None = None, overwrite: bool = False) -> DataReference:
        """Return a copy that is sent to the datastore when the job has ended.

        Example:
            >>> store.path("results").as_upload(overwrite=True).mode
            'upload'
        """
        return replace(self, mode="upload", path_on_compute=path_on_compute, overwrite=overwrite)

    def to_config(self) -> DataReferenceConfiguration:
        """Return the same as what a run's configuration has of it, for its ``data_references``.

        Example:
            >>> config = RunConfiguration()
            >>> config.data_references["scans"] = store.path("scans").to_config()
            >>> config.data_references["scans"].datastore_name
            'workspaceblobstore'
        """
        return DataReferenceConfiguration(
            self.datastore.name, self.mode, self.path_on_datastore, self.path_on_compute, self.overwrite
        )

    def __str__(self) -> str:
        return f"{PLACEHOLDER}{self.data_reference_name}"

    def __repr__(self) -> str:
        return f"DataReference({self.uri!r}, mode={self.mode!r})"


@names_arguments
@dataclass
class DataReferenceConfiguration:
    """A path in a datastore, as a run's configuration has it: ``config.data_references[name]``.

    Words of the script's arguments name it by ``$AZUREML_DATAREFERENCE_`` and that name.

    Args:
        datastore_name: Name of the datastore.
        mode: ``mount``, ``download`` or ``upload``.
        path_on_datastore: The path in it; None for its root.
        path_on_compute: Taken for Azure's scripts; no effect.
        overwrite: Whether files that are there already are replaced.

    Raises:
        InvalidParameter: There is no such mode.

    Example:
        >>> config = RunConfiguration()
        >>> config.data_references["scans"] = store.path("scans").as_download().to_config()
        >>> config.data_references["scans"].mode
        'download'
    """

    datastore_name: str
    mode: Mode = "mount"
    path_on_datastore: str | None = None
    path_on_compute: str | None = None
    overwrite: bool = False

    def __post_init__(self) -> None:
        _check_mode(self.mode)


def _check_mode(mode: str) -> None:
    if mode not in ("mount", "download", "upload"):
        raise InvalidParameter(f"mode is 'mount', 'download' or 'upload', not {mode!r}.")


def _uri(datastore: Datastore, path: str | None) -> str:
    return f"azureml://datastores/{datastore.name}/paths/{quote((path or '').strip('/'))}"
