"""Runyard: a machine learning workspace on your own machines.

>>> from runyard import Workspace
>>> ws = Workspace.from_config()  # doctest: +SKIP
>>> import mlflow  # doctest: +SKIP
>>> mlflow.set_tracking_uri(ws.get_mlflow_tracking_uri())  # doctest: +SKIP

Names are loaded when they are first used, so that ``runyard --version`` need not wait for them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from runyard._version import __version__

if TYPE_CHECKING:
    from runyard.errors import RunyardError
    from runyard.sdk.compute import ComputeTarget
    from runyard.sdk.compute_kubernetes import KubernetesCompute
    from runyard.sdk.compute_pool import AmlCompute, LocalTarget
    from runyard.sdk.compute_ray import RayCluster
    from runyard.sdk.compute_slurm import SlurmCompute
    from runyard.sdk.compute_ssh import RemoteCompute
    from runyard.sdk.conda_dependencies import CondaDependencies
    from runyard.sdk.data_reference import DataPath, DataReference
    from runyard.sdk.dataset_factories import Dataset
    from runyard.sdk.datastore import Datastore
    from runyard.sdk.environment import Environment
    from runyard.sdk.experiment import Experiment
    from runyard.sdk.job_data import OutputFileDatasetConfig
    from runyard.sdk.model import Model
    from runyard.sdk.run import Run
    from runyard.sdk.run_configuration import RunConfiguration
    from runyard.sdk.script_run_config import ScriptRunConfig
    from runyard.sdk.secrets import Keyvault
    from runyard.sdk.server import Server
    from runyard.sdk.sweep_config import SweepConfig
    from runyard.sdk.sweep_run import SweepRun
    from runyard.sdk.widgets.views import CompareWidget, RunsWidget, RunWidget
    from runyard.sdk.workspace import Workspace

__all__ = [
    "AmlCompute",
    "CompareWidget",
    "ComputeTarget",
    "CondaDependencies",
    "DataPath",
    "DataReference",
    "Dataset",
    "Datastore",
    "Environment",
    "Experiment",
    "Keyvault",
    "KubernetesCompute",
    "LocalTarget",
    "Model",
    "OutputFileDatasetConfig",
    "RayCluster",
    "RemoteCompute",
    "Run",
    "RunConfiguration",
    "RunWidget",
    "RunsWidget",
    "RunyardError",
    "ScriptRunConfig",
    "Server",
    "SlurmCompute",
    "SweepConfig",
    "SweepRun",
    "Workspace",
    "__version__",
]

_HOMES = {
    "AmlCompute": "runyard.sdk.compute_pool",
    "ComputeTarget": "runyard.sdk.compute",
    "CompareWidget": "runyard.sdk.widgets.views",
    "CondaDependencies": "runyard.sdk.conda_dependencies",
    "DataPath": "runyard.sdk.data_reference",
    "DataReference": "runyard.sdk.data_reference",
    "Dataset": "runyard.sdk.dataset_factories",
    "Datastore": "runyard.sdk.datastore",
    "Environment": "runyard.sdk.environment",
    "Experiment": "runyard.sdk.experiment",
    "Keyvault": "runyard.sdk.secrets",
    "KubernetesCompute": "runyard.sdk.compute_kubernetes",
    "LocalTarget": "runyard.sdk.compute_pool",
    "Model": "runyard.sdk.model",
    "OutputFileDatasetConfig": "runyard.sdk.job_data",
    "RayCluster": "runyard.sdk.compute_ray",
    "RemoteCompute": "runyard.sdk.compute_ssh",
    "Run": "runyard.sdk.run",
    "RunConfiguration": "runyard.sdk.run_configuration",
    "RunWidget": "runyard.sdk.widgets.views",
    "RunsWidget": "runyard.sdk.widgets.views",
    "RunyardError": "runyard.errors",
    "ScriptRunConfig": "runyard.sdk.script_run_config",
    "SweepConfig": "runyard.sdk.sweep_config",
    "SweepRun": "runyard.sdk.sweep_run",
    "Server": "runyard.sdk.server",
    "SlurmCompute": "runyard.sdk.compute_slurm",
    "Workspace": "runyard.sdk.workspace",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'runyard' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
