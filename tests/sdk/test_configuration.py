"""The file that ties a folder to a workspace: where it is looked for, and what may be in it."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runyard.errors import InvalidParameter, NotFound
from runyard.sdk.configuration import (
    Configuration,
    find_configuration,
    read_configuration,
    write_configuration,
)


def put(path: Path, **content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def test_the_folders_are_searched_in_order(tmp_path: Path):
    places = [".runyard/config.json", ".azureml/config.json", "aml_config/config.json", "config.json"]
    for index, place in reversed(list(enumerate(places))):
        put(tmp_path / place, workspace_name=f"number-{index}")
        assert find_configuration(tmp_path).workspace_name == f"number-{index}"


def test_a_project_file_counts_too_but_comes_second(tmp_path: Path):
    put(tmp_path / ".azureml/project.json", workspace_name="project")
    assert find_configuration(tmp_path).workspace_name == "project"
    put(tmp_path / ".azureml/config.json", workspace_name="config")
    assert find_configuration(tmp_path).workspace_name == "config"


def test_a_nearer_folder_wins_over_a_better_named_one(tmp_path: Path):
    put(tmp_path / ".runyard/config.json", workspace_name="far")
    put(tmp_path / "a/b/config.json", workspace_name="near")
    (tmp_path / "a/b/c").mkdir()
    assert find_configuration(tmp_path / "a/b/c").workspace_name == "near"
    assert find_configuration(tmp_path / "a").workspace_name == "far"


def test_the_working_folder_is_where_the_search_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    put(tmp_path / ".azureml/config.json", workspace_name="here")
    (tmp_path / "deep").mkdir()
    monkeypatch.chdir(tmp_path / "deep")
    assert find_configuration().workspace_name == "here"


def test_the_file_itself_may_be_named(tmp_path: Path):
    file = put(tmp_path / "elsewhere.json", workspace_name="named")
    assert find_configuration(file).workspace_name == "named"


def test_a_config_of_something_else_in_the_folder_is_passed_over(tmp_path: Path):
    put(tmp_path / ".azureml/config.json", workspace_name="mine")
    put(tmp_path / "model/config.json", architectures="BertModel")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/config.json").write_text("{")
    assert find_configuration(tmp_path / "model").workspace_name == "mine"
    assert find_configuration(tmp_path / "broken").workspace_name == "mine"


@pytest.mark.parametrize("content", ["{", "[]", '{"subscription_id": "s"}', '{"workspace_name": ""}'])
def test_a_broken_file_in_a_folder_of_ours_is_an_error_that_names_it(tmp_path: Path, content: str):
    broken = tmp_path / ".azureml/config.json"
    broken.parent.mkdir()
    broken.write_text(content)
    with pytest.raises(InvalidParameter, match=str(broken)):
        find_configuration(tmp_path)


def test_without_a_configuration_the_error_lists_where_it_looked_and_says_what_to_do(tmp_path: Path):
    with pytest.raises(NotFound) as missing:
        find_configuration(tmp_path)
    for folder in (".runyard", ".azureml", "aml_config"):
        assert str(tmp_path / folder) in str(missing.value)
    assert str(tmp_path.parent) in str(missing.value)
    assert "runyard workspace config --write" in str(missing.value)


def test_a_path_that_is_not_there_is_said_to_be_not_there(tmp_path: Path):
    with pytest.raises(NotFound, match="no folder and no file"):
        find_configuration(tmp_path / "nowhere")


def test_the_home_of_the_server_comes_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    home, project = tmp_path / "home", tmp_path / "project"
    put(home / "config.json", workspace_name="default", runyard_url="http://127.0.0.1:5001")
    project.mkdir()
    monkeypatch.setenv("RUNYARD_HOME", str(home))
    assert find_configuration(project) == Configuration("default", runyard_url="http://127.0.0.1:5001")
    put(project / "config.json", workspace_name="nearer")
    assert find_configuration(project).workspace_name == "nearer"


def test_a_home_that_was_chosen_wins_over_the_usual_one_on_the_way_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HOME", str(tmp_path))
    put(tmp_path / ".runyard/config.json", workspace_name="usual")
    put(tmp_path / "chosen/config.json", workspace_name="chosen")
    (tmp_path / "project").mkdir()
    assert find_configuration(tmp_path / "project").workspace_name == "usual"
    monkeypatch.setenv("RUNYARD_HOME", str(tmp_path / "chosen"))
    assert find_configuration(tmp_path / "project").workspace_name == "chosen"


def test_an_address_in_the_environment_wins_over_that_of_the_home_and_not_over_a_project_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("RUNYARD_URL", "https://lab.example")
    assert find_configuration(tmp_path) == Configuration("default")
    put(tmp_path / ".runyard/config.json", workspace_name="mine", runyard_url="http://127.0.0.1:5000")
    assert find_configuration(tmp_path) == Configuration("mine")
    put(tmp_path / "p/.azureml/config.json", workspace_name="vision", runyard_url="https://other.example")
    assert find_configuration(tmp_path / "p").runyard_url == "https://other.example"


def test_what_azure_writes_is_understood(tmp_path: Path):
    file = put(
        tmp_path / "config.json", subscription_id="sub", resource_group="group", workspace_name="vision"
    )
    assert read_configuration(file) == Configuration("vision", "sub", "group", None)
    scope = (
        "/subscriptions/sub/resourceGroups/group"
        "/providers/Microsoft.MachineLearningServices/workspaces/vision"
    )
    assert read_configuration(put(tmp_path / "project.json", Scope=scope)) == Configuration(
        "vision", "sub", "group", None
    )


def test_a_byte_order_mark_does_no_harm(tmp_path: Path):
    (tmp_path / "config.json").write_text('{"workspace_name": "x"}', encoding="utf-8-sig")
    assert read_configuration(tmp_path / "config.json").workspace_name == "x"


def test_an_address_that_is_none_is_an_error(tmp_path: Path):
    file = put(tmp_path / "config.json", workspace_name="x", runyard_url="file:///etc/passwd")
    with pytest.raises(InvalidParameter):
        read_configuration(file)


@given(
    name=st.from_regex(r"[a-z0-9][a-z0-9-]{0,62}", fullmatch=True),
    group=st.text(min_size=1, max_size=40).filter(str.strip),
    port=st.integers(1, 65535),
)
def test_what_is_written_is_read_again(tmp_path_factory, name: str, group: str, port: int):
    folder = tmp_path_factory.mktemp("written")
    written = Configuration(name, "some-subscription", group, f"http://127.0.0.1:{port}")
    path = write_configuration(written, folder)
    assert path == folder / ".azureml" / "config.json"
    assert find_configuration(folder) == written
    assert sorted(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("name", ["../config.json", "/tmp/config.json", "a/b", "", ".."])
def test_a_file_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str):
    with pytest.raises(InvalidParameter):
        write_configuration(Configuration("x"), tmp_path, name)
