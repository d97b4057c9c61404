"""`runyard databricks`: links are made, listed, looked at and ended; the script is printed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cli.conftest import CommandLine
from tests.databricks.databricks_api import TOKEN, Cluster, Databricks, databricks_workspace

pytestmark = pytest.mark.usefixtures("_at_server")
PUBLIC = ("--public-url", "https://lab.example")


@pytest.fixture
def databricks(monkeypatch: pytest.MonkeyPatch) -> Iterator[Databricks]:
    """A Databricks workspace whose address and token are in the environment."""
    with databricks_workspace() as running:
        running.clusters["c1"] = Cluster()
        monkeypatch.setenv("DATABRICKS_HOST", running.url)
        monkeypatch.setenv("DATABRICKS_TOKEN", TOKEN)
        yield running
        assert running.unpublished == []


def test_a_link_is_made_listed_shown_and_ended(runyard: CommandLine, databricks: Databricks):
    made = runyard("databricks", "link", "c1", *PUBLIC)
    assert made.code == 0
    link_id = made.out.split()[1]
    assert "cluster c1" in made.out
    (row,) = runyard("databricks", "list").rows
    assert row[:4] == [link_id, databricks.url, "cluster c1", "linked"]
    pending = runyard("databricks", "show", link_id, "--json")
    assert (pending.code, pending.json["missing"]) == (0, [])
    databricks.clusters["c1"].variables.clear()
    shown = runyard("databricks", "show", link_id)
    assert shown.code == 1
    assert "MLFLOW_TRACKING_URI is not as it was" in shown.out
    assert runyard("databricks", "unlink", link_id).out == f"Link {link_id} is ended.\n"
    assert runyard("databricks", "list", "--json").json == []
    assert runyard("databricks", "show", link_id).code == 3
    assert databricks.scopes == {}


def test_a_link_of_all_clusters_is_described_without_its_key(runyard: CommandLine, databricks: Databricks):
    made = runyard("databricks", "link", *PUBLIC, "--readers", "scientists", "--json")
    described = made.json
    assert (described["cluster_id"], described["is_complete"]) == ("", True)
    (held,) = databricks.scopes.values()
    listed = runyard("databricks", "list", "--json")
    assert listed.json == [described]
    assert held["api-key"] not in made.out + listed.out
    assert runyard("databricks", "unlink", described["link_id"], "--only-here").code == 0
    assert databricks.scripts != {}


def test_a_link_that_can_not_be_made_says_why(runyard: CommandLine, databricks: Databricks):
    loopback = runyard("databricks", "link", "c1")
    assert (loopback.code, "'url'" in loopback.err) == (1, True)
    assert runyard("databricks", "link", "c2", *PUBLIC).code == 3
    assert runyard("databricks", "list", "--json").json == []


def test_the_script_is_printed_without_asking_anybody(runyard: CommandLine):
    printed = runyard("databricks", "init-script", "-w", "vision", *PUBLIC, "--token-file", "/etc/a b")
    assert printed.code == 0
    assert "export MLFLOW_TRACKING_URI=https://lab.example/workspaces/vision\n" in printed.out
    assert "cat '/etc/a b'" in printed.out
    assert printed.err == ""
    without = runyard(
        "databricks", "init-script", "--public-url", "https://lab.example/", "--library", "runyard"
    )
    assert "RUNYARD_TOKEN" in without.err
    assert "export RUNYARD_URL=https://lab.example\n" in without.out
    assert runyard("databricks", "init-script", "--public-url", "lab").code == 1
