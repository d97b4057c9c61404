"""Servers that share a home and begin at the same moment each say where they are."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from runyard.server.home import _write_json


def test_servers_that_begin_together_take_no_file_from_each_other(tmp_path: Path):
    path = tmp_path / "server.json"

    def announce(number: int) -> None:
        for _ in range(100):
            _write_json(path, {"pid": number})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(announce, range(8)))
    assert json.loads(path.read_text())["pid"] in range(8)
    assert list(tmp_path.iterdir()) == [path]
