"""Runyard's own messages about deleting many registered models or versions at once, for good."""

from __future__ import annotations

from runyard.protocol.messages.common import Wire


class RemoveRegisteredModels(Wire):
    """Body of ``POST /api/v1/registered-models/delete``: these ``names``, or what ``filter`` finds."""

    names: list[str] = []
    filter: str | None = None
    dry_run: bool = False


class RegisteredModelsAnswer(Wire, omit_defaults=False):
    """The models that were deleted, or would be."""

    names: list[str]


class WireNumbered(Wire, omit_defaults=False):
    """One version, by its model's name and its number."""

    name: str
    version: str


class RemoveModelVersions(Wire):
    """Body of ``POST /api/v1/model-versions/delete``: these ``versions``, or those that ``filter`` finds."""

    versions: list[WireNumbered] = []
    filter: str | None = None
    dry_run: bool = False


class RemovedVersionsAnswer(Wire, omit_defaults=False):
    """The versions that were deleted, or would be."""

    versions: list[WireNumbered]
