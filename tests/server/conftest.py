"""What tests of routes get: a server of their own in this process."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.local import Local


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Local]:
    """`runyard up` on an empty home, without a socket."""
    server = Local(tmp_path / "home")
    yield server
    server.close()
