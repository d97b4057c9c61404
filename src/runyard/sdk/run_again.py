"""Submitting the job of a run again, as it was or with changes."""

from __future__ import annotations

import os
import tempfile
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from runyard.errors import InvalidState, NotFound
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.job_records import get_job_answer, submit_job
from runyard.sdk.job_submission import DIFF, SentCode, Submitter
from runyard.sdk.resubmission import Changes, changed, wanted_of
from runyard.sdk.run_job import RunJob

if TYPE_CHECKING:
    from runyard.sdk.compute import ComputeTarget
    from runyard.sdk.compute_pool import LocalTarget
    from runyard.sdk.environment import Environment
    from runyard.sdk.experiment import Experiment
    from runyard.sdk.run import Run


@names_arguments
class RunAgain(RunJob):
    """A run whose job can be submitted again."""

    @abstractmethod
    def get_tags(self) -> dict[str, str]:
        """Return the tags as the server has them now."""

    @abstractmethod
    def download_file(self, name: str, output_file_path: str | os.PathLike[str] | None = None) -> None:
        """Bring one file of the run to this machine."""

    def submit_again(
        self,
        arguments: Sequence[object] | None = None,
        *,
        options: Mapping[str, object] | None = None,
        display_name: str | None = None,
        tags: Mapping[str, object] | None = None,
        environment_variables: Mapping[str, object] | None = None,
        compute_target: str | ComputeTarget | LocalTarget | None = None,
        environment: Environment | str | None = None,
        source_directory: str | os.PathLike[str] | None = None,
        max_run_duration_seconds: int | None = None,
        max_attempts: int | None = None,
        priority: int | None = None,
        slots: int | None = None,
        is_azureml: bool | None = None,
        experiment: Experiment | None = None,
    ) -> Run:
        """Submit the run's job once more, and return the new run.

        Without changes it is the same: the same code, environment, data and limits, whatever has become of
        the folder and the registered environment since. The tags that people gave the run go along.

        Args:
            arguments: What the script is given in place of all that it was given; all words of a command.
            options: Other values of some options among them: ``{"lr": 0.1}`` changes what follows ``--lr``,
                or puts it behind the others.
            display_name: What the run is called; by default as this one.
            tags: Tags beside those of this run.
            environment_variables: Variables of the script beside those of this job.
            compute_target: Another target, or the name of one.
            environment: Another environment, or the name of one.
            source_directory: A folder with other code.
            max_run_duration_seconds: After how many seconds of the script it is ended; 0 for never.
            max_attempts: How often it is begun at most, if it fails.
            priority: Jobs with more are begun first.
            slots: How many slots of the target it takes.
            is_azureml: Whether the script's ``azureml`` is Runyard's SDK.
            experiment: Another experiment for the run.

        Raises:
            InvalidState: The run is no job's.
            NotFound: The code, the target or a dataset is not there any more.
            InvalidParameter: A change can't be; the message names it.
            Forbidden: The credential does not allow it.

        Example:
            >>> again = job.submit_again(options={"alpha": 0.5}, display_name="again")
            >>> again.job.arguments
            ['--alpha', '0.5']
            >>> again.wait_for_completion()["status"]
            'Completed'
        """
        changes = Changes(
            arguments=arguments,
            options=options or {},
            display_name=display_name,
            tags=tags or {},
            environment_variables=environment_variables or {},
            compute_target=compute_target,
            environment=environment,
            source_directory=None if source_directory is None else os.fspath(source_directory),
            max_run_duration_seconds=max_run_duration_seconds,
            max_attempts=max_attempts,
            priority=priority,
            slots=slots,
            is_azureml=is_azureml,
        )
        return self._submitted_again(changes, experiment or self.experiment)

    def _submitted_again(self, changes: Changes, experiment: Experiment) -> Run:
        if self._known_job() is None:
            raise InvalidState(f"Run {self.id!r} was not submitted, so it can't be submitted again.")
        wanted = wanted_of(get_job_answer(self._connection, self.id), self.get_tags())
        wanted.experiment_id = experiment.id
        submitter = Submitter(self._connection)
        wanted, code = changed(submitter, wanted, changes)
        job = submit_job(self._connection, wanted)
        record = submitter.run_of(job.run_id, self._with_diff(code, changes))
        return experiment._run_of_job(record, job)

    def _with_diff(self, code: SentCode, changes: Changes) -> SentCode:
        """Return code with what differs from its commit, which this run keeps if it is its own code."""
        if changes.source_directory is not None or not code.tags:
            return code
        with tempfile.TemporaryDirectory(prefix="runyard-") as folder:
            try:
                self.download_file(DIFF, Path(folder) / "git.diff")
            except NotFound:  # all of it was committed
                return code
            return replace(code, diff=(Path(folder) / "git.diff").read_bytes())
