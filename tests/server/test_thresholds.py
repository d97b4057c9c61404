"""Webhooks that are told when a metric crosses a threshold: once for each run, whatever happens."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from runyard.services import events
from runyard.services.call import system_now_ms
from runyard.services.deliveries import Courier, deliver_due
from runyard.services.outbound import OutboundClient
from runyard.services.sealing import Sealer
from runyard.settings import Settings
from tests.engines import SqlEngine
from tests.receiver import Receiver, receiving
from tests.server.local import Local, good, refusal

HOOKS = "/api/v1/webhooks"
LOOPBACK = ("127.0.0.1",)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture
def local(tmp_path, engine: SqlEngine) -> Iterator[Local]:
    home = tmp_path / "home"
    server = Local(home, database=engine.setting(home), outbound_allow=LOOPBACK)
    yield server
    server.close()


def add(local: Local, receiver: Receiver, comparison: str = "<", value: float = 0.5, **more: Any) -> Any:
    threshold = {"metric": "loss", "comparison": comparison, "value": value}
    experiment_id = more.pop("experiment_id", None)
    if experiment_id is not None:
        threshold["experiment_id"] = experiment_id
    body = {"url": f"http://127.0.0.1:{receiver.port}/", "threshold": threshold, **more}
    return good(local.ask("POST", HOOKS, json=body))["webhook"]


def log(local: Local, run_id: str, *values: float, key: str = "loss") -> None:
    metrics = [
        {"key": key, "value": value, "timestamp": step + 1, "step": step} for step, value in enumerate(values)
    ]
    local.post("/runs/log-batch", run_id=run_id, metrics=metrics)


def told(local: Local, receiver: Receiver) -> list[Any]:
    """Do what the server does behind the requests, and return what was told by it."""
    before = len(receiver.received)
    local.stores.metrics.settle()
    for _ in range(2):
        events.tell_new(local.stores, system_now_ms())
    courier = Courier(OutboundClient(Settings(outbound_allow=LOOPBACK)), Sealer(local.settings))
    deliver_due(local.stores, courier, system_now_ms, lambda worked_s: None)
    return [json.loads(came.body) for came in receiver.received[before:]]


def runs_of(bodies: list[Any]) -> list[str]:
    return [body["subject"]["run_id"] for body in bodies]


def test_a_run_that_crosses_is_told_once(local: Local, receiver: Receiver):
    webhook = add(local, receiver)
    run_id = local.run(run_name="night")
    log(local, run_id, 3.0, 0.5)
    assert told(local, receiver) == []
    log(local, run_id, 0.5, 0.25, 4.0)
    (body,) = told(local, receiver)
    assert (body["kind"], body["workspace"]) == ("metric.crossed", "default")
    assert body["subject"] == {
        "webhook_id": webhook["webhook_id"], "run_id": run_id, "run_name": "night", "experiment_id": "0",
        "metric": "loss", "comparison": "<", "threshold": 0.5, "value": 0.25,
    }  # fmt: skip
    assert (
        body["message"]
        == "Metric 'loss' of run 'night' of workspace 'default' is below 0.5: it came to 0.25."
    )
    log(local, run_id, 0.1)
    local.post("/runs/update", run_id=run_id, status="FINISHED")
    assert told(local, receiver) == []


@pytest.mark.parametrize(
    ("comparison", "value", "crosses", "stays"),
    [(">", 0.5, 0.6, 0.5), (">=", 0.5, 0.5, 0.4), ("<", 0.5, 0.4, 0.5), ("<=", 0.5, 0.5, 0.6)],
)
def test_each_comparison(
    local: Local, receiver: Receiver, comparison: str, value: float, crosses: float, stays: float
):
    add(local, receiver, comparison, value)
    runs = [local.run(), local.run()]
    log(local, runs[0], crosses)
    log(local, runs[1], stays)
    assert runs_of(told(local, receiver)) == [runs[0]]


def test_a_run_that_ended_before_anybody_looked_is_told_with_its_end(local: Local, receiver: Receiver):
    add(local, receiver)
    run_id = local.run()
    log(local, run_id, 0.1)
    local.post("/runs/update", run_id=run_id, status="FINISHED")
    assert runs_of(told(local, receiver)) == [run_id]
    assert told(local, receiver) == []


def test_a_run_whose_end_comes_while_another_is_looked_at_is_told_with_its_own(
    local: Local, receiver: Receiver, monkeypatch
):
    """Its points come after those that were settled, and its end before the ends are taken."""
    add(local, receiver)
    first = local.run()
    local.post("/runs/update", run_id=first, status="FINISHED")
    local.stores.metrics.settle()
    settle = local.stores.metrics.settle
    ended: list[str] = []

    def settle_as_another_ends() -> None:
        settle()
        if not ended:
            ended.append(local.run())
            log(local, ended[0], 0.1)
            local.post("/runs/update", run_id=ended[0], status="FINISHED")

    monkeypatch.setattr(local.stores.metrics, "settle", settle_as_another_ends)
    events.tell_new(local.stores, system_now_ms())
    assert ended
    assert runs_of(told(local, receiver)) == ended


def test_what_had_crossed_before_there_was_a_webhook_is_passed_over(local: Local, receiver: Receiver):
    old, new = local.run(), local.run()
    log(local, old, 0.1)
    local.stores.metrics.settle()
    webhook = add(local, receiver)
    assert told(local, receiver) == []
    log(local, old, 0.05)
    log(local, new, 0.1)
    assert runs_of(told(local, receiver)) == [new]
    body = {"url": webhook["url"], "threshold": webhook["threshold"] | {"value": 0.01}}
    good(local.ask("PUT", f"{HOOKS}/{webhook['webhook_id']}", json=body))
    log(local, old, 0.001)
    assert runs_of(told(local, receiver)) == [old]


def test_a_threshold_is_of_its_workspace_experiment_and_metric(local: Local, receiver: Receiver):
    good(local.ask("POST", "/api/v1/workspaces", json={"name": "vision"}))
    first, second = local.experiment("first"), local.experiment("second")
    add(local, receiver, workspace="default", experiment_id=first)
    runs = [local.run(first), local.run(second), local.run(first)]
    for run_id in runs[:2]:
        log(local, run_id, 0.1)
    log(local, runs[2], 0.1, key="accuracy")
    assert runs_of(told(local, receiver)) == [runs[0]]
    add(local, receiver, workspace="vision")
    local.prefix = "/workspaces/vision"
    run_id = local.run()
    log(local, run_id, 0.1)
    assert runs_of(told(local, receiver)) == [run_id]


def test_only_its_own_webhook_is_told_and_everybody_can_list_it(local: Local, receiver: Receiver):
    add(local, receiver)
    good(local.ask("POST", HOOKS, json={"url": f"http://127.0.0.1:{receiver.port}/all"}))
    run_id = local.run()
    log(local, run_id, 0.1)
    told(local, receiver)
    assert [came.path for came in receiver.received] == ["/"]
    listed = good(local.ask("GET", "/api/v1/events"))["events"]
    assert [event["kind"] for event in listed] == ["metric.crossed"]


def test_nan_crosses_nothing_and_infinity_is_told_in_a_word(local: Local, receiver: Receiver):
    add(local, receiver, ">", 1e9)
    run_id = local.run()
    for value in ("NaN", "-Infinity"):
        local.post("/runs/log-metric", run_id=run_id, key="loss", value=value, timestamp=1)
    assert told(local, receiver) == []
    local.post("/runs/log-metric", run_id=run_id, key="loss", value="Infinity", timestamp=2)
    (body,) = told(local, receiver)
    assert body["subject"]["value"] == "inf"


def test_a_run_in_the_trash_or_a_disabled_webhook_tells_nothing(local: Local, receiver: Receiver):
    webhook = add(local, receiver)
    run_id = local.run()
    log(local, run_id, 0.1)
    local.post("/runs/delete", run_id=run_id)
    assert told(local, receiver) == []
    local.post("/runs/restore", run_id=run_id)
    body = {"url": webhook["url"], "threshold": webhook["threshold"], "is_active": False}
    good(local.ask("PUT", f"{HOOKS}/{webhook['webhook_id']}", json=body))
    assert told(local, receiver) == []


def test_a_run_and_a_webhook_go_for_good_with_their_crossings(local: Local, receiver: Receiver):
    webhook = add(local, receiver)
    runs = [local.run(), local.run()]
    for run_id in runs:
        log(local, run_id, 0.1)
    assert len(told(local, receiver)) == 2
    local.post("/runs/delete", run_id=runs[0])
    good(local.ask("POST", "/api/v1/trash/collect", json={"older_than_s": 0, "run_ids": [runs[0]]}))
    good(local.ask("DELETE", f"{HOOKS}/{webhook['webhook_id']}"))


@pytest.mark.parametrize(
    ("threshold", "more", "message"),
    [
        ({"comparison": "=="}, {}, "for parameter 'threshold.comparison'"),
        ({"metric": ""}, {}, "threshold.metric"),
        ({"metric": "a/../b"}, {}, "threshold.metric"),
        ({"metric": "x" * 251}, {}, "'threshold.metric' exceeds"),
        ({"value": "NaN"}, {}, "'threshold.value' must be a finite number"),
        ({"value": "low"}, {}, "threshold.value"),
        ({"experiment_id": "0"}, {}, "needs the 'workspace'"),
        ({"experiment_id": "x"}, {"workspace": "default"}, "Invalid experiment ID"),
        ({"experiment_id": "98765"}, {"workspace": "default"}, "No Experiment with id=98765"),
        ({}, {"kinds": ["run.failed"]}, "is told of nothing else"),
    ],
)
def test_what_a_threshold_cannot_be_is_refused(
    local: Local, receiver: Receiver, threshold: dict, more: dict, message: str
):
    whole = {"metric": "loss", "comparison": "<", "value": 0.5} | threshold
    body = {"url": f"http://127.0.0.1:{receiver.port}/", "threshold": whole, **more}
    assert message in refusal(local.ask("POST", HOOKS, json=body))[2]
    assert good(local.ask("GET", HOOKS))["webhooks"] == []


def test_the_kind_of_a_crossing_needs_a_threshold(local: Local, receiver: Receiver):
    body = {"url": f"http://127.0.0.1:{receiver.port}/", "kinds": ["metric.crossed"]}
    assert "needs a 'threshold'" in refusal(local.ask("POST", HOOKS, json=body))[2]


def test_runs_that_begin_are_told_only_where_that_is_named(local: Local, receiver: Receiver):
    local.run(run_name="before")
    good(local.ask("POST", HOOKS, json={"url": f"http://127.0.0.1:{receiver.port}/all"}))
    local.run(run_name="unnamed")
    assert good(local.ask("GET", "/api/v1/events"))["events"] == []
    body = {
        "url": f"http://127.0.0.1:{receiver.port}/begun",
        "kinds": ["run.created"],
        "workspace": "default",
    }
    good(local.ask("POST", HOOKS, json=body))
    run_id = local.run(run_name="night")
    (body,) = told(local, receiver)
    assert (body["kind"], body["subject"]["run_id"]) == ("run.created", run_id)
    assert body["message"] == "Run 'night' of workspace 'default' has begun."
    assert [came.path for came in receiver.received] == ["/begun"]
    good(local.ask("POST", "/api/v1/workspaces", json={"name": "vision"}))
    local.prefix = "/workspaces/vision"
    local.run()
    assert told(local, receiver) == []


def test_a_threshold_that_changes_while_runs_are_looked_at_is_told_by_its_new_words(
    local: Local, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    webhook = add(local, receiver)
    run_id = local.run()
    log(local, run_id, 0.4)
    local.stores.metrics.settle()
    hooks = local.stores.metadata.webhooks
    list_thresholds = hooks.list_thresholds

    def list_before_a_change() -> list[Any]:
        found = list_thresholds()
        monkeypatch.setattr(hooks, "list_thresholds", list_thresholds)
        lower = {"url": webhook["url"], "threshold": {"metric": "loss", "comparison": "<", "value": 0.1}}
        good(local.ask("PUT", f"{HOOKS}/{webhook['webhook_id']}", json=lower))
        return found

    monkeypatch.setattr(hooks, "list_thresholds", list_before_a_change)
    assert told(local, receiver) == []
    log(local, run_id, 0.05)
    (body,) = told(local, receiver)
    assert (body["subject"]["threshold"], body["subject"]["value"]) == (0.1, 0.05)
