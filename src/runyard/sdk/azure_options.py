"""The keywords of Azure's first SDK that are taken, so that its scripts run, and that have no effect here."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

_logger = logging.getLogger(__name__)

# What Azure's first SDK takes and a server of one's own has no use for.
_AZURE_OPTIONS = frozenset({
    "adb_workspace", "app_insights", "auth", "cloud", "cmk_keyvault", "container_registry",
    "create_resource_group", "default_cpu_compute_target", "default_gpu_compute_target", "friendly_name",
    "hbi_workspace", "id", "key_vault", "location", "primary_user_assigned_identity",
    "private_endpoint_auto_approval", "private_endpoint_config", "resource_cmk_uri", "show_output", "sku",
    "storage_account", "system_datastores_auth_mode", "user_assigned_identity_for_cmk_encryption",
    "v1_legacy_mode",
})  # fmt: skip


def check_azure_options(caller: str, options: Mapping[str, Any]) -> None:
    """Take what Azure's SDK takes; a debug message says what had no effect.

    Args:
        caller: The call that got the keywords, for the error.
        options: The keywords.

    Raises:
        TypeError: A keyword is none of them.
    """
    unknown = sorted(options.keys() - _AZURE_OPTIONS)
    if unknown:
        raise TypeError(f"{caller}() got unexpected keyword arguments: {', '.join(unknown)}")
    if options:
        _logger.debug("%s: no effect on a Runyard server: %s", caller, ", ".join(sorted(options)))
