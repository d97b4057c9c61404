"""Taking over a source: several runs in flight, each once, and both sides counted at the end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from runyard.errors import InvalidParameter, NotFound
from runyard.protocol.messages.imports import CountImported
from runyard.sdk.transfer.destination import Destination
from runyard.sdk.transfer.importing_evaluation import EvaluationImport
from runyard.sdk.transfer.importing_registry import RegistryImport
from runyard.sdk.transfer.importing_traces import TraceImport, differences
from runyard.sdk.transfer.records import Counts, SourceExperiment, SourceModel, SourceRun
from runyard.sdk.transfer.source import Source, printable, sound
from runyard.sdk.transfer.spreading import REFUSED, WORKERS, groups, spread
from runyard.sdk.transfer.takeover import Takeover

RUNS_AT_ONCE = 25
COUNTED_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Options:
    """What to import, and how.

    Args:
        experiments: Names of the only experiments to import; all, if there are none.
        prefix: What the names of experiments begin with here.
        is_dry_run: Whether to read all and write nothing.
    """

    experiments: Sequence[str] = ()
    prefix: str = ""
    is_dry_run: bool = False


@dataclass(slots=True)
class Report:
    """What an import came to.

    Args:
        source: Where it came from.
        is_dry_run: Whether nothing was written.
        read: What the source holds of it.
        kept: What is in the workspace of that, counted there.
        earlier_runs: How many runs an earlier import had brought already.
        open_runs: How many were still running at the source; the next import takes them again.
        open_traces: The same of traces.
        remote_owners: How many runs, models and traces have files that stay in a remote store.
        experiments: The name here of each experiment, by its name there.
        problems: What could not be taken over.
    """

    source: str
    is_dry_run: bool
    read: Counts = field(default_factory=Counts)
    kept: Counts = field(default_factory=Counts)
    earlier_runs: int = 0
    open_runs: int = 0
    open_traces: int = 0
    remote_owners: int = 0
    experiments: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        """Whether all of it has come."""
        return not self.problems and (self.is_dry_run or self.read == self.kept)


class Import:
    """Takes over what a source holds; called again, it goes on where it was.

    Args:
        source: Where to read.
        destination: Where to write.
        options: What to import, and how.
        told: Called with what, how much of it is done, and of how much.
    """

    def __init__(
        self,
        source: Source,
        destination: Destination,
        options: Options,
        told: Callable[[str, int, int], None] = lambda what, done, total: None,
    ) -> None:
        self._source = source
        self._destination = destination
        self._options = options
        self._told = told
        self._report = Report(source.name, options.is_dry_run)
        self._counted: dict[str, Counts] = {}
        self._refusals: dict[str, Exception] = {}
        self._lock = threading.Lock()
        self._done = 0
        self._total = 0

    def run(self) -> Report:
        """Import, and return what it came to.

        Raises:
            NotFound: The source has no experiment of a name that was asked for.
            RunyardError: The server refuses, or can't be reached; a later import goes on here.
        """
        experiments = self._chosen()
        self._total = sum(map(self._source.count_runs, experiments))
        begun = {each.source_id: self._begin(each) for each in experiments}
        self._report.read.experiments = len(experiments)
        models = []
        traces, evaluation = self._traces(), self._evaluation()
        with ThreadPoolExecutor(WORKERS) as pool:
            for experiment in experiments:
                experiment_id = begun[experiment.source_id]
                if experiment_id is not None:
                    batches = groups(_runs(self._source, experiment), RUNS_AT_ONCE)
                    spread(pool, batches, lambda group, of=experiment_id: self._take_runs(of, group))
            for experiment in experiments:
                # After all runs: a model's metrics may be of runs of another experiment.
                experiment_id = begun[experiment.source_id]
                if experiment_id is not None:
                    found = list(sound(self._source.models(experiment), self._source.name))
                    models += [model.model_id for model in found]
                    spread(pool, found, lambda model, of=experiment_id: self._take_model(of, model))
                    traces.take(pool, experiment, experiment_id)
                    evaluation.take_judging(experiment, experiment_id)
        evaluation.take_datasets(begun, with_unlinked=not self._options.experiments)
        self._report.read.add(evaluation.read)
        self._report.kept.add(evaluation.kept)
        self._report.read.add(traces.read)
        self._report.kept.add(traces.kept)
        self._report.open_traces = traces.open_traces
        self._report.remote_owners += traces.remote_owners
        if not self._options.experiments:
            self._take_registry()
        if not self._options.is_dry_run:
            self._finish(experiments, begun)
            self._compare(models)
        for counts in self._counted.values():
            self._report.read.add(counts)
        self._report.problems += map(printable, self._source.problems)
        return self._report

    def _traces(self) -> TraceImport:
        return TraceImport(self._takeover())

    def _evaluation(self) -> EvaluationImport:
        return EvaluationImport(self._takeover())

    def _takeover(self) -> Takeover:
        return Takeover(self._source, self._destination, self._options.is_dry_run, self._problem, self._told)

    def _take_registry(self) -> None:
        """Take over what belongs to no experiment, and may name runs and models of all."""
        registry = RegistryImport(self._takeover())
        read, kept = registry.run()
        self._report.read.add(read)
        self._report.kept.add(kept)

    def _chosen(self) -> list[SourceExperiment]:
        found = list(sound(_experiments(self._source), self._source.name))
        wanted = set(self._options.experiments)
        unknown = wanted - {each.name for each in found}
        if unknown:
            names = ", ".join(repr(each.name) for each in found[:20])
            raise NotFound(
                f"{self._source.name} has no experiment {sorted(unknown)[0]!r}. There are: {names}."
            )
        return [each for each in found if not wanted or each.name in wanted]

    def _begin(self, experiment: SourceExperiment) -> str | None:
        """Return the id of the experiment here; None if nothing goes into it."""
        name = self._options.prefix + experiment.name
        self._report.experiments[experiment.name] = name
        if self._options.is_dry_run:
            if self._destination.has_foreign(name):
                self._problem(
                    f"An experiment {name!r} is here already and came from elsewhere: use a prefix."
                )
            return ""
        remote = self._source.remote_location(experiment.artifact_location)
        try:
            answer = self._destination.begin_experiment(experiment, name, remote)
        except InvalidParameter:
            if remote is None:
                raise
            answer = self._destination.begin_experiment(experiment, name, None)
        if answer.lifecycle_stage == "deleted" and not experiment.is_deleted:
            self._problem(f"Experiment {name!r} is in the trash here; it is left there.")
            return None
        return answer.experiment_id

    def _take_runs(self, experiment_id: str, runs: Sequence[SourceRun]) -> None:
        described = [(run, self._source.remote_location(run.artifact_uri)) for run in runs]
        try:
            self._take(experiment_id, described)
        except REFUSED as error:
            if len(runs) == 1:
                self._problem(f"Run {runs[0].run_id}: {error}")
                self._count(runs[0], _counts_of(runs[0]))
            else:
                for run in runs:
                    self._take_runs(experiment_id, [run])

    def _take(self, experiment_id: str, runs: Sequence[tuple[SourceRun, str | None]]) -> None:
        complete: set[str] = set()
        uris: dict[str, str] = {}
        if not self._options.is_dry_run:
            begun = self._destination.begin_runs(experiment_id, runs)
            complete = {each.run_id for each in begun if each.is_complete}
            uris = {each.run_id: each.artifact_uri for each in begun}
        taken = []
        for run, remote in runs:
            counts = _counts_of(run)
            if run.run_id in complete or self._options.is_dry_run:
                self._only_count(run, remote, counts)
            elif self._filled(run, remote, uris[run.run_id], counts):
                taken.append(run)
            elif self._has_come(experiment_id, run, remote):
                counts = _counts_of(run)
                self._only_count(run, remote, counts)
            else:
                self._problem(f"Run {run.run_id}: {self._refusals[run.run_id]}")
            self._count(run, counts)
        if taken:
            self._destination.finish_runs(taken, _now_ms())
        with self._lock:
            self._report.earlier_runs += len(complete)
            self._report.open_runs += sum(run.status == "RUNNING" and not run.is_deleted for run in taken)
            self._report.remote_owners += sum(remote is not None for _, remote in runs)

    def _only_count(self, run: SourceRun, remote: str | None, counts: Counts) -> None:
        try:
            counts.points = self._source.count_points(run)
            self._count_files(run, remote, counts)
        except REFUSED as error:
            self._problem(f"Run {run.run_id}: {error}")

    def _filled(self, run: SourceRun, remote: str | None, uri: str, counts: Counts) -> bool:
        """Send points and files of one run; return whether all of it could be read and was taken."""
        try:
            for points in sound(self._source.points(run), self._source.name):
                self._destination.log_points(run.run_id, points)
                counts.points += len(points)
            self._send_files(run, remote, uri, counts)
        except REFUSED as error:
            self._refusals[run.run_id] = error
            return False
        return True

    def _has_come(self, experiment_id: str, run: SourceRun, remote: str | None) -> bool:
        """Whether another import has brought all of a run meanwhile; it may be in the trash by now."""
        (begun,) = self._destination.begin_runs(experiment_id, [(run, remote)])
        return begun.is_complete

    def _take_model(self, experiment_id: str, model: SourceModel) -> None:
        remote = self._source.remote_location(model.artifact_uri)
        counts = Counts(models=1, model_metrics=len(model.metrics))
        try:
            if self._options.is_dry_run:
                self._count_files(model, remote, counts)
            else:
                answer = self._destination.import_model(experiment_id, model, remote, _now_ms())
                if answer.skipped_metrics:
                    counts.model_metrics -= answer.skipped_metrics
                    left_out = f"{answer.skipped_metrics} metrics are of runs that are not here"
                    self._problem(f"Model {model.model_id}: {left_out}.")
                self._send_files(model, remote, answer.artifact_uri, counts)
        except REFUSED as error:
            self._problem(f"Model {model.model_id}: {error}")
        with self._lock:
            self._report.read.add(counts)
            self._report.remote_owners += remote is not None

    def _send_files(
        self, owner: SourceRun | SourceModel, remote: str | None, uri: str, counts: Counts
    ) -> None:
        if remote is not None:
            return
        for file in self._source.files(owner):
            with self._source.fetched(owner, file) as local:
                counts.files += 1
                counts.file_bytes += local.stat().st_size
                try:
                    self._destination.put_file(uri, file.path, local)
                except InvalidParameter as error:
                    # Its name is refused, now as ever; what else its owner has can come.
                    self._problem(f"{_named(owner)}: file {file.path!r} is left out. {error}")

    def _count_files(self, owner: SourceRun | SourceModel, remote: str | None, counts: Counts) -> None:
        for file in self._source.files(owner) if remote is None else ():
            counts.files += 1
            counts.file_bytes += file.size_bytes

    def _count(self, run: SourceRun, counts: Counts) -> None:
        with self._lock:
            self._counted[run.run_id] = counts
            self._done = len(self._counted)
            self._told("Runs", self._done, self._total)

    def _finish(self, experiments: Iterable[SourceExperiment], begun: dict[str, str | None]) -> None:
        for experiment in experiments:
            experiment_id = begun[experiment.source_id]
            if experiment_id is not None:
                self._destination.finish_experiment(experiment, experiment_id)
                self._report.kept.experiments += 1

    def _compare(self, model_ids: list[str]) -> None:
        """Count what is here, and say which runs differ from the source."""
        done = 0
        for run_ids in groups(iter(self._counted), COUNTED_AT_ONCE):
            kept = self._kept(run_ids, [])
            self._report.kept.add(kept)
            if kept != self._wanted(run_ids):
                for run_id in run_ids:
                    self._name_difference(run_id)
            done += len(run_ids)
            self._told("Comparing", done, len(self._counted))
        for part in groups(iter(model_ids), COUNTED_AT_ONCE):
            self._report.kept.add(self._kept([], part))

    def _kept(self, run_ids: Sequence[str], model_ids: Sequence[str]) -> Counts:
        found = self._destination.count(CountImported(run_ids=list(run_ids), model_ids=list(model_ids)))
        return Counts(**{name: getattr(found, name) for name in found.__struct_fields__})

    def _wanted(self, run_ids: Sequence[str]) -> Counts:
        wanted = Counts()
        for run_id in run_ids:
            wanted.add(self._counted[run_id])
        return wanted

    def _name_difference(self, run_id: str) -> None:
        different = differences(self._kept([run_id], []), self._counted[run_id])
        if different:
            self._problem(f"Run {run_id} differs from the source, or has changed there since: {different}.")

    def _problem(self, text: str) -> None:
        with self._lock:
            self._report.problems.append(printable(text))


def _experiments(source: Source) -> Iterator[SourceExperiment]:
    yield from source.experiments()


def _runs(source: Source, experiment: SourceExperiment) -> Iterator[SourceRun]:
    """Yield the runs of an experiment: those of a deleted one are deleted with it, whatever they say."""
    for run in sound(source.runs(experiment), source.name):
        if experiment.is_deleted and not run.is_deleted:
            yield replace(run, is_deleted=True, deleted_ms=experiment.updated_ms)
        else:
            yield run


def _named(owner: SourceRun | SourceModel) -> str:
    return f"Run {owner.run_id}" if isinstance(owner, SourceRun) else f"Model {owner.model_id}"


def _counts_of(run: SourceRun) -> Counts:
    return Counts(
        runs=1,
        deleted_runs=int(run.is_deleted),
        params=len(run.params),
        tags=len(run.tags),
        datasets=len(run.datasets),
    )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
