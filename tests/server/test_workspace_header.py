"""The header X-MLFLOW-WORKSPACE in every spelling: it names a workspace exactly, or it opens nothing."""

from __future__ import annotations

import httpx
import pytest

from runyard.entities.permission import Scope
from tests.server.local import Local
from tests.server.team import ADDRESSES, Team

HEADER = "X-MLFLOW-WORKSPACE"
MADE = "/api/2.0/mlflow/experiments/create"
SEARCH = "/api/2.0/mlflow/experiments/search"
CANARY = "canary-of-alpha"
ODD = [
    b"ALPHA",
    b"Alpha",
    b"%61lpha",
    b"alph%61",
    b"alpha%00",
    b"alpha\x00",
    b"alpha\x00.example",
    b"alpha%20",
    b"alpha/",
    b"./alpha",
    b"beta/../alpha",
    b"..%2falpha",
    b"alpha,beta",
    b"beta, alpha",
    b'"alpha"',
    b"alpha;q=1",
    b"*",
    b"alpha' OR '1'='1",
    b"\xe1lpha",
    b"\xff\xfe",
    "аlpha".encode(),
    "ａlpha".encode(),
    "alpha\u200b".encode(),
    b"\xed\xa0\x80alpha\xed\xb0\x80",  # halves of a pair, which are no text
    b"=?utf-8?q?alpha?=",
    b"alpha" * 2000,
    b"\xff" * 10_000,
]


@pytest.fixture
def local(local_on_each_engine: Local) -> Local:
    return local_on_each_engine


def made_in_alpha(team: Team) -> None:
    team.ask("POST", f"/workspaces/alpha{MADE}", {"name": CANARY}, key=team.admin_key).raise_for_status()


def asked_twice(team: Team, *named: tuple[str, str]) -> httpx.Response:
    headers = [("Authorization", f"Bearer {team.admin_key}"), *named]
    request = team._client.build_request("GET", SEARCH, params={"max_results": 5}, headers=headers)
    return team._loop.run_until_complete(team._client.send(request))


def refused(answer: httpx.Response) -> tuple[int, str]:
    """The status and code of a refusal that tells nothing of the workspace."""
    assert answer.status_code in (400, 403, 404), answer.text
    assert CANARY not in answer.text
    code: str = answer.json()["error_code"]
    return answer.status_code, code


def test_an_odd_spelling_of_a_workspace_is_not_that_workspace(team: Team):
    made_in_alpha(team)
    bound = team.key(Scope.OWNER, "alpha")
    for key in (team.admin_key, bound):
        for value in ODD:
            # The client's types know only text, and text has no such bytes.
            answer = team.ask("GET", SEARCH, {"max_results": 5}, key, {HEADER: value})  # type: ignore[dict-item]
            refused(answer)
    assert CANARY in team.ask("GET", SEARCH, {"max_results": 5}, bound, {HEADER: "alpha"}).text


def test_to_a_member_of_one_all_other_names_sound_alike(team: Team):
    bound = team.key(Scope.READER, "beta")
    told = {
        refused(team.ask("GET", SEARCH, {"max_results": 5}, bound, {HEADER: value}))  # type: ignore[dict-item]
        for value in (*ODD, b"alpha", b"nowhere")
    }
    assert told == {(403, "PERMISSION_DENIED")}


@pytest.mark.parametrize("name", [HEADER.lower(), HEADER.title(), "x-MlFlow-wOrKsPaCe"])
def test_the_header_s_own_name_is_known_in_any_case_and_comes_once(team: Team, name: str):
    made_in_alpha(team)
    asked = ("GET", SEARCH, {"max_results": 5}, team.admin_key)
    assert CANARY in team.ask(*asked, {name: "alpha"}).text
    for first, second in (("beta", "alpha"), ("beta", "beta"), ("", "alpha")):
        assert refused(asked_twice(team, (name, first), (HEADER, second)))[0] == 403
    for address in ADDRESSES:
        path = address.format("beta") + SEARCH
        other = team.ask("GET", path, {"max_results": 5}, team.admin_key, {name: "alpha"})
        assert refused(other)[0] == 400


def test_no_database_fails_over_a_spelling(local: Local):
    for value in ODD:
        refused(local.ask("GET", SEARCH, {HEADER: value}, params={"max_results": 5}))  # type: ignore[dict-item]
    assert local.ask("GET", SEARCH, {HEADER: "default"}, params={"max_results": 5}).status_code == 200
