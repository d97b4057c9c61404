"""What a model asks of the machine that serves it, as scripts say when they register it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ResourceConfiguration:
    """What a deployment of a model is given on Azure: taken with the model, and without effect here.

    Example:
        >>> ResourceConfiguration(cpu=1, memory_in_gb=0.5)
        ResourceConfiguration(cpu=1, memory_in_gb=0.5, gpu=None)
    """

    cpu: float | None = None
    memory_in_gb: float | None = None
    gpu: int | None = None
