"""Pages of every listing hold every item once, whatever the size of a page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runyard.protocol.paging import page_of, parse_page_token
from tests.server.local import Local


@given(st.lists(st.integers(), max_size=30), st.integers(1, 10))
def test_pages_of_a_list_hold_every_item_once(items: list[int], limit: int):
    found: list[int] = []
    token: str | None = ""
    while token is not None:
        offset = parse_page_token(token)
        page = page_of(items[offset : offset + limit + 1], limit, offset)
        assert len(page.items) <= limit
        found += page.items
        token = page.next_token
    assert found == items


@pytest.fixture
def local(tmp_path):
    server = Local(tmp_path / "home")
    for number in range(9):
        experiment_id = server.experiment(f"e{number}")
        server.run("0", start_time=number // 3)
        server.post("/runs/log-metric", run_id=server.run(experiment_id), key="m", value=1, timestamp=1)
    run_id = server.run("1")
    metrics = [{"key": "m", "value": number, "timestamp": number // 4, "step": 0} for number in range(12)]
    server.post("/runs/log-batch", run_id=run_id, metrics=metrics)
    server.run_with_history = run_id  # type: ignore[attr-defined]
    yield server
    server.close()


def pages_of(ask: Callable[..., Any], kind: str, size: int) -> list[Any]:
    """All items of a listing, page by page."""
    found: list[Any] = []
    token: str | None = ""
    while token is not None:
        answer = ask(max_results=size, **({"page_token": token} if token else {}))
        assert 0 < len(answer[kind]) <= size
        found += answer[kind]
        token = answer.get("next_page_token")
    return found


@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(size=st.integers(1, 15))
def test_pages_of_the_api_hold_every_item_once(local: Local, size: int):
    def experiments(**page: Any) -> Any:
        return local.post("/experiments/search", **page)

    def runs(**page: Any) -> Any:
        return local.post("/runs/search", experiment_ids=["0", "1"], **page)

    def history(**page: Any) -> Any:
        run_id = local.run_with_history  # type: ignore[attr-defined]
        return local.get("/metrics/get-history", run_id=run_id, metric_key="m", **page)

    for ask, kind, count in ((experiments, "experiments", 10), (runs, "runs", 11), (history, "metrics", 12)):
        found = pages_of(ask, kind, size)
        assert found == ask(max_results=1000)[kind]
        assert len(found) == count
