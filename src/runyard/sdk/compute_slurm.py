"""Slurm clusters as compute targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.compute import ComputeTarget
from runyard.sdk.compute_configuration import TargetConfiguration

_KIND = "slurm"


@names_arguments
class SlurmCompute(ComputeTarget, kind=_KIND):
    """A Slurm cluster, from a machine that has its programs: the server's own, or one reached over SSH.

    Example:
        >>> SlurmCompute.attach_configuration("gpu", slots=20, gpus_per_slot=1).kind
        'slurm'
    """

    @staticmethod
    def attach_configuration(
        partition: str = "",
        account: str = "",
        qos: str = "",
        *,
        slots: int = 1,
        cpus_per_slot: int = 1,
        memory_mb_per_slot: int = 0,
        gpus_per_slot: int = 0,
        gpu_type: str = "",
        time_limit_min: int = 0,
        sbatch_options: Sequence[str] = (),
        ssh: Mapping[str, Any] | None = None,
        credential: Mapping[str, str] | None = None,
        description: str = "",
        tags: Mapping[str, str] | None = None,
        skip_validation: bool = False,
        **more: Any,
    ) -> TargetConfiguration:
        """Return what :meth:`ComputeTarget.attach` makes a target of.

        Args:
            partition: Where jobs run; empty for the cluster's default.
            account: Whom they are charged to.
            qos: Their quality of service.
            slots: How many slots of jobs Runyard keeps in Slurm at a time, those that wait there included.
            cpus_per_slot: CPUs of a slot.
            memory_mb_per_slot: Memory of a slot; 0 for what the partition gives.
            gpus_per_slot: GPUs of a slot.
            gpu_type: Which, as the cluster calls them; empty for any.
            time_limit_min: The longest that a job may ask for; 0 for what the partition gives.
            sbatch_options: More options of ``sbatch``, a word each: ``--constraint=a100``.
            ssh: The machine where Slurm's programs are: ``host``, ``username``, ``port``, and ``known_hosts``
                or ``host_key_fingerprint``; None for the server's own.
            credential: What lets in there: ``private_key`` with ``private_key_passphrase``, or ``password``.
            description: What it is for.
            tags: Free key and value pairs.
            skip_validation: Whether the server keeps the target without asking Slurm if it takes such jobs.
            **more: ``folder``, ``python``, ``programs``, ``server_url``, ``use_containers``.

        Example:
            >>> SlurmCompute.attach_configuration("gpu", slots=20, gpus_per_slot=1).settings["partition"]
            'gpu'
        """
        settings = {
            "partition": partition,
            "account": account,
            "qos": qos,
            "cpus_per_slot": cpus_per_slot,
            "memory_mb_per_slot": memory_mb_per_slot,
            "gpus_per_slot": gpus_per_slot,
            "gpu_type": gpu_type,
            "time_limit_min": time_limit_min,
            "sbatch_options": list(sbatch_options),
            "ssh": None if ssh is None else dict(ssh),
            **more,
        }
        return TargetConfiguration(
            kind=_KIND,
            slots=slots,
            description=description,
            tags=dict(tags or {}),
            settings=settings,
            credential=dict(credential or {}),
            skip_validation=skip_validation,
        )
