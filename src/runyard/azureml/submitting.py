"""Submitting under Microsoft's names: the script imports them too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from runyard.errors import NotImplementedHere
from runyard.sdk import experiment, script_run_config
from runyard.sdk.dataset_inputs import DatasetConsumptionConfig
from runyard.sdk.job_data import DIRECT, JobData
from runyard.sdk.run import Run
from runyard.sdk.workspace import Workspace

OUTPUTS = "outputs"
_OF_ESTIMATORS = ("script_params", "inputs")
DEFAULT_CPU_IMAGE = DEFAULT_GPU_IMAGE = ""
"""Microsoft's own images, which have nothing in them but what the machine of a job has: no container."""


class ScriptRunConfig(script_run_config.ScriptRunConfig):
    """A script to submit, whose ``azureml`` is Runyard's SDK; see :mod:`runyard.sdk.script_run_config`.

    Example:
        >>> ScriptRunConfig(source_directory="code", script="train.py", arguments=["--alpha", 0.1])
        ScriptRunConfig('train.py', source_directory='code', target='local')
    """

    _is_of_azureml = True
    datasets: Sequence[DatasetConsumptionConfig] = ()
    """Datasets that the script asks its run for, besides those among the arguments."""


class Experiment(experiment.Experiment):
    """An experiment whose runs take what a notebook writes into ``outputs`` along, as Azure's do.

    Example:
        >>> Experiment(workspace=ws, name="diabetes").name
        'diabetes'
    """

    def start_logging(
        self,
        outputs: str | bool | None = None,
        snapshot_directory: str | None = None,
        display_name: str | None = None,
        *,
        tags: Mapping[str, str] | None = None,
    ) -> Run:
        """Begin a run, and return it; see :meth:`runyard.sdk.experiment.Experiment.start_logging`.

        Args:
            outputs: A folder of this machine that is uploaded when the run ends; by default ``outputs`` of
                the working directory, which is made, as notebooks write into it unasked. False for none.
            snapshot_directory: A folder whose sources are kept with the run; by default none.
            display_name: What the run is called; a name is drawn if there is none.
            tags: Its first tags.

        Example:
            >>> with experiment.start_logging() as run:
            ...     _ = Path("outputs", "weights.txt").write_text("0.5")
            >>> run.get_file_names()
            ['outputs/weights.txt']
        """
        is_usual = outputs is None or outputs is True
        named: Any = None if is_usual or outputs is False else outputs
        run = super().start_logging(named, snapshot_directory, display_name, tags=tags)
        if is_usual:
            run._captured = Path(OUTPUTS).absolute()
            run._captured.mkdir(exist_ok=True)
        return run

    def submit(  # type: ignore[override] # the two signatures of one method are of what it returns
        self, config: Any, tags: Mapping[str, str] | None = None, **options: Any
    ) -> Run:
        """Submit a script or a sweep; see :meth:`runyard.sdk.experiment.Experiment.submit`.

        A dataset that the script asks its run for is registered first, if it is not: Azure keeps those too.

        Raises:
            NotImplementedHere: It is given what replaces an estimator's own words.

        Example:
            >>> run = experiment.submit(ScriptRunConfig("code", "train.py"), tags={"team": "robots"})
            >>> run.tags["team"]
            'robots'
        """
        for name in _OF_ESTIMATORS:
            if name in options:
                raise NotImplementedHere(
                    f"submit() takes no {name} here: give it to the estimator, as Estimator(..., {name}=...)."
                )
        _keep_datasets(self.workspace, getattr(config, "run_config", None))
        _keep_datasets(self.workspace, config)
        run: Run = super().submit(config, tags, **options)
        return run


def _keep_datasets(workspace: Workspace, config: object) -> None:
    if not isinstance(config, ScriptRunConfig):
        return
    if isinstance(config.arguments, list | tuple):
        config.arguments = [_kept(workspace, each) for each in config.arguments]
    if isinstance(config.command, list | tuple):
        config.command = [_kept(workspace, each) for each in config.command]
    data = JobData(config.inputs)
    for each in config.datasets:
        data.word(_kept(workspace, each))
    config.inputs.update(data.inputs)


def _kept(workspace: Workspace, word: Any) -> Any:
    if not isinstance(word, DatasetConsumptionConfig) or word.mode != DIRECT or word.dataset.id is not None:
        return word
    kept = word.dataset.register(
        workspace,
        f"unnamed-{word.name}",
        "Given to a job without a name of its own.",
        create_new_version=True,
    )
    return replace(word, dataset=kept)
