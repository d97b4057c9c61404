"""People, services, groups and their API keys over HTTP, and what the audit log tells of all that."""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import replace

import pytest

from runyard.entities.audit import AuditEvent, Outcome
from runyard.services import periodic
from runyard.services.identity_upkeep import IdentityUpkeep
from runyard.services.refusals import Refusals
from runyard.stores.metadata import cached_credentials
from tests.server.team import Team
from tests.waiting import until

PEOPLE = "/api/v1/principals"
KEYS = "/api/v1/keys"
AUDIT = "/api/v1/audit"
WHO = "/api/v1/caller"


@pytest.fixture
def team(tmp_path):
    team = Team(tmp_path / "home")
    yield team
    team.close()


def as_admin(team, method, path, body=None, status=200):
    answer = team.ask(method, path, body, key=team.admin_key)
    assert answer.status_code == status, answer.text
    return answer.json()


# --- people -----------------------------------------------------------------------------------------------


def test_somebody_is_added_found_renamed_and_listed(team):
    body = {"name": "bea", "email": "Bea@Lab.Example"}
    made = as_admin(team, "POST", PEOPLE, body)["principal"]
    assert (made["name"], made["kind"], made["email"]) == ("bea", "person", "bea@lab.example")
    for named in ("bea", made["principal_id"]):
        assert as_admin(team, "GET", f"{PEOPLE}/{named}")["principal"] == made
    renamed = as_admin(team, "PATCH", f"{PEOPLE}/bea", {"name": "beatrice", "email": ""})["principal"]
    assert renamed == made | {"name": "beatrice", "email": None}
    listed = as_admin(team, "GET", PEOPLE, {"kind": "person"})["principals"]
    assert [each["name"] for each in listed] == ["ann", "beatrice"]


@pytest.mark.parametrize(
    "twin",
    [
        *("bea", "BEA", "Bea"),
        "\uff42\uff45\uff41",  # in wide letters
        "\u24b7\u24ba\u24b6",  # in circles
        *("b\u0435a", "be\u0430", "\u0412\u0415\u0410", "b\u03b5\u03b1"),  # Cyrillic and Greek letters
        *("bea\ufe0f", "b\u034fea", "be\u3164a", "bea\u2800"),  # with marks and letters that nobody sees
    ],
)
def test_s28_two_people_never_read_alike(team, twin):
    as_admin(team, "POST", PEOPLE, {"name": "bea"})
    as_admin(team, "POST", PEOPLE, {"name": twin, "kind": "group"}, 400)
    as_admin(team, "POST", PEOPLE, {"name": "eve"})
    as_admin(team, "PATCH", f"{PEOPLE}/eve", {"name": twin}, 400)


@pytest.mark.parametrize(
    "name", ["b\u00e9a", "bea 2", "bea-2@lab.example", "\u0411\u0435\u0430", "\u97e9 bea", "rn"]
)
def test_names_that_read_otherwise_are_others(team, name):
    as_admin(team, "POST", PEOPLE, {"name": "bea"})
    as_admin(team, "POST", PEOPLE, {"name": name})
    as_admin(team, "PATCH", f"{PEOPLE}/bea", {"email": "bea@lab.example"})


def test_s28_an_address_is_compared_letter_by_letter(team):
    as_admin(team, "POST", PEOPLE, {"name": "kim", "email": "KIM@Lab.Example"})
    as_admin(team, "POST", PEOPLE, {"name": "Kim@lab.example"}, 400)
    as_admin(team, "POST", PEOPLE, {"name": "other", "email": "kim@lab.example"}, 400)
    made = as_admin(team, "POST", PEOPLE, {"name": "mik", "email": "\u212aim@lab.example"})["principal"]
    assert made["email"] == "\u212aim@lab.example"


@pytest.mark.parametrize(
    "body",
    [
        {"name": ""},
        {"name": "\u3164\u2800"},
        {"name": " bea"},
        {"name": "bea\n"},
        {"name": "be\u200ba"},
        {"name": "b" * 201},
        {"name": "be\u0301a"},
        {"name": "everyone"},
        {"name": "00000000-0000-0000-0000-000000000000"},
        {"name": "bea", "kind": "robot"},
        {"name": "bea", "email": "no address"},
        {"name": "bea", "email": "a@" + "b" * 254},
        {"name": "lab", "kind": "group", "is_administrator": True},
        {"name": "robot", "kind": "service", "email": "robot@lab.example"},
        {},
    ],
)
def test_what_nobody_can_be_called_is_refused_and_changes_nothing(team, body):
    before = as_admin(team, "GET", PEOPLE)
    as_admin(team, "POST", PEOPLE, body, 400)
    assert as_admin(team, "GET", PEOPLE) == before


def test_who_is_disabled_is_locked_out_at_once_and_let_in_again(team):
    bea = team.person("bea")
    token = team.ask("POST", "/api/v1/token", {}, key=bea).json()["access_token"]
    for credential in (bea, token):
        assert team.ask("GET", WHO, key=credential).status_code == 200
    as_admin(team, "PATCH", f"{PEOPLE}/bea", {"is_disabled": True})
    for credential in (bea, token):
        assert team.ask("GET", WHO, key=credential).status_code == 401
    as_admin(team, "PATCH", f"{PEOPLE}/bea", {"is_disabled": False})
    assert team.ask("GET", WHO, key=bea).status_code == 200


@pytest.mark.parametrize("kind", ["person", "service"])
def test_what_somebody_had_signed_in_does_not_come_back_with_them(team, kind):
    bea = team.person("bea", kind)
    signed_in = team.ask("POST", "/api/v1/session", key=bea).headers["set-cookie"]
    session = signed_in.partition("=")[2].partition(";")[0]
    token = team.ask("POST", "/api/v1/token", {}, key=session).json()["access_token"]
    for credential in (session, token):
        assert team.ask("GET", WHO, key=credential).status_code == 200
    for is_disabled in (True, False):
        as_admin(team, "PATCH", f"{PEOPLE}/bea", {"is_disabled": is_disabled})
        for credential in (session, token):
            assert team.ask("GET", WHO, key=credential).status_code == 401
    assert team.ask("GET", WHO, key=bea).status_code == 200


@pytest.mark.parametrize("change", [{"name": "robert"}, {"email": "bob@example.com"}])
def test_a_change_undoes_nothing_that_another_server_has_just_changed(team, tmp_path, monkeypatch, change):
    """Whoever was locked out a moment ago stays so, though that server remembers them as they were."""
    monkeypatch.setattr(cached_credentials, "MAX_AGE_S", 3600.0)
    team.person("bob")
    bob = team.stores.metadata.credentials.find_principal_by_name("bob")
    path = f"{PEOPLE}/{bob.principal_id}"
    elsewhere = Team.reopened(tmp_path / "home")
    elsewhere.admin_key = team.admin_key
    try:
        assert elsewhere.stores.metadata.credentials.find_principal(bob.principal_id) == bob
        as_admin(team, "PATCH", path, {"is_disabled": True})
        as_admin(elsewhere, "PATCH", path, change)
    finally:
        elsewhere.close()
    found = {each.principal_id: each for each in team.stores.metadata.credentials.list_principals()}
    assert not found[bob.principal_id].is_active
    assert replace(found[bob.principal_id], disabled_ms=None) == replace(bob, **change)


@pytest.mark.parametrize("change", [{"is_disabled": True}, {"is_administrator": False}])
def test_the_last_administrator_stays_one(team, change):
    assert "only administrator" in as_admin(team, "PATCH", f"{PEOPLE}/ann", change, 400)["message"]
    assert team.ask("GET", AUDIT, key=team.admin_key).status_code == 200
    before = team.person("bea")
    as_admin(team, "PATCH", f"{PEOPLE}/bea", {"is_administrator": True})
    bea = as_admin(team, "POST", KEYS, {"name": "second", "principal": "bea"})["api_key"]
    assert as_admin(team, "PATCH", f"{PEOPLE}/ann", change)["principal"]["name"] == "ann"
    # A key that was made for less goes on allowing no more than that.
    assert team.ask("GET", AUDIT, key=before).status_code == 403
    assert team.ask("GET", AUDIT, key=bea).status_code == 200
    assert team.ask("GET", AUDIT, key=team.admin_key).status_code in (401, 403)


def test_the_group_of_everyone_is_as_it_is(team):
    team.person("bea")
    for method, path, body in (
        ("PATCH", f"{PEOPLE}/everyone", {"is_disabled": True}),
        ("PUT", "/api/v1/groups/everyone/members/bea", None),
        ("DELETE", "/api/v1/groups/everyone/members/bea", None),
    ):
        as_admin(team, method, path, body, 400)
    members = as_admin(team, "GET", "/api/v1/groups/everyone/members")["principals"]
    assert [each["name"] for each in members] == ["ann", "bea"]


def test_groups_hold_people_and_services_and_no_groups(team):
    team.person("bea")
    for name in ("lab", "guests"):
        as_admin(team, "POST", PEOPLE, {"name": name, "kind": "group"})
    as_admin(team, "PUT", "/api/v1/groups/lab/members/bea")
    as_admin(team, "PUT", "/api/v1/groups/lab/members/guests", status=400)
    as_admin(team, "PUT", "/api/v1/groups/bea/members/ann", status=404)
    as_admin(team, "PUT", "/api/v1/groups/lab/members/nobody", status=404)
    as_admin(team, "DELETE", "/api/v1/groups/lab/members/ann", status=404)
    members = as_admin(team, "GET", "/api/v1/groups/lab/members")["principals"]
    assert [each["name"] for each in members] == ["bea"]


# --- API keys ---------------------------------------------------------------------------------------------


def test_people_make_list_and_end_their_own_keys(team):
    bea = team.person("bea")
    answer = team.ask("POST", KEYS, {"name": "laptop", "lifetime_days": 7}, key=bea).json()
    laptop, key = answer["api_key"], answer["key"]
    assert key["expires_ms"] - key["created_ms"] == 7 * 24 * 3600 * 1000
    assert (key["scope"], key["principal"], key["is_active"]) == ("owner", "bea", True)
    assert team.ask("GET", WHO, key=laptop).json()["name"] == "bea"
    listed = team.ask("GET", KEYS, key=bea)
    assert [each["name"] for each in listed.json()["keys"]] == ["laptop", "first"]
    assert laptop not in listed.text
    assert laptop[16:] not in listed.text
    assert team.ask("DELETE", f"{KEYS}/{key['key_id']}", key=bea).status_code == 200
    assert team.ask("GET", WHO, key=laptop).status_code == 401
    assert [each["is_active"] for each in team.ask("GET", KEYS, key=bea).json()["keys"]] == [False, True]


def test_a_service_s_old_key_and_what_was_made_of_it_end_at_once_when_another_takes_its_place(team):
    old = team.person("robot", "service")
    token = team.ask("POST", "/api/v1/token", {}, key=old).json()["access_token"]
    body = {"name": "second", "principal": "robot"}
    new = as_admin(team, "POST", KEYS, body)["api_key"]
    for credential in (old, token, new):
        assert team.ask("GET", WHO, key=credential).json()["name"] == "robot"
    as_admin(team, "DELETE", f"{KEYS}/{old[3:15]}")
    for credential in (old, token):
        assert team.ask("GET", WHO, key=credential).status_code == 401
        assert team.ask("POST", "/api/v1/token", {}, key=credential).status_code == 401
    assert team.ask("GET", WHO, key=new).json()["name"] == "robot"
    # The secret of one and the name of the other are a key of neither.
    for mixed in (new[:16] + old[16:], old[:16] + new[16:]):
        assert team.ask("GET", WHO, key=mixed).status_code == 401


def test_keys_of_others_are_an_administrators_business(team):
    bea, eve = team.person("bea"), team.person("eve")
    own = team.ask("GET", KEYS, key=eve).json()["keys"][0]["key_id"]
    assert team.ask("GET", KEYS, {"principal": "eve"}, key=bea).status_code == 403
    assert team.ask("GET", KEYS, {"principal": "*"}, key=bea).status_code == 403
    assert team.ask("DELETE", f"{KEYS}/{own}", key=bea).status_code == 404
    assert team.ask("DELETE", f"{KEYS}/nothing", key=bea).status_code == 404
    everybodys = as_admin(team, "GET", KEYS, {"principal": "*"})["keys"]
    assert {each["principal"] for each in everybodys} == {"ann", "bea", "eve"}
    as_admin(team, "DELETE", f"{KEYS}/{own}")
    assert team.ask("GET", WHO, key=eve).status_code == 401


def test_a_key_makes_none_that_reaches_further_or_lives_longer(team):
    team.person("bea")
    team.grant("bea", "owner", "alpha")
    narrow = {"name": "n", "principal": "bea", "scope": "reader", "workspace": "alpha", "lifetime_days": 2}
    made = as_admin(team, "POST", KEYS, narrow)
    ask = {"key": made["api_key"]}
    assert team.ask("POST", KEYS, {"name": "all"}, **ask).status_code == 403
    assert team.ask("POST", KEYS, {"name": "beta", "workspace": "beta"}, **ask).status_code == 403
    wide = {"name": "wide", "workspace": "alpha", "scope": "owner"}
    assert team.ask("POST", KEYS, wide, **ask).status_code == 403
    again = team.ask("POST", KEYS, {"name": "again", "workspace": "alpha"}, **ask).json()["key"]
    assert (again["scope"], again["workspace"]) == ("reader", "alpha")
    assert again["expires_ms"] == made["key"]["expires_ms"]


def test_a_token_makes_no_key(team):
    token = team.ask("POST", "/api/v1/token", {}, key=team.admin_key).json()["access_token"]
    assert team.ask("POST", KEYS, {"name": "longer"}, key=token).status_code == 403


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "a\nb"},
        {"name": "a", "lifetime_days": 0},
        {"name": "a", "lifetime_days": 3651},
        {"name": "a", "scope": "god"},
    ],
)
def test_what_no_key_can_be_is_refused(team, body):
    as_admin(team, "POST", KEYS, body, 400)
    as_admin(team, "POST", KEYS, {"name": "a", "workspace": "nowhere"}, 404)
    as_admin(team, "POST", KEYS, {"name": "a", "principal": "everyone"}, 400)
    assert len(as_admin(team, "GET", KEYS)["keys"]) == 1


def test_another_key_signs_after_a_rotation_and_old_tokens_stay_good(team):
    before = team.ask("POST", "/api/v1/token", {}, key=team.admin_key).json()["access_token"]
    made = as_admin(team, "POST", "/api/v1/signing-keys/rotate")
    after = team.ask("POST", "/api/v1/token", {}, key=team.admin_key).json()["access_token"]
    for token in (before, after):
        assert team.ask("GET", WHO, key=token).status_code == 200
    keys = team.stores.metadata.credentials.list_signing_keys()
    assert [key.key_id for key in keys if key.retired_ms is None] == [made["key_id"]]
    assert len(keys) == 2


# --- the audit log ----------------------------------------------------------------------------------------


def entries(team, **search):
    return as_admin(team, "GET", AUDIT, search)["entries"]


def upkeep(team):
    return IdentityUpkeep(team.stores, team.operation.refusals, team.settings)


class BrokenOnce(Refusals):
    """Raises at its first look what nobody expects."""

    has_raised = False

    def due(self, *, is_ending=False):
        if not self.has_raised:
            self.has_raised = True
            raise RuntimeError("a fault")
        return super().due(is_ending=is_ending)


def test_a_fault_does_not_end_the_writing_down_of_refusals(team, monkeypatch):
    monkeypatch.setattr(periodic, "AFTER_FAULT_S", 0.01)
    refusals = BrokenOnce()
    refusals.note(AuditEvent(at_ms=1, action="runs.create_run", outcome=Outcome.REFUSED))
    with contextlib.closing(IdentityUpkeep(team.stores, refusals, team.settings)) as at_work:
        at_work.start()
        until(lambda: entries(team, outcome="refused"))


def test_who_gave_whom_what_is_written_down(team):
    team.person("bea")
    team.grant("bea", "reader", "alpha")
    (told,) = entries(team, action="grants")
    assert (told["action"], told["outcome"], told["caller"]) == ("grants.set_grant", "done", "ann")
    assert (told["workspace"], told["target"]) == ("alpha", "principal=bea role=reader")
    assert told["client"] == "127.0.0.1"
    assert told["key_id"] == team.admin_key[3:15]
    assert len(told["request_id"]) == 16


def test_what_is_deleted_is_written_down_with_who_did_it(team):
    made = as_admin(team, "POST", "/api/2.0/mlflow/experiments/create", {"name": "gone"})
    as_admin(team, "POST", "/api/2.0/mlflow/experiments/delete", made)
    (told,) = entries(team, action="experiments.delete_experiment")
    assert told["target"] == f"experiment_id={made['experiment_id']}"


def test_s30_every_refused_write_is_written_down_and_no_secret_is(team):
    bea = team.person("bea")
    bad = "ry_000000000000_" + "A" * 43
    for key in (bea, bad, None):
        team.ask("POST", "/workspaces/alpha/api/2.0/mlflow/runs/create", {"run_name": bad}, key=key)
    headers = {"Origin": "http://evil.example"}
    team.ask("DELETE", f"/api/v1/keys/{'0' * 12}", key=team.admin_key, headers=headers)
    upkeep(team).write_refusals(is_ending=True)
    refused = entries(team, outcome="refused")
    assert {(each["action"], each["caller"]) for each in refused} == {
        ("runs.create_run", "bea"),
        ("runs.create_run", ""),
        ("(none)", ""),
    }
    assert sum(each["count"] for each in refused) == 4
    kept = "".join(team.kept())
    for secret in (bea, bad, team.admin_key):
        assert secret[16:] not in kept


def test_a_failed_change_leaves_no_entry(team):
    count = len(entries(team))
    as_admin(team, "PUT", "/workspaces/alpha/api/v1/grants", {"principal": "nobody", "role": "reader"}, 404)
    as_admin(team, "PATCH", f"{PEOPLE}/ann", {"is_disabled": True}, 400)
    assert len(entries(team)) == count


def test_the_log_is_read_by_pages(team):
    for number in range(5):
        as_admin(team, "POST", PEOPLE, {"name": f"p{number}"})
    seen, token = [], None
    while True:
        page = as_admin(team, "GET", AUDIT, {"max_results": 2, **({"page_token": token} if token else {})})
        seen += [each["number"] for each in page["entries"]]
        token = page["next_page_token"]
        if token is None:
            break
    assert seen == list(range(len(seen), 0, -1))
    assert len(seen) == 7
    as_admin(team, "GET", AUDIT, {"max_results": 1001}, 400)
    as_admin(team, "GET", AUDIT, {"page_token": "nonsense"}, 400)
    as_admin(team, "GET", AUDIT, {"outcome": "perhaps"}, 400)


@pytest.mark.parametrize("change", ["caller = 'eve'", "at_ms = at_ms + 1", "count = 2", "target = ''"])
def test_a_change_behind_the_servers_back_breaks_the_chain(team, change):
    team.person("bea")
    assert as_admin(team, "GET", f"{AUDIT}/verify")["is_whole"]
    with sqlite3.connect(team.settings.database_path) as raw:
        for name in ("update", "delete"):
            raw.execute(f"DROP TRIGGER audit_entries_no_{name}")
        raw.execute(f"UPDATE audit_entries SET {change} WHERE number = 3")
    raw.close()
    told = as_admin(team, "GET", f"{AUDIT}/verify")
    assert (told["is_whole"], told["first_broken"]) == (False, 3)


def test_an_entry_that_was_taken_out_breaks_the_chain(team):
    team.person("bea")
    with sqlite3.connect(team.settings.database_path) as raw:
        raw.execute("DROP TRIGGER audit_entries_no_delete")
        raw.execute("DELETE FROM audit_entries WHERE number = 2")
    raw.close()
    told = as_admin(team, "GET", f"{AUDIT}/verify")
    assert (told["first_broken"], told["lost_guards"]) == (3, ["audit_entries_no_delete"])
