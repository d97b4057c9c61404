"""The variables of a job's processes: few of the agent's own, then what was asked for, then the run's."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from runyard.agent.assignment import Assignment

# What Azure's clients read beside the workspace; the server's words for it.
SUBSCRIPTION_ID = "00000000-0000-0000-0000-000000000000"
RESOURCE_GROUP = "runyard"

_INHERITED = re.compile(
    r"PATH|HOME|USER|LANG|LC_\w+|TZ|TMPDIR|XDG_CACHE_HOME|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE|LD_LIBRARY_PATH"
    r"|(UV|PIP|CUDA|NVIDIA)_\w+|RAY_ADDRESS|RAY_AUTH_MODE|RAY_AUTH_TOKEN_PATH|\w+_PROXY|\w+_proxy"
    # What Slurm has given to the job, by which `srun` and many a library find their place; which of the GPUs.
    r"|SLURM_\w+|SLURMD_NODENAME|(ROCR|HIP)_VISIBLE_DEVICES|GPU_DEVICE_ORDINAL|ZE_AFFINITY_MASK"
)
# Which environment is activated, and where a conda is: an agent asks, its processes are told anew.
_FOR_AGENTS = frozenset({"LOGNAME", "VIRTUAL_ENV", "CONDA_EXE"})
# Of those, what makes an environment or asks a scheduler may need, and a script must not have.
_SECRET = re.compile(r"(UV|PIP)_\w*(PASSWORD|TOKEN|SECRET|USERNAME|CREDENTIAL)\w*|SLURM_JWT")


def passed_on(variables: Mapping[str, str]) -> dict[str, str]:
    """Return what an agent gets of the variables of whoever starts it: nothing that may be secret."""
    return {
        name: value for name, value in variables.items() if _INHERITED.fullmatch(name) or name in _FOR_AGENTS
    }


def inherited() -> dict[str, str]:
    """Return what a job's processes have of the agent's own variables: nothing that is the server's."""
    found = {name: value for name, value in os.environ.items() if _INHERITED.fullmatch(name)}
    return {"PATH": os.defpath, **found}


def script_variables(
    assignment: Assignment, python: Path, ca_file: Path | None, activated: Mapping[str, str]
) -> dict[str, str]:
    """Return all variables of the script.

    Args:
        assignment: The job.
        python: The interpreter; the programs beside it are found first.
        ca_file: The file of whose certificates count; None for those that the machine trusts.
        activated: What tells that interpreter's environment.
    """
    variables = {name: value for name, value in inherited().items() if not _SECRET.fullmatch(name)}
    variables |= assignment.share.variables
    variables |= {**activated, **assignment.environment.variables, **assignment.variables}
    variables["PATH"] = os.pathsep.join([str(python.parent), variables["PATH"]])
    own = {name: value for name, value in _own(assignment).items() if value}
    return variables | own | _trust(ca_file)


def server_address(url: str) -> str:
    """Return the address of the server of a workspace's."""
    server, separator, workspace = url.rpartition("/workspaces/")
    return server if separator and "/" not in workspace else url


def _own(assignment: Assignment) -> dict[str, str]:
    return {
        "MLFLOW_TRACKING_URI": assignment.url,
        "MLFLOW_TRACKING_TOKEN": assignment.key,
        "MLFLOW_RUN_ID": assignment.run_id,
        "MLFLOW_EXPERIMENT_ID": assignment.experiment_id,
        "MLFLOW_EXPERIMENT_NAME": assignment.experiment_name,
        "RUNYARD_URL": server_address(assignment.url),
        "RUNYARD_TOKEN": assignment.key,
        # Else what a script prints comes in blocks, and the last block of a killed one never.
        "PYTHONUNBUFFERED": "1",
        "AZUREML_RUN_ID": assignment.run_id,
        "AZUREML_RUN_TOKEN": assignment.key,
        "AZUREML_ARM_WORKSPACE_NAME": assignment.workspace,
        "AZUREML_ARM_SUBSCRIPTION": SUBSCRIPTION_ID,
        "AZUREML_ARM_RESOURCEGROUP": RESOURCE_GROUP,
        "AZUREML_ARM_PROJECT_NAME": assignment.experiment_name,
        "AZUREML_EXPERIMENT_ID": assignment.experiment_id,
    }


def _trust(ca_file: Path | None) -> dict[str, str]:
    if ca_file is None:
        return {}
    return {"RUNYARD_CA": str(ca_file), "MLFLOW_TRACKING_SERVER_CERT_PATH": str(ca_file)}
