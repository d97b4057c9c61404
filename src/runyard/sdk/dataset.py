"""Datasets: where data lies and how it is read, registered in a workspace by name and in versions."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, cast

from runyard.errors import InvalidParameter, NotImplementedHere
from runyard.protocol.messages.data_assets import (
    WireDataAsset,
    WireReading,
)
from runyard.sdk.abstract_dataset import AbstractDataset
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.column_choice import Choice, HasColumns
from runyard.sdk.data_frames import read_frame
from runyard.sdk.data_sources import (
    DataFile,
    Source,
)
from runyard.sdk.dataset_inputs import DatasetConsumptionConfig
from runyard.sdk.dataset_parts import count_needed, places_of
from runyard.sdk.dataset_records import (
    get_record,
    get_record_by_id,
    list_records,
)
from runyard.sdk.downloads import DownloadProgress, path_below
from runyard.sdk.representation import html_table
from runyard.sdk.time_periods import Period, files_of_periods
from runyard.sdk.time_series import TimeSeries

if TYPE_CHECKING:
    from runyard.sdk.workspace import Workspace

_NOT_MOUNTED = "Nothing is mounted here. Use download(), which returns the paths of the files."


@names_arguments
class FileDataset(AbstractDataset):
    """Files, of whatever content. ``Dataset.File.from_files`` makes one.

    Example:
        >>> photos = Dataset.File.from_files("photos").register(ws, "photos")
        >>> Dataset.get_by_name(ws, "photos").download("here")
        ['here/1.png', 'here/2.png']
    """

    _kind = "file"

    def as_download(self, path_on_compute: str | None = None) -> DatasetConsumptionConfig:
        """Return this dataset as an input of a run, to be downloaded before it begins.

        Example:
            >>> config = ScriptRunConfig("training", "train.py", ["--photos", photos.as_download()])
            >>> photos.as_download().mode
            'download'
        """
        return DatasetConsumptionConfig(self._input_name(), self).as_download(path_on_compute)

    def as_mount(self, path_on_compute: str | None = None) -> DatasetConsumptionConfig:
        """Return this dataset as an input of a run, to be there as files when it begins.

        Example:
            >>> photos.as_mount().mode
            'mount'
        """
        return DatasetConsumptionConfig(self._input_name(), self).as_mount(path_on_compute)

    def mount(self, mount_point: str | None = None, **options: Any) -> NoReturn:
        """Raise an error that says what to use.

        Raises:
            NotImplementedHere: Always.

        Example:
            >>> photos.mount()
            Traceback (most recent call last):
                ...
            runyard.errors.NotImplementedHere: Nothing is mounted here. ...
        """
        raise NotImplementedHere(_NOT_MOUNTED)

    def _files(self) -> list[DataFile]:
        files = super()._files()
        return [files[place] for place in places_of(self._parts, len(files))]

    def _input_name(self) -> str:
        return f"input_{(self.id or uuid.uuid4().hex)[:8]}"


@names_arguments
class TabularDataset(AbstractDataset, TimeSeries, HasColumns):
    """Rows that are in files. ``Dataset.Tabular.from_delimited_files`` and its like make one.

    Example:
        >>> titanic = Dataset.Tabular.from_delimited_files("titanic.csv").register(ws, "titanic")
        >>> titanic.take(2).to_pandas_dataframe().shape
        (2, 3)
    """

    _kind = "tabular"

    def __init__(self, sources: list[Source], reading: WireReading | None = None) -> None:
        super().__init__(sources, reading)
        self._periods: tuple[Period, ...] = ()
        self._choices: tuple[Choice, ...] = ()

    def to_pandas_dataframe(self, on_error: str = "null", out_of_range_datetime: str = "null") -> Any:
        """Return all rows as a pandas DataFrame.

        Args:
            on_error: Taken for Azure's scripts; no effect.
            out_of_range_datetime: As ``on_error``.

        Raises:
            InvalidParameter: pandas is not installed (for Parquet also pyarrow), or a file is something else.
            NotFound: A file is not there any more.
            Unavailable: A file can't be read now.

        Example:
            >>> dataset.to_pandas_dataframe().age.tolist()
            [29.0, 2.0, nan]
        """
        self._note_use()
        frame = (
            self._frame_of_periods()
            if self._periods
            else self._read(self._files(), count_needed(self._parts))
        )
        for period in self._periods:
            frame = period.rows_of(frame, self._timestamp_column())
        frame = self._with_choices(frame)
        if not self._parts:
            return frame
        return frame.iloc[list(places_of(self._parts, len(frame)))].reset_index(drop=True)

    @property
    def is_part(self) -> bool:
        """Whether it is but some rows or columns, as :meth:`take` and :meth:`keep_columns` return them.

        Example:
            >>> dataset.is_part
            False
        """
        return bool(self._periods or self._choices) or super().is_part

    def _within(self, period: Period, validate: bool) -> TabularDataset:
        if self._parts:
            raise InvalidParameter("Choose the period first, and take() or skip() rows of it then.")
        return super()._within(period, validate)

    def _columns(self) -> list[str]:
        return [str(column) for column in self._with_choices(self._read(self._files(), 1))]

    def _with_choices(self, frame: Any) -> Any:
        for choice in self._choices:
            frame = choice.of(frame)
        return frame

    def _frame_of_periods(self) -> Any:
        """Return the rows of the files that can have one of the periods."""
        files = self._files()
        kept = files_of_periods(files, self._reading, self._periods)
        return self._read(kept, None) if kept else self._read(files, 1).head(0)

    def _read(self, files: list[DataFile], limit: int | None) -> Any:
        if self._reading is None:
            raise InvalidParameter("The dataset does not say how its rows are read.")
        with tempfile.TemporaryDirectory(prefix="runyard-") as folder, DownloadProgress() as progress:
            return read_frame(self._reading, _brought(files, Path(folder), progress), limit)


class Datasets(dict[str, "FileDataset | TabularDataset"]):
    """Registered datasets by name, as they were when the server was asked.

    Example:
        >>> photos = Dataset.File.from_files("photos").register(ws, "photos")
        >>> ws.datasets["photos"]
        FileDataset('photos', version=1)
    """

    def _repr_html_(self) -> str:
        return html_table((name, f"{each._kind}, version {each.version}") for name, each in self.items())


class HasDatasets:
    """What a workspace has about datasets."""

    @property
    def datasets(self) -> Datasets:
        """The datasets that are registered in the workspace, each in its latest version, by name.

        Example:
            >>> dataset = Dataset.Tabular.from_delimited_files("titanic.csv").register(ws, "titanic")
            >>> ws.datasets["titanic"].to_pandas_dataframe().shape
            (3, 3)
        """
        workspace = cast("Workspace", self)
        return Datasets((record.name, dataset_of(workspace, record)) for record in list_records(workspace))


def dataset_of(workspace: Workspace, record: WireDataAsset) -> FileDataset | TabularDataset:
    """Return the dataset that the server tells of."""
    kind = TabularDataset if record.kind == TabularDataset._kind else FileDataset
    return kind._of(workspace, record)


def get_dataset(
    workspace: Workspace, name: str, version: str | int | None = None
) -> FileDataset | TabularDataset:
    """Return a version of a dataset; see :meth:`Dataset.get_by_name`."""
    return dataset_of(workspace, get_record(workspace, name, version))


def get_dataset_by_id(workspace: Workspace, dataset_id: str) -> FileDataset | TabularDataset:
    """Return the version of a dataset that has this id."""
    return dataset_of(workspace, get_record_by_id(workspace, dataset_id))


def _brought(files: list[DataFile], folder: Path, progress: DownloadProgress) -> Iterator[tuple[str, Path]]:
    """Yield names of files and where they are on this machine, each fetched when it is its turn."""
    for file in files:
        target = file.local
        if target is None:
            target = path_below(folder, file.name)
            file.fetch(target, progress)
        yield file.name, target
