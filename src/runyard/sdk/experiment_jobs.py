"""Submitting the code of an experiment, for the workspace to run."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast, overload

from runyard.errors import InvalidParameter
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.arguments import optional_text
from runyard.sdk.job_submission import Submission, Submitter
from runyard.sdk.run import Run
from runyard.sdk.script_run_config import ScriptRunConfig
from runyard.sdk.sweep_config import SweepConfig

if TYPE_CHECKING:
    from runyard.protocol.messages.jobs import WireJob
    from runyard.protocol.messages.runs import WireRun
    from runyard.sdk.experiment import Experiment
    from runyard.sdk.sweep_run import SweepRun
    from runyard.sdk.workspace import Workspace


@names_arguments
class ExperimentJobs(ABC):
    """What an experiment has about jobs."""

    _workspace: Workspace

    @property
    @abstractmethod
    def id(self) -> str:
        """The experiment's id."""

    @overload
    def submit(
        self,
        config: SweepConfig,
        tags: Mapping[str, str] | None = None,
        *,
        display_name: str | None = None,
        max_attempts: int | None = None,
        priority: int | None = None,
        slots: int | None = None,
    ) -> SweepRun: ...

    @overload
    def submit(
        self,
        config: ScriptRunConfig | str | os.PathLike[str],
        tags: Mapping[str, str] | None = None,
        *,
        display_name: str | None = None,
        max_attempts: int | None = None,
        priority: int | None = None,
        slots: int | None = None,
    ) -> Run: ...

    def submit(
        self,
        config: ScriptRunConfig | SweepConfig | str | os.PathLike[str],
        tags: Mapping[str, str] | None = None,
        *,
        display_name: str | None = None,
        max_attempts: int | None = None,
        priority: int | None = None,
        slots: int | None = None,
    ) -> Run:
        """Have the workspace run a script on a compute target, and return the run that records it.

        The code folder goes to the server as it is now, unless the same code is there; what is changed later
        does not change the job. It waits for a free slot, and nothing of it needs this program any more.

        Args:
            config: What to run and where; or the path of a script, to run it on the server's own machine with
                the folder that it lies in; or a sweep, which is many runs below one.
            tags: First tags of the run, and of those below it.
            display_name: What the run is called; a name is drawn if there is none.
            max_attempts: How often the job is begun at most, if it fails; once if nothing is said.
            priority: Jobs with more are begun first.
            slots: How many slots of the target it takes.

        Raises:
            NotFound: There is no such folder, script, target or environment.
            InvalidParameter: A part of the configuration can't be; the message names it.
            TooLarge: The code is too large; the largest files are named.
            Forbidden: The credential does not allow it.

        Example:
            >>> run = experiment.submit(ScriptRunConfig("training", "train.py"))
            >>> run.wait_for_completion()["status"]
            'Completed'
            >>> run.get_metrics()
            {'loss': 0.25}
        """
        wanted = Submission(
            self.id,
            optional_text(display_name, "display_name") or "",
            texts(tags),
            max_attempts=max_attempts,
            priority=priority,
            slots=slots,
        )
        submitter = Submitter(self._workspace.connection)
        if isinstance(config, SweepConfig):
            sweep, record = submitter.submit_sweep(config, wanted)
            return config._run_class._of_sweep(self._workspace, record, sweep, cast("Experiment", self))
        return self._submitted(submitter, config, wanted)

    def submit_many(
        self, configs: Iterable[ScriptRunConfig], tags: Mapping[str, str] | None = None
    ) -> list[Run]:
        """Submit several configurations, and return their runs in the same order.

        A folder that several have in common is read and sent once, so all of them run the same code.

        Args:
            configs: What to run.
            tags: First tags of each run.

        Raises:
            RunyardError: As for :meth:`submit`. Those before the one that can't be are submitted.

        Example:
            >>> alphas = (0.1, 0.5)
            >>> runs = experiment.submit_many(
            ...     ScriptRunConfig("training", "train.py", ["--alpha", alpha]) for alpha in alphas
            ... )
            >>> [run.job.arguments for run in runs]
            [['--alpha', '0.1'], ['--alpha', '0.5']]
        """
        submitter = Submitter(self._workspace.connection)
        wanted = Submission(self.id, tags=texts(tags))
        return [self._submitted(submitter, config, wanted) for config in configs]

    def _submitted(
        self,
        submitter: Submitter,
        config: ScriptRunConfig | str | os.PathLike[str],
        wanted: Submission,
    ) -> Run:
        if isinstance(config, str | os.PathLike):
            path = Path(config)
            config = ScriptRunConfig(path.parent, path.name)
        if not isinstance(config, ScriptRunConfig):
            raise InvalidParameter(
                "config must be a ScriptRunConfig, a SweepConfig or the path of a script, not a "
                f"{type(config).__name__}."
            )
        job, record = submitter.submit(config, wanted)
        return self._run_of_job(record, job)

    def _run_of_job(self, record: WireRun, job: WireJob) -> Run:
        return Run._of_job(self._workspace, record, job, cast("Experiment", self))


def texts(tags: Mapping[str, str] | None) -> dict[str, str]:
    """Return tags whose values are text."""
    return {key: str(value) for key, value in (tags or {}).items()}
