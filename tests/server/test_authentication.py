"""Credentials over HTTP: who gets in on ``up`` and on ``serve``, the exchange for tokens, S12 and S30."""

from __future__ import annotations

import base64
import dataclasses
import logging
import time

import pytest

from runyard.auth.api_keys import new_api_key
from runyard.auth.permissions import UNAUTHENTICATED_TEXT
from runyard.auth.tokens import TokenIssuer, new_signing_key
from runyard.entities.permission import Scope
from runyard.errors import Unauthenticated
from runyard.services.tokens import authenticate
from runyard.settings import Mode
from runyard.stores.metadata.credentials import SqlCredentials
from tests.server.team import Team

WHO = "/api/v1/caller"
TOKEN = "/api/v1/token"
HOUR_MS = 3_600_000


@pytest.fixture
def team(tmp_path):
    team = Team(tmp_path / "home")
    yield team
    team.close()


@pytest.fixture
def alone(tmp_path):
    """A server of one person: `runyard up` on a home that has an administrator besides."""
    team = Team(tmp_path / "home", Mode.UP)
    yield team
    team.close()


def basic(password, user="ann"):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


class Pieces:
    """A large body; knows how much of it was asked for."""

    def __init__(self):
        self.taken_bytes = 0

    async def come(self):
        for _ in range(1000):
            self.taken_bytes += 1000
            yield b" " * 1000


def token(team, key, **asked):
    answer = team.ask("POST", TOKEN, asked, key=key)
    assert answer.status_code == 200, answer.text
    return answer.json()["access_token"]


def is_unauthenticated(answer):
    assert answer.status_code == 401, answer.text
    assert answer.json() == {"error_code": "UNAUTHENTICATED", "message": UNAUTHENTICATED_TEXT}
    assert answer.headers["www-authenticate"].startswith("Bearer")
    return True


# --- who is it --------------------------------------------------------------------------------------------


def test_serve_takes_nobody_without_a_credential(team):
    assert is_unauthenticated(team.ask("GET", WHO))


def test_up_takes_whoever_is_at_the_machine_for_its_owner(alone):
    answer = alone.ask("GET", WHO).json()
    assert (answer["name"], answer["scope"], answer["workspace"]) == ("local", "admin", None)
    assert (answer["is_local_owner"], answer["is_administrator"], answer["expires_ms"]) == (True, True, None)


@pytest.mark.parametrize("kind", ["Bearer", "bearer", "BEARER"])
def test_an_api_key_is_taken_as_a_bearer(team, kind):
    answer = team.ask("GET", WHO, headers={"Authorization": f"{kind} {team.admin_key}"})
    (ann,) = [each for each in team.stores.metadata.credentials.list_principals() if each.name == "ann"]
    assert answer.json() == {
        "name": "ann",
        "scope": "admin",
        "workspace": None,
        "expires_ms": None,
        "principal_id": ann.principal_id,
        "is_administrator": True,
        "is_local_owner": False,
        "key_kind": "key",
        "roles": {},
        "experiment_roles": {},
        "permission": "ADMINISTER",
    }


@pytest.mark.parametrize("user", ["ann", "", "anybody", "x@y"])
def test_an_api_key_or_a_token_is_taken_as_the_password_of_basic(team, user):
    for secret in (team.admin_key, token(team, team.admin_key)):
        assert team.ask("GET", WHO, headers=basic(secret, user)).json()["name"] == "ann"


def test_a_token_is_taken_as_a_bearer_and_says_when_it_ends(team):
    answer = team.ask("POST", TOKEN, {"expires_in_s": 60, "scope": "reader"}, key=team.admin_key).json()
    told = team.ask("GET", WHO, key=answer["access_token"]).json()
    assert (told["name"], told["scope"], told["workspace"]) == ("ann", "reader", None)
    assert (told["expires_ms"], told["is_administrator"]) == (answer["expires_ms"], False)


def wrong_credentials(team):
    key, good = new_api_key(), token(team, team.admin_key)
    unknown_id = team.admin_key[:3] + "0" * 12 + team.admin_key[15:]
    stranger = TokenIssuer(team.stores.metadata.credentials.server_id(), [new_signing_key(1)])
    caller = authenticate(team.stores, team.settings, f"Bearer {team.admin_key}")
    assert caller is not None
    forged = stranger.issue(caller, None, Scope.ADMIN, 3600, int(time.time() * 1000))
    return [
        "",
        "Bearer",
        "Bearer ",
        f"Bearer {key.text}",
        f"Bearer {team.admin_key[:-1]}",
        f"Bearer {team.admin_key}x",
        f"Bearer {unknown_id}",
        f"Bearer {good[:-2]}",
        f"Bearer {forged.text}",
        f"Bearer {team.admin_key} {team.admin_key}",
        f"Bearer{team.admin_key}",
        team.admin_key,
        good,
        f"Basic {team.admin_key}",
        "Basic !!!",
        "Basic " + base64.b64encode(b"\xff\xfe").decode(),
        "Basic " + base64.b64encode(team.admin_key.encode()).decode(),
        basic(team.admin_key + "x")["Authorization"],
        basic("", team.admin_key)["Authorization"],
        f"Digest {team.admin_key}",
        "Negotiate abc",
    ]


@pytest.mark.parametrize("mode", Mode)
def test_a_credential_that_is_not_good_is_refused_in_one_same_way(tmp_path, mode):
    team = Team(tmp_path / "home", mode)
    for sent in wrong_credentials(team):
        assert is_unauthenticated(team.ask("GET", WHO, headers={"Authorization": sent})), sent
    team.close()


# --- exchange ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "authorization",
    ["Bearer " + new_api_key().text, "Bearer a.b.c", "Basic YTpi", "x", None],
    ids=["key", "token", "password", "nothing", "none"],
)
def test_s27_nothing_is_read_of_the_large_body_of_a_stranger(team, authorization):
    body = Pieces()
    headers = {"Content-Type": "application/json"}
    wrong = {} if authorization is None else {"Authorization": authorization}
    path = "/api/2.0/mlflow/experiments/search"
    assert is_unauthenticated(team.ask("POST", path, body.come(), headers=headers | wrong))
    assert body.taken_bytes == 0
    answer = team.ask("POST", path, body.come(), key=team.admin_key, headers=headers)
    assert (answer.status_code, body.taken_bytes) == (400, 1_000_000)


@pytest.mark.parametrize("path", ["device/authorize", "device/token", "oidc/backchannel-logout"])
def test_s27_what_a_stranger_may_send_is_small(team, path):
    body = Pieces()
    answer = team.ask("POST", f"/api/v1/{path}", body.come(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
    assert body.taken_bytes < 200_000


def test_an_exchange_gives_all_that_the_key_has_for_an_hour(team):
    before_ms = time.time_ns() // 1_000_000
    answer = team.ask("POST", TOKEN, {}, key=team.admin_key).json()
    assert answer.keys() == {
        "access_token",
        "token_type",
        "expires_in_s",
        "expires_ms",
        "scope",
        "workspace",
    }
    assert (answer["token_type"], answer["scope"], answer["workspace"]) == ("Bearer", "admin", None)
    assert 3540 <= answer["expires_in_s"] <= 3600
    assert abs(answer["expires_ms"] - before_ms - HOUR_MS) < 60_000


def test_an_exchange_is_never_kept_by_a_cache(team):
    assert team.ask("POST", TOKEN, {}, key=team.admin_key).headers["cache-control"] == "no-store"


def test_up_gives_its_owner_a_token_that_narrows_what_its_bearer_may_do(alone):
    narrow = token(alone, None, workspace="alpha", scope="reader", expires_in_s=60)
    assert alone.ask("GET", "/workspaces/alpha" + WHO, key=narrow).json()["scope"] == "reader"
    create = "/workspaces/alpha/api/2.0/mlflow/experiments/create"
    assert alone.ask("POST", create, {"name": "x"}, key=narrow).status_code == 403
    assert alone.ask("POST", create, {"name": "x"}).status_code == 200


def test_a_token_of_ups_owner_opens_no_team_server_on_the_same_home(alone):
    owned = token(alone, None)
    serve = dataclasses.replace(alone.settings, mode=Mode.SERVE)
    assert authenticate(alone.stores, alone.settings, f"Bearer {owned}")
    with pytest.raises(Unauthenticated):
        authenticate(alone.stores, serve, f"Bearer {owned}")


@pytest.mark.parametrize(
    ("asked", "status", "says"),
    [
        ({"expires_in_s": 3601}, 400, "'expires_in_s' must be between 1 and 3600"),
        ({"expires_in_s": 0}, 400, "'expires_in_s'"),
        ({"expires_in_s": "soon"}, 400, "expires_in_s"),
        ({"scope": "root"}, 400, "'scope'"),
        ({"scope": 7}, 400, "scope"),
        ({"workspace": "nowhere"}, 404, "nowhere"),
        ({"workspace": ""}, 404, "not found"),
    ],
)
def test_an_exchange_that_makes_no_sense_is_refused_with_its_field(team, asked, status, says):
    answer = team.ask("POST", TOKEN, asked, key=team.admin_key)
    assert answer.status_code == status
    assert says in answer.json()["message"]


@pytest.mark.parametrize(
    "asked",
    [
        {"scope": "owner"},
        {"scope": "admin"},
        {"workspace": "beta"},
        {"workspace": "nowhere"},
        {"workspace": ""},
    ],
)
def test_an_exchange_only_narrows(team, asked):
    key = team.key(Scope.CONTRIBUTOR, "alpha")
    answer = team.ask("POST", TOKEN, asked, key=key)
    assert answer.status_code == 403
    assert answer.json()["message"] == "A token can't do more than the credential that it is made from."
    assert token(team, key, scope="reader", workspace="alpha")


def test_a_token_buys_no_other_token(team):
    answer = team.ask("POST", TOKEN, {}, key=token(team, team.admin_key))
    assert answer.status_code == 403


def test_a_token_of_a_workspace_opens_that_and_no_other(team):
    bound = token(team, team.admin_key, workspace="alpha")
    search = "/api/2.0/mlflow/experiments/search"
    assert team.ask("GET", "/workspaces/alpha" + search, {"max_results": 5}, key=bound).status_code == 200
    header = {"X-MLFLOW-WORKSPACE": "alpha"}
    assert team.ask("GET", search, {"max_results": 5}, key=bound, headers=header).status_code == 200
    texts = set()
    for path, headers in [
        (search, {}),
        ("/workspaces/beta" + search, {}),
        ("/workspaces/nowhere" + search, {}),
        (search, {"X-MLFLOW-WORKSPACE": "beta"}),
        (search, {"X-MLFLOW-WORKSPACE": "nowhere"}),
    ]:
        answer = team.ask("GET", path, {"max_results": 5}, key=bound, headers=headers)
        assert answer.status_code == 403
        texts.add(answer.text)
    assert len(texts) == 1


# --- S12: ended -------------------------------------------------------------------------------------------


def test_s12_a_revoked_key_ends_with_its_tokens_at_once(team):
    key = team.key(Scope.OWNER)
    other = team.key(Scope.OWNER)
    bearer = token(team, key)
    assert team.ask("GET", WHO, key=bearer).status_code == team.ask("GET", WHO, key=key).status_code == 200
    team.administration.revoke_key(key[3:15])
    assert is_unauthenticated(team.ask("GET", WHO, key=bearer))
    assert is_unauthenticated(team.ask("GET", WHO, key=key))
    assert team.ask("GET", WHO, key=other).status_code == 200


def test_s12_a_disabled_principal_ends_with_all_keys_and_tokens(team):
    bearer = token(team, team.admin_key)
    credentials = team.stores.metadata.credentials
    ann = credentials.find_principal(credentials.find_api_key(team.admin_key[3:15]).principal_id)
    credentials.update_principal(dataclasses.replace(ann, disabled_ms=1))
    assert is_unauthenticated(team.ask("GET", WHO, key=bearer))
    assert is_unauthenticated(team.ask("GET", WHO, key=team.admin_key))


@pytest.mark.parametrize("what", ["key", "principal"])
def test_s12_what_another_process_ended_is_refused_within_a_second(team, what):
    bearer = token(team, team.admin_key)
    assert team.ask("GET", WHO, key=bearer).status_code == 200
    elsewhere = SqlCredentials(team.stores.database)
    (key,) = elsewhere.list_api_keys()
    if what == "key":
        elsewhere.revoke_api_key(key.key_id, 1)
    else:
        (owner,) = (each for each in elsewhere.list_principals() if each.name == "ann")
        elsewhere.update_principal(dataclasses.replace(owner, disabled_ms=1))
    time.sleep(1)
    assert is_unauthenticated(team.ask("GET", WHO, key=bearer))
    assert is_unauthenticated(team.ask("GET", WHO, key=team.admin_key))


def test_s12_an_api_key_ends_on_its_day_and_its_tokens_with_it(team):
    made = team.administration.create_key("short", Scope.READER, lifetime_days=1)
    bearer = token(team, made.text)
    now_ms = time.time_ns() // 1_000_000
    for secret in (made.text, bearer):
        assert authenticate(team.stores, team.settings, f"Bearer {secret}", now_ms)
        with pytest.raises(Unauthenticated):
            authenticate(team.stores, team.settings, f"Bearer {secret}", made.key.expires_ms)


def test_s12_a_token_ends_after_its_hour(team):
    bearer = token(team, team.admin_key)
    now_ms = time.time_ns() // 1_000_000
    assert authenticate(team.stores, team.settings, f"Bearer {bearer}", now_ms + HOUR_MS - 1000)
    with pytest.raises(Unauthenticated):
        authenticate(team.stores, team.settings, f"Bearer {bearer}", now_ms + HOUR_MS + 61_000)


def test_a_key_of_somebody_who_is_no_administrator_any_more_does_not_administer(team):
    bearer = token(team, team.admin_key)
    with team.stores.database.writing() as connection:
        connection.exec_driver_sql("UPDATE principals SET is_administrator = 0")
    time.sleep(1)
    for secret in (team.admin_key, bearer):
        assert team.ask("GET", WHO, key=secret).json()["scope"] == "owner"
        assert team.ask("POST", "/api/v1/workspaces", {"name": "gamma"}, key=secret).status_code == 403


def test_tokens_survive_a_restart_of_the_server(tmp_path):
    team = Team(tmp_path / "home")
    bearer = token(team, team.admin_key)
    team.close()
    authenticated = Team.reopened(tmp_path / "home")
    assert authenticated.ask("GET", WHO, key=bearer).json()["name"] == "ann"
    authenticated.close()


# --- S30 --------------------------------------------------------------------------------------------------


def test_s30_no_credential_reaches_a_log_or_an_answer(team, caplog):
    bearer = token(team, team.admin_key)
    secrets = {team.admin_key, team.admin_key[16:], bearer, bearer.rpartition(".")[2]}
    with caplog.at_level(logging.DEBUG):
        for secret in (team.admin_key, bearer, team.admin_key + "x", bearer + "x"):
            for path in (WHO, "/no/such/route", "/workspaces/nowhere" + WHO):
                answer = team.ask("GET", path, key=secret)
                assert not any(text in answer.text + str(answer.headers) for text in secrets)
    assert not any(text in caplog.text for text in secrets)
