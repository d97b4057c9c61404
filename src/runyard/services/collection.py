"""Takes away for good what lies in the trash, in steps that never keep others waiting for long.

A call works for a moment and says how far it got; whoever asked calls again until all is done. So nothing
runs on by itself, and a server that dies has lost nothing but the count: the next call goes on where the
database says that it stopped.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from runyard.entities.quota import Limited
from runyard.entities.trash import NOTHING_FREED, Freed, Retention, Trashed, TrashKind
from runyard.entities.workspace import DEFAULT_WORKSPACE
from runyard.errors import InvalidParameter, NotFound
from runyard.services.call import Call
from runyard.services.experiments import resolve_experiment_id
from runyard.services.quotas import give_back
from runyard.stores.artifacts.paths import ArtifactPath, datastores_of, proxied_path
from runyard.stores.artifacts.removal import measure_tree, remove_tree
from runyard.stores.metadata.base_trash import Stripped
from runyard.stores.opening import Stores

WORKS_FOR_S = 1.0
ITEMS_AT_ONCE = 1000
MEASURED_AT_ONCE = 200
MAX_IDS = 1000
MAX_KEPT = 1_000_000
FOREVER_MS = 2**62
EVERYTHING = Retention(deleted_before_ms=FOREVER_MS)

_COUNTED = {
    TrashKind.EXPERIMENT: Freed(experiments=1),
    TrashKind.RUN: Freed(runs=1),
    TrashKind.LOGGED_MODEL: Freed(logged_models=1),
}


@dataclass(frozen=True, slots=True)
class Collected:
    """What one call has taken away, or measured.

    Args:
        freed: How much.
        is_done: Whether nothing is left to be done.
        next_offset: Where to go on measuring.
        database_bytes: How long the database is on its disk now.
    """

    freed: Freed
    is_done: bool
    next_offset: int
    database_bytes: int


def check_retention(call: Call, retention: Retention) -> Retention:
    """Return rules with the ids that they mean.

    Raises:
        InvalidParameter: A rule can't be.
        NotFound: There is no such experiment.
    """
    for field, ids in (("experiment_ids", retention.experiment_ids), ("run_ids", retention.run_ids)):
        if len(ids) > MAX_IDS:
            raise InvalidParameter(f"'{field}' has {len(ids)} entries; at most {MAX_IDS} are allowed.")
    check_kept(retention.keep_last)
    resolved = tuple(resolve_experiment_id(call.workspace, each) for each in retention.experiment_ids)
    return replace(retention, experiment_ids=resolved)


def check_kept(keep_last: int) -> None:
    """Raise unless so many runs can be kept.

    Raises:
        InvalidParameter: They are fewer than none, or too many.
    """
    if not 0 <= keep_last <= MAX_KEPT:
        raise InvalidParameter(f"'keep_last' must be between 0 and {MAX_KEPT}.")


def collect(call: Call, retentions: Sequence[Retention]) -> Collected:
    """Take away some of what is let go, for a second or so."""
    collection = Collection(call.stores, call.workspace.name, retentions, call.now_ms())
    is_done = collection.work()
    give_back(call, Limited.ARTIFACT_BYTES, collection.freed.artifact_bytes)
    give_back(call, Limited.METRIC_POINTS, collection.freed.metric_points)
    return _collected(call.stores, collection.freed, is_done)


def measure(call: Call, retentions: Sequence[Retention], offset: int) -> Collected:
    """Return how much of the trash is let go, part by part, and change nothing."""
    stores, workspace, freed = call.stores, call.workspace.name, NOTHING_FREED
    trash = stores.metadata.trash
    items = trash.list_removable(workspace, retentions, MEASURED_AT_ONCE, offset)
    # What an unfinished collection has left is counted at the end, and not with the folder around it too.
    waiting = trash.list_removed_artifacts(workspace, call.now_ms())
    for item in items:
        freed += _measure_item(stores, workspace, item, waiting)
    is_done = len(items) < MEASURED_AT_ONCE
    if is_done:
        for retention in retentions:
            unused = trash.measure_unused_datasets(workspace, retention)
            freed += Freed(datasets=unused.rows, other_bytes=unused.size_bytes)
        for path in _outermost(waiting):
            removed = measure_tree(stores.artifacts, path)
            freed += Freed(artifact_files=removed.files, artifact_bytes=removed.size_bytes)
    return _collected(stores, freed, is_done, offset + len(items))


def delete_workspace(call: Call, name: str) -> Collected:
    """Take a workspace away with all that it holds, for a second or so; it has no address any more.

    Raises:
        InvalidParameter: It is the default one, which the server can't be without.
        NotFound: There is none of that name.
    """
    check_removable(name)
    now_ms = call.now_ms()
    if not call.stores.metadata.trash.claim_workspace(name, now_ms):
        raise NotFound(f"Workspace '{name}' not found")
    collection = Collection(call.stores, name, [EVERYTHING], now_ms)
    # `work` comes last: its own last step does something in each call, and nothing behind it has a turn.
    is_done = (
        collection.take_registered_models() and collection.take_evaluation_datasets() and collection.work()
    )
    if is_done:
        for folder in (ArtifactPath((name,)), datastores_of(name)):
            collection.empty_folder(folder)
        is_done = call.stores.metadata.trash.bury_workspace(name)
    return _collected(call.stores, collection.freed, is_done)


def measure_workspace(call: Call, name: str, offset: int) -> Collected:
    """Return how much a workspace holds, part by part, and change nothing.

    Raises:
        InvalidParameter: It is the default one.
        NotFound: There is none of that name.
    """
    check_removable(name)
    call.stores.metadata.workspaces.get_workspace(name)
    trash, freed = call.stores.metadata.trash, NOTHING_FREED
    items = trash.list_removable(name, None, MEASURED_AT_ONCE, offset)
    for item in items:
        freed += _measure_rows(call.stores, item)
    is_done = len(items) < MEASURED_AT_ONCE
    if is_done:
        datasets = trash.measure_unused_datasets(name, None)
        evaluated = call.stores.metadata.evaluation_datasets.measure_datasets(name)
        freed += Freed(other_bytes=evaluated.size_bytes)
        artifacts = call.stores.artifacts
        files = measure_tree(artifacts, ArtifactPath((name,))) + measure_tree(artifacts, datastores_of(name))
        freed += Freed(datasets=datasets.rows, other_bytes=datasets.size_bytes)
        freed += Freed(artifact_files=files.files, artifact_bytes=files.size_bytes)
    return _collected(call.stores, freed, is_done, offset + len(items))


class Collection:
    """One call's work.

    Args:
        stores: What the server remembers.
        workspace: Where to collect.
        retentions: What may go; no two of them speak of the same experiment.
        now_ms: Milliseconds since the epoch.
    """

    def __init__(
        self,
        stores: Stores,
        workspace: str,
        retentions: Sequence[Retention],
        now_ms: int,
    ) -> None:
        self.freed = NOTHING_FREED
        self._stores = stores
        self._trash = stores.metadata.trash
        self._workspace = workspace
        self._retentions = retentions
        self._now_ms = now_ms
        self._until_s = time.monotonic() + WORKS_FOR_S
        self._has_got_on = False

    def work(self) -> bool:
        """Take away what may go, and say whether that is done."""
        return self._take_items() and self._take_datasets() and self._empty_folders()

    def take_evaluation_datasets(self) -> bool:
        """Take away the workspace's evaluation datasets, and say whether that is done."""
        while not self._is_late:
            taken = self._stores.metadata.evaluation_datasets.take_datasets(self._workspace)
            self.freed += Freed(other_bytes=taken.size_bytes)
            if taken.is_over:
                return True
        return False

    def take_registered_models(self) -> bool:
        """Take what a workspace that goes as a whole has registered, and say whether that is done.

        Nothing else may need its files when they go, so it is the first to go.
        """
        models = self._stores.metadata.registered_models
        take = partial(models.take_registered_models, self._workspace, ITEMS_AT_ONCE)
        while not self._is_late:
            if not self._stores.database.retrying(take):
                return True
            self._has_got_on = True
        return False

    def empty_folder(self, path: ArtifactPath) -> None:
        """Delete all artifacts below a path, which nobody keeps anything in."""
        removed = remove_tree(self._stores.artifacts, path)
        self.freed += Freed(artifact_files=removed.files, artifact_bytes=removed.size_bytes)

    def _take_items(self) -> bool:
        while True:
            items = self._trash.list_removable(self._workspace, self._retentions, ITEMS_AT_ONCE)
            taken = [self._take(item) for item in items if not self._is_late]
            if len(taken) < len(items):
                return False
            if not any(taken):
                return not self._is_late

    def _take(self, item: Trashed) -> bool:
        """Take one thing away, in as many transactions as it needs; say whether anything came of it."""
        while True:
            began_s = time.monotonic()
            # Here, and not around all: what was freed before is counted.
            step = self._stores.database.retrying(lambda: self._try_step(item))
            if step is None:
                return False
            freed, is_over = step
            self.freed += freed
            if is_over:
                # Once an experiment is claimed, what lies in it comes up next.
                return freed != NOTHING_FREED or not item.is_begun
            if self._is_late:
                return True
            # Others may want to write too.
            time.sleep(time.monotonic() - began_s)

    def _try_step(self, item: Trashed) -> tuple[Freed, bool] | None:
        with self._stores.atomic():
            if not self._trash.claim(self._workspace, item, self._retentions):
                return None
            return self._step(item)

    def _step(self, item: Trashed) -> tuple[Freed, bool]:
        if item.kind is TrashKind.RUN:
            points = self._stores.metrics.take_run(item.item_id)
            freed = Freed(metric_points=points.points, metric_bytes=points.size_bytes)
            if not points.is_over:
                return freed, False
        elif item.kind is TrashKind.EXPERIMENT:
            its_own = replace(EVERYTHING, experiment_ids=(item.item_id,))
            datasets = self._trash.take_unused_datasets(self._workspace, its_own)
            freed = Freed(datasets=datasets.rows, other_bytes=datasets.size_bytes)
            if not datasets.is_over:
                return freed, False
        else:
            freed = NOTHING_FREED
        taken = self._trash.strip(item)
        freed += _of_rows(taken)
        if not taken.is_over:
            return freed, False
        buried = self._trash.bury(self._workspace, item, self._now_ms)
        if buried.rows:
            freed += _COUNTED[item.kind] + Freed(other_bytes=buried.size_bytes)
        return freed, True

    def _take_datasets(self) -> bool:
        return all(self._take_datasets_of(retention) for retention in self._retentions)

    def _take_datasets_of(self, retention: Retention) -> bool:
        while not self._is_late:
            taken = self._trash.take_unused_datasets(self._workspace, retention)
            self.freed += Freed(datasets=taken.rows, other_bytes=taken.size_bytes)
            if taken.is_over:
                return True
        return False

    def _empty_folders(self) -> bool:
        while paths := self._trash.list_removed_artifacts(self._workspace, self._now_ms):
            for path in paths:
                if self._is_late:
                    return False
                self._empty(path)
        self._trash.forget_old_removals(self._now_ms)
        return self._shrink()

    def _empty(self, path: ArtifactPath) -> None:
        claims = self._trash.begin_emptying(path)
        if claims is None:
            return
        if not claims.is_inside:
            removed = remove_tree(self._stores.artifacts, path, claims.kept)
            self.freed += Freed(artifact_files=removed.files, artifact_bytes=removed.size_bytes)
        self._has_got_on = True
        self._trash.note_emptied(path, self._now_ms, is_forgotten=claims.is_inside)

    def _shrink(self) -> bool:
        """Give the file's free room back to the disk, a little at a time."""
        size_bytes = self._trash.database_bytes()
        while not self._is_late:
            before = size_bytes
            self._stores.database.give_back_room(is_idle=True)
            self._has_got_on = True
            size_bytes = self._trash.database_bytes()
            if size_bytes >= before:
                return True
        return False

    @property
    def _is_late(self) -> bool:
        # Not before something came of it: where looking alone takes that long, no call would get any further.
        has_got_on = self._has_got_on or self.freed != NOTHING_FREED
        return has_got_on and time.monotonic() >= self._until_s


def _measure_item(stores: Stores, workspace: str, item: Trashed, waiting: Sequence[ArtifactPath]) -> Freed:
    freed = _measure_rows(stores, item)
    claims = stores.metadata.trash.claims_if_removed(workspace, item)
    place = proxied_path(item.artifact_uri)
    if place is None or claims.is_inside:
        return freed
    others = (*claims.kept, *waiting)
    removed = measure_tree(stores.artifacts, ArtifactPath((workspace,)) / place, others)
    return freed + Freed(artifact_files=removed.files, artifact_bytes=removed.size_bytes)


def _outermost(paths: Sequence[ArtifactPath]) -> Iterator[ArtifactPath]:
    """Yield the paths that do not lie below another one."""
    segments = {path.segments for path in paths}
    for path in paths:
        if not any(path.segments[:end] in segments for end in range(len(path.segments))):
            yield path


def _measure_rows(stores: Stores, item: Trashed) -> Freed:
    freed = _COUNTED[item.kind] + _of_rows(stores.metadata.trash.measure(item))
    if item.kind is TrashKind.RUN:
        points = stores.metrics.measure_run(item.item_id)
        freed += Freed(metric_points=points.points, metric_bytes=points.size_bytes)
    return freed


def _of_rows(taken: Stripped) -> Freed:
    return Freed(
        other_bytes=taken.others.size_bytes, traces=taken.traces, trace_bytes=taken.of_traces.size_bytes
    )


def _collected(stores: Stores, freed: Freed, is_done: bool, next_offset: int = 0) -> Collected:
    size_bytes = stores.metadata.trash.database_bytes()
    return Collected(freed, is_done, next_offset, size_bytes)


def check_removable(name: str) -> None:
    """Refuse to delete the workspace that the server can't be without."""
    if name == DEFAULT_WORKSPACE:
        raise InvalidParameter("The 'default' workspace is reserved and cannot be deleted")
