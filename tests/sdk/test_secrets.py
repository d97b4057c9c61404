"""Secrets by the SDK, by our own names and by those of Azure's first."""

from __future__ import annotations

import pytest

from runyard import Workspace
from runyard.errors import InvalidParameter, NotFound
from tests.running_server import RunningServer


@pytest.fixture
def workspace(server: RunningServer) -> Workspace:
    workspace = Workspace.get("default", url=server.url)
    for name in workspace.secrets:
        workspace.secrets.delete(name)
    return workspace


def test_a_secret_is_kept_read_and_deleted(workspace: Workspace):
    secrets = workspace.secrets
    secrets.set("password", "hunter2\n", content_type="text/plain")
    assert secrets.get("password") == "hunter2\n"
    assert secrets.list() == list(secrets) == ["password"]
    assert "password" in secrets
    assert len(secrets) == 1
    assert secrets.describe()[0].content_type == "text/plain"
    secrets.delete("password")
    assert secrets.list() == []
    for again in (secrets.get, secrets.delete):
        with pytest.raises(NotFound, match="has no secret 'password'"):
            again("password")


def test_what_can_not_be_kept_is_refused_and_not_repeated(workspace: Workspace):
    with pytest.raises(InvalidParameter, match="secret_name"):
        workspace.secrets.set("no/name", "hunter2")
    with pytest.raises(InvalidParameter, match="25600") as refused:
        workspace.secrets.set("long", "hunter2" * 10_000)
    assert "hunter2" not in str(refused.value)


def test_the_vault_of_azures_first_sdk(workspace: Workspace):
    vault = workspace.get_default_keyvault()
    vault.set_secret(name="one", value="1")
    vault.set_secrets({"two": "2", "three": "3"})
    assert vault.get_secret(name="one") == "1"
    assert vault.get_secrets(["two", "none"]) == {"two": "2", "none": None}
    assert vault.list_secrets() == [
        {"name": "one", "contentType": ""},
        {"name": "three", "contentType": ""},
        {"name": "two", "contentType": ""},
    ]
    vault.delete_secret("one")
    vault.delete_secrets(["two", "three"])
    assert vault.list_secrets() == []
    with pytest.raises(NotFound):
        vault.get_secret("one")


def test_what_a_notebook_shows_has_names_and_no_values(workspace: Workspace):
    workspace.secrets.set("<b>".strip("<>"), "hunter2")
    for shown in (workspace.secrets, workspace.get_default_keyvault()):
        assert "hunter2" not in repr(shown) + shown._repr_html_()
        assert "set by local" in shown._repr_html_()
