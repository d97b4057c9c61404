"""What tests of routes get: a server of their own in this process."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines import SqlEngine
from tests.server.local import Local


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
