"""A Databricks workspace for each test, and a workspace of ours beside it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from runyard import Workspace
from tests.databricks.databricks_api import Databricks, databricks_workspace
from tests.running_server import RunningServer

_numbers = count()


@pytest.fixture
def databricks() -> Iterator[Databricks]:
    """One that notes each call which was never published; there is to be none."""
    with databricks_workspace() as running:
        yield running
        assert running.unpublished == []


@pytest.fixture
def workspace(server: RunningServer) -> Workspace:
    """An empty workspace on the module's server."""
    return Workspace.create(f"linked-{next(_numbers)}", url=server.url)
