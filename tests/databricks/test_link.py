"""Linking, through Databricks' own client, a workspace that takes what was published and nothing else."""

from __future__ import annotations

import base64
from pathlib import Path

import httpx
import msgspec
import pytest

import runyard
from runyard import Workspace
from runyard.errors import (
    AlreadyExists,
    Forbidden,
    InvalidParameter,
    InvalidState,
    NotFound,
    RunyardError,
    Unauthenticated,
)
from runyard.protocol.messages.identity import CreateKey
from runyard.sdk.connection import connect, connect_by_key
from runyard.sdk.databricks.link import DEFAULT_LIBRARY, DatabricksLink
from runyard.sdk.databricks.record import keep, link_id_of
from runyard.sdk.principals import ApiKeys, Principals
from tests.databricks.databricks_api import TOKEN, USER, Cluster, Databricks, Refused
from tests.running_server import RunningServer

PUBLIC = "https://lab.example"
CLUSTER = "0712-093145-abc"
OWN = {"PYSPARK_PYTHON": "/databricks/python3/bin/python3"}
NOT_OWNER = Refused(403, "PERMISSION_DENIED", "You are not its owner.")


@pytest.fixture
def databricks(databricks: Databricks) -> Databricks:
    databricks.clusters[CLUSTER] = Cluster(variables=dict(OWN))
    return databricks


def linked(
    workspace: Workspace, databricks: Databricks, cluster_id: str | None = CLUSTER, **choices
) -> DatabricksLink:
    asked = {"host": databricks.url, "token": TOKEN, "url": PUBLIC, **choices}
    return workspace.link_databricks(cluster_id, **asked)


def key_in(databricks: Databricks, link: DatabricksLink) -> str:
    """Return the key as Databricks would give it to a cluster."""
    reference = databricks.clusters[CLUSTER].variables["RUNYARD_TOKEN"]
    scope, name = reference.removeprefix("{{secrets/").removesuffix("}}").split("/")
    assert scope == link.record.secret_scope
    return databricks.scopes[scope][name]


def who_is(server: RunningServer, key: str) -> dict:
    headers = {"Authorization": f"Bearer {key}"}
    answer = httpx.get(f"{server.url}/api/v1/caller", headers=headers, timeout=60)
    return answer.json() if answer.status_code == 200 else {"refused": answer.status_code}


def test_a_cluster_gets_the_variables_the_library_and_a_key_of_its_own(
    server: RunningServer, workspace: Workspace, databricks: Databricks
):
    link = linked(workspace, databricks)
    cluster = databricks.clusters[CLUSTER]
    tracking_uri = f"{PUBLIC}/workspaces/{workspace.name}"
    assert cluster.variables == {
        **OWN,
        "MLFLOW_TRACKING_URI": tracking_uri,
        "MLFLOW_REGISTRY_URI": tracking_uri,
        "MLFLOW_TRACKING_AUTH": "runyard",
        "RUNYARD_URL": PUBLIC,
        "RUNYARD_SPOOL": "off",
        "RUNYARD_TOKEN": f"{{{{secrets/runyard-{link.link_id}/api-key}}}}",
    }
    assert cluster.libraries == [{"pypi": {"package": f"runyard=={runyard.__version__}"}}]
    assert cluster.restarts == 1
    caller = who_is(server, key_in(databricks, link))
    assert (caller["name"], caller["scope"]) == (f"databricks-{link.link_id}", "contributor")
    assert caller["workspace"] == workspace.name
    assert caller["roles"] == {workspace.name: "contributor"}
    assert link.is_complete


def test_nothing_that_is_shown_or_kept_here_holds_the_key(workspace: Workspace, databricks: Databricks):
    link = linked(workspace, databricks)
    key = key_in(databricks, link)
    shown = [repr(link), repr(link.record), *map(repr, workspace.databricks_links())]
    kept = [workspace.secrets.get(name) for name in workspace.secrets.list()]
    assert kept
    assert not [text for text in (*shown, *kept) if key in text or TOKEN in text]


def test_to_link_twice_changes_nothing(workspace: Workspace, databricks: Databricks):
    first = linked(workspace, databricks)
    key = key_in(databricks, first)
    second = linked(workspace, databricks)
    assert second.record == first.record
    assert key_in(databricks, second) == key
    assert databricks.clusters[CLUSTER].restarts == 1
    assert [each.record for each in workspace.databricks_links()] == [second.record]


def test_another_address_takes_the_place_of_the_one_before(workspace: Workspace, databricks: Databricks):
    linked(workspace, databricks)
    again = linked(workspace, databricks, url="https://new.example:8443")
    variables = databricks.clusters[CLUSTER].variables
    assert variables["RUNYARD_URL"] == "https://new.example:8443"
    assert again.record.url == "https://new.example:8443"
    assert len(workspace.databricks_links()) == 1


def test_dual_logging_is_switched_on_and_off(workspace: Workspace, databricks: Databricks):
    cluster, name = databricks.clusters[CLUSTER], "RUNYARD_DATABRICKS_DUAL_LOGGING"
    link = linked(workspace, databricks, dual_logging=True)
    assert (cluster.variables[name], link.record.dual_logging) == ("on", True)
    link = linked(workspace, databricks)
    assert name not in cluster.variables
    assert link.missing(token=TOKEN) == []
    linked(workspace, databricks, dual_logging=True).unlink(token=TOKEN)
    assert cluster.variables == OWN
    linked(workspace, databricks, None, dual_logging=True)
    (script,) = databricks.scripts.values()
    assert f"export {name}=on\n" in base64.b64decode(script["script"]).decode()


def test_a_new_key_ends_the_one_before(server: RunningServer, workspace: Workspace, databricks: Databricks):
    old = key_in(databricks, linked(workspace, databricks))
    new = key_in(databricks, linked(workspace, databricks, renew_key=True))
    assert new != old
    assert "refused" not in who_is(server, new)
    assert who_is(server, old) == {"refused": 401}


def test_a_key_that_was_revoked_is_made_anew(
    server: RunningServer, workspace: Workspace, databricks: Databricks
):
    link = linked(workspace, databricks)
    old = key_in(databricks, link)
    ApiKeys(connect(server.url)).revoke(link.record.key_id)
    assert link.missing(token=TOKEN) == ["the API key is not good any more: link again"]
    again = linked(workspace, databricks)
    assert key_in(databricks, again) != old
    assert again.missing(token=TOKEN) == []


def test_a_wheel_is_uploaded_and_goes_with_the_link(
    workspace: Workspace, databricks: Databricks, tmp_path: Path
):
    wheel = tmp_path / "runyard-1.2.3-py3-none-any.whl"
    wheel.write_bytes(b"\x00a wheel\r\n--boundary")
    link = linked(workspace, databricks, library=wheel)
    path = f"/Users/{USER}/.runyard/{link.link_id}/{wheel.name}"
    assert databricks.files == {path: wheel.read_bytes()}
    assert databricks.clusters[CLUSTER].libraries == [{"whl": f"/Workspace{path}"}]
    linked(workspace, databricks)
    assert databricks.files == {}
    databricks.restart(CLUSTER)
    assert databricks.clusters[CLUSTER].libraries == [{"pypi": {"package": DEFAULT_LIBRARY}}]


def test_a_link_of_all_clusters_is_a_global_init_script_without_the_key(
    server: RunningServer, workspace: Workspace, databricks: Databricks
):
    link = linked(workspace, databricks, None, library="runyard[azure]>=1,<2", readers="scientists")
    (script,) = databricks.scripts.values()
    text = base64.b64decode(script["script"]).decode()
    assert (script["name"], script["enabled"]) == (f"Runyard link {link.link_id}", True)
    key = databricks.scopes[link.record.secret_scope]["api-key"]
    assert key not in text
    assert f"export RUNYARD_DATABRICKS_SECRET={link.record.secret_scope}/api-key\n" in text
    assert "pip install --quiet --disable-pip-version-check 'runyard[azure]>=1,<2'" in text
    assert databricks.readers == {link.record.secret_scope: {"scientists": "READ"}}
    assert databricks.clusters[CLUSTER].variables == OWN
    assert who_is(server, key)["name"] == link.record.principal
    linked(workspace, databricks, None, readers="scientists")
    assert len(databricks.scripts) == 1
    assert link.missing(token=TOKEN) == ["the global init script is not as it was: link again"]


def test_what_is_missing_is_said(workspace: Workspace, databricks: Databricks):
    link = linked(workspace, databricks)
    assert link.missing(token=TOKEN) == []
    cluster = databricks.clusters[CLUSTER]
    del cluster.variables["MLFLOW_TRACKING_AUTH"]
    cluster.statuses = dict.fromkeys(cluster.statuses, "FAILED")
    databricks.scopes[link.record.secret_scope].clear()
    assert link.missing(token=TOKEN) == [
        f"the secret {link.record.secret_scope}/api-key is not there: link again",
        "the cluster's variable MLFLOW_TRACKING_AUTH is not as it was: link again",
        f"the library {DEFAULT_LIBRARY} is FAILED",
    ]
    cluster.libraries.clear()
    databricks.scopes.clear()
    assert f"the library {DEFAULT_LIBRARY} is not there: link again" in link.missing(token=TOKEN)


@pytest.mark.parametrize("cluster_id", [CLUSTER, None], ids=["cluster", "all"])
def test_unlinking_leaves_databricks_as_it_was(
    server: RunningServer, workspace: Workspace, databricks: Databricks, cluster_id: str | None
):
    link = linked(workspace, databricks, cluster_id)
    key = databricks.scopes[link.record.secret_scope]["api-key"]
    link.unlink(token=TOKEN)
    assert (databricks.scopes, databricks.scripts, databricks.files) == ({}, {}, {})
    assert databricks.clusters[CLUSTER].variables == OWN
    assert databricks.clusters[CLUSTER].libraries == []
    assert workspace.databricks_links() == []
    assert who_is(server, key) == {"refused": 401}
    assert link.record.principal not in {each.principal for each in workspace.grants}
    again = linked(workspace, databricks, cluster_id)
    assert (
        who_is(server, databricks.scopes[again.record.secret_scope]["api-key"])["name"]
        == link.record.principal
    )


def test_what_others_changed_meanwhile_stays(workspace: Workspace, databricks: Databricks):
    link = linked(workspace, databricks)
    databricks.clusters[CLUSTER].variables |= {"MLFLOW_TRACKING_URI": "databricks", "MINE": "1"}
    link.unlink(token=TOKEN)
    assert databricks.clusters[CLUSTER].variables == {**OWN, "MLFLOW_TRACKING_URI": "databricks", "MINE": "1"}


@pytest.mark.parametrize(
    "path",
    [
        "/api/2.0/secrets/scopes/create",
        "/api/2.0/secrets/put",
        "/api/2.0/libraries/install",
        "/api/2.1/clusters/update",
    ],
)
def test_a_link_that_fails_on_its_way_is_listed_and_can_be_made(
    server: RunningServer, workspace: Workspace, databricks: Databricks, path: str
):
    databricks.faults[path] = NOT_OWNER
    with pytest.raises(Forbidden, match="You are not its owner"):
        linked(workspace, databricks)
    (link,) = workspace.databricks_links()
    assert not link.is_complete
    databricks.faults.clear()
    made = linked(workspace, databricks)
    assert made.is_complete
    assert made.missing(token=TOKEN) == []
    keys = ApiKeys(connect(server.url)).list(made.record.principal)
    assert [each.key_id for each in keys if each.is_active] == [made.record.key_id]


@pytest.mark.parametrize(
    "path", ["/api/2.0/secrets/put", "/api/2.0/libraries/install", "/api/2.1/clusters/update"]
)
def test_a_change_that_fails_on_its_way_can_be_ended_with_nothing_left(
    workspace: Workspace, databricks: Databricks, path: str
):
    linked(workspace, databricks)
    databricks.faults[path] = NOT_OWNER
    for address in ("https://new.example", "https://newer.example"):
        with pytest.raises(Forbidden):
            linked(workspace, databricks, renew_key=True, url=address, library="runyard==0")
    databricks.faults.clear()
    (link,) = workspace.databricks_links()
    assert not link.is_complete
    link.unlink(token=TOKEN)
    databricks.restart(CLUSTER)
    assert (databricks.scopes, databricks.clusters[CLUSTER].variables) == ({}, OWN)
    assert databricks.clusters[CLUSTER].libraries == []
    assert workspace.databricks_links() == []


def test_a_link_that_could_not_be_ended_stays_listed_and_its_key_is_no_good(
    server: RunningServer, workspace: Workspace, databricks: Databricks
):
    link = linked(workspace, databricks)
    key = key_in(databricks, link)
    databricks.faults["/api/2.0/secrets/scopes/delete"] = Refused(403, "PERMISSION_DENIED", "no")
    with pytest.raises(Forbidden):
        link.unlink(token=TOKEN)
    (left,) = workspace.databricks_links()
    assert not left.is_complete
    assert who_is(server, key) == {"refused": 401}
    left.unlink(only_here=True)
    assert workspace.databricks_links() == []


def test_a_cluster_that_is_gone_can_be_unlinked(workspace: Workspace, databricks: Databricks):
    link = linked(workspace, databricks)
    databricks.clusters.clear()
    link.unlink(token=TOKEN)
    assert databricks.scopes == {}


def test_what_logs_elsewhere_is_not_taken_over(
    server: RunningServer, workspace: Workspace, databricks: Databricks
):
    databricks.clusters[CLUSTER].variables["MLFLOW_TRACKING_URI"] = "databricks"
    with pytest.raises(InvalidState, match="MLFLOW_TRACKING_URI"):
        linked(workspace, databricks)
    linked(workspace, databricks, None)
    other = Workspace.create("linked-other", url=server.url)
    with pytest.raises(InvalidState, match="Runyard link"):
        linked(other, databricks, None)
    assert other.databricks_links() == []
    assert len(databricks.scopes) == 1
    (own,) = databricks.scripts.values()
    databricks.scripts["other"] = own | {"name": "Runyard link 0123456789", "script_id": "other"}
    with pytest.raises(InvalidState, match="Runyard link 0123456789"):
        linked(workspace, databricks, None)


def test_the_scope_of_another_server_is_left_alone(workspace: Workspace, databricks: Databricks):
    link = linked(workspace, databricks)
    workspace.secrets.delete(f"databricks-link.{link.link_id}")
    with pytest.raises(AlreadyExists, match="another server's"):
        linked(workspace, databricks)


@pytest.mark.parametrize(
    ("choices", "error", "says"),
    [
        ({"url": None}, InvalidParameter, "'url'"),
        ({"url": "http://localhost:5000"}, InvalidParameter, "'url'"),
        ({"url": "lab.example"}, InvalidParameter, "not a server's address"),
        ({"library": "no-such.whl"}, InvalidParameter, "'library'"),
        ({"token": "of-nobody"}, Unauthenticated, "Databricks does not let you in"),
        ({"cluster_id": "none"}, NotFound, "does not exist"),
        ({"cluster_id": None, "library": __file__ + ".whl"}, InvalidParameter, "'library'"),
    ],
    ids=lambda value: str(value) if isinstance(value, str) else None,
)
def test_what_can_not_be_is_refused_and_changes_nothing(
    workspace: Workspace, databricks: Databricks, choices: dict, error: type[RunyardError], says: str
):
    with pytest.raises(error, match=says):
        linked(workspace, databricks, **choices)
    assert workspace.databricks_links() == []
    assert (databricks.scopes, databricks.scripts, databricks.files) == ({}, {}, {})
    assert databricks.clusters[CLUSTER] == Cluster(variables=OWN)


def test_without_a_way_to_sign_in_nothing_is_asked(
    workspace: Workspace, databricks: Databricks, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(InvalidParameter, match="no way to sign in"):
        linked(workspace, databricks, token=None)
    assert databricks.calls == []


def test_who_administers_no_server_makes_no_link(
    server: RunningServer, workspace: Workspace, databricks: Databricks, monkeypatch: pytest.MonkeyPatch
):
    Principals(connect(server.url)).add("bea")
    workspace.grants.set("bea", "owner")
    made = ApiKeys(connect_by_key(server.url)).create(CreateKey(name="laptop", principal="bea"))
    monkeypatch.setenv("RUNYARD_TOKEN", made.api_key)
    hers = Workspace.get(workspace.name, url=server.url)
    with pytest.raises(Forbidden):
        linked(hers, databricks)
    assert databricks.scopes == {}
    assert hers.databricks_links() == []


def test_a_link_that_is_not_there_is_not_found(workspace: Workspace):
    with pytest.raises(NotFound, match="databricks list"):
        workspace.databricks_link("0123456789")
    workspace.secrets.set("databricks-link.broken", "{}")
    with pytest.raises(InvalidState, match="no record"):
        workspace.databricks_link("broken")
    assert workspace.databricks_links() == []


def test_a_record_that_a_contributor_wrote_sends_no_token_anywhere(
    workspace: Workspace, databricks: Databricks
):
    link = linked(workspace, databricks)
    keep(workspace.secrets, msgspec.structs.replace(link.record, host="https://evil.example"))
    with pytest.raises(InvalidState, match="another link"):
        workspace.databricks_link(link.link_id)
    keep(workspace.secrets, link.record)
    link_id = link_id_of(databricks.url, workspace.name, "other")
    keep(workspace.secrets, msgspec.structs.replace(link.record, link_id=link_id, cluster_id="other"))
    before = len(databricks.calls)
    forged = workspace.databricks_link(link_id)
    for asked in (forged.missing, forged.unlink):
        with pytest.raises(InvalidState, match="nobody made"):
            asked(token=TOKEN)
    assert len(databricks.calls) == before
    forged.unlink(only_here=True)
    assert [each.link_id for each in workspace.databricks_links()] == [link.link_id]


@pytest.mark.parametrize("path", ["/Workspace/Users/ada/notes", "/Workspace/Users/../.runyard/{}/x.whl"])
def test_a_record_removes_no_file_but_the_link_s_own(workspace: Workspace, databricks: Databricks, path: str):
    record = linked(workspace, databricks).record
    assert msgspec.structs.replace(record, library=path.format(record.link_id)).wheel == ""
