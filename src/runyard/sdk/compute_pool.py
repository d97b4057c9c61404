"""Pools of slots as compute targets, in the words of Azure's first SDK for a cluster that it rents."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from runyard.entities.compute_target import LOCAL, POOL, RAY, THIS_MACHINE
from runyard.errors import InvalidParameter
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.arguments import whole_number
from runyard.sdk.compute import ComputeTarget
from runyard.sdk.compute_configuration import TargetConfiguration
from runyard.sdk.compute_state import ScaleSettings

if TYPE_CHECKING:
    from runyard.sdk.workspace import Workspace

# What Azure's first SDK takes and a pool of slots has no use for.
_AZURE_OPTIONS = frozenset({
    "admin_user_password", "admin_user_ssh_key", "admin_username", "enable_node_public_ip", "identity_id",
    "identity_type", "location", "remote_login_port_public_access", "subnet_name", "vnet_name",
    "vnet_resourcegroup_name",
})  # fmt: skip


@names_arguments
class AmlCompute(ComputeTarget, kind=LOCAL):
    """A pool of slots on the server's own machine, or on a Ray cluster.

    Example:
        >>> pool = AmlCompute.provisioning_configuration(max_nodes=4)
        >>> ComputeTarget.create(ws, "cpu-cluster", pool)
        AmlCompute('cpu-cluster', workspace='lab')
    """

    @staticmethod
    def supported_vmsizes(workspace: Workspace, location: str | None = None) -> builtins.list[dict[str, Any]]:
        """Return the sizes of machines that can be rented: none, Runyard rents no machines.

        Args:
            workspace: Taken for Azure's scripts; no effect.
            location: As ``workspace``.

        Example:
            >>> AmlCompute.supported_vmsizes(ws)
            []
        """
        return []

    @property
    def scale_settings(self) -> ScaleSettings:
        """How many slots there may be.

        Example:
            >>> pool.scale_settings.maximum_node_count
            4
        """
        return self.get_status().scale_settings

    def list_nodes(self) -> builtins.list[dict[str, Any]]:
        """Return what runs on the target, as Azure lists a cluster's machines: one entry for each job.

        Example:
            >>> pool.list_nodes()
            []
        """
        return [
            {
                "nodeId": run.id,
                "port": None,
                "publicIpAddress": None,
                "privateIpAddress": None,
                "nodeState": "running",
                "runId": run.id,
            }
            for run in self.get_active_runs()
            if run.get_status() != "Queued"
        ]

    @staticmethod
    def provisioning_configuration(
        vm_size: str = "",
        vm_priority: str = "dedicated",
        min_nodes: int = 0,
        max_nodes: int | None = None,
        idle_seconds_before_scaledown: int | None = 1800,
        tags: Mapping[str, str] | None = None,
        description: str | None = None,
        **azure_options: Any,
    ) -> TargetConfiguration:
        """Return what :meth:`ComputeTarget.create` makes a target of.

        It makes ``max_nodes`` slots: so many jobs run at a time. They are on the Ray cluster whose target has
        the tag ``runyard.pools``, or on the server's own machine if none has. Runyard rents no machines, so
        the size of one has no effect, and :meth:`ComputeTarget.create` says so.

        Args:
            vm_size: Taken for Azure's scripts; no effect.
            vm_priority: As ``vm_size``.
            min_nodes: As ``vm_size``.
            max_nodes: How many slots; one if nothing is said.
            idle_seconds_before_scaledown: As ``vm_size``.
            tags: Free key and value pairs.
            description: What it is for.
            **azure_options: Further keywords of Azure's first SDK; no effect.

        Raises:
            InvalidParameter: ``max_nodes`` is no such number, or less than ``min_nodes``.
            TypeError: A keyword is none of Azure's.

        Example:
            >>> AmlCompute.provisioning_configuration(vm_size="STANDARD_D2_V2", max_nodes=4).slots
            4
        """
        unknown = sorted(azure_options.keys() - _AZURE_OPTIONS)
        if unknown:
            raise TypeError(
                f"provisioning_configuration() got unexpected keyword arguments: {', '.join(unknown)}"
            )
        slots = 1 if max_nodes is None else max_nodes
        if type(slots) is not int or slots < 1:
            raise InvalidParameter(f"max_nodes={max_nodes!r} must be a whole number of at least 1.")
        if whole_number(min_nodes, "min_nodes") > slots:
            raise InvalidParameter(f"min_nodes={min_nodes} is more than max_nodes={slots}.")
        ignored = ("vm_size",) if vm_size else tuple(sorted(azure_options))
        return TargetConfiguration(
            kind=POOL, slots=slots, description=description or "", tags=dict(tags or {}), ignored=ignored
        )


# What Azure's scripts make as one, they find as one.
ComputeTarget._classes[RAY] = AmlCompute


class LocalTarget:
    """The server's own machine, by the name that Azure's SDK has for the machine of the client.

    Example:
        >>> LocalTarget().name
        'local'
    """

    name = THIS_MACHINE
    type = "local"

    def __repr__(self) -> str:
        return "LocalTarget()"
