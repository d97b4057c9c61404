"""What a script runs in: Python, packages, the machine, and a few variables that change results."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import distributions
from pathlib import Path

import msgspec

GPU_WITHIN_S = 10.0
# Chosen by name, and never all of them: variables hold secrets.
VARIABLES = (
    "CUBLAS_WORKSPACE_CONFIG",
    "CUDA_VISIBLE_DEVICES",
    "HIP_VISIBLE_DEVICES",
    "LOCAL_RANK",
    "MKL_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "PYTHONHASHSEED",
    "PYTORCH_CUDA_ALLOC_CONF",
    "RANK",
    "SLURM_JOB_ID",
    "SLURM_JOB_NODELIST",
    "SLURM_NTASKS",
    "TF_DETERMINISTIC_OPS",
    "TZ",
    "WORLD_SIZE",
    "XLA_FLAGS",
)


class Surroundings(msgspec.Struct):
    """What a script runs in, as it is kept beside the run.

    Args:
        python: Version of the language.
        implementation: Whose Python it is.
        platform: Operating system and its version.
        host: Name of the machine.
        processor: What it computes with.
        processor_count: How many of them this process may use.
        memory_bytes: How much memory the machine has.
        gpus: Name, memory and driver of each.
        variables: Those of :data:`VARIABLES` that are set.
    """

    python: str
    implementation: str
    platform: str
    host: str
    processor: str
    processor_count: int
    memory_bytes: int
    gpus: list[str]
    variables: dict[str, str]


def read_surroundings() -> Surroundings:
    """Return what this process runs in; asks the driver of NVIDIA's GPUs if there is one."""
    return Surroundings(
        python=platform.python_version(),
        implementation=platform.python_implementation(),
        platform=platform.platform(),
        host=platform.node(),
        processor=_processor(),
        processor_count=len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count() or 0,
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        gpus=_gpus(),
        variables={name: value for name in VARIABLES if (value := os.environ.get(name)) is not None},
    )


def installed_packages() -> list[str]:
    """Return each installed package as a line of a requirements file, in order."""
    found: dict[str, str] = {}
    for distribution in distributions():
        name = distribution.metadata["Name"]
        if name:
            # The first on the path is the one that is imported.
            found.setdefault(name.lower(), f"{name}=={distribution.version}")
    return [line for _, line in sorted(found.items())]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "") or platform.processor() or platform.machine()


def _gpus() -> list[str]:
    question = ("nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader")
    try:
        answer = subprocess.run(question, capture_output=True, text=True, timeout=GPU_WITHIN_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.strip() for line in answer.stdout.splitlines() if line.strip()]
