"""Submitting under Microsoft's names: the script imports them too."""

from __future__ import annotations

from runyard.sdk import script_run_config

DEFAULT_CPU_IMAGE = DEFAULT_GPU_IMAGE = ""
"""Microsoft's own images, which have nothing in them but what the machine of a job has: no container."""


class ScriptRunConfig(script_run_config.ScriptRunConfig):
    """A script to submit, whose ``azureml`` is Runyard's SDK; see :mod:`runyard.sdk.script_run_config`."""

    _is_of_azureml = True
