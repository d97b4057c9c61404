"""Environments, where notebooks ask for those that Azure had in every workspace."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from runyard.errors import NotFound
from runyard.sdk import environment

if TYPE_CHECKING:
    from runyard.sdk.workspace import Workspace

_AZURE_PREFIXES = ("azureml-", "acpt-")
# What stands in for an environment of Azure's that has one of these in its name, the first that fits.
_STAND_INS = (
    ("sklearn", "Runyard-Sklearn"),
    ("scikit-learn", "Runyard-Sklearn"),
    ("tutorial", "Runyard-Sklearn"),
    ("pytorch", "Runyard-PyTorch"),
    ("xgboost", "Runyard-XGBoost"),
    ("minimal", "Runyard-Minimal"),
)
_logger = logging.getLogger(__name__)


class Environment(environment.Environment):
    """An environment; Azure's curated ones have stand-ins among those that come with the server.

    Example:
        >>> Environment("training").register(workspace=ws).name
        'training'
    """

    @staticmethod
    def get(
        workspace: Workspace, name: str, version: str | int | None = None, label: str | None = None
    ) -> environment.Environment:
        """Return an environment of a workspace; see :meth:`runyard.Environment.get`.

        In place of one of Azure's own, which is of no version here, it is what the server has for the same
        framework, and a warning says so.

        Raises:
            NotFound: There is no such environment or version, and nothing stands in for it.

        Example:
            >>> Environment.get(ws, name="AzureML-Minimal").name
            'Runyard-Minimal'
        """
        try:
            return environment.Environment.get(workspace, name, version, label)
        except NotFound:
            stand_in = stand_in_for(name)
            if stand_in is None:
                raise
        _logger.warning(
            "%s is an environment of Azure's: %s, which has the versions of today, is taken in its place.",
            name,
            stand_in,
        )
        return environment.Environment.get(workspace, stand_in)


def stand_in_for(name: str) -> str | None:
    """Return which environment of the server stands in for one of Azure's; None if none does."""
    lower = name.lower()
    if not lower.startswith(_AZURE_PREFIXES):
        return None
    return next((stand_in for part, stand_in in _STAND_INS if part in lower), None)
