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
ENGINE, ENGINE_OPTIONS = "RUNYARD_CONTAINER_ENGINE", "RUNYARD_CONTAINER_OPTIONS"
"""How containers are run on a machine: the program with its options, or `none`; options of each container."""
# Where the engine of containers is, and what it keeps where; no script gets these.
_OF_ENGINES = frozenset(
    {
        *(
            ENGINE,
            ENGINE_OPTIONS,
            "XDG_RUNTIME_DIR",
            "XDG_CONFIG_HOME",
            "XDG_DATA_HOME",
            "REGISTRY_AUTH_FILE",
        ),
        *("DBUS_SESSION_BUS_ADDRESS", "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_CERT_PATH"),
        *("DOCKER_TLS_VERIFY", "BUILDAH_ISOLATION", "CONTAINER_HOST", "CONTAINERS_CONF"),
        *("CONTAINERS_STORAGE_CONF", "CONTAINERS_REGISTRIES_CONF"),
    }
)
# What of the agent's variables means the same in a container.
_IN_CONTAINERS = re.compile(
    r"TZ|\w+_PROXY|\w+_proxy|(CUDA|ROCR|HIP)_VISIBLE_DEVICES|SLURM_\w+|SLURMD_NODENAME|RAY_ADDRESS"
)
_USUAL_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# MLflow would tell its makers which of its functions a script calls; who wants that says "false".
_SILENCE = {"MLFLOW_DISABLE_TELEMETRY": "true"}
# Of those, what makes an environment or asks a scheduler may need, and a script must not have.
_SECRET = re.compile(r"(UV|PIP)_\w*(PASSWORD|TOKEN|SECRET|USERNAME|CREDENTIAL)\w*|SLURM_JWT")


def passed_on(variables: Mapping[str, str]) -> dict[str, str]:
    """Return what an agent gets of the variables of whoever starts it: nothing that may be secret."""
    passed = _FOR_AGENTS | _OF_ENGINES
    return {name: value for name, value in variables.items() if _INHERITED.fullmatch(name) or name in passed}


def inherited() -> dict[str, str]:
    """Return what a job's processes have of the agent's own variables: nothing that is the server's."""
    found = {name: value for name, value in os.environ.items() if _INHERITED.fullmatch(name)}
    return {"PATH": os.defpath, **found}


def engine_variables() -> dict[str, str]:
    """Return the variables of the program that runs containers: nothing of them is a caller's."""
    own = {name: value for name, value in os.environ.items() if name in _OF_ENGINES}
    return inherited() | own


def contained(image: Mapping[str, str], home: Path) -> dict[str, str]:
    """Return what a process in a container begins with: its image's variables, few of the agent's own.

    Args:
        image: Those of the image.
        home: A folder of the job's: the image's user is another one.
    """
    found = {name: value for name, value in inherited().items() if _IN_CONTAINERS.fullmatch(name)}
    found = {name: value for name, value in found.items() if not _SECRET.fullmatch(name)}
    return {"PATH": _USUAL_PATH, **image, **found, "HOME": str(home)}


def script_variables(
    assignment: Assignment,
    python: Path,
    ca_file: Path | None,
    activated: Mapping[str, str],
    begins_with: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return all variables of the script.

    Args:
        assignment: The job.
        python: The interpreter; the programs beside it are found first.
        ca_file: The file of whose certificates count; None for those that the machine trusts.
        activated: What tells that interpreter's environment.
        begins_with: What it has besides; left out, what processes have of the agent's own.
    """
    variables = _SILENCE | dict(inherited() if begins_with is None else begins_with)
    variables = {name: value for name, value in variables.items() if not _SECRET.fullmatch(name)}
    variables |= assignment.share.variables
    variables |= {**activated, **assignment.environment.variables, **assignment.variables}
    if python.is_absolute():
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
