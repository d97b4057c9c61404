"""How much the artifacts of a workspace take, by experiment, and how much of it lies in the trash."""

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

Segments = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MeasuredArtifacts:
    """What was found.

    Args:
        total: All files of the workspace.
        deleted: Those of them that belong to something in the trash.
        experiments: Those that lie in experiments, by id.
    """

    total: FilesUse
    deleted: FilesUse
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
        counted.add(size_bytes, *owner)
        worked_s = time.monotonic() - began_s
        if worked_s >= WORKS_FOR_S:
            rest(worked_s)
            began_s = time.monotonic()
    return counted.result()


def _files_of(
    store: ArtifactStore, workspace: str, places: _Places
) -> Iterator[tuple[int, tuple[str | None, bool]]]:
    """Yield the length of each file and whose it is; those of datastores are no experiment's."""
    with contextlib.suppress(NotFound):  # a link, which is no artifact
        for path, size_bytes in walk_files(store, ArtifactPath((workspace,))):
            yield size_bytes, places.owner_of(path.segments[1:])
    with contextlib.suppress(NotFound):
        for _, size_bytes in walk_files(store, datastores_of(workspace)):
            yield size_bytes, (None, False)


@dataclass
class _Counted:
    files: Counter[str | None] = field(default_factory=Counter)
    sizes: Counter[str | None] = field(default_factory=Counter)
    deleted: FilesUse = field(default_factory=FilesUse)

    def add(self, size_bytes: int, experiment_id: str | None, is_deleted: bool) -> None:
        self.files[experiment_id] += 1
        self.sizes[experiment_id] += size_bytes
        if is_deleted:
            self.deleted += FilesUse(1, size_bytes)

    def result(self) -> MeasuredArtifacts:
        total = FilesUse(self.files.total(), self.sizes.total())
        found = {
            key: FilesUse(count, self.sizes[key]) for key, count in self.files.items() if key is not None
        }
        return MeasuredArtifacts(total, self.deleted, found)


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

    def owner_of(self, segments: Segments) -> tuple[str | None, bool]:
        """Return the experiment and whether the file belongs to something in the trash."""
        for length in range(min(self._deepest, len(segments) - 1), -1, -1):
            experiment_id = self._by_place.get(segments[:length])
            if experiment_id is not None:
                # Runs are right below their experiment, models below a folder `models` of it.
                is_deleted = experiment_id in self._owners.deleted_experiments or any(
                    name in self._owners.deleted for name in segments[length : length + 2]
                )
                return experiment_id, is_deleted
        return None, False


def _place(location: str) -> Segments | None:
    try:
        path = proxied_path(location)
    except InvalidParameter:  # what a release took that this one would refuse
        return None
    return None if path is None else path.segments
