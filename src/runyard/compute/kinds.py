"""All kinds of compute targets: to add one, write its file and a line here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from runyard.compute import kubernetes, local, ray, slurm, ssh
from runyard.compute.base import TargetKind

KINDS: Final[Mapping[str, TargetKind]] = {
    "local": local.KIND,
    "kubernetes": kubernetes.KIND,
    "ray": ray.KIND,
    "slurm": slurm.KIND,
    "ssh": ssh.KIND,
}
