"""Submitting under Microsoft's names: the script imports them too."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from runyard.sdk import experiment, script_run_config
from runyard.sdk.run import Run

OUTPUTS = "outputs"
DEFAULT_CPU_IMAGE = DEFAULT_GPU_IMAGE = ""
"""Microsoft's own images, which have nothing in them but what the machine of a job has: no container."""


class ScriptRunConfig(script_run_config.ScriptRunConfig):
    """A script to submit, whose ``azureml`` is Runyard's SDK; see :mod:`runyard.sdk.script_run_config`."""

    _is_of_azureml = True


class Experiment(experiment.Experiment):
    """An experiment whose runs take what a notebook writes into ``outputs`` along, as Azure's do."""

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
                the working directory, if it is there then. False for none.
            snapshot_directory: A folder whose sources are kept with the run; by default none.
            display_name: What the run is called; a name is drawn if there is none.
            tags: Its first tags.
        """
        named = outputs if isinstance(outputs, str) else None
        run = super().start_logging(named, snapshot_directory, display_name, tags=tags)
        if outputs is None or outputs is True:
            run._captured = Path(OUTPUTS).absolute()
        return run
