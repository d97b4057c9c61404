"""What tests of routes get: a server of their own in this process."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from runyard.settings import Mode
from tests.engines import SqlEngine
from tests.server.local import Local
from tests.server.team import Team


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Local]:
    """`runyard up` on an empty home, without a socket."""
    server = Local(tmp_path / "home")
    yield server
    server.close()


@pytest.fixture
def local_on_each_engine(tmp_path: Path, engine: SqlEngine) -> Iterator[Local]:
    """The same on each SQL engine in turn: a module that calls it `local` runs on all of them."""
    server = Local(tmp_path / "home", database=engine.setting(tmp_path / "home"))
    yield server
    server.close()


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Team]:
    """`runyard serve` on an empty home, without a socket."""
    team = Team(tmp_path / "home")
    yield team
    team.close()


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Team]:
    """The same of `runyard up`, which asks nobody who they are."""
    team = Team(tmp_path / "home", Mode.UP)
    yield team
    team.close()
