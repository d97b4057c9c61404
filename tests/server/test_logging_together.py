"""Log calls that are written together: what their runs are is asked where their points are written."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.server.local import Local

LOG = "/api/2.0/mlflow/runs/log-metric"


@pytest.fixture
def local(local_on_each_engine: Local) -> Local:
    return local_on_each_engine


def point(run_id: str, step: int = 0) -> dict[str, Any]:
    return {"run_id": run_id, "key": "loss", "value": 0.5, "step": step, "timestamp": 1_000 + step}


def at_once(local: Local, bodies: list[dict[str, Any]]) -> list[int]:
    """Log all in one turn of the server's loop, and return what each was answered."""

    async def send() -> list[int]:
        asked = [local._client.post(LOG, json=body) for body in bodies]
        return [answer.status_code for answer in await asyncio.gather(*asked)]

    return local._loop.run_until_complete(send())


def steps(local: Local, run_id: str) -> list[int]:
    found = local.get("/metrics/get-history", run_id=run_id, metric_key="loss")
    return [metric["step"] for metric in found.get("metrics", [])]


def test_a_run_in_the_trash_takes_no_points(local: Local):
    run_id = local.run()
    local.post("/runs/delete", run_id=run_id)
    for path, body in (
        ("/runs/log-metric", point(run_id)),
        ("/runs/log-batch", {"run_id": run_id, "metrics": [point(run_id)]}),
    ):
        status, code, message = local.refused(path, **body)
        assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
        assert f"The run {run_id} must be in the 'active' state. Current state is deleted." in message
    local.post("/runs/restore", run_id=run_id)
    assert steps(local, run_id) == []
    local.post("/runs/log-metric", **point(run_id))
    assert steps(local, run_id) == [0]


def test_a_run_that_is_not_there_takes_no_points(local: Local):
    absent = "f" * 32
    for path, body in (
        ("/runs/log-metric", point(absent)),
        ("/runs/log-batch", {"run_id": absent, "metrics": [point(absent)]}),
    ):
        status, code, message = local.refused(path, **body)
        assert (status, code) == (404, "RESOURCE_DOES_NOT_EXIST")
        assert absent in message


def test_a_run_of_another_workspace_takes_no_points(local: Local):
    run_id = local.run()
    local.ask("POST", "/api/v1/workspaces", json={"name": "vision"}).raise_for_status()
    local.prefix = "/workspaces/vision"
    assert local.refused("/runs/log-metric", **point(run_id))[:2] == (404, "RESOURCE_DOES_NOT_EXIST")
    local.prefix = ""
    assert steps(local, run_id) == []


def test_calls_that_are_refused_take_no_others_with_them(local: Local):
    run_id, deleted = local.run(), local.run()
    local.post("/runs/delete", run_id=deleted)
    bodies = [point(run_id, step) for step in range(10)]
    bodies[4:4] = [point(deleted), point("e" * 32)]
    assert at_once(local, bodies) == [200] * 4 + [400, 404] + [200] * 6
    assert steps(local, run_id) == list(range(10))
    local.post("/runs/restore", run_id=deleted)
    assert steps(local, deleted) == []


def test_calls_of_one_client_alone_and_of_many_are_kept(local: Local):
    runs = [local.run() for _ in range(3)]
    for run_id in runs:
        local.post("/runs/log-metric", **point(run_id, 7))
    assert at_once(local, [point(run_id, step) for step in range(5) for run_id in runs]) == [200] * 15
    for run_id in runs:
        assert steps(local, run_id) == [*range(5), 7]
