"""People, groups, roles, API keys and the audit log from the command line."""

from __future__ import annotations

import httpx
import pytest

from runyard import Experiment, Workspace
from runyard.protocol.messages.identity import SearchAudit
from runyard.sdk.principals import AuditLog
from tests.cli.conftest import CommandLine
from tests.running_server import RunningServer

pytestmark = pytest.mark.usefixtures("_at_server")


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A name of the test's own: the server is the module's."""
    return "t-" + "".join(filter(str.isalnum, request.node.name.lower()))[-50:]


@pytest.fixture
def workspace(server: RunningServer, name: str) -> Workspace:
    return Workspace.create(name, url=server.url)


def test_a_person_is_added_with_a_key_that_is_shown_once(runyard: CommandLine, name: str):
    added = runyard("person", "add", name, "--email", f"{name}@lab.example")
    assert added.code == 0
    assert added.out.strip().startswith("ry_")
    assert f"runyard grant set {name} contributor --workspace WORKSPACE\n" in added.err
    listed = runyard("person", "list", "--json")
    (told,) = [each for each in listed.json if each["name"] == name]
    assert (told["kind"], told["email"], told["is_disabled"]) == ("person", f"{name}@lab.example", False)
    assert added.out.strip()[16:] not in listed.out
    assert runyard("person", "add", name).code == 1


def test_somebody_who_signs_in_elsewhere_needs_no_key(runyard: CommandLine, name: str):
    assert runyard("person", "add", name, "--without-key", "--administrator").out == f"Added {name}.\n"
    assert runyard("key", "list", "--principal", name, "--json").json == []
    told = runyard("person", "change", name, "--rename", f"{name}-2", "--no-administrator", "--json").json
    assert (told["name"], told["is_administrator"]) == (f"{name}-2", False)


def test_who_leaves_is_locked_out_and_let_in_again(runyard: CommandLine, name: str, server: RunningServer):
    headers = {"Authorization": f"Bearer {runyard('person', 'add', name, '--json').json['api_key']}"}

    def status() -> int:
        return httpx.get(f"{server.url}/api/v1/caller", headers=headers, timeout=120).status_code

    assert status() == 200
    assert runyard("person", "disable", name).out == f"{name}: disabled\n"
    assert status() == 401
    assert runyard("person", "enable", name).out == f"{name}: active\n"
    assert status() == 200


def test_groups_have_members(runyard: CommandLine, name: str):
    for number in (1, 2):
        runyard("service-principal", "add", f"{name}-{number}")
    assert runyard("group", "add", name).code == 0
    said = runyard("group", "add-member", name, f"{name}-1", f"{name}-2").out
    assert said == f"{name}-1 is in {name}.\n{name}-2 is in {name}.\n"
    runyard("group", "remove-member", name, f"{name}-1")
    assert [each["name"] for each in runyard("group", "members", name, "--json").json] == [f"{name}-2"]
    assert runyard("group", "remove-member", name, f"{name}-1").code == 3
    assert [row[0] for row in runyard("group", "list").rows if row[0] == "everyone"] == ["everyone"]


def test_roles_are_given_listed_and_taken_away(runyard: CommandLine, name: str, workspace: Workspace):
    here = ("-w", workspace.name)
    runyard("person", "add", name)
    experiment = Experiment(workspace, "own")
    assert runyard("grant", "set", name, "reader", *here).out == f"{name} is reader of workspace {name}.\n"
    assert runyard("grant", "set", name, "owner", "-e", "own", *here).code == 0
    assert runyard("grant", "set", "everyone", "contributor", *here).code == 0
    told = [row[:4] for row in runyard("grant", "list", *here).rows]
    assert told == [
        ["everyone", "group", "contributor", f"workspace {name}"],
        [name, "person", "reader", f"workspace {name}"],
        [name, "person", "owner", f"experiment {experiment.id}"],
    ]
    assert [each["role"] for each in runyard("grant", "list", "-e", "own", "--json", *here).json] == ["owner"]
    assert runyard("grant", "remove", name, *here).code == 0
    assert runyard("grant", "remove", name, *here).code == 3
    assert runyard("grant", "set", "nobody-of-that-name", "reader", *here).code == 3
    assert runyard("grant", "set", name, "king", *here).code == 2
    assert [grant.role for grant in workspace.grants] == ["contributor", "owner"]


def test_keys_are_made_listed_and_ended(runyard: CommandLine, name: str, workspace: Workspace):
    runyard("person", "add", name, "--without-key")
    limits = ("--scope", "reader", "-w", workspace.name, "--lifetime-days", "3")
    made = runyard("key", "create", "laptop", "--principal", name, *limits, "--json").json
    assert (made["scope"], made["workspace"], made["principal"]) == ("reader", name, name)
    assert made["expires_ms"] - made["created_ms"] == 3 * 24 * 3600 * 1000
    (row,) = runyard("key", "list", "--principal", name).rows
    assert row[:6] == [made["key_id"], "laptop", "key", name, "reader", name]
    assert row[7] == "active"
    assert made["key_id"] in [each["key_id"] for each in runyard("key", "list", "--all", "--json").json]
    assert runyard("key", "revoke", made["key_id"]).code == 0
    assert runyard("key", "list", "--principal", name).rows[0][7] == "revoked"
    assert runyard("key", "revoke", "000000000000").code == 3
    # Whoever is at the machine needs no key, and the server says so.
    assert "--principal" in runyard("key", "create", "own").err or runyard("key", "create", "own").code == 1


def test_what_was_done_is_in_the_audit_log(runyard: CommandLine, name: str, workspace: Workspace):
    runyard("person", "add", name)
    runyard("grant", "set", name, "reader", "-w", workspace.name)
    (told,) = runyard("audit", "list", "-w", workspace.name, "--action", "grants", "--since", "1h").rows
    assert told[1:6] == ["local", "127.0.0.1", "done", "grants.set_grant", workspace.name]
    assert told[6] == f"principal={name} role=reader"
    assert runyard("audit", "list", "-w", workspace.name, "--outcome", "refused", "--json").json == []
    assert len(runyard("audit", "list", "--limit", "2", "--json").json) == 2
    verified = runyard("audit", "verify")
    assert verified.code == 0
    assert verified.out.startswith("The audit log is whole:")
    assert runyard("audit", "verify", "--json").json["is_whole"] is True


def test_a_search_of_the_audit_log_may_be_asked_again(runyard: CommandLine, name: str, workspace: Workspace):
    for role in ("reader", "contributor", "owner"):
        runyard("group", "add", f"{name}-{role}")
    log, search = AuditLog(workspace.connection), SearchAudit(action="principals")
    first, *others = log.search(search, 3)
    assert len(others) == 2
    assert next(iter(log.search(search, 1))) == first
    assert list(log.search(search, 0)) == []
