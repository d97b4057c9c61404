"""Ray clusters as compute targets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runyard.entities.compute_target import FOR_POOLS, RAY
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.compute_configuration import TargetConfiguration


@names_arguments
class RayCluster:
    """A Ray cluster that is there; its targets are of the class ``AmlCompute``, as Azure's scripts expect.

    Example:
        >>> RayCluster.attach_configuration("http://head.example:8265", slots=8).slots
        8
    """

    @staticmethod
    def attach_configuration(
        address: str,
        token: str = "",
        *,
        slots: int = 1,
        is_for_pools: bool = False,
        description: str = "",
        tags: Mapping[str, str] | None = None,
        **settings: Any,
    ) -> TargetConfiguration:
        """Return what :meth:`ComputeTarget.attach` makes a target of.

        Args:
            address: Where the cluster's dashboard is, as ``http://head:8265``, seen from the server.
            token: What a cluster with ``RAY_AUTH_MODE=token`` asks for.
            slots: How many jobs of one slot run on it at a time.
            is_for_pools: Whether what ``AmlCompute.provisioning_configuration`` makes is on this cluster.
            description: What it is for.
            tags: Free key and value pairs.
            **settings: ``server_url``, ``python``, ``cpus_per_slot``, ``gpus_per_slot``,
                ``memory_bytes_per_slot``, ``resources_per_slot`` and ``use_containers``.

        Example:
            >>> RayCluster.attach_configuration("http://head:8265", gpus_per_slot=1).settings
            {'address': 'http://head:8265', 'gpus_per_slot': 1}
        """
        return TargetConfiguration(
            kind=RAY,
            slots=slots,
            description=description,
            tags={**(tags or {}), **({FOR_POOLS: "true"} if is_for_pools else {})},
            settings={"address": address, **settings},
            credential={"token": token} if token else {},
        )
