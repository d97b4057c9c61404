"""People sign in by a real provider of identities; who tampers with it does not."""

from __future__ import annotations

import base64
import json
import time
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

from tests.oidc.conftest import Lab
from tests.oidc.provider import ANN, BEA, Browser

WHO = "/api/v1/caller"


def as_admin(lab, method, path, body=None):
    headers = {"Authorization": f"Bearer {lab.admin}"}
    answer = httpx.request(method, lab.server.url + path, json=body, headers=headers, timeout=60)
    answer.raise_for_status()
    return answer.json()


def person(lab, name):
    return as_admin(lab, "GET", f"/api/v1/principals/{name}")["principal"]


def who(lab, browser):
    answer = browser.client.get(lab.server.url + WHO)
    return answer.json() if answer.status_code == 200 else answer.status_code


def test_the_sign_in_page_learns_of_the_provider(lab):
    told = httpx.get(f"{lab.server.url}/api/v1/sign-in", timeout=60).json()
    assert told == {"oidc": {"name": "the lab", "login_path": "/api/v1/oidc/login"}}


def test_who_signs_in_first_becomes_a_person_with_what_everyone_has(lab):
    lab.provider.add("ann", **ANN)
    browser = Browser()
    answer = browser.sign_in(f"{lab.login_url}?return_to=/%23/keys", "ann")
    assert (answer.status_code, answer.headers["location"]) == (303, "/#/keys")
    cookie = next(
        each for each in answer.headers.get_list("set-cookie") if each.startswith("runyard-session=")
    )
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    told = who(lab, browser)
    assert (told["name"], told["is_administrator"], told["key_kind"], told["roles"]) == (
        "ann.a",
        False,
        "session",
        {},
    )
    again = Browser()
    again.sign_in(lab.login_url, "ann")
    assert who(lab, again)["principal_id"] == told["principal_id"]


def test_who_was_added_by_address_is_found_if_the_provider_has_verified_it(lab):
    made = as_admin(lab, "POST", "/api/v1/principals", {"name": "Bea", "email": "bea@lab.example"})
    lab.provider.add("bea-unsure", **{**BEA, "email_verified": False, "preferred_username": "unsure"})
    browser = Browser()
    browser.sign_in(lab.login_url, "bea-unsure")
    assert who(lab, browser)["name"] == "unsure"
    lab.provider.add("bea", **BEA)
    browser = Browser()
    browser.sign_in(lab.login_url, "bea")
    assert who(lab, browser)["principal_id"] == made["principal"]["principal_id"]
    # Somebody else who got the address later is not her.
    lab.provider.add("bea-later", **{**BEA, "preferred_username": "later"})
    browser = Browser()
    browser.sign_in(lab.login_url, "bea-later")
    assert who(lab, browser)["name"] == "later"


def test_two_of_one_name_get_two(lab):
    for login in ("cleo-1", "cleo-2"):
        lab.provider.add(login, preferred_username="cleo", email=f"{login}@lab.example")
        Browser().sign_in(lab.login_url, login)
    assert {person(lab, name)["kind"] for name in ("cleo", "cleo-2@lab.example")} == {"person"}


def test_groups_are_those_of_the_provider_that_exist_here(lab):
    for name in ("vision", "speech"):
        as_admin(lab, "POST", "/api/v1/principals", {"name": name, "kind": "group"})
    as_admin(lab, "PUT", "/api/v1/grants", {"principal": "vision", "role": "contributor"})
    lab.provider.add("dee", preferred_username="dee", groups=["vision", "of nobody here"])
    browser = Browser()
    browser.sign_in(lab.login_url, "dee")
    assert who(lab, browser)["roles"] == {"default": "contributor"}
    lab.provider.add("dee", preferred_username="dee", groups=["speech"])
    Browser().sign_in(lab.login_url, "dee")
    # Also in the browser that signed in before: rights are looked up anew.
    time.sleep(1)
    assert who(lab, browser)["roles"] == {}


def test_a_group_of_the_provider_administers_the_server(lab):
    lab.provider.add("eli", preferred_username="eli", groups=["runyard-admins"])
    browser = Browser()
    browser.sign_in(lab.login_url, "eli")
    assert who(lab, browser)["is_administrator"]
    lab.provider.add("eli", preferred_username="eli", groups=["others"])
    Browser().sign_in(lab.login_url, "eli")
    time.sleep(1)
    assert not who(lab, browser)["is_administrator"]


def test_s12_who_is_locked_out_is_out_within_a_second_and_does_not_get_in_again(lab):
    lab.provider.add("fay", preferred_username="fay")
    browser = Browser()
    browser.sign_in(lab.login_url, "fay")
    assert who(lab, browser)["name"] == "fay"
    as_admin(lab, "PATCH", "/api/v1/principals/fay", {"is_disabled": True})
    time.sleep(1)
    assert who(lab, browser) == 401
    answer = Browser().sign_in(lab.login_url, "fay")
    assert answer.status_code == 403
    assert "locked out" in answer.text
    assert "runyard-session=" not in str(answer.headers)


def test_what_the_provider_tells_on_request_counts_too(tmp_path):
    lab = Lab(tmp_path / "conforming", conforms=True)
    try:
        as_admin(lab, "POST", "/api/v1/principals", {"name": "vision", "kind": "group"})
        lab.provider.add("ann", **ANN, groups=["vision"])
        browser = Browser()
        browser.sign_in(lab.login_url, "ann")
        assert who(lab, browser)["name"] == "ann.a"
        members = as_admin(lab, "GET", "/api/v1/groups/vision/members")["principals"]
        assert [each["name"] for each in members] == ["ann.a"]
    finally:
        lab.close()


def test_a_server_may_let_in_only_whom_an_administrator_has_added(tmp_path):
    lab = Lab(tmp_path / "closed", RUNYARD_OIDC_ONLY_ADDED="true")
    try:
        lab.provider.add("ann", **ANN)
        answer = Browser().sign_in(lab.login_url, "ann")
        assert (answer.status_code, "added you" in answer.text) == (403, True)
        as_admin(lab, "POST", "/api/v1/principals", {"name": "ann", "email": "Ann@Lab.Example"})
        browser = Browser()
        browser.sign_in(lab.login_url, "ann")
        assert who(lab, browser)["name"] == "ann"
    finally:
        lab.close()


# --- tampering --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "return_to",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "evil",
        "/a\r\nX: y",
        "/ü",
    ],
)
def test_nobody_is_sent_to_another_site(lab, return_to):
    answer = httpx.get(f"{lab.login_url}?{urlencode({'return_to': return_to})}", timeout=60)
    assert answer.status_code == 400
    assert "evil" not in answer.headers.get("location", "")


def test_an_answer_counts_in_the_browser_that_began_and_once(lab):
    lab.provider.add("gus", preferred_username="gus")
    browser = Browser()
    callback = browser.callback_of(lab.login_url, "gus")
    stranger = Browser()
    assert stranger.client.get(callback).status_code == 403
    assert who(lab, stranger) == 401
    assert browser.client.get(callback).status_code == 303
    replayed = browser.client.get(callback)
    assert replayed.status_code == 403
    assert "Begin again" in replayed.text


@pytest.mark.parametrize(
    "change",
    [
        {"state": "another"},
        {"code": "another"},
        {"iss": "https://evil.example"},
        {"code": None, "error": "access_denied"},
        {"code": None, "error": "<script>alert(1)</script>"},
        {"state": None},
    ],
)
def test_a_changed_answer_signs_nobody_in(lab, change):
    lab.provider.add("hal", preferred_username="hal")
    browser = Browser()
    callback = urlsplit(browser.callback_of(lab.login_url, "hal"))
    query = {name: values[0] for name, values in parse_qs(callback.query).items()} | change
    query = {name: value for name, value in query.items() if value is not None}
    answer = browser.client.get(callback._replace(query=urlencode(query)).geturl())
    assert answer.status_code == 403
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "<script" not in answer.text
    assert who(lab, browser) == 401


def test_a_nonce_of_another_attempt_is_refused(lab):
    lab.provider.add("ida", preferred_username="ida")
    browser = Browser()
    callback = browser.callback_of(lab.login_url, "ida")
    kept = browser.client.cookies["runyard-signing-in"]
    attempt = json.loads(base64.urlsafe_b64decode(kept))
    for change in ({"nonce": "another"}, {"verifier": "v" * 43}, {"return_to": "//evil.example"}):
        forged = base64.urlsafe_b64encode(json.dumps(attempt | change).encode()).decode()
        answer = httpx.get(callback, headers={"Cookie": f"runyard-signing-in={forged}"}, timeout=60)
        assert answer.status_code == 403
        assert "runyard-session=" not in str(answer.headers)


def test_who_signed_in_is_in_the_audit_log_and_the_secrets_are_not(lab):
    lab.provider.add("jan", preferred_username="jan")
    Browser().sign_in(lab.login_url, "jan")
    told = as_admin(lab, "GET", "/api/v1/audit?caller=jan")["entries"]
    assert [each["action"] for each in told] == ["signing_in.end_sign_in"]
    assert "a secret of the tests" not in lab.server.output
    explained = as_admin(lab, "GET", "/api/v1/keys?principal=jan")["keys"]
    assert [(each["kind"], each["name"]) for each in explained] == [("session", "Tester/1.0")]


def test_a_provider_that_does_not_answer_is_a_page_that_says_so(tmp_path):
    lab = Lab(tmp_path / "alone")
    try:
        lab.provider.close()
        answer = httpx.get(lab.login_url, timeout=60)
        assert answer.status_code == 503
        assert "You are not signed in" in answer.text
        assert httpx.get(f"{lab.server.url}/healthz", timeout=60).status_code == 200
    finally:
        lab.close()
