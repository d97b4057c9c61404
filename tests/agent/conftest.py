"""Agents as processes of their own, in folders as a launcher makes them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.job_folder import JobFolder
from tests.agent.job_server import JobServer


@pytest.fixture
def job_server() -> Iterator[JobServer]:
    server = JobServer()
    yield server
    server.stop()


@pytest.fixture
def job(tmp_path: Path, job_server: JobServer) -> Iterator[JobFolder]:
    folder = JobFolder(tmp_path / "job", job_server)
    yield folder
    folder.close()
