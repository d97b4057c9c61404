"""MLflow's messages about versions of registered models; how one looks stands in ``registered_models.py``."""

from __future__ import annotations

from runyard.protocol.messages.artifacts import WireFile
from runyard.protocol.messages.common import Int64, KeyValue, Wire

VERSIONS_PAGE = 200_000


class CreateModelVersion(Wire):
    """Body of ``model-versions/create``."""

    name: str
    source: str
    run_id: str | None = None
    tags: list[KeyValue] = []
    run_link: str = ""
    description: str = ""
    model_id: str | None = None


class NamedVersion(Wire):
    """A version, by its model's name and its number."""

    name: str
    version: str


class UpdateModelVersion(NamedVersion):
    """Body of ``model-versions/update``; without a description it has none any more, as for MLflow."""

    description: str | None = None


class TransitionStage(NamedVersion):
    """Body of ``model-versions/transition-stage``."""

    stage: str
    archive_existing_versions: bool = False


class SearchModelVersions(Wire):
    """Query of ``model-versions/search``."""

    filter: str | None = None
    max_results: Int64 = VERSIONS_PAGE
    order_by: list[str] = []
    page_token: str | None = None


class SetModelVersionTag(NamedVersion):
    """Body of ``model-versions/set-tag``."""

    key: str
    value: str = ""


class DeleteModelVersionTag(NamedVersion):
    """Body of ``model-versions/delete-tag``."""

    key: str


class DownloadUriAnswer(Wire, omit_defaults=False):
    """Answer of ``model-versions/get-download-uri``."""

    artifact_uri: str


class ListVersionFiles(NamedVersion):
    """Query of Runyard's own list of a version's files."""

    path: str = ""


class VersionFilesAnswer(Wire, omit_defaults=False):
    """What lies directly in a directory of a version."""

    files: list[WireFile]
