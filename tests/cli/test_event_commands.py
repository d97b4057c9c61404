"""`runyard events` and `runyard webhook`."""

from collections.abc import Iterator

import pytest

from runyard import Experiment, Workspace
from runyard.protocol.messages.runs import RunInfoAnswer, UpdateRun
from tests.cli.conftest import CommandLine
from tests.cli.test_trash_commands import log
from tests.receiver import Receiver, receiving
from tests.running_server import RunningServer
from tests.waiting import until


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server that may tell a webhook on this machine."""
    home = tmp_path_factory.mktemp("server") / "home"
    running = RunningServer(
        home, environment={"RUNYARD_OUTBOUND_ALLOW": "127.0.0.1", "RUNYARD_LOG_FORMAT": "json"}
    ).start()
    yield running
    running.close()


def finish(workspace: Workspace) -> str:
    """Return a run that has ended well."""
    run_id = log(Experiment(workspace, "training"))
    ended = UpdateRun(run_id=run_id, status="FINISHED")
    workspace.connection.post("/api/2.0/mlflow/runs/update", ended, RunInfoAnswer)
    return run_id


@pytest.mark.usefixtures("_at_server")
def test_a_webhook_is_added_tried_listed_and_deleted(
    runyard: CommandLine, server: RunningServer, receiver: Receiver
):
    url = f"http://127.0.0.1:{receiver.port}/hook"
    made = runyard("webhook", "add", url, "--kind", "run.failed")
    webhook_id, secret = made.out.split()[1], made.out.splitlines()[1]
    assert secret.startswith("whsec_")
    assert [row[:4] for row in runyard("webhook", "list").rows] == [[webhook_id, url, "run.failed", "all"]]
    assert secret not in runyard("webhook", "list", "--json").out
    tried = runyard("webhook", "test", webhook_id)
    assert (tried.code, tried.out) == (0, "It answered 200.\n")
    receiver.statuses = [500]
    failed = runyard("webhook", "test", webhook_id)
    assert failed.code == 1
    assert "It answered 500." in failed.out
    receiver.statuses = [200]
    rows = runyard("webhook", "deliveries", webhook_id).rows
    assert [row[1:4] for row in rows] == [
        ["webhook.test", "waiting", "1"],
        ["webhook.test", "delivered", "1"],
    ]
    assert runyard("webhook", "delete", webhook_id).code == 0
    assert runyard("webhook", "test", webhook_id).code == 3
    assert runyard("webhook", "list", "--json").json == []
    refused = runyard("webhook", "add", "http://169.254.169.254/")
    assert refused.code == 1
    assert "not a public address" in refused.err


@pytest.mark.usefixtures("_at_server")
def test_a_webhook_is_told_when_a_metric_crosses_a_threshold(
    runyard: CommandLine, server: RunningServer, receiver: Receiver
):
    workspace = Workspace.create("thresholds", url=server.url)
    experiment = Experiment(workspace, "training")
    url = f"http://127.0.0.1:{receiver.port}/crossed"
    where = ("--workspace", "thresholds", "--experiment", str(experiment.id), "--name", "good")
    made = runyard("webhook", "add", url, "--when", "loss >= 19", *where)
    assert made.code == 0, made.err
    told_of = f"loss >= 19 in experiment {experiment.id}"
    rows = [row for row in runyard("webhook", "list").rows if row[1] == url]
    assert [row[2:5] for row in rows] == [[told_of, "thresholds", "good"]]
    log(experiment)
    until(lambda: any(came.path == "/crossed" for came in receiver.received))
    rows = runyard("events", "-w", "thresholds", "--kind", "metric.crossed").rows
    assert [row[1] for row in rows] == ["metric.crossed"]
    for wrong in ("val/loss", "val/loss == 1", "< 1", "val/loss < low"):
        refused = runyard("webhook", "add", url, "--when", wrong)
        assert refused.code == 1
        assert "is not of the form" in refused.err
    assert "give 'when'" in runyard("webhook", "add", url, "-e", "1").err


@pytest.mark.usefixtures("_at_server")
def test_what_happens_is_listed_logged_and_told(
    runyard: CommandLine, server: RunningServer, receiver: Receiver
):
    vision = Workspace.create("vision", url=server.url)
    runyard("webhook", "add", f"http://127.0.0.1:{receiver.port}/vision", "--workspace", "vision")
    run_id = finish(vision)
    rows = runyard("events", "-w", "vision").rows
    assert [row[1:3] for row in rows] == [["run.finished", "vision"]]
    assert runyard("events").rows == []
    assert len(runyard("events", "--all-workspaces", "--json").json) >= 1
    assert runyard("events", "-w", "vision", "--kind", "run.failed").rows == []
    assert runyard("events", "-w", "vision", "--kind", "run.lost").code == 1
    until(lambda: any(came.path == "/vision" for came in receiver.received))
    until(lambda: f'"run_id": "{run_id}"' in server.output)


def test_a_server_that_stops_does_not_wait_for_a_webhook_that_does_not_answer(
    runyard: CommandLine, server: RunningServer, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    """The try is cut off; the next start makes it again."""
    monkeypatch.setenv("RUNYARD_HOME", str(server.home))
    receiver.delay.clear()
    url = f"http://127.0.0.1:{receiver.port}/slow"
    runyard("webhook", "add", url)
    finish(Workspace.get("default", url=server.url))
    until(lambda: any(came.path == "/slow" for came in receiver.received))
    assert server.stop() == 0
    receiver.delay.set()
    seen = sum(came.path == "/slow" for came in receiver.received)
    server.start()
    until(lambda: sum(came.path == "/slow" for came in receiver.received) > seen)
