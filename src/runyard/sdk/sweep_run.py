"""The run of a sweep: its trials, the best of them, its end."""

from __future__ import annotations

import builtins
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from runyard.errors import InvalidParameter, InvalidState
from runyard.protocol.messages.sweeps import WireSweep, WireTrial
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.job_records import GOING_ON
from runyard.sdk.job_submission import Submitter
from runyard.sdk.patience import Patience
from runyard.sdk.resubmission import Changes, changed, refuse_swept
from runyard.sdk.run import Run
from runyard.sdk.run_life import LONGEST_POLL_S, POLL_S
from runyard.sdk.run_sinks import print_line
from runyard.sdk.sweep_records import cancel_sweep, get_sweep, get_sweep_answer, list_trials, submit_sweep

if TYPE_CHECKING:
    from runyard.protocol.messages.runs import WireRun
    from runyard.sdk.experiment import Experiment
    from runyard.sdk.workspace import Workspace

_OVER = frozenset({"completed", "failed", "canceled", "stopped"})


@names_arguments
class SweepRun(Run):
    """The run of a sweep, below which its trials are runs; :meth:`Run.get_children` returns those.

    Args:
        experiment: The experiment that it belongs to.
        run_id: Its id.

    Raises:
        NotFound: The experiment has no such run, or no sweep is behind it.

    Example:
        >>> script = ScriptRunConfig("training", "train.py")
        >>> sweep = experiment.submit(SweepConfig(script, {"depth": [2, 4]}, "loss", max_trials=2))
        >>> SweepRun(experiment, sweep.id).sweep.metric
        'loss'
    """

    _sweep: WireSweep

    def __init__(self, experiment: Experiment, run_id: str) -> None:
        super().__init__(experiment, run_id)
        self._sweep = get_sweep(self._connection, run_id)

    @classmethod
    def _of_sweep(
        cls, workspace: Workspace, record: WireRun, sweep: WireSweep, experiment: Experiment
    ) -> SweepRun:
        found = cls._of(workspace, record, experiment)
        assert isinstance(found, SweepRun)
        found._sweep = sweep
        return found

    @property
    def sweep(self) -> WireSweep:
        """What the server said of the sweep when it was last read.

        Example:
            >>> sweep.sweep.max_trials
            2
        """
        return self._sweep

    def get_sweep(self) -> WireSweep:
        """Return what the server says of the sweep now: how many trials have which status, and the best.

        Raises:
            NotFound: The run does not exist any more.

        Example:
            >>> sweep.get_sweep().goal
            'minimize'
        """
        self._sweep = get_sweep(self._connection, self.id)
        return self._sweep

    def get_trials(self) -> builtins.list[WireTrial]:
        """Return the trials by number: the values of their parameters, their status, their best value.

        Raises:
            NotFound: The run does not exist any more.

        Example:
            >>> waited = sweep.wait_for_completion()
            >>> [(trial.parameters, trial.value) for trial in sweep.get_trials()]
            [({'depth': 2}, 0.25), ({'depth': 4}, 0.25)]
        """
        return list_trials(self._connection, self.id)

    def get_best_run(self) -> Run | None:
        """Return the run of the best trial so far; None if no trial that is over has logged the metric.

        Raises:
            NotFound: The run does not exist any more.

        Example:
            >>> waited = sweep.wait_for_completion()
            >>> sweep.get_best_run().get_metrics()
            {'loss': 0.25}
        """
        best = self.get_sweep().best
        return None if best is None else self._run_of(best.run_id)

    def cancel(self) -> None:
        """End the sweep: no more trials are begun, and those that go on are ended.

        Example:
            >>> pool.pause()
            >>> script = ScriptRunConfig("training", "train.py", compute_target=pool)
            >>> sweep = experiment.submit(SweepConfig(script, {"depth": [2, 4]}, "loss", max_trials=2))
            >>> sweep.cancel()
            >>> sweep.wait_for_completion(raise_on_error=False)["status"]
            'Canceled'
        """
        self._sweep = cancel_sweep(self._connection, self.id)

    def submit_again(
        self,
        arguments: Sequence[object] | None = None,
        *,
        max_trials: int | None = None,
        max_concurrent: int | None = None,
        seed: int | None = None,
        experiment: Experiment | None = None,
        **changes: Any,
    ) -> SweepRun:
        """Submit the sweep once more, and return the new one; see :meth:`Run.submit_again`.

        With the same seed a random sweep draws the same values again.

        Args:
            arguments: What each trial is given before its values, in place of all that it was given.
            max_trials: How many trials at most.
            max_concurrent: How many at a time.
            seed: What chance begins with.
            experiment: Another experiment for the runs.
            **changes: What else is different, by the names that :meth:`Run.submit_again` has.

        Raises:
            RunyardError: As for :meth:`Run.submit_again`; an option is one whose values the sweep finds.

        Example:
            >>> again = sweep.submit_again(max_concurrent=1, display_name="one by one")
            >>> again.sweep.max_concurrent
            1
        """
        unknown = sorted(changes.keys() - Changes.__dataclass_fields__.keys())
        if unknown:
            raise InvalidParameter(f"submit_again has no argument {unknown[0]!r}.")
        said = Changes(
            arguments=arguments, **{key: each for key, each in changes.items() if each is not None}
        )
        answer, experiment = get_sweep_answer(self._connection, self.id), experiment or self.experiment
        wanted = answer.wanted
        if wanted is None:
            raise InvalidState(f"The server does not say what sweep {self.id!r} was submitted with.")
        refuse_swept(said.options, wanted.parameters)
        submitter = Submitter(self._connection)
        wanted, code = changed(submitter, wanted, said)
        numbers = {"max_trials": max_trials, "max_concurrent": max_concurrent, "seed": seed}
        again = msgspec.structs.replace(
            wanted,
            experiment_id=experiment.id,
            **{key: each for key, each in numbers.items() if each is not None},
        )
        sweep = submit_sweep(self._connection, again)
        record = submitter.run_of(sweep.run_id, self._with_diff(code, said))
        return type(self)._of_sweep(experiment.workspace, record, sweep, experiment)

    def get_details(self) -> dict[str, Any]:
        """Return what the server knows of the run, with the sweep and its trials.

        Raises:
            NotFound: The run does not exist any more.

        Example:
            >>> sweep.get_details()["sweep"]["sampling"]
            'grid'
        """
        details = super().get_details()
        sweep = self.get_sweep()
        said = {
            "metric": sweep.metric,
            "goal": sweep.goal,
            "sampling": sweep.sampling,
            "seed": sweep.seed,
            "trials": dict(sweep.trials),
            "best": None if sweep.best is None else sweep.best.run_id,
            "reason": sweep.reason,
        }
        return {**details, "sweep": said}

    def _wait(self, tell: Callable[[str], None], *, show_output: bool) -> str:
        """Wait, and show each trial that ends."""
        shown: set[int] = set()
        pause_s, patience = POLL_S, Patience()
        while True:
            status, sweep = patience.ask(self.get_status), patience.ask(self.get_sweep)
            done = sum(count for word, count in sweep.trials.items() if word in _OVER)
            tell(f"{status}, {done} of {sweep.max_trials} trials{_best_words(sweep)}")
            if show_output and done > len(shown):
                pause_s = POLL_S
                for trial in patience.ask(self.get_trials):
                    if trial.status in _OVER and trial.number not in shown:
                        shown.add(trial.number)
                        print_line(trial_line(trial, sweep.metric))
            if status not in GOING_ON:
                return status
            time.sleep(pause_s)
            pause_s = min(LONGEST_POLL_S, pause_s * 1.5)


def trial_line(trial: WireTrial, metric: str) -> str:
    """Return a trial as one line of text."""
    values = " ".join(f"{name}={value}" for name, value in trial.parameters.items())
    result = "" if trial.value is None else f", {metric} {trial.value:.6g}"
    why = f", {trial.reason}" if trial.reason else ""
    return f"Trial {trial.number} ({values}): {trial.status}{result}{why}"


def _best_words(sweep: WireSweep) -> str:
    if sweep.best is None or sweep.best.value is None:
        return ""
    return f", best {sweep.metric} {sweep.best.value:.6g}"
