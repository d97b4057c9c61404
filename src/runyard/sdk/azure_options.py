"""The keywords of Azure's first SDK that are taken, so that its scripts run, and that have no effect here."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

_logger = logging.getLogger(__name__)

# What Azure's first SDK takes and a server of one's own has no use for.
_AZURE_OPTIONS = frozenset({
    "adb_workspace", "allow_public_access_when_behind_vnet", "app_insights", "auth", "cloud",
    "cmk_keyvault", "container_registry", "create_resource_group", "default_cpu_compute_target",
    "default_gpu_compute_target", "friendly_name", "hbi_workspace", "id", "image_build_compute",
    "key_vault", "location", "primary_user_assigned_identity", "private_endpoint_auto_approval",
    "private_endpoint_config", "resource_cmk_uri", "service_managed_resources_settings", "show_output",
    "sku", "storage_account", "system_datastores_auth_mode", "user_assigned_identity_for_cmk_encryption",
    "v1_legacy_mode",
})  # fmt: skip
_RUN_OPTIONS = frozenset({"directory"})


def check_azure_options(caller: str, options: Mapping[str, Any]) -> None:
    """Take what Azure's SDK takes; a debug message says what had no effect.

    Args:
        caller: The call that got the keywords, for the error.
        options: The keywords.

    Raises:
        TypeError: A keyword is none of them.
    """
    _check(caller, options, _AZURE_OPTIONS)


def check_run_options(caller: str, options: Mapping[str, Any]) -> None:
    """Take what runs of Azure's SDK take, as ``directory``; see :func:`check_azure_options`.

    Args:
        caller: The call that got the keywords, for the error.
        options: The keywords.

    Raises:
        TypeError: A keyword is none of them.
    """
    _check(caller, options, _RUN_OPTIONS)


def _check(caller: str, options: Mapping[str, Any], known: frozenset[str]) -> None:
    unknown = sorted(options.keys() - known)
    if unknown:
        raise TypeError(f"{caller}() got unexpected keyword arguments: {', '.join(unknown)}")
    if options:
        _logger.debug("%s: no effect on a Runyard server: %s", caller, ", ".join(sorted(options)))
