"""Pages of runs while runs come and go: a token is a place in the order, and good for its own search only."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.server.local import Local


@pytest.fixture
def local(tmp_path) -> Iterator[Local]:
    server = Local(tmp_path / "home")
    for number in range(10):
        run_id = server.run("0", run_name=f"r{number}", start_time=number)
        server.post("/runs/log-metric", run_id=run_id, key="m", value=number % 3, timestamp=1)
    yield server
    server.close()


def names(page: dict[str, Any]) -> list[str]:
    return [run["info"]["run_name"] for run in page.get("runs", [])]


def walk(local: Local, between: Callable[[int], Any], **search: Any) -> list[str]:
    """The names on all pages of two, with something done after each."""
    found, token, number = [], None, 0
    while number == 0 or token:
        page = local.post("/runs/search", experiment_ids=["0"], max_results=2, page_token=token, **search)
        found += names(page)
        token, number = page.get("next_page_token"), number + 1
        between(number)
    return found


LATEST = [f"r{number}" for number in range(9, -1, -1)]


def test_runs_that_begin_meanwhile_move_nothing(local: Local):
    assert walk(local, lambda number: local.run("0", start_time=1000 + number)) == LATEST


def test_runs_that_are_deleted_meanwhile_leave_no_gap(local: Local):
    ids = {run["info"]["run_name"]: run["info"]["run_id"] for run in everything(local)}
    assert walk(local, lambda number: number == 2 and local.post("/runs/delete", run_id=ids["r9"])) == LATEST
    found = walk(local, lambda number: number == 1 and local.post("/runs/delete", run_id=ids["r8"]))
    assert found == LATEST[1:]  # r9 lies in the trash; r8 was shown already


def everything(local: Local) -> Any:
    return local.post("/runs/search", experiment_ids=["0"])["runs"]


def test_ties_of_a_metric_are_told_apart(local: Local):
    whole = names(local.post("/runs/search", experiment_ids=["0"], order_by=["metrics.m DESC"]))
    assert walk(local, lambda _number: None, order_by=["metrics.m DESC"]) == whole
    assert whole == ["r8", "r5", "r2", "r7", "r4", "r1", "r9", "r6", "r3", "r0"]


def test_a_metric_that_moves_meanwhile_hides_no_other_run(local: Local):
    ids = {run["info"]["run_name"]: run["info"]["run_id"] for run in everything(local)}

    def log(number: int) -> None:
        local.post("/runs/log-metric", run_id=ids["r0"], key="m", value=100, timestamp=2, step=number)

    found = walk(local, log, order_by=["metrics.m"])
    assert sorted(set(found)) == sorted(LATEST)


@pytest.mark.parametrize(
    "other",
    [
        {"experiment_ids": ["0", "1"]},
        {"filter": "metrics.m >= 0"},
        {"order_by": ["start_time"]},
        {"run_view_type": "ALL"},
    ],
    ids=str,
)
def test_a_token_of_another_search_is_refused(local: Local, other: dict[str, Any]):
    search = {"experiment_ids": ["0"], "max_results": 2}
    token = local.post("/runs/search", **search)["next_page_token"]
    assert names(local.post("/runs/search", **{**search, "max_results": 3}, page_token=token)) == LATEST[2:5]
    status, code, message = local.refused("/runs/search", **{**search, **other}, page_token=token)
    assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
    assert message.startswith("The page token is of another search:")


@pytest.mark.parametrize(
    "after",
    [
        [],
        [0, 5],
        [0, 5, 0, "r", 0],
        [0, 5, 0, 7],
        [0, "5", 0, "r"],
        [0, 2**63, 0, "r"],
        [0, True, 0, "r"],
        [3, 5, 0, "r"],
        [-1, 5, 0, "r"],
        [2, 5, 0, "r"],
        [0, None, 0, "r"],
        [0, 5, 2, None],
        ["0", 5, 0, "r"],
        [0, [5], 0, "r"],
        [0, 5.5, 0, "r"],
    ],
    ids=str,
)
def test_a_token_that_was_tampered_with_is_refused(local: Local, after: list[Any]):
    search = {"experiment_ids": ["0"], "max_results": 2}
    said = json.loads(base64.b64decode(local.post("/runs/search", **search)["next_page_token"]))
    assert said["after"][:2] == [0, 8]
    token = base64.b64encode(json.dumps({**said, "after": after}).encode()).decode()
    status, code, message = local.refused("/runs/search", **search, page_token=token)
    assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
    assert message.startswith("Invalid page token")


@pytest.mark.parametrize("token", ["x", base64.b64encode(b'{"offset": 2}').decode(), "e30="])
def test_what_is_no_token_is_refused(local: Local, token: str):
    status, code, message = local.refused("/runs/search", experiment_ids=["0"], page_token=token)
    assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
    assert message.startswith("Invalid page token")


def test_a_page_of_every_kind_of_value_goes_on(local: Local):
    for value in ("NaN", "Infinity", "-Infinity", 5e-324):
        run_id = local.run("0", run_name=str(value), start_time=50)
        local.post("/runs/log-metric", run_id=run_id, key="m", value=value, timestamp=1)
    local.run("0", run_name="none", start_time=50)
    for order_by in (["metrics.m"], ["metrics.m DESC"], ["metrics.m", "end_time", "params.none", "run_name"]):
        whole = names(local.post("/runs/search", experiment_ids=["0"], order_by=order_by))
        assert len(whole) == 15
        assert walk(local, lambda _number: None, order_by=order_by) == whole
