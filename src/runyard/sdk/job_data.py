"""The data of a job: what is given as an argument and is a place, and what a server is told of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NoReturn

from runyard.errors import InvalidParameter, NotImplementedHere
from runyard.protocol.messages.data_assets import WireDataSource
from runyard.protocol.messages.jobs import WireInput, WireOutput, WirePlace
from runyard.sdk.abstract_dataset import AbstractDataset
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.data_reference import PLACEHOLDER, DataPath, DataReference, DataReferenceConfiguration
from runyard.sdk.dataset import FileDataset, TabularDataset, get_dataset
from runyard.sdk.dataset_inputs import DatasetConsumptionConfig
from runyard.sdk.datastore_files import has_wildcards

if TYPE_CHECKING:
    from runyard.sdk.datastore import Datastore
    from runyard.sdk.workspace import Workspace

DIRECT, UPLOAD = "direct", "upload"
RUN_ID = "{run_id}"
_ALL_BELOW = "/**"
_DATASET = re.compile(r"@(.+?)(?::(\d+))?")
_NAMED = "dataset"
_NO_NAME = re.compile(r"\W+", re.ASCII)


@names_arguments
@dataclass(frozen=True)
class OutputFileDatasetConfig:
    """A folder that a job fills, given as an argument, which goes to a datastore after its script.

    Args:
        name: What to call it; by default ``output``.
        destination: Datastore and folder, in which ``{run_id}`` is the id of the run and ``{output-name}``
            the output's name; by default ``dataset/{run_id}/NAME`` of the workspace's first datastore.
        source: Taken for Azure's scripts; no effect, as the argument says which folder it is.
        overwrite: Whether files that are there are replaced. Those of the default folder are.

    Example:
        >>> output = OutputFileDatasetConfig("features", (store, "features"))
        >>> config = ScriptRunConfig("training", "train.py", ["--out", output])
    """

    name: str = "output"
    destination: tuple[Datastore, str] | None = None
    source: str | None = None
    overwrite: bool = False

    def as_upload(self, overwrite: bool = False, source_globs: object = None) -> OutputFileDatasetConfig:
        """Return the same output; all files in its folder go along.

        Example:
            >>> OutputFileDatasetConfig("features").as_upload(overwrite=True).overwrite
            True
        """
        return replace(self, overwrite=overwrite)

    def as_mount(self, disable_metadata_cache: bool = False) -> OutputFileDatasetConfig:
        """Return the same output: its files go along when the script has ended.

        Example:
            >>> OutputFileDatasetConfig("features").as_mount().name
            'features'
        """
        return self

    def register_on_complete(
        self, name: str, description: str | None = None, tags: object = None
    ) -> NoReturn:
        """Raise an error that says how data is registered.

        Raises:
            NotImplementedHere: Always.

        Example:
            >>> OutputFileDatasetConfig("features").register_on_complete("features")
            Traceback (most recent call last):
                ...
            runyard.errors.NotImplementedHere: What a job has written is registered by its script, ...
        """
        raise NotImplementedHere(
            "What a job has written is registered by its script, or when it is over: "
            f"Dataset.File.from_files((store, path)).register(ws, {name!r})."
        )


PLACES = (AbstractDataset, DataPath, DataReference, DatasetConsumptionConfig, OutputFileDatasetConfig)
"""What may stand among the words of a job in place of a path."""


class JobData:
    """What goes into a job and comes out of it.

    Args:
        inputs: What goes in by name, besides what is found in its words.
        outputs: What comes out.
        is_unfinished: Whether datasets are registered before a job gets them, so they need not be yet.
    """

    def __init__(
        self,
        inputs: Mapping[str, WireInput] | None = None,
        outputs: Mapping[str, WireOutput] | None = None,
        *,
        is_unfinished: bool = False,
    ) -> None:
        self.inputs = dict(inputs or {})
        self.outputs = dict(outputs or {})
        self._is_unfinished = is_unfinished

    def word(self, place: Any) -> str:
        """Return the word by which a job is given a place, and keep that.

        Raises:
            InvalidParameter: Two places have one name, or a dataset must be registered first.
            NotImplementedHere: It can't be brought to a job.
        """
        if isinstance(place, OutputFileDatasetConfig):
            return self._goes_out(place.name, _output(place))
        if isinstance(place, DataPath):
            place = place.create_data_reference()
        if isinstance(place, DataReference):
            name, path = str(place.data_reference_name), (place.path_on_datastore or "").strip("/")
            if place.mode == UPLOAD:
                out = WireOutput(datastore=place.datastore.name, path=path, overwrite=place.overwrite)
                return self._goes_out(name, out)
            at = WirePlace(path=path, datastore=place.datastore.name)
            return self._goes_in(name, WireInput(places=[at]))
        if isinstance(place, AbstractDataset):
            place = DatasetConsumptionConfig(place.name or "dataset", place)
        return self._of_dataset(place)

    def named(self, text: str, references: Mapping[str, DataReferenceConfiguration]) -> str:
        """Return a word with the paths in it that a run's configuration has, and keep those.

        Raises:
            InvalidParameter: Two places have one name.
        """
        for name in sorted(references, key=len, reverse=True):
            if f"{PLACEHOLDER}{name}" in text:
                text = text.replace(f"{PLACEHOLDER}{name}", self._configured(name, references[name]))
        return text

    def _configured(self, name: str, said: DataReferenceConfiguration) -> str:
        path = (said.path_on_datastore or "").strip("/")
        if said.mode == UPLOAD:
            return self._goes_out(name, WireOutput(said.datastore_name, path, said.overwrite))
        return self._goes_in(name, WireInput(places=[WirePlace(path=path, datastore=said.datastore_name)]))

    def _of_dataset(self, wanted: DatasetConsumptionConfig) -> str:
        if wanted.dataset.is_part:
            raise InvalidParameter(
                f"The input {wanted.name!r} is a part of a dataset, which no job can find. "
                "Give it the whole, and let the script take the part."
            )
        record = wanted.dataset.record
        asset_id = "" if record is None else record.asset_id
        if wanted.mode == DIRECT:
            if not asset_id and not self._is_unfinished:
                raise InvalidParameter(
                    f"The input {wanted.name!r} is a dataset that no job can find: register it, or give it "
                    "as_download()."
                )
            return self._goes_in(wanted.name, WireInput(asset_id=asset_id))
        places = [_place(wanted.name, each.wire()) for each in wanted.dataset._sources]
        return self._goes_in(wanted.name, WireInput(places=places, asset_id=asset_id))

    def _goes_in(self, name: str, wanted: WireInput) -> str:
        name = _plain(name)
        _check_same(name, self.inputs.setdefault(name, wanted), wanted)
        return f"${{{{inputs.{name}}}}}"

    def _goes_out(self, name: str, wanted: WireOutput) -> str:
        name = _plain(name)
        _check_same(name, self.outputs.setdefault(name, wanted), wanted)
        return f"${{{{outputs.{name}}}}}"


def input_of(said: str, workspace: Workspace | None = None) -> WireInput:
    """Return what ``STORE:PATH`` brings to a job, or ``@DATASET`` and ``@DATASET:VERSION`` of a workspace.

    The files of a dataset are brought where they can be. Of a table, and of files of the web, the job is told
    the dataset's id.

    Raises:
        InvalidParameter: It is not of this form.
        NotFound: The workspace has no such dataset.
    """
    named = _DATASET.fullmatch(said)
    if named is not None and workspace is not None:
        return _dataset_input(get_dataset(workspace, named[1], named[2] or "latest"))
    datastore, path = _parted(said)
    return WireInput(places=[WirePlace(path=path, datastore=datastore)])


def output_of(said: str) -> WireOutput:
    """Return where a folder goes by ``STORE:PATH``.

    Raises:
        InvalidParameter: It is not of this form.
    """
    datastore, path = _parted(said)
    return WireOutput(datastore=datastore, path=path, overwrite=RUN_ID in path)


def _parted(said: str) -> tuple[str, str]:
    datastore, colon, path = said.partition(":")
    if not colon or not datastore:
        raise InvalidParameter(f"{said!r} must be the name of a datastore, a colon and a path in it.")
    return datastore, path.strip("/")


def _dataset_input(dataset: FileDataset | TabularDataset) -> WireInput:
    told = DatasetConsumptionConfig(_NAMED, dataset)
    data = JobData()
    try:
        data.word(told.as_download() if isinstance(dataset, FileDataset) else told)
    except NotImplementedHere:
        data.word(told)
    return data.inputs[_NAMED]


def _output(wanted: OutputFileDatasetConfig) -> WireOutput:
    if wanted.destination is None:
        # Each workspace has it from the beginning.
        path = f"dataset/{RUN_ID}/{_plain(wanted.name)}"
        return WireOutput(datastore="workspaceblobstore", path=path, overwrite=True)
    datastore, path = wanted.destination
    for azures, own in (("{run-id}", RUN_ID), ("{output-name}", _plain(wanted.name))):
        path = path.replace(azures, own)
    return WireOutput(
        datastore=datastore.name, path=path.strip("/"), overwrite=wanted.overwrite or RUN_ID in path
    )


def _place(name: str, source: WireDataSource) -> WirePlace:
    folder = source.address.removesuffix(_ALL_BELOW).strip("/")
    if source.kind == "datastore" and not has_wildcards(folder):
        return WirePlace(path=folder, datastore=source.datastore)
    if source.kind == "upload":
        if not folder:
            raise InvalidParameter(
                f"The input {name!r} is on this machine alone: register the dataset first."
            )
        return WirePlace(path=folder)
    raise NotImplementedHere(
        f"The input {name!r} lies at {source.address!r}, which is brought to no job by itself. Give it as "
        f"as_named_input({name!r}), and let the script download it: Run.get_context()"
        f".input_datasets[{name!r}].download()."
    )


def _plain(name: str) -> str:
    plain = _NO_NAME.sub("_", name)
    return f"_{plain}" if not plain or plain[0].isdigit() else plain


def _check_same(name: str, kept: object, wanted: object) -> None:
    if kept != wanted:
        raise InvalidParameter(f"Two places are called {name!r}; give them other names.")
