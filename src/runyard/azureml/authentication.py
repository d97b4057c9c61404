"""Ways to sign in to Azure, which scripts hand to a workspace: taken, and without effect here."""

from __future__ import annotations

import logging
from typing import Any

_logger = logging.getLogger(__name__)


class Authentication:
    """A way to sign in that is not needed: ``runyard login`` or ``RUNYARD_TOKEN`` say who asks a server.

    Nothing that it is given is kept, a password least of all.

    Example:
        >>> type(Authentication("any", password="word")).__name__
        'Authentication'
    """

    def __init__(self, *_arguments: Any, **_options: Any) -> None:
        _logger.info("%s has no effect: `runyard login` signs in to a Runyard server.", type(self).__name__)


class InteractiveLoginAuthentication(Authentication):
    """``InteractiveLoginAuthentication(force=False, tenant_id=None, cloud=None)`` of Azure's SDK.

    Example:
        >>> auth = InteractiveLoginAuthentication(tenant_id="my-tenant")
    """


class ServicePrincipalAuthentication(Authentication):
    """``ServicePrincipalAuthentication(tenant_id, service_principal_id, service_principal_password)``.

    Example:
        >>> auth = ServicePrincipalAuthentication("tenant", "principal", "password")
        >>> vars(auth)
        {}
    """


class MsiAuthentication(Authentication):
    """``MsiAuthentication(cloud=None)`` of Azure's SDK.

    Example:
        >>> auth = MsiAuthentication()
    """


class AzureCliAuthentication(Authentication):
    """``AzureCliAuthentication(cloud=None)`` of Azure's SDK.

    Example:
        >>> auth = AzureCliAuthentication(cloud="AzureCloud")
    """


class TokenAuthentication(Authentication):
    """``TokenAuthentication(get_token_for_audience, cloud=None)`` of Azure's SDK.

    Example:
        >>> auth = TokenAuthentication(get_token_for_audience=lambda audience: "token")
    """
