"""What a server keeps of environments: asked for, registered and changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import quote

from runyard.errors import InvalidParameter
from runyard.protocol.asset_limits import check_environment_name
from runyard.protocol.messages.environments import (
    ChangeEnvironment,
    EnvironmentAnswer,
    GetEnvironment,
    ListEnvironments,
    ListEnvironmentsAnswer,
    ListEnvironmentVersionsAnswer,
    RegisteredEnvironmentAnswer,
    RegisterEnvironment,
    WireEnvironment,
)
from runyard.sdk.connection import connection_of
from runyard.sdk.pages import pages

if TYPE_CHECKING:
    from runyard.sdk.workspace import Workspace

_BASE = "/api/v1/environments"
_PAGE_SIZE = 1_000
_LONGEST_NUMBER = 9


def get_record(workspace: Workspace, name: str, version: str | int | None = None) -> WireEnvironment:
    """Return a version of an environment, the one registered last unless it is named.

    Raises:
        NotFound: There is no such environment or version.
    """
    query = GetEnvironment(version=_number(version))
    return connection_of(workspace).get(_path(name), EnvironmentAnswer, query).environment


def list_records(workspace: Workspace, *, with_archived: bool = False) -> Iterator[WireEnvironment]:
    """Yield those that come with the server, and those of a workspace by name, each in its latest version."""

    def ask(page_token: str | None) -> ListEnvironmentsAnswer:
        query = ListEnvironments(max_results=_PAGE_SIZE, page_token=page_token, with_archived=with_archived)
        return connection_of(workspace).get(_BASE, ListEnvironmentsAnswer, query)

    for answer in pages(ask):
        yield from answer.curated
        yield from answer.environments


def list_versions(workspace: Workspace, name: str) -> Iterator[WireEnvironment]:
    """Yield all versions of an environment, the highest number first.

    Raises:
        NotFound: There is no such environment.
    """

    def ask(page_token: str | None) -> ListEnvironmentVersionsAnswer:
        query = ListEnvironments(max_results=_PAGE_SIZE, page_token=page_token)
        return connection_of(workspace).get(f"{_path(name)}/versions", ListEnvironmentVersionsAnswer, query)

    for answer in pages(ask):
        yield from answer.environments


def register_record(workspace: Workspace, wanted: RegisterEnvironment) -> WireEnvironment:
    """Register an environment, and return the version that it is."""
    answer = connection_of(workspace).post(_BASE, wanted, RegisteredEnvironmentAnswer, is_repeatable=True)
    return answer.environment


def change_record(workspace: Workspace, name: str, wanted: ChangeEnvironment) -> WireEnvironment:
    """Change what is said of an environment, and return its latest version."""
    return connection_of(workspace).change("PATCH", _path(name), wanted, EnvironmentAnswer).environment


def _path(name: str) -> str:
    check_environment_name(name)
    return f"{_BASE}/{quote(name, safe='')}"


def _number(version: str | int | None) -> int | None:
    if version is None:
        return None
    text = str(version)
    if not text.isascii() or not text.isdecimal() or len(text) > _LONGEST_NUMBER:
        raise InvalidParameter(f"A version of an environment is a number, as '3', not {version!r}.")
    return int(text)
