"""How much the artifacts of a workspace take, by experiment and by kind, and how much lies in the trash."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from runyard.entities.usage import FilesUse
from runyard.errors import InvalidParameter, NotFound
from runyard.stores.artifacts.base import ArtifactStore
from runyard.stores.artifacts.paths import ArtifactPath, datastores_of, proxied_path
from runyard.stores.artifacts.walking import walk_files
from runyard.stores.metadata.base_usage import ArtifactOwners

WORKS_FOR_S = 0.05
MODELS, TRACES = "models", "traces"
"""The folders of an experiment that hold those of its logged models and of its traces."""
NO_FILES = FilesUse()

Segments = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MeasuredArtifacts:
    """What was found.

    Args:
        total: All files of the workspace.
        deleted: Those of them that belong to something in the trash.
        logged_models: Those that lie in folders of logged models.
        registered: Those that versions of registered models keep: a run's or a logged model's, mostly.
        traces: Those that lie in folders of traces.
        experiments: Those that lie in experiments, by id.
    """

    total: FilesUse
    deleted: FilesUse
    logged_models: FilesUse
    registered: FilesUse
    traces: FilesUse
    experiments: Mapping[str, FilesUse]


def measure_artifacts(
    store: ArtifactStore, workspace: str, owners: ArtifactOwners, rest: Callable[[float], None]
) -> MeasuredArtifacts:
    """Return what the artifacts of a workspace take; slow where there are many.

    Args:
        store: Where they are.
        workspace: Whose.
        owners: Whose each of them is.
        rest: Called now and then with the seconds that were worked, to let others have the processor.

    Raises:
        Unavailable: The store can't be reached.
    """
    places = _Places(owners)
    counted = _Counted()
    began_s = time.monotonic()
    for size_bytes, owner in _files_of(store, workspace, places):
        counted.add(size_bytes, owner)
        worked_s = time.monotonic() - began_s
        if worked_s >= WORKS_FOR_S:
            rest(worked_s)
            began_s = time.monotonic()
    return counted.result()


@dataclass(frozen=True, slots=True)
class _Owner:
    """Whose a file is: nobody's, as those of datastores are, unless something is said."""

    experiment_id: str | None = None
    is_deleted: bool = False
    is_registered: bool = False
    folder: str = ""  # its first one within the experiment


_NOBODY = _Owner()


def _files_of(store: ArtifactStore, workspace: str, places: _Places) -> Iterator[tuple[int, _Owner]]:
    """Yield the length of each file and whose it is; those of datastores are no experiment's."""
    with contextlib.suppress(NotFound):  # a link, which is no artifact
        for path, size_bytes in walk_files(store, ArtifactPath((workspace,))):
            yield size_bytes, places.owner_of(path.segments[1:])
    with contextlib.suppress(NotFound):
        for _, size_bytes in walk_files(store, datastores_of(workspace)):
            yield size_bytes, _NOBODY


@dataclass
class _Counted:
    files: Counter[str | None] = field(default_factory=Counter)
    sizes: Counter[str | None] = field(default_factory=Counter)
    deleted: FilesUse = NO_FILES
    registered: FilesUse = NO_FILES
    folders: dict[str, FilesUse] = field(default_factory=lambda: {MODELS: NO_FILES, TRACES: NO_FILES})

    def add(self, size_bytes: int, owner: _Owner) -> None:
        self.files[owner.experiment_id] += 1
        self.sizes[owner.experiment_id] += size_bytes
        one = FilesUse(1, size_bytes)
        if owner.is_deleted:
            self.deleted += one
        if owner.is_registered:
            self.registered += one
        if owner.folder in self.folders:
            self.folders[owner.folder] += one

    def result(self) -> MeasuredArtifacts:
        return MeasuredArtifacts(
            total=FilesUse(self.files.total(), self.sizes.total()),
            deleted=self.deleted,
            logged_models=self.folders[MODELS],
            registered=self.registered,
            traces=self.folders[TRACES],
            experiments={
                key: FilesUse(count, self.sizes[key]) for key, count in self.files.items() if key is not None
            },
        )


class _Places:
    """Finds the experiment that a file lies in: the one with the longest location above it."""

    def __init__(self, owners: ArtifactOwners) -> None:
        self._owners = owners
        self._by_place: dict[Segments, str] = {}
        for experiment_id, location in owners.locations.items():
            place = _place(location)
            if place is not None:
                self._by_place[place] = experiment_id
        self._deepest = max(map(len, self._by_place), default=0)
        self._registered = {tuple(folder.split("/")) for folder in owners.registered}
        self._deepest_registered = max(map(len, self._registered), default=0)

    def owner_of(self, segments: Segments) -> _Owner:
        """Return whose the file is, and whether that lies in the trash."""
        is_registered = self._is_registered(segments)
        for length in range(min(self._deepest, len(segments) - 1), -1, -1):
            experiment_id = self._by_place.get(segments[:length])
            if experiment_id is not None:
                inside = segments[length : length + 2]
                # Runs are right below their experiment, models below a folder `models` of it.
                is_deleted = experiment_id in self._owners.deleted_experiments or any(
                    name in self._owners.deleted for name in inside
                )
                return _Owner(experiment_id, is_deleted, is_registered, inside[0])
        return _Owner(is_registered=is_registered)

    def _is_registered(self, segments: Segments) -> bool:
        deepest = min(self._deepest_registered, len(segments))
        return any(segments[:length] in self._registered for length in range(1, deepest + 1))


def _place(location: str) -> Segments | None:
    try:
        path = proxied_path(location)
    except InvalidParameter:  # what a release took that this one would refuse
        return None
    return None if path is None else path.segments
