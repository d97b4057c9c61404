"""Sessions of browsers and logins of machines, over HTTP: what they give, what ends them, and S13 and S16."""

from __future__ import annotations

from dataclasses import replace

import pytest

from runyard.settings import Mode
from tests.server.team import ADDRESSES, Team

WHO = "/api/v1/caller"
SESSION = "/api/v1/session"
OWN = {"Origin": "http://127.0.0.1:5000"}


@pytest.fixture
def team(tmp_path):
    team = Team(tmp_path / "home")
    yield team
    team.close()


def signed_in(team, key):
    """The header that a browser sends after it has signed in with an API key."""
    answer = team.ask("POST", SESSION, key=key, headers={"User-Agent": "Tester/1.0"} | OWN)
    assert answer.status_code == 200, answer.text
    cookie = answer.headers["set-cookie"]
    team._client.cookies.clear()
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
    return {"Cookie": cookie.partition(";")[0]}


def test_a_browser_signs_in_with_a_key_and_out_again(team):
    bea = team.person("bea")
    browser = signed_in(team, bea)
    told = team.ask("GET", WHO, headers=browser).json()
    assert (told["name"], told["key_kind"]) == ("bea", "session")
    (session, _) = team.ask("GET", "/api/v1/keys", headers=browser).json()["keys"]
    assert (session["kind"], session["name"]) == ("session", "Tester/1.0")
    answer = team.ask("DELETE", SESSION, headers=browser | OWN)
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert team.ask("GET", WHO, headers=browser).status_code == 401
    assert team.ask("GET", WHO, key=bea).status_code == 200


def test_a_session_ends_with_the_key_that_it_was_made_from(team):
    bea = team.person("bea")
    browser = signed_in(team, bea)
    team.ask("DELETE", f"/api/v1/keys/{bea[3:15]}", key=team.admin_key).raise_for_status()
    assert team.ask("GET", WHO, headers=browser).status_code == 401


def test_a_session_reaches_no_further_than_its_key(team):
    body = {"name": "narrow", "scope": "reader", "workspace": "alpha"}
    narrow = team.ask("POST", "/api/v1/keys", body, key=team.admin_key).json()["api_key"]
    told = team.ask("GET", WHO, headers=signed_in(team, narrow)).json()
    assert (told["scope"], told["workspace"], told["is_administrator"]) == ("reader", "alpha", False)


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_session_opens_its_workspace_at_every_address_and_no_other(team, address):
    search = "/api/2.0/mlflow/experiments/search?max_results=5"
    bea = team.person("bea")
    team.grant("bea", "owner", "alpha")
    bound = made_key(team, scope="owner", workspace="alpha")
    for browser in (signed_in(team, bea), signed_in(team, bound)):
        header = {"X-MLFLOW-WORKSPACE": "beta"}
        assert team.ask("GET", address.format("alpha") + search, headers=browser).status_code == 200
        assert team.ask("GET", address.format("beta") + search, headers=browser).status_code == 403
        assert team.ask("GET", search, headers=browser | header).status_code == 403
        assert team.ask("GET", search, headers=browser).status_code == 403
        written = ("POST", address.format("beta") + "/api/2.0/mlflow/experiments/create", {"name": "x"})
        assert team.ask(*written, headers=browser | OWN).status_code == 403


def made_key(team, **body):
    answer = team.ask("POST", "/api/v1/keys", {"name": "made"} | body, key=team.admin_key)
    answer.raise_for_status()
    return answer.json()["api_key"]


def logged_in(team, **approver):
    """The key of a machine that somebody has approved."""
    login = begun(team)
    decided(team, login, "approve", **approver).raise_for_status()
    return fetched(team, login).json()["api_key"]


def test_all_that_was_made_from_a_key_ends_with_it_however_far_away(team):
    root = made_key(team)
    machine = logged_in(team, headers=signed_in(team, root) | OWN)
    browser = signed_in(team, machine)
    token = team.ask("POST", "/api/v1/token", {}, key=machine).json()["access_token"]
    assert team.ask("GET", WHO, headers=browser).status_code == 200
    team.ask("DELETE", f"/api/v1/keys/{root[3:15]}", key=team.admin_key).raise_for_status()
    assert team.ask("GET", WHO, key=machine).status_code == 401
    assert team.ask("GET", WHO, headers=browser).status_code == 401
    assert team.ask("GET", WHO, key=token).status_code == 401


@pytest.mark.parametrize("way", ["key", "session", "machine", "session of a machine"])
def test_a_key_that_ends_is_not_outlived_by_what_is_asked_for_with_it(team, way):
    short = made_key(team, lifetime_days=1)
    sent = {
        "key": lambda: {"key": short},
        "session": lambda: {"headers": signed_in(team, short) | OWN},
        "machine": lambda: {"key": logged_in(team, key=short)},
        "session of a machine": lambda: {"headers": signed_in(team, logged_in(team, key=short)) | OWN},
    }[way]()
    (ends,) = {
        each["expires_ms"]
        for each in team.ask("GET", "/api/v1/keys", key=team.admin_key).json()["keys"]
        if each["key_id"] == short[3:15]
    }
    made = team.ask("POST", "/api/v1/keys", {"name": "long", "lifetime_days": 3000}, **sent).json()["key"]
    assert made["expires_ms"] == ends


def test_a_key_made_in_a_browser_outlives_the_session(team):
    browser = signed_in(team, team.admin_key)
    made = team.ask("POST", "/api/v1/keys", {"name": "long"}, headers=browser | OWN).json()["key"]
    assert made["expires_ms"] is None


def test_over_tls_the_cookie_of_a_neighbours_page_is_not_taken(tmp_path):
    team = Team(tmp_path / "tls", trusted_proxies=("127.0.0.1",))
    try:
        tls = {"X-Forwarded-Proto": "https", "Origin": "https://127.0.0.1:5000"}
        answer = team.ask("POST", SESSION, key=team.admin_key, headers=tls)
        team._client.cookies.clear()
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-runyard-session=ry_")
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=Strict"} <= set(cookie.split("; "))
        own = cookie.partition(";")[0]
        planted = own.replace("__Host-", "")
        assert team.ask("GET", WHO, headers=tls | {"Cookie": own}).json()["name"] == "ann"
        assert team.ask("GET", WHO, headers=tls | {"Cookie": planted}).status_code == 401
        assert team.ask("GET", WHO, headers=tls | {"Cookie": f"{planted}; {own}"}).json()["name"] == "ann"
    finally:
        team.close()


def test_below_a_prefix_the_cookie_is_for_the_prefix_alone(tmp_path):
    team = Team(tmp_path / "prefix", trusted_proxies=("127.0.0.1",), root_path="/ml")
    try:
        tls = {"X-Forwarded-Proto": "https", "Origin": "https://127.0.0.1:5000"}
        answer = team.ask("POST", "/ml" + SESSION, key=team.admin_key, headers=tls)
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("runyard-session=ry_")
        assert {"Secure", "Path=/ml"} <= set(cookie.split("; "))
    finally:
        team.close()


def test_only_a_key_signs_in(team):
    token = team.ask("POST", "/api/v1/token", {}, key=team.admin_key).json()["access_token"]
    assert team.ask("POST", SESSION, key=token, headers=OWN).status_code == 403
    browser = signed_in(team, team.admin_key)
    assert team.ask("POST", SESSION, headers=browser | OWN).status_code == 403
    assert team.ask("DELETE", SESSION, key=team.admin_key, headers=OWN).status_code == 400


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        (OWN, 200),
    ],
)
@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_s16_a_cookie_changes_nothing_without_a_page_of_ours(team, method, more, status):
    browser = signed_in(team, team.admin_key)
    if method == "POST":
        answer = team.ask("POST", "/api/v1/workspaces", {"name": "gamma"}, headers=browser | more)
    else:
        made = team.ask("POST", "/api/v1/keys", {"name": "x"}, key=team.admin_key).json()["key"]["key_id"]
        answer = team.ask("DELETE", f"/api/v1/keys/{made}", headers=browser | more)
    assert answer.status_code == status


def test_two_sessions_at_once_are_none(team):
    one, two = (signed_in(team, team.admin_key)["Cookie"] for _ in range(2))
    assert team.ask("GET", WHO, headers={"Cookie": f"{one}; {two}"}).status_code == 403


def test_an_ended_cookie_locks_nobody_out_of_their_own_machine(tmp_path):
    alone = Team(tmp_path / "alone", Mode.UP)
    try:
        headers = {"Cookie": "runyard-session=ry_000000000000_" + "A" * 43}
        assert alone.ask("GET", WHO, headers=headers).json()["is_local_owner"]
    finally:
        alone.close()


# --- logins of machines -----------------------------------------------------------------------------------


def begun(team):
    return team.ask("POST", "/api/v1/device/authorize", {"machine": "gpu-box"}).json()


def fetched(team, login):
    return team.ask("POST", "/api/v1/device/token", {"device_code": login["device_code"]})


def decided(team, login, what, **how):
    return team.ask("POST", f"/api/v1/device/requests/{login['user_code']}/{what}", **how)


def test_a_machine_is_logged_in_by_whoever_approves_it(team):
    bea = team.person("bea")
    login = begun(team)
    assert login["verification_uri_complete"].endswith(f"/#/device?code={login['user_code']}")
    assert fetched(team, login).json()["error_code"] == "AUTHORIZATION_PENDING"
    typed = login["user_code"].lower().replace("-", " ")
    shown = team.ask("GET", f"/api/v1/device/requests/{typed}", key=bea).json()
    assert (shown["machine"], shown["client"], shown["state"]) == ("gpu-box", "127.0.0.1", "pending")
    assert decided(team, login, "approve", key=bea).json()["state"] == "approved"
    key = fetched(team, login).json()["api_key"]
    told = team.ask("GET", WHO, key=key).json()
    assert (told["name"], told["key_kind"]) == ("bea", "login")
    assert fetched(team, login).json()["error_code"] == "EXPIRED_TOKEN"
    assert decided(team, login, "approve", key=bea).status_code == 404


def test_a_machine_that_nobody_wants_is_told_so(team):
    login = begun(team)
    assert decided(team, login, "deny", key=team.admin_key).json()["state"] == "denied"
    assert fetched(team, login).json()["error_code"] == "ACCESS_DENIED"


def test_a_login_reaches_no_further_than_who_approved_it_and_ends_with_their_key(team):
    body = {"name": "narrow", "scope": "reader", "workspace": "alpha"}
    narrow = team.ask("POST", "/api/v1/keys", body, key=team.admin_key).json()["api_key"]
    token = team.ask("POST", "/api/v1/token", {}, key=team.admin_key).json()["access_token"]
    login = begun(team)
    assert decided(team, login, "approve", key=token).status_code == 403
    assert decided(team, login, "approve").status_code == 401
    browser = signed_in(team, narrow)
    team.ask(
        "POST",
        f"/workspaces/alpha/api/v1/device/requests/{login['user_code']}/approve",
        headers=browser | OWN,
    ).raise_for_status()
    key = fetched(team, login).json()["api_key"]
    told = team.ask("GET", "/workspaces/alpha" + WHO, key=key).json()
    assert (told["scope"], told["workspace"]) == ("reader", "alpha")
    team.ask("DELETE", SESSION, headers=browser | OWN).raise_for_status()
    assert team.ask("GET", WHO, key=key).status_code == 200
    team.ask("DELETE", f"/api/v1/keys/{narrow[3:15]}", key=team.admin_key).raise_for_status()
    assert team.ask("GET", WHO, key=key).status_code == 401


def test_a_login_that_took_too_long_is_over(team):
    login = begun(team)
    devices = team.stores.metadata.devices
    kept = devices.find_by_user_code(login["user_code"])
    devices.update_login(replace(kept, expires_ms=kept.created_ms))
    assert decided(team, login, "approve", key=team.admin_key).status_code == 404
    assert fetched(team, login).json()["error_code"] == "EXPIRED_TOKEN"


# --- S13 --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["api key", "basic", "device code", "user code"])
def test_s13_who_tries_fifty_wrong_ones_has_to_wait(team, what):
    tries = {
        "api key": lambda: team.ask("GET", WHO, key="ry_000000000000_" + "A" * 43),
        "basic": lambda: team.ask("GET", WHO, headers={"Authorization": "Basic YW5uOndyb25n"}),
        "device code": lambda: team.ask("POST", "/api/v1/device/token", {"device_code": "wrong"}),
        "user code": lambda: team.ask("GET", "/api/v1/device/requests/AAAA-AAAA", key=team.admin_key),
    }
    statuses = [tries[what]().status_code for _ in range(50)]
    assert statuses[0] in (400, 401, 404)
    assert set(statuses[20:]) == {429}
    last = tries[what]()
    wait_s = int(last.headers["retry-after"])
    team.clock.now_s += wait_s - 0.1
    assert tries[what]().status_code == 429
    team.clock.now_s += 0.1
    assert tries[what]().status_code in (400, 401, 404)
    # Who has a good one is not kept waiting by them.
    assert team.ask("GET", WHO, key=team.admin_key).status_code == 200


def test_s13_an_expired_token_is_told_so_however_often_it_comes(team):
    token = team.ask("POST", "/api/v1/token", {}, key=team.admin_key).json()["access_token"]
    ended = token[:-4] + "AAAA"
    assert {team.ask("GET", WHO, key=ended).status_code for _ in range(60)} == {401}


@pytest.mark.parametrize("what", ["key", "session"])
def test_s13_what_has_ended_is_told_so_however_often_it_comes(team, what):
    bea = team.person("bea")
    sent = {"headers": signed_in(team, bea)} if what == "session" else {"key": bea}
    team.ask("DELETE", f"/api/v1/keys/{bea[3:15]}", key=team.admin_key).raise_for_status()
    assert {team.ask("GET", WHO, **sent).status_code for _ in range(60)} == {401}
    # Nor does it keep others at the same address waiting.
    assert team.ask("GET", WHO, key="ry_000000000000_" + "A" * 43).status_code == 401


def test_s13_a_machine_that_waits_is_not_kept_from_its_key_by_who_guesses_beside_it(team):
    login = begun(team)
    for _ in range(30):
        last = team.ask("POST", "/api/v1/device/token", {"device_code": "wrong"})
    assert last.status_code == 429
    assert fetched(team, login).json()["error_code"] == "AUTHORIZATION_PENDING"
