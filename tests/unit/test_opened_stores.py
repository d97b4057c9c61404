"""Stores that stay open: the ones that were asked for last, and each opened once."""

from __future__ import annotations

from pathlib import Path

from runyard.services.opened_stores import MOST, OpenedStores
from runyard.stores.artifacts.folder import FolderArtifactStore


def test_a_store_is_opened_once_and_forgotten_when_many_came_after_it(tmp_path: Path):
    opened = OpenedStores()
    asked: list[int] = []

    def get(number: int) -> object:
        def open_it() -> FolderArtifactStore:
            asked.append(number)
            return FolderArtifactStore(tmp_path / str(number))

        return opened.get(number, open_it)

    first = get(0)
    assert get(0) is first
    for number in range(1, MOST):
        get(number)
    assert get(0) is first  # and so it is younger than the second now
    get(MOST)
    get(1)
    assert asked == [*range(MOST + 1), 1]
