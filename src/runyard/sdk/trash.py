"""The trash of a workspace: what is in it, moving many things there and back, and freeing its space."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import timedelta

from runyard.errors import InvalidParameter
from runyard.protocol.messages.registry_removal import (
    RegisteredModelsAnswer,
    RemovedVersionsAnswer,
    RemoveModelVersions,
    RemoveRegisteredModels,
    WireNumbered,
)
from runyard.protocol.messages.trash import (
    ChooseRuns,
    CollectedAnswer,
    CollectTrash,
    DeleteExperiments,
    ExperimentsAnswer,
    ListTrash,
    ListTrashAnswer,
    ModelIds,
    ModelsAnswer,
    RemoveDataset,
    RemovedDatasetAnswer,
    RemovedPartsAnswer,
    RemoveParts,
    RestoreExperiments,
    RunsAnswer,
    WireTrashed,
)
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.collection import Collected, OnProgress, until_done
from runyard.sdk.connection import Connection
from runyard.sdk.pages import pages
from runyard.sdk.retention import RetentionRules


@names_arguments
class Trash:
    """What was deleted in a workspace and can be brought back, until :meth:`collect` takes it away for good.

    Args:
        connection: Reaches the workspace.

    Example:
        >>> run.delete()
        >>> ws.trash.collect().freed.runs
        1
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def rules(self) -> RetentionRules:
        """The rules that the workspace keeps about what of it may go.

        Example:
            >>> list(ws.trash.rules)
            []
        """
        return RetentionRules(self._connection)

    def list_items(self) -> Iterator[WireTrashed]:
        """Yield what is in the trash, the last deleted first.

        Raises:
            Unavailable: No server answers at the workspace's address.

        Example:
            >>> run.delete()
            >>> [(each.kind, each.name) for each in ws.trash.list_items()]
            [('run', 'ridge')]
        """

        def ask(page_token: str | None) -> ListTrashAnswer:
            return self._connection.get("/api/v1/trash", ListTrashAnswer, ListTrash(page_token=page_token))

        for answer in pages(ask):
            yield from answer.items

    def delete_runs(
        self,
        run_ids: Collection[str] = (),
        *,
        experiment_ids: Collection[str] = (),
        filter_text: str | None = None,
        dry_run: bool = False,
    ) -> list[str]:
        """Move runs to the trash and return the ids of those that were not there.

        Args:
            run_ids: The runs, or
            experiment_ids: where to look for them.
            filter_text: What to look for there, in MLflow's grammar; by default all.
            dry_run: Only say which.

        Raises:
            NotFound: One of the ids is no run's.
            InvalidFilter: The filter does not follow the grammar.

        Example:
            >>> ws.trash.delete_runs([run.id]) == [run.id]
            True
        """
        return self._move("delete", run_ids, experiment_ids, filter_text, dry_run)

    def restore_runs(
        self,
        run_ids: Collection[str] = (),
        *,
        experiment_ids: Collection[str] = (),
        filter_text: str | None = None,
        dry_run: bool = False,
    ) -> list[str]:
        """Bring runs back and return the ids of those that were in the trash; see :meth:`delete_runs`.

        Raises:
            NotFound: One of the ids is no run's.
            InvalidFilter: The filter does not follow the grammar.

        Example:
            >>> run.delete()
            >>> ws.trash.restore_runs([run.id]) == [run.id]
            True
        """
        return self._move("restore", run_ids, experiment_ids, filter_text, dry_run)

    def delete_experiments(self, experiment_ids: Collection[str], *, reuse_name: bool = False) -> list[str]:
        """Move experiments to the trash and return the names that they have there.

        Args:
            experiment_ids: The experiments.
            reuse_name: Give them other names, so that new experiments may have theirs at once. Also of those
                that are in the trash already.

        Raises:
            NotFound: One of the ids is no experiment's.

        Example:
            >>> ws.trash.delete_experiments([experiment.id])
            ['diabetes']
        """
        wanted = DeleteExperiments(experiment_ids=[*experiment_ids], reuse_name=reuse_name)
        answer = self._connection.post(
            "/api/v1/experiments/delete", wanted, ExperimentsAnswer, is_repeatable=True
        )
        return [experiment.name for experiment in answer.experiments]

    def restore_experiments(
        self, experiment_ids: Collection[str], *, new_name: str | None = None
    ) -> list[str]:
        """Bring experiments back and return their names; a single one may be given another name.

        Raises:
            NotFound: One of the ids is no experiment's.
            AlreadyExists: Another experiment has the new name.

        Example:
            >>> experiment.archive()
            >>> ws.trash.restore_experiments([experiment.id])
            ['diabetes']
        """
        wanted = RestoreExperiments(experiment_ids=[*experiment_ids], new_name=new_name)
        answer = self._connection.post(
            "/api/v1/experiments/restore", wanted, ExperimentsAnswer, is_repeatable=True
        )
        return [experiment.name for experiment in answer.experiments]

    def restore_logged_models(self, model_ids: Collection[str]) -> None:
        """Bring logged models back.

        Raises:
            NotFound: One of the ids is no model's.

        Example:
            >>> ws.trash.restore_logged_models(["m-" + "0" * 32])
            Traceback (most recent call last):
                ...
            runyard.errors.NotFound: ...
        """
        wanted = ModelIds(model_ids=[*model_ids])
        self._connection.post("/api/v1/logged-models/restore", wanted, ModelsAnswer, is_repeatable=True)

    def remove_parts(self, parts: RemoveParts) -> RemovedPartsAnswer:
        """Remove metrics, params, tags and artifacts of runs for good; see :meth:`Run.remove`.

        Raises:
            NotFound: One of the ids is no run's.
            Forbidden: The credential does not allow it.

        Example:
            >>> from runyard.protocol.messages.trash import RemoveParts
            >>> run.log("loss", 0.5)
            >>> run.flush()
            >>> ws.trash.remove_parts(RemoveParts(run_ids=[run.id], metric_keys=["loss"])).metric_points
            1
        """
        return self._connection.post(
            "/api/v1/runs/remove-parts", parts, RemovedPartsAnswer, is_repeatable=True
        )

    def remove_dataset(self, experiment_id: str, name: str, digest: str | None = None) -> int:
        """Remove what runs of an experiment say of a dataset for good, and return its bytes.

        Raises:
            NotFound: No run of the experiment reads such a dataset.

        Example:
            >>> dataset.log_to(run)
            >>> ws.trash.remove_dataset(experiment.id, "titanic") > 0
            True
        """
        wanted = RemoveDataset(experiment_id=experiment_id, name=name, digest=digest)
        return self._connection.post("/api/v1/datasets/remove", wanted, RemovedDatasetAnswer).database_bytes

    def remove_registered_models(
        self, names: Collection[str] = (), *, filter_text: str | None = None, dry_run: bool = False
    ) -> list[str]:
        """Remove registered models, or prompts, with all their versions for good, and return their names.

        Files that nothing else needs go with the next :meth:`collect`.

        Args:
            names: The models, or
            filter_text: what to look for, in MLflow's grammar.
            dry_run: Only say which.

        Raises:
            NotFound: One of the names is no model's.
            InvalidFilter: The filter does not follow the grammar.

        Example:
            >>> ws.trash.remove_registered_models([model.name])
            ['ridge']
        """
        wanted = RemoveRegisteredModels(names=[*names], filter=filter_text, dry_run=dry_run)
        path = "/api/v1/registered-models/delete"
        return self._connection.post(path, wanted, RegisteredModelsAnswer).names

    def remove_model_versions(
        self,
        versions: Collection[tuple[str, str]] = (),
        *,
        filter_text: str | None = None,
        dry_run: bool = False,
    ) -> list[tuple[str, str]]:
        """Remove versions of registered models for good and return which.

        Args:
            versions: Pairs of a model's name and a version's number, or
            filter_text: what to look for, in MLflow's grammar.
            dry_run: Only say which.

        Raises:
            NotFound: One of them is not there.
            InvalidFilter: The filter does not follow the grammar.

        Example:
            >>> ws.trash.remove_model_versions([(model.name, "1")])
            [('ridge', '1')]
        """
        named = [WireNumbered(name=name, version=version) for name, version in versions]
        wanted = RemoveModelVersions(versions=named, filter=filter_text, dry_run=dry_run)
        answer = self._connection.post("/api/v1/model-versions/delete", wanted, RemovedVersionsAnswer)
        return [(each.name, each.version) for each in answer.versions]

    def collect(
        self,
        *,
        older_than: timedelta = timedelta(),
        experiment_ids: Collection[str] = (),
        run_ids: Collection[str] = (),
        keep_last: int = 0,
        untagged: bool = False,
        by_rules: bool = False,
        dry_run: bool = False,
        on_progress: OnProgress = lambda freed: None,
    ) -> Collected:
        """Take away for good what is in the trash, with its artifacts, and return what that freed.

        It may be stopped at any time; the next call goes on.

        Args:
            older_than: Only what was deleted at least so long ago.
            experiment_ids: Only these experiments and what lies in them.
            run_ids: Only these runs.
            keep_last: How many runs stay in the trash of each experiment, the last started ones.
            untagged: Only runs and models without tags of their own.
            by_rules: Only what :attr:`rules` let go; nothing else may be said beside it but ``dry_run``.
            dry_run: Only say how much it would be.
            on_progress: Called every second or so with what has been freed so far.

        Raises:
            InvalidParameter: A rule can't be.
            Forbidden: The credential does not allow it.
            Unavailable: No server answers at the workspace's address.

        Example:
            >>> run.delete()
            >>> ws.trash.collect(dry_run=True).freed.runs
            1
        """
        if not hasattr(older_than, "total_seconds"):
            raise InvalidParameter(f"older_than must be a datetime.timedelta, not {older_than!r}.")
        wanted = CollectTrash(
            older_than_s=older_than.total_seconds(),
            experiment_ids=[*experiment_ids],
            run_ids=[*run_ids],
            keep_last=keep_last,
            untagged=untagged,
            by_rules=by_rules,
            dry_run=dry_run,
        )

        def step(last: CollectedAnswer | None) -> CollectedAnswer:
            if last is not None:
                wanted.deleted_before_ms, wanted.offset = last.deleted_before_ms, last.next_offset
            # Repeated, it would do more of the same; what it freed would be missing in the sum.
            return self._connection.post("/api/v1/trash/collect", wanted, CollectedAnswer, is_repeatable=True)

        return until_done(step, on_progress)

    def _move(
        self,
        act: str,
        run_ids: Collection[str],
        experiment_ids: Collection[str],
        filter_text: str | None,
        dry_run: bool,
    ) -> list[str]:
        if not run_ids and not experiment_ids:
            raise InvalidParameter("Name the runs, or the experiments to look for them in.")
        wanted = ChooseRuns(
            run_ids=[*run_ids], experiment_ids=[*experiment_ids], filter=filter_text, dry_run=dry_run
        )
        return self._connection.post(f"/api/v1/runs/{act}", wanted, RunsAnswer, is_repeatable=True).run_ids
