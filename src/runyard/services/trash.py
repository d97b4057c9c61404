"""Moving things to the trash and back, many at once; what is in it stays readable and refuses writes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from runyard.entities.experiment import Experiment, LifecycleStage, View
from runyard.entities.trash import Trashed
from runyard.errors import InvalidParameter, NotFound
from runyard.protocol import limits
from runyard.protocol.filters import parse_run_filter
from runyard.protocol.paging import Page, page_of, parse_page_token
from runyard.services.call import Call
from runyard.services.experiments import get_experiment, resolve_experiment_id
from runyard.stores.metadata.base import Search

MAX_IDS = 10_000
MAX_TRASH_PAGE = 10_000
MOVED_AT_ONCE = 500
FOUND_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which runs are meant: those of some ids, or those that a search finds.

    Args:
        run_ids: The runs themselves.
        experiment_ids: In place of them, where to look.
        filter: What to look for there; nothing for all.
    """

    run_ids: Sequence[str] = ()
    experiment_ids: Sequence[str] = ()
    filter: str | None = None


def list_trash(call: Call, limit: int, page_token: str | None) -> Page[Trashed]:
    """Return a page of what can be brought back, the last deleted first."""
    limits.check_page_size(limit, MAX_TRASH_PAGE)
    offset = parse_page_token(page_token)
    found = call.stores.metadata.trash.list_trash(call.workspace.name, limit + 1, offset)
    return page_of(found, limit, offset)


def find_runs(call: Call, chosen: Chosen, view: View) -> list[str]:
    """Return the ids of the runs that are meant.

    Raises:
        InvalidParameter: Both ids and a search were given, or neither, or too many.
        NotFound: One of the ids is no run's.
    """
    if bool(chosen.run_ids) == bool(chosen.experiment_ids):
        raise InvalidParameter("Give either 'run_ids', or 'experiment_ids' with a 'filter' where wanted.")
    if chosen.run_ids:
        if chosen.filter:
            raise InvalidParameter("A 'filter' goes with 'experiment_ids', not with 'run_ids'.")
        _check_count(chosen.run_ids, "run_ids")
        known = call.stores.metadata.runs.find_run_ids(call.workspace.name, chosen.run_ids)
        _refuse_unknown(chosen.run_ids, known, "Run with id={} not found")
        return list(dict.fromkeys(known))
    return _search(call, chosen, view)


def move_runs(call: Call, chosen: Chosen, stage: LifecycleStage, *, is_dry_run: bool = False) -> list[str]:
    """Move runs to the trash or back and return the ids of those that were not there already."""
    view = View.ACTIVE_ONLY if stage is LifecycleStage.DELETED else View.DELETED_ONLY
    run_ids = find_runs(call, chosen, view)
    runs = call.stores.metadata.runs
    if is_dry_run:
        with call.stores.snapshot():
            found = (runs.get_run(call.workspace.name, run_id) for run_id in run_ids)
            return [run.run_id for run in found if run.lifecycle_stage is not stage]
    moved: list[str] = []
    for start in range(0, len(run_ids), MOVED_AT_ONCE):
        part = run_ids[start : start + MOVED_AT_ONCE]
        moved += call.stores.metadata.many_runs.move_runs(part, stage, call.now_ms())
    return moved


def delete_experiments(
    call: Call, experiment_ids: Sequence[str], *, reuse_name: bool, is_dry_run: bool
) -> list[Experiment]:
    """Move experiments with their runs to the trash and return them.

    With ``reuse_name`` they are given other names, which tell their ids, so that new ones may have theirs;
    also those that are in the trash already.
    """

    def delete(experiment: Experiment) -> None:
        experiments = call.stores.metadata.experiments
        if reuse_name:
            experiments.rename_experiment(experiment.experiment_id, _name_in_trash(experiment), call.now_ms())
        if experiment.lifecycle_stage is LifecycleStage.ACTIVE:
            stage = LifecycleStage.DELETED
            experiments.move_experiment(experiment.experiment_id, stage, call.now_ms())

    return _each_experiment(call, experiment_ids, delete, is_dry_run=is_dry_run)


def restore_experiments(
    call: Call, experiment_ids: Sequence[str], *, new_name: str | None, is_dry_run: bool
) -> list[Experiment]:
    """Bring experiments with their runs back and return them, one of them by another name if one is given.

    Raises:
        AlreadyExists: Another experiment has that name.
    """
    if new_name is not None:
        limits.check_experiment_name(new_name)
        if len(experiment_ids) != 1:
            raise InvalidParameter("A 'new_name' is for one experiment.")

    def restore(experiment: Experiment) -> None:
        experiments = call.stores.metadata.experiments
        if new_name is not None:
            experiments.rename_experiment(experiment.experiment_id, new_name, call.now_ms())
        if experiment.lifecycle_stage is LifecycleStage.DELETED:
            experiments.move_experiment(experiment.experiment_id, LifecycleStage.ACTIVE, call.now_ms())

    return _each_experiment(call, experiment_ids, restore, is_dry_run=is_dry_run)


def move_logged_models(call: Call, model_ids: Sequence[str], stage: LifecycleStage) -> list[str]:
    """Move logged models to the trash or back and return their ids."""
    _check_count(model_ids, "model_ids")
    models = call.stores.metadata.logged_models
    with call.stores.atomic():
        for model_id in model_ids:
            model = models.get_logged_model(call.workspace.name, model_id, or_deleted=True)
            if stage is LifecycleStage.DELETED:
                models.delete_logged_model(model.model_id, call.now_ms())
                continue
            get_experiment(call, model.experiment_id)  # held, so that it can't be removed meanwhile
            models.restore_logged_model(model.model_id, call.now_ms())
    return list(model_ids)


def remove_dataset(call: Call, experiment_id: str, name: str, digest: str | None) -> int:
    """Remove a dataset from all runs of an experiment for good and return the bytes that it took.

    Raises:
        NotFound: No run of the experiment reads a dataset of that name.
    """
    experiment = get_experiment(call, experiment_id)
    size_bytes = 0
    while True:
        taken = call.stores.metadata.many_runs.take_dataset(experiment.experiment_id, name, digest)
        size_bytes += taken.size_bytes
        if taken.is_over:
            break
    if not size_bytes:
        raise NotFound(f"Experiment {experiment.experiment_id} has no dataset {name!r}.")
    return size_bytes


def _each_experiment(
    call: Call, experiment_ids: Sequence[str], change: Callable[[Experiment], None], *, is_dry_run: bool
) -> list[Experiment]:
    _check_count(experiment_ids, "experiment_ids")
    resolved = [resolve_experiment_id(call.workspace, each) for each in experiment_ids]
    if is_dry_run:
        return [get_experiment(call, experiment_id) for experiment_id in resolved]
    for experiment_id in resolved:
        with call.stores.atomic():
            change(get_experiment(call, experiment_id))
    return [get_experiment(call, experiment_id) for experiment_id in resolved]


def _name_in_trash(experiment: Experiment) -> str:
    ending = f" (deleted, experiment {experiment.experiment_id})"
    if experiment.name.endswith(ending):
        return experiment.name
    return experiment.name[: limits.MAX_EXPERIMENT_NAME_LENGTH - len(ending)] + ending


def _search(call: Call, chosen: Chosen, view: View) -> list[str]:
    _check_count(chosen.experiment_ids, "experiment_ids")
    found: list[str] = []
    last: Sequence[Any] | None = None
    runs = call.stores.metadata.runs
    with call.stores.snapshot():
        while True:
            search = Search(
                workspace=call.workspace.name,
                experiment_ids=[
                    resolve_experiment_id(call.workspace, each) for each in chosen.experiment_ids
                ],
                view=view,
                filter=parse_run_filter(chosen.filter),
                limit=FOUND_AT_ONCE,
                after=last,
            )
            page = runs.search_runs(search)
            found += [run.run_id for run in runs.read_runs(page.run_numbers)]
            last = page.last
            if last is None:
                return found


def _check_count(ids: Sequence[str], field: str) -> None:
    if not ids:
        raise InvalidParameter(f"'{field}' must not be empty.")
    if len(ids) > MAX_IDS:
        raise InvalidParameter(f"'{field}' has {len(ids)} entries; at most {MAX_IDS} are allowed.")


def _refuse_unknown(asked: Sequence[str], known: Sequence[str], text: str) -> None:
    unknown = sorted(set(asked) - set(known))
    if unknown:
        raise NotFound(text.format(unknown[0][:100]))
