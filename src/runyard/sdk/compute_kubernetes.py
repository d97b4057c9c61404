"""Compute targets that are clusters of Kubernetes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from runyard.errors import InvalidParameter
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.compute import ComputeTarget
from runyard.sdk.compute_configuration import TargetConfiguration

KUBERNETES: Final = "kubernetes"

_CREDENTIAL = ("kubeconfig", "token", "ca")
# By these Azure's first SDK finds a cluster, and says who its jobs are in Azure.
_AZURE_OPTIONS = ("resource_group", "cluster_name", "resource_id", "identity_type", "identity_ids")


@names_arguments
class KubernetesCompute(ComputeTarget, kind=KUBERNETES):
    """A namespace of a cluster of Kubernetes: each job is a Job there.

    Example:
        >>> KubernetesCompute.attach_configuration("ml", 4, kubeconfig="...", memory="8Gi").kind
        'kubernetes'
    """

    @staticmethod
    def attach_configuration(
        namespace: str = "default",
        slots: int = 1,
        tags: Mapping[str, str] | None = None,
        description: str | None = None,
        skip_validation: bool = False,
        **settings: Any,
    ) -> TargetConfiguration:
        """Return what :meth:`ComputeTarget.attach` makes a target of.

        Args:
            namespace: Where its jobs are made.
            slots: How many jobs of one slot run on it at a time.
            tags: Free key and value pairs.
            description: What it is for.
            skip_validation: Whether the server keeps the target without asking the cluster.
            **settings: What it is reached with: ``kubeconfig``, the content of the file; or ``server``,
                ``token`` and ``ca``. And what its pods are like: ``image``, ``cpu``, ``memory``, ``gpus``,
                ``gpu_name``, ``node_selector``, ``tolerations``, ``service_account``,
                ``image_pull_secrets``, ``cache_claim``, ``run_as_user``, ``server_url``.

        Raises:
            InvalidParameter: Nothing says how the cluster is reached, or Azure would have to be asked.

        Example:
            >>> wanted = KubernetesCompute.attach_configuration("ml", 4, kubeconfig="...", memory="8Gi")
            >>> wanted.settings
            {'namespace': 'ml', 'memory': '8Gi'}
        """
        of_azure = [each for each in _AZURE_OPTIONS if settings.pop(each, None) is not None]
        credential = {each: str(settings.pop(each)) for each in _CREDENTIAL if settings.get(each)}
        if not credential:
            asked = f"{of_azure[0]}: Runyard does not ask Azure where a cluster is; " if of_azure else ""
            raise InvalidParameter(
                f"{asked}give the content of a kubeconfig, or a server with its token and ca."
            )
        return TargetConfiguration(
            kind=KUBERNETES,
            slots=slots,
            description=description or "",
            tags=dict(tags or {}),
            settings={"namespace": namespace, **settings},
            credential=credential,
            skip_validation=skip_validation,
        )
