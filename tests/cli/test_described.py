"""What the Studio says anew of things, names and compares, the command line and the SDK do, too."""

import secrets
import tarfile
from pathlib import Path

import pytest

from runyard import Dataset, Environment, Experiment, Model, Server, Workspace
from runyard.errors import AlreadyExists, InvalidParameter, NotFound
from runyard.protocol.messages.common import KeyValue
from runyard.protocol.messages.logged_models import CreateLoggedModel, LoggedModelAnswer
from runyard.protocol.messages.model_versions import CreateModelVersion
from runyard.protocol.messages.registered_models import ModelVersionAnswer
from tests.cli.conftest import CommandLine
from tests.running_server import RunningServer

pytestmark = pytest.mark.usefixtures("_at_server")


@pytest.fixture
def workspace(server: RunningServer) -> Workspace:
    return Workspace.create(f"said-{secrets.token_hex(4)}", url=server.url)


@pytest.fixture
def model(workspace: Workspace, tmp_path: Path) -> Model:
    (tmp_path / "ridge.pkl").write_text("0.5")
    for _ in range(2):
        made = Model.register(workspace, tmp_path / "ridge.pkl", "ridge")
    return made


def test_an_experiment_is_made_renamed_and_tagged(runyard: CommandLine, workspace: Workspace):
    here = ("-w", workspace.name)
    made = runyard("experiment", "create", "diabetes", "-t", "team=robots", *here).out.strip()
    taken = runyard("experiment", "create", "diabetes", *here)
    assert (taken.code, "has an experiment 'diabetes'" in taken.err) == (1, True)
    assert runyard("experiment", "rename", "diabetes", "glucose", "--json", *here).json == [
        {"experiment_id": made, "name": "glucose"}
    ]
    tags = runyard("experiment", "tag", made, "checked=yes", "--remove", "team", "--json", *here).json
    assert (tags["checked"], "team" in tags) == ("yes", False)
    assert "--remove KEY" in runyard("experiment", "tag", made, *here).err
    experiment = Experiment(workspace, "other")
    with pytest.raises(AlreadyExists):
        experiment.rename("glucose")
    with pytest.raises(InvalidParameter, match="new_name must be a text, not 5"):
        experiment.rename(5)  # type: ignore[arg-type]
    assert experiment.refresh().name == "other"


def test_runs_are_renamed_and_compared(runyard: CommandLine, workspace: Workspace):
    here = ("-w", workspace.name)
    runs = []
    for alpha, loss in ((0.1, 0.5), (0.2, 0.4)):
        with Experiment(workspace, "e").start_logging(display_name=f"alpha {alpha}") as run:
            run.log_params({"alpha": alpha, "layers": 3})
            run.log("loss", loss)
            run.tag("team", "robots")
        runs.append(run)
    ids = [run.id for run in runs]
    assert runyard("run", "rename", ids[0], "the first", *here).out == f"{ids[0]} is called the first\n"
    compared = runyard("run", "compare", *ids, "--json", *here).json
    assert compared["params"] == {"alpha": ["0.1", "0.2"], "layers": ["3", "3"]}
    assert (compared["metrics"], compared["tags"]) == ({"loss": [0.5, 0.4]}, {"team": ["robots", "robots"]})
    table = runyard("run", "compare", *ids, "--only-what-differs", *here)
    assert table.out.splitlines()[0].split("\t")[1:] == ["the first", "alpha 0.2"]
    assert [row[0] for row in table.rows] == ["run id", "status", "duration", "param alpha", "metric loss"]
    few = runyard("run", "compare", ids[0], *here)
    assert (few.code, "at least two runs" in few.err) == (1, True)
    assert runyard("run", "compare", ids[0], "0" * 32, *here).code == 3
    assert runyard("run", "rename", ids[0], "", *here).code == 1


def test_what_runs_lack_is_left_empty_side_by_side(runyard: CommandLine, workspace: Workspace):
    with Experiment(workspace, "e").start_logging() as first:
        first.log("loss", 0.5)
    with Experiment(workspace, "e").start_logging() as second:
        second.log_params({"alpha": 1})
    compared = runyard("run", "compare", first.id, second.id, "--json", "-w", workspace.name).json
    assert (compared["metrics"], compared["params"]) == ({"loss": [0.5, None]}, {"alpha": [None, "1"]})


def test_models_and_versions_are_described_and_tagged(
    runyard: CommandLine, workspace: Workspace, model: Model
):
    here = ("-w", workspace.name)
    assert runyard("model", "create", "lasso", "-d", "A year ahead", *here).out == "lasso made\n"
    assert runyard("model", "create", "lasso", *here).code == 1
    assert runyard("model", "update", "ridge", "-d", "A month ahead", *here).out == "ridge changed\n"
    names = {each.name: each.description for each in workspace.registered_models.search()}
    assert names == {"lasso": "A year ahead", "ridge": "A month ahead"}
    runyard("model", "update", "ridge:1", "-d", "The first", "-t", "a=b", "-t", "c=d", *here)
    changed = runyard("model", "update", "ridge:1", "--remove-tag", "a", "--json", *here).json
    assert (changed["description"], changed["tags"]) == ("The first", {"c": "d"})
    for words in (("ridge",), ("ridge", "-t", "a=b"), ("ridge:1",)):
        refused = runyard("model", "update", *words, *here)
        assert (refused.code, refused.err.startswith("error: ")) == (1, True)
    assert runyard("model", "update", "none", "-d", "x", *here).code == 3


def test_lists_of_versions_say_their_aliases(runyard: CommandLine, workspace: Workspace, model: Model):
    here = ("-w", workspace.name)
    assert runyard("model", "alias", "ridge", "champion", 1, *here).out == "ridge@champion is version 1\n"
    runyard("model", "alias", "ridge", "best", 1, *here)
    aliases = {row[1]: row[2] for row in runyard("model", "list", *here).rows}
    assert aliases == {"1": "best champion", "2": ""}
    assert {each.version: each.aliases for each in Model.list(workspace, "ridge")} == {
        1: ["best", "champion"],
        2: [],
    }
    workspace.registered_models.set_alias("ridge", "newest", 2)
    assert Model(workspace, "ridge").aliases == ["newest"]
    assert runyard("model", "unalias", "ridge", "best", *here).out == "ridge has no alias best\n"
    assert Model(workspace, id="ridge:1").aliases == ["champion"]
    assert runyard("model", "alias", "ridge", "champion", 9, *here).code == 3
    assert runyard("model", "alias", "ridge", "v1", 1, *here).code == 1


def test_prompts_are_listed_and_shown_and_are_no_models(
    runyard: CommandLine, workspace: Workspace, model: Model
):
    here = ("-w", workspace.name)
    workspace.registered_models.create("greeting", tags={"mlflow.prompt.is_prompt": "true"})
    for text in ("Hi", "Hello {{ name }}"):
        tags = {"mlflow.prompt.is_prompt": "true", "mlflow.prompt.text": text, "_mlflow_prompt_type": "text"}
        pairs = [KeyValue(key=key, value=value) for key, value in tags.items()]
        wanted = CreateModelVersion(name="greeting", source="prompt-template", tags=pairs)
        workspace.connection.post("/api/2.0/mlflow/model-versions/create", wanted, ModelVersionAnswer)
    runyard("model", "alias", "greeting", "champion", 1, *here)
    (row,) = runyard("prompt", "list", *here).rows
    assert row[:3] == ["greeting", "2", "champion=1"]
    assert runyard("prompt", "show", "greeting", *here).out.endswith("\nHello {{ name }}\n")
    assert runyard("prompt", "show", "greeting:1", "--json", *here).json["aliases"] == ["champion"]
    assert runyard("prompt", "list", "--filter", "name LIKE 'x%'", "--json", *here).json == []
    assert runyard("prompt", "show", "none", *here).code == 3
    assert [each.name for each in workspace.registered_models.search()] == ["ridge"]


def test_data_and_environments_are_described_and_tagged(
    runyard: CommandLine, workspace: Workspace, tmp_path: Path
):
    here = ("-w", workspace.name)
    (tmp_path / "a.csv").write_text("x\n1\n")
    Dataset.File.from_files(str(tmp_path / "a.csv")).register(workspace, "raw", tags={"a": "b"})
    runyard("data", "update", "raw", "--description", "As it came", "--tag", "c=d", *here)
    assert runyard("data", "update", "raw", "--remove-tag", "a", "--json", *here).json["tags"] == {"c": "d"}
    record = Dataset.get_by_name(workspace, "raw")
    assert (record.description, record.tags) == ("As it came", {"c": "d"})
    Environment("small", tags={"a": "b"}).register(workspace)
    runyard("environment", "update", "small", "--description", "For the night", "--tag", "c=d", *here)
    assert runyard("environment", "update", "small", "--remove-tag", "a", "--json", *here).json["tags"] == {
        "c": "d"
    }
    found = Environment.get(workspace, "small")
    assert (found.description, found.tags) == ("For the night", {"c": "d"})
    for noun in ("data", "environment"):
        assert "Give a --description" in runyard(noun, "update", "raw", *here).err
        assert runyard(noun, "update", "none", "--tag", "a=b", *here).code == 3


def test_a_job_s_code_is_fetched(runyard: CommandLine, workspace: Workspace, tmp_path: Path):
    here = ("-w", workspace.name)
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "train.py").write_text("print('trained')\n")
    sent = runyard("job", "submit", "--json", *here, "--folder", tmp_path / "code", "train.py")
    run_id = sent.json["run_id"]
    written = runyard("job", "code", run_id, "--to", tmp_path / "again", *here).out.strip()
    with tarfile.open(written) as archive:
        assert archive.getnames() == ["train.py"]
    run = Experiment(workspace, "e").start_logging()
    refused = runyard("job", "code", run.id, *here)
    assert (refused.code, "has no snapshot" in refused.err) == (1, True)


def test_the_trash_gives_back_whatever_it_holds(runyard: CommandLine, workspace: Workspace):
    here = ("-w", workspace.name)
    experiment, other = Experiment(workspace, "e"), Experiment(workspace, "other")
    run = experiment.start_logging()
    run.complete()
    run.delete()
    other.archive()
    assert "holds nothing of the id 'none'" in runyard("trash", "restore", run.id, "none", *here).err
    assert not workspace.get_run(run.id).is_active
    assert runyard("trash", "restore", run.id, other.id, *here).out.splitlines() == [
        f"run {run.id} restored",
        f"experiment {other.id} restored",
    ]
    assert runyard("trash", "list", "--json", *here).json == []
    assert workspace.get_run(run.id).is_active
    assert "Name what to bring back" in runyard("trash", "restore", *here).err


def test_a_server_says_how_it_is(runyard: CommandLine, server: RunningServer):
    assert runyard("server", "ready").out == f"The server at {server.url} is ready.\n"
    assert "runyard_database_bytes" in runyard("server", "metrics").out
    assert runyard("server", "check", "--json").json["is_whole"] is True
    assert runyard("server", "check").out.endswith("All is whole.\n")
    first = runyard("server", "rotate-key", "--json").json["key_id"]
    assert first != Server(url=server.url).rotate_signing_key().key_id
    assert runyard("server", "ready", "--url", "http://127.0.0.1:1").code == 5
    with pytest.raises(NotFound):
        Server(url=server.url).keys.list("nobody")


def test_logged_models_are_listed_shown_and_downloaded(
    runyard: CommandLine, workspace: Workspace, tmp_path: Path
):
    here = ("-w", workspace.name)
    experiment = Experiment(workspace, "e")
    wanted = CreateLoggedModel(
        experiment_id=experiment.id, name="ridge", params=[KeyValue(key="alpha", value="0.1")]
    )
    info = workspace.connection.post("/api/2.0/mlflow/logged-models", wanted, LoggedModelAnswer).model.info
    folder = info.artifact_uri.removeprefix("mlflow-artifacts:/")
    for name in ("MLmodel", "data/weights.bin"):
        place = f"/api/2.0/mlflow-artifacts/artifacts/{folder}/{name}"
        workspace.connection.put(place, name.encode(), "application/octet-stream")
    assert [row[:2] for row in runyard("logged-model", "list", "-e", "e", *here).rows] == [
        [info.model_id, "ridge"]
    ]
    assert runyard("logged-model", "list", "--filter", "name = 'x'", "--json", *here).json == []
    shown = runyard("logged-model", "show", info.model_id, "--json", *here).json
    assert (shown["files"], shown["data"]["params"][0]["value"]) == (["MLmodel", "data/weights.bin"], "0.1")
    assert "data/weights.bin" in runyard("logged-model", "show", info.model_id, *here).out
    runyard("logged-model", "download", info.model_id, "--to", tmp_path / "here", *here)
    assert (tmp_path / "here" / "data" / "weights.bin").read_text() == "data/weights.bin"
    assert runyard("logged-model", "show", "m-none", *here).code == 3
    empty = workspace.connection.post("/api/2.0/mlflow/logged-models", wanted, LoggedModelAnswer).model.info
    assert "has no files" in runyard("logged-model", "download", empty.model_id, *here).err
