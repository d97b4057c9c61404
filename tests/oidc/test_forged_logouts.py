"""Logout tokens that a provider would not send sign nobody out; one that it would send does, once."""

from __future__ import annotations

import base64
import hmac
import json
import time
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from joserfc import jwt

from runyard.errors import InvalidParameter
from runyard.services.logout_tokens import EVENT, GOOD_FOR_S, LEEWAY_S, logout_of
from tests.oidc.lying_provider import CLIENT_ID, FOREIGN, KEYS, LyingProvider, lying_provider
from tests.oidc.test_forged_tokens import Visit
from tests.server.team import Team

PATH = "/api/v1/oidc/backchannel-logout"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
TYPED = {"typ": "logout+jwt"}


@pytest.fixture
def provider():
    with lying_provider() as provider:
        yield provider


@pytest.fixture
def team(tmp_path, provider):
    team = Team(tmp_path / "home", oidc_issuer=provider.issuer, oidc_client_id=CLIENT_ID)
    yield team
    team.close()


class Seat:
    """Somebody who has signed in, whose session the provider calls ``s-1``."""

    def __init__(self, team: Team, provider: LyingProvider, **claims: Any) -> None:
        provider.claims = {"preferred_username": "eve", "sid": "s-1", "sub": "eve-1"} | claims
        answer = Visit(team, provider).back()
        assert answer.status_code == 303, answer.text
        cookies = [each.partition(";")[0] for each in answer.headers.get_list("set-cookie")]
        self._sent = {"Cookie": next(each for each in cookies if each.startswith("runyard-session="))}
        self._team = team

    @property
    def is_taken(self) -> bool:
        return self._team.ask("GET", "/api/v1/caller", headers=self._sent).status_code == 200


def usual(provider: LyingProvider, **changes: Any) -> dict[str, Any]:
    """Return what a provider says; a change that is a length of time is a moment so long from now."""
    now_s = int(time.time())
    claims = {
        "iss": provider.issuer,
        "aud": CLIENT_ID,
        "iat": now_s,
        "exp": now_s + 120,
        "jti": f"t-{time.monotonic_ns()}",
        "events": {EVENT: {}},
        "sub": "eve-1",
        "sid": "s-1",
    }
    claims |= {
        name: now_s + int(value.total_seconds()) if isinstance(value, timedelta) else value
        for name, value in changes.items()
    }
    return {name: value for name, value in claims.items() if value is not None}


def signed(claims: dict[str, Any], key: Any = None, alg: str = "RS256", **header: Any) -> str:
    key = key or KEYS["rsa"]
    return jwt.encode({"alg": alg, "kid": key.kid, **TYPED, **header}, claims, key, algorithms=[alg])


def send(team: Team, token: str) -> httpx.Response:
    return team.ask("POST", PATH, urlencode({"logout_token": token}).encode(), headers=FORM)


def test_a_good_token_ends_the_session_once_and_says_so_to_no_cache(team, provider):
    seat, token = Seat(team, provider), signed(usual(provider))
    answer = send(team, token)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert not seat.is_taken
    again = Seat(team, provider)
    replayed = send(team, token)
    assert replayed.status_code == 400
    assert "has come before" in replayed.text
    assert again.is_taken


@pytest.mark.parametrize("changes", [{"sid": None}, {"sub": None}, {"aud": [CLIENT_ID, "b"]}, {"exp": None}])
def test_a_token_may_name_the_person_or_the_session(team, provider, changes):
    seat, other = Seat(team, provider), Seat(team, provider, sub="mal-1", sid="s-2")
    assert send(team, signed(usual(provider, **changes))).status_code == 200
    assert not seat.is_taken
    assert other.is_taken


def test_a_provider_s_session_holds_all_browsers_of_it(team, provider):
    seats = [Seat(team, provider), Seat(team, provider)]
    other = Seat(team, provider, sid="s-2")
    assert send(team, signed(usual(provider))).status_code == 200
    assert [each.is_taken for each in (*seats, other)] == [False, False, True]


NOBODY = [{"sub": "mal-1"}, {"sid": "s-9"}, {"sub": "nobody", "sid": None}, {"sub": None, "sid": "S-1"}]


@pytest.mark.parametrize("changes", NOBODY)
def test_who_is_not_here_or_not_of_that_session_is_no_fault_and_nobody_is_signed_out(team, provider, changes):
    seat, _ = Seat(team, provider), Seat(team, provider, sub="mal-1", sid="s-2")
    assert send(team, signed(usual(provider, **changes))).status_code == 200
    assert seat.is_taken


LONG_AGO = -timedelta(seconds=GOOD_FOR_S + 2 * LEEWAY_S)
# Not by the clock: these are read long before they are tried.
BAD_CLAIMS: list[dict[str, Any]] = [
    {"iss": "https://evil.example"},
    {"iss": None},
    {"iss": ["x"]},
    {"aud": "another"},
    {"aud": None},
    {"aud": []},
    {"iat": None},
    {"iat": "now"},
    {"iat": 1e300},
    {"iat": LONG_AGO, "exp": timedelta(hours=1)},
    {"iat": timedelta(hours=1)},
    {"exp": LONG_AGO},
    {"exp": "never"},
    {"events": None},
    {"events": {}},
    {"events": {EVENT: 1}},
    {"events": {EVENT: None}},
    {"events": [EVENT]},
    {"events": EVENT},
    {"events": {EVENT + "/": {}}},
    {"nonce": "nonce"},
    {"nonce": ""},
    {"jti": None},
    {"jti": ""},
    {"jti": 7},
    {"jti": "x" * 300},
    {"sub": None, "sid": None},
    {"sub": 7, "sid": {}},
    {"sub": "", "sid": ""},
]


@pytest.mark.parametrize("changes", BAD_CLAIMS)
def test_s12_a_token_that_says_something_else_signs_nobody_out(team, provider, changes):
    seat = Seat(team, provider)
    assert send(team, signed(usual(provider, **changes))).status_code == 400
    assert seat.is_taken


def test_s12_an_id_token_is_no_logout_token(team, provider):
    seat = Seat(team, provider)
    assert send(team, provider.signed()).status_code == 400
    assert send(team, signed(usual(provider), typ="at+jwt")).status_code == 400
    assert seat.is_taken
    assert send(team, signed(usual(provider), typ="JWT")).status_code == 200


def _b64(content: object) -> str:
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def test_s12_a_token_that_somebody_else_has_signed_signs_nobody_out(team, provider):
    seat, claims = Seat(team, provider), usual(provider)
    good = signed(claims)
    head, body, _ = good.split(".")
    public = KEYS["rsa"].as_pem(private=False)
    for_secret = f"{_b64({'alg': 'HS256', 'kid': 'rsa', **TYPED})}.{_b64(claims)}"
    by_public_key = _b64(hmac.digest(public, for_secret.encode(), "sha256"))
    embedded = FOREIGN.as_dict(private=False)
    for forged in (
        signed(claims, FOREIGN),
        signed(claims, FOREIGN, jwk=embedded),
        signed(claims, FOREIGN, jku=f"{provider.issuer}/evil"),
        signed(claims, FOREIGN, kid="../../../dev/null"),
        f"{_b64({'alg': 'none', **TYPED})}.{_b64(claims)}.",
        f"{_b64({'alg': 'nOnE', **TYPED})}.{_b64(claims)}.",
        f"{for_secret}.{by_public_key}",
        f"{head}.{body}.",
        f"{head}.{_b64(claims | {'sub': 'mal-1'})}.{good.split('.')[2]}",
        f"{_b64({'alg': ['RS256'], 'kid': 'rsa'})}.{body}.x",
        f"{_b64({'alg': 'RS256', 'crit': ['b64'], 'b64': False})}.{body}.x",
        "a.b.c",
        "." * 1000,
        _b64(b"[" * 30_000) + f".{body}.x",
        "x" * 70_000,
    ):
        assert send(team, forged).status_code == 400, forged[:80]
    assert seat.is_taken
    assert provider.asked("/evil") == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"logout_token",
        b"logout_token=",
        b"logout_token=a&logout_token=b",
        b"{}",
        b"\xff\xfe",
        b"&" * 50,
        b"&".join(b"a%d=1" % number for number in range(1000)),
    ],
)
def test_a_body_that_is_no_form_with_one_token_is_refused(team, body):
    answer = team.ask("POST", PATH, body, headers=FORM)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


def test_a_server_without_a_provider_signs_nobody_out(tmp_path, provider):
    alone = Team(tmp_path / "alone")
    try:
        assert send(alone, signed(usual(provider))).status_code == 404
    finally:
        alone.close()


def test_keys_and_the_sessions_of_keys_stay(team, provider):
    Seat(team, provider)
    made = team.ask("POST", "/api/v1/keys", {"name": "k", "principal": "eve"}, key=team.admin_key).json()
    answer = team.ask("POST", "/api/v1/session", key=made["api_key"])
    with_key = {"Cookie": answer.headers["set-cookie"].partition(";")[0]}
    team._client.cookies.clear()
    assert send(team, signed(usual(provider, sid=None))).status_code == 200
    kept = team.ask("GET", "/api/v1/keys", {"principal": "eve"}, key=team.admin_key).json()["keys"]
    assert [each["kind"] for each in kept if each.get("revoked_ms") is None] == ["session", "key"]
    assert team.ask("GET", "/api/v1/caller", headers=with_key).status_code == 200


def test_a_token_is_remembered_for_as_long_as_it_would_be_taken():
    now_s = 1_700_000_000.0
    claims = {"iss": "i", "aud": "c", "jti": "t", "sub": "s", "events": {EVENT: {}}}
    latest_s = int(now_s) + LEEWAY_S
    token = jwt.Token({"alg": "RS256"}, claims | {"iat": latest_s})
    until_s = logout_of(token, "i", "c", now_s).until_ms / 1000
    with pytest.raises(InvalidParameter):
        logout_of(token, "i", "c", until_s + 1)
