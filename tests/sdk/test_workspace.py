"""Workspaces are opened, made, listed and described as Azure's first SDK did it."""

import os
from pathlib import Path

import pytest

from runyard import Experiment, Workspace
from runyard.errors import AlreadyExists, InvalidParameter, NotFound, NotImplementedHere, Unavailable
from runyard.sdk.configuration import find_configuration
from tests.running_server import RunningServer, free_port
from tests.sdk.conftest import Logger


def test_a_workspace_that_is_not_there_is_an_error_that_names_it_and_the_server(server: RunningServer):
    with pytest.raises(NotFound, match=f"'nowhere' at {server.url}"):
        Workspace.get("nowhere", url=server.url)


def test_a_server_that_does_not_run_is_said_how_to_start():
    with pytest.raises(Unavailable, match="runyard up"):
        Workspace.get("default", url=f"http://127.0.0.1:{free_port()}")


def test_a_written_configuration_opens_the_same_workspace_again(workspace: Workspace, tmp_path: Path):
    workspace.write_config(tmp_path)
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    assert Workspace.from_config(deep) == workspace
    assert find_configuration(tmp_path).runyard_url == workspace.url


def test_a_configuration_may_have_another_name_and_be_opened_by_it(workspace: Workspace, tmp_path: Path):
    workspace.write_config(str(tmp_path), file_name="other.json")
    assert Workspace.from_config(tmp_path / ".azureml" / "other.json") == workspace


def test_the_server_s_own_home_needs_no_configuration(
    server: RunningServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("RUNYARD_HOME", str(server.home))
    monkeypatch.chdir(tmp_path)
    opened = Workspace.from_config()
    assert (opened.name, opened.url) == ("default", server.url)


def test_azure_s_names_are_kept_and_its_further_keywords_taken(server: RunningServer):
    opened = Workspace.get(
        name="default",
        subscription_id="sub",
        resource_group="group",
        location="eastus2",
        cloud="AzureCloud",
        url=server.url,
    )
    assert (opened.subscription_id, opened.resource_group) == ("sub", "group")
    made = Workspace.create("azure-like", None, "sub", "group", "eastus2", sku="basic", url=server.url)
    assert made.subscription_id == "sub"


@pytest.mark.parametrize("open_", [Workspace.get, Workspace.create])
def test_a_misspelt_keyword_is_an_error(server: RunningServer, open_):
    with pytest.raises(TypeError, match="resourcegroup"):
        open_("default", url=server.url, resourcegroup="x")


def test_a_workspace_is_made_once_and_opened_again_when_that_is_fine(server: RunningServer):
    made = Workspace.create("twice", url=server.url, description="Cameras", tags={"team": "robots"})
    assert made.tags == {"team": "robots"}
    with pytest.raises(AlreadyExists):
        Workspace.create("twice", url=server.url)
    assert Workspace.create("twice", url=server.url, exist_ok=True) == made


@pytest.mark.parametrize("name", ["", "Upper", "a/b", "..", "a b", "x" * 64, "-a"])
def test_a_name_that_would_not_fit_an_address_is_refused(server: RunningServer, name: str):
    with pytest.raises(InvalidParameter):
        Workspace.create(name, url=server.url)


@pytest.mark.parametrize("name", ["..", "a/b", "%2e%2e", "a?b", "a#b"])
def test_a_name_with_an_address_in_it_opens_nothing_else(server: RunningServer, name: str):
    with pytest.raises((NotFound, InvalidParameter)):
        Workspace.get(name, url=server.url)


def test_the_list_has_each_workspace_under_its_name(workspace: Workspace):
    found = Workspace.list(url=workspace.url)
    assert found[workspace.name] == [workspace]
    assert "default" in found
    assert found[workspace.name][0].get_details()["name"] == workspace.name


def test_the_details_have_azure_s_shape_and_count_what_is_there(workspace: Workspace, logger: Logger):
    logger.run(Experiment(workspace, "one"), metrics={"a": [(1, 0, 1.0)]})
    details = workspace.get_details()
    assert details["id"] == (
        "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/runyard"
        f"/providers/Microsoft.MachineLearningServices/workspaces/{workspace.name}"
    )
    assert details["type"] == "Microsoft.MachineLearningServices/workspaces"
    assert details["location"] == "127.0.0.1"
    assert (details["experimentCount"], details["runCount"]) == (2, 1)
    assert details["isDefault"] is False
    assert details["mlFlowTrackingUri"] == workspace.get_mlflow_tracking_uri()


def test_the_tracking_uri_is_the_workspace_s_own_and_changes_no_environment_here(workspace: Workspace):
    assert workspace.get_mlflow_tracking_uri() == f"{workspace.url}/workspaces/{workspace.name}"
    assert "MLFLOW_TRACKING_AUTH" not in os.environ


def test_experiments_are_a_mapping_of_the_active_ones(workspace: Workspace):
    assert list(workspace.experiments) == ["Default"]
    made = {name: Experiment(workspace, name) for name in ("a", "b", "with 'quotes' and \u00fc")}
    assert len(workspace.experiments) == 4
    assert dict(workspace.experiments.items()).keys() == {"Default", *made}
    assert workspace.experiments["a"] == made["a"]
    assert set(made.values()) < set(workspace.experiments.values())
    made["b"].archive()
    assert "b" not in workspace.experiments
    assert "a" in workspace.experiments


def test_an_experiment_that_is_not_there_is_a_key_error_that_says_why(workspace: Workspace):
    with pytest.raises(KeyError, match="none of that name"):
        workspace.experiments["nothing"]
    Experiment(workspace, "gone").archive()
    with pytest.raises(NotFound, match="in the trash"):
        workspace.experiments["gone"]
    assert workspace.experiments.get("nothing") is None


def test_a_run_is_found_by_its_id_in_its_own_workspace_alone(workspace: Workspace, logger: Logger):
    run = logger.run(Experiment(workspace, "one"))
    assert workspace.get_run(run.id) == run
    with pytest.raises(NotFound):
        Workspace.get("default", url=workspace.url).get_run(run.id)


def test_two_workspaces_of_one_name_on_two_servers_are_not_equal(workspace: Workspace):
    moved = Workspace.get(workspace.name, url=workspace.url.replace("127.0.0.1", "localhost"))
    assert moved != workspace
    assert len({moved, workspace}) == 2


def test_a_notebook_shows_a_table_in_which_nothing_can_run(server: RunningServer):
    made = Workspace.create("shown", url=server.url, description="<script>alert(1)</script>")
    shown = made._repr_html_()
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown
    assert f'href="{made.tracking_uri}/"' in shown
    assert repr(made) == f"Workspace('shown', url='{server.url}')"


def test_a_workspace_is_described_and_tagged_anew(workspace: Workspace):
    assert workspace.update(description="Robots that see.", tags={"team": "robots", "old": "1"}) is workspace
    assert workspace.update(tags={"team": "birds"}).tags == {"team": "birds"}
    again = Workspace.get(workspace.name, url=workspace.url)
    assert (again.tags, again.get_details()["description"]) == ({"team": "birds"}, "Robots that see.")
    assert again.update(description="").get_details()["description"] == ""
    assert again.update(friendly_name=again.name, tags={}, v1_legacy_mode=False).tags == {}


def test_what_a_workspace_can_not_be_is_said(workspace: Workspace):
    with pytest.raises(NotImplementedHere, match="friendly_name='Robots' has no counterpart"):
        workspace.update(friendly_name="Robots")
    with pytest.raises(TypeError, match="names"):
        workspace.update(names="x")
    with pytest.raises(InvalidParameter, match="key name must be provided"):
        workspace.update(tags={"": "x"})


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("add_private_endpoint", "runyard serve"),
        ("diagnose_workspace", "runyard doctor"),
        ("images", "mlflow models serve"),
        ("service_context", "ws.connection"),
        ("set_connection", "ws.secrets"),
        ("setup", "Workspace.create"),
        ("sync_keys", "overwrite=True"),
        ("webservices", "mlflow models serve"),
    ],
)
def test_what_a_workspace_has_not_says_what_to_use(workspace: Workspace, name: str, told: str):
    for home in (Workspace, workspace):
        with pytest.raises(NotImplementedHere, match=f"no Workspace.{name}") as caught:
            getattr(home, name)
        assert told in str(caught.value)
        assert not hasattr(home, name)


def test_the_names_of_azure_s_sdk_have_values(workspace: Workspace):
    assert workspace.sku == "Basic"
    assert workspace.discovery_url == workspace.get_details()["discoveryUrl"]
