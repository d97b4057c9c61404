"""Jobs in containers, by a real docker in an image of Debian's."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.container_rules import IN_IMAGE, ContainerRules, boxed, index, registry
from tests.agent.job_folder import JobFolder
from tests.container_engine import TestsDocker, needs_engines

pytestmark = [pytest.mark.slow, needs_engines]
__all__ = ["boxed", "index", "registry"]


@pytest.fixture(scope="module")
def engine() -> Iterator[TestsDocker]:
    running = TestsDocker(Path(tempfile.mkdtemp(prefix="docker-")))
    yield running
    running.close()


class TestDocker(ContainerRules):
    """The rules."""


def test_a_daemon_that_does_not_answer_is_said(job: JobFolder, tmp_path: Path):
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "docker").symlink_to("/usr/bin/docker")
    job.environment = {"DOCKER_HOST": f"unix://{tmp_path}/none.sock", "PATH": str(programs)}
    job.assign({"train.py": "print(1)"}, environment=IN_IMAGE).run()
    assert job.end["status"] == "failed"
    assert "docker can't run one: see there what `docker info` says" in job.end["reason"]
