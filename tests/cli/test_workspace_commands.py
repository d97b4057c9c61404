"""`runyard workspace` and `runyard experiment` against the real server."""

import json
from pathlib import Path

import pytest

from runyard import Experiment, Workspace
from tests.cli.conftest import CommandLine
from tests.running_server import RunningServer


@pytest.mark.usefixtures("_at_server")
def test_a_workspace_is_created_listed_and_shown(runyard: CommandLine, server: RunningServer):
    made = runyard(
        "workspace", "create", "vision", "--description", "Cameras", "--tag", "team=a=b", "--tag", "x="
    )
    assert made.code == 0
    assert made.out == f"Workspace vision is at {server.url}/workspaces/vision\n"
    assert ["vision", "1", "0"] in [row[:3] for row in runyard("workspace", "list").rows]
    shown = runyard("workspace", "show", "vision")
    assert f"{server.url}/workspaces/vision/" in shown.out
    assert "team=a=b" in shown.out
    assert runyard("workspace", "show", "vision", "--json").json["tags"] == {"team": "a=b", "x": ""}
    assert "vision" in [workspace["name"] for workspace in runyard("workspace", "list", "--json").json]


@pytest.mark.usefixtures("_at_server")
def test_a_workspace_is_described_and_tagged_anew(runyard: CommandLine):
    assert runyard("workspace", "create", "changed", "--description", "Old", "--tag", "a=1").code == 0
    assert runyard("workspace", "update", "changed", "--tag", "b=2").out == "Workspace changed is changed.\n"
    told = runyard("workspace", "update", "changed", "--description", "New", "--json").json
    assert (told["description"], told["tags"]) == ("New", {"b": "2"})
    unsaid = runyard("workspace", "update", "changed")
    assert (unsaid.code, "--description or --tag" in unsaid.err) == (1, True)
    assert runyard("workspace", "update", "nowhere", "--tag", "b=2").code == 3


@pytest.mark.usefixtures("_at_server")
def test_a_workspace_that_exists_is_an_error_unless_that_is_fine(runyard: CommandLine):
    assert runyard("workspace", "create", "twice").code == 0
    assert runyard("workspace", "create", "twice").code == 1
    assert runyard("workspace", "create", "twice", "--exist-ok", "--json").json["name"] == "twice"


@pytest.mark.usefixtures("_at_server")
@pytest.mark.parametrize("tag", ["novalue", "=v"])
def test_a_tag_without_a_key_or_a_value_is_refused(runyard: CommandLine, tag: str):
    ended = runyard("workspace", "create", "tagged", "--tag", tag)
    assert ended.code == 1
    assert "KEY=VALUE" in ended.err


@pytest.mark.usefixtures("_at_server")
def test_a_workspace_that_is_not_there_ends_with_3(runyard: CommandLine):
    ended = runyard("workspace", "show", "nowhere")
    assert ended.code == 3
    assert "nowhere" in ended.err


@pytest.mark.usefixtures("_at_server")
def test_the_folder_s_configuration_chooses_the_workspace(runyard: CommandLine, server: RunningServer):
    Experiment(Workspace.create("chosen", url=server.url), "only here")
    assert "only here" not in runyard("experiment", "list").out
    assert runyard("workspace", "config", "chosen", "--url", server.url, "--write", ".").code == 0
    assert "only here" in runyard("experiment", "list").out
    assert runyard("workspace", "show", "--json").json["name"] == "chosen"
    assert "only here" not in runyard("experiment", "list", "--workspace", "default").out


def test_a_configuration_is_written_while_no_server_runs(runyard: CommandLine, tmp_path: Path):
    home = tmp_path / "home"
    ended = runyard("workspace", "config", "--home", home, "--write", tmp_path / "project")
    assert ended.code == 0
    written = tmp_path / "project" / ".azureml" / "config.json"
    assert str(written) in ended.out
    assert json.loads(written.read_text()) == {
        "subscription_id": "00000000-0000-0000-0000-000000000000",
        "resource_group": "runyard",
        "workspace_name": "default",
        "runyard_url": "http://127.0.0.1:5000",
    }


def test_a_configuration_names_the_server_that_runs_on_the_home(
    runyard: CommandLine, server: RunningServer, tmp_path: Path
):
    ended = runyard("workspace", "config", "--home", server.home, "--write", tmp_path, "--json")
    assert ended.json["runyard_url"] == server.url
    assert Workspace.from_config(tmp_path).url == server.url


def test_a_configuration_may_be_looked_at_first(runyard: CommandLine, tmp_path: Path):
    ended = runyard("workspace", "config", "speech", "--url", "https://lab.example/")
    assert (ended.json["workspace_name"], ended.json["runyard_url"]) == ("speech", "https://lab.example")
    assert not list(Path().iterdir())


@pytest.mark.usefixtures("_at_server")
def test_experiments_are_listed_with_their_tags_and_trash(runyard: CommandLine, server: RunningServer):
    workspace = Workspace.create("listed", url=server.url)
    kept, gone = Experiment(workspace, "kept\twith a tab"), Experiment(workspace, "gone")
    kept.tag("team", "robots")
    gone.archive()
    place = ("--workspace", "listed")
    rows = {row[0]: row[1:] for row in runyard("experiment", "list", *place).rows}
    assert rows[kept.id][0] == "kept with a tab"
    assert rows[kept.id][2] == "team=robots"
    assert gone.id not in rows
    assert [row[0] for row in runyard("experiment", "list", "--deleted", *place).rows] == [gone.id]
    described = {
        found["experiment_id"]: found for found in runyard("experiment", "list", "--json", *place).json
    }
    assert described[kept.id]["name"] == "kept\twith a tab"
    assert described[kept.id]["url"] == kept.get_portal_url()
