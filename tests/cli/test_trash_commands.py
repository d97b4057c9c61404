"""`runyard trash`, `gc`, and what deletes parts, experiments and workspaces."""

import io
import sys
from pathlib import Path

import pytest

from runyard import Experiment, Workspace
from runyard.protocol.messages.common import KeyValue
from runyard.protocol.messages.logging import BatchKeyValue, BatchMetric, LogBatch
from runyard.protocol.messages.runs import CreateRun, RunAnswer
from runyard.sdk.connection import MLFLOW
from tests.cli.conftest import CommandLine
from tests.running_server import RunningServer

pytestmark = pytest.mark.usefixtures("_at_server")


@pytest.fixture
def workspace(server: RunningServer, request: pytest.FixtureRequest) -> Workspace:
    name = "t-" + "".join(filter(str.isalnum, request.node.name.lower()))[-50:]
    return Workspace.create(name, url=server.url)


def log(experiment: Experiment, **tags: str) -> str:
    """Return a run with a metric, a param, and a file."""
    connection = experiment.workspace.connection
    wanted = CreateRun(experiment_id=experiment.id, tags=[KeyValue(key=k, value=v) for k, v in tags.items()])
    info = connection.post(f"{MLFLOW}/runs/create", wanted, RunAnswer).run.info
    points = [BatchMetric(key="loss", timestamp=step, step=step, value=step) for step in range(20)]
    params = [BatchKeyValue(key="alpha", value="1")]
    connection.tell(f"{MLFLOW}/runs/log-batch", LogBatch(run_id=info.run_id, metrics=points, params=params))
    folder = info.artifact_uri.removeprefix("mlflow-artifacts:/")
    place = f"/api/2.0/mlflow-artifacts/artifacts/{folder}/out/model.bin"
    connection.put(place, b"x" * 2500, "application/octet-stream")
    return str(info.run_id)


def test_gc_frees_what_it_announced(runyard: CommandLine, workspace: Workspace):
    experiment = Experiment(workspace, "e")
    here = ("-w", workspace.name)
    run_ids = [log(experiment) for _ in range(3)]
    would = runyard("run", "delete", "-e", "e", "--dry-run", *here)
    assert would.out.endswith("3 runs would be moved to the trash\n")
    assert runyard("run", "delete", "-e", "e", "--filter", "params.alpha = '1'", *here).code == 0
    assert runyard("run", "restore", run_ids[0], *here).code == 0
    assert {row[1] for row in runyard("trash", "list", *here).rows} == set(run_ids[1:])
    announced = runyard("gc", "--dry-run", "--json", *here).json
    assert (announced["runs"], announced["artifact_bytes"], announced["metric_points"]) == (2, 5000, 40)
    assert runyard("gc", "--older-than", "1d12h", "--json", *here).json["runs"] == 0
    assert runyard("gc", "--keep-last", "2", "--untagged", "--json", *here).json["runs"] == 0
    freed = runyard("gc", *here).out
    assert "2 files, 5.0 kB" in freed
    assert "were freed" in freed
    assert runyard("trash", "list", "--json", *here).json == []
    assert runyard("run", "restore", run_ids[1], *here).code == 3
    assert runyard("run", "show", run_ids[0], *here).code == 0


@pytest.mark.parametrize("age", ["30", "d", "3 d", "-1d", "1e400d", "9" * 400 + "d"])
def test_an_age_that_is_none_is_refused(runyard: CommandLine, age: str):
    ended = runyard("gc", f"--older-than={age}")
    assert ended.code == 1
    assert "--older-than" in ended.err


def test_the_option_that_is_wrong_is_named(runyard: CommandLine):
    assert "--since is a time as" in runyard("events", "--since", "x").err
    refused = runyard("gc", "--rules", "--keep-last", "1")
    assert (refused.code, "--rules goes alone" in refused.err) == (1, True)


def test_gc_goes_through_all_workspaces(runyard: CommandLine, workspace: Workspace):
    runyard("run", "delete", log(Experiment(workspace, "e")), "-w", workspace.name)
    freed = {each["workspace"]: each["runs"] for each in runyard("gc", "--all-workspaces", "--json").json}
    assert freed[workspace.name] == 1
    assert "default" in freed


def test_an_experiment_frees_its_name_at_once_where_asked(runyard: CommandLine, workspace: Workspace):
    here = ("-w", workspace.name)
    first = Experiment(workspace, "again")
    assert runyard("experiment", "delete", "again", *here).out == f"{first.id} (again) moved to the trash\n"
    assert runyard("experiment", "restore", "again", *here).out == f"{first.id} (again) restored\n"
    gone = runyard("experiment", "delete", first.id, "--reuse-name", "--json", *here).json
    assert gone == [{"experiment_id": first.id, "name": f"again (deleted, experiment {first.id})"}]
    assert Experiment(workspace, "again").id != first.id
    assert runyard("experiment", "restore", first.id, "--name", "old", *here).code == 0
    assert workspace.experiments["old"].id == first.id
    assert runyard("experiment", "delete", "none", *here).code == 3


@pytest.mark.parametrize(
    ("kind", "what"), [("metric", "loss"), ("param", "alpha"), ("tag", "own"), ("artifact", "out")]
)
def test_parts_go_from_one_run_or_from_many(runyard: CommandLine, workspace: Workspace, kind: str, what: str):
    experiment = Experiment(workspace, "e")
    run_ids = [log(experiment, own="tag") for _ in range(3)]
    here = ("-w", workspace.name)
    assert "would be" in runyard(kind, "delete", what, "-e", "e", "--dry-run", *here).out
    assert runyard(kind, "delete", what, "-r", run_ids[0], "--json", *here).json["runs"] == 1
    assert runyard(kind, "delete", what, "-r", run_ids[0], *here).code == 3
    assert runyard(kind, "delete", what, "-e", "e", *here).out.endswith("deleted in 2 runs.\n")
    assert runyard(kind, "delete", what, *here).code == 1
    assert runyard(kind, "delete", "-r", run_ids[0], *here).code == 1


def test_a_workspace_goes_once_its_name_is_typed(
    runyard: CommandLine, workspace: Workspace, server: RunningServer, monkeypatch: pytest.MonkeyPatch
):
    log(Experiment(workspace, "e"))
    folder: Path = server.home / "artifacts" / workspace.name
    assert folder.exists()
    monkeypatch.setattr(sys, "stdin", io.StringIO("no\n"))
    assert runyard("workspace", "delete", workspace.name).code == 1
    assert "would be freed" in runyard("workspace", "delete", workspace.name, "--dry-run").out
    assert folder.exists()
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{workspace.name}\n"))
    assert "were freed" in runyard("workspace", "delete", workspace.name).out
    assert not folder.exists()
    assert runyard("workspace", "delete", workspace.name, "--yes").code == 3
    assert runyard("workspace", "delete", "default", "--yes").code == 1
