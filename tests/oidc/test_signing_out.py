"""Who signs out at a real provider of identities is out here within a second, and the other way round."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.oidc.conftest import Lab
from tests.oidc.provider import CLIENT_ID, Browser
from tests.oidc.test_signing_in import as_admin, who

SESSION = "/api/v1/session"


@pytest.fixture(scope="module")
def leaving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A server whose `Sign out` leads to the provider's."""
    lab = Lab(tmp_path_factory.mktemp("leaving"), RUNYARD_OIDC_SIGN_OUT="true")
    yield lab
    lab.close()


def signed_in(lab: Lab, name: str) -> Browser:
    lab.provider.add(name, preferred_username=name)
    browser = Browser()
    browser.sign_in(lab.login_url, name)
    assert who(lab, browser)["name"] == name
    return browser


def sent(lab: Lab, browser: Browser, method: str, path: str, body: object = None) -> httpx.Response:
    """Send what a page of the Studio sends."""
    return browser.client.request(
        method, lab.server.url + path, json=body, headers={"Origin": lab.server.url}
    )


def end_at_provider(lab: Lab, browser: Browser) -> str:
    return browser.sign_out(f"{lab.provider.issuer}/session/end?client_id={CLIENT_ID}")


def test_who_signs_out_at_the_provider_is_out_here_with_the_session_s_tokens(lab):
    browser, elsewhere = signed_in(lab, "kim"), signed_in(lab, "kim")
    other = signed_in(lab, "lou")
    token = sent(lab, browser, "POST", "/api/v1/token", {}).json()["access_token"]
    header = {"Authorization": f"Bearer {token}"}
    assert httpx.get(f"{lab.server.url}/api/v1/caller", headers=header, timeout=60).status_code == 200
    end_at_provider(lab, browser)
    time.sleep(1)
    assert who(lab, browser) == 401
    assert httpx.get(f"{lab.server.url}/api/v1/caller", headers=header, timeout=60).status_code == 401
    # Another browser of theirs has a session of its own with the provider; others are not concerned.
    assert who(lab, elsewhere)["name"] == "kim"
    assert who(lab, other)["name"] == "lou"
    told = as_admin(lab, "GET", "/api/v1/audit?caller=kim")["entries"][0]
    assert (told["action"], told["outcome"]) == ("signing_in.provider_signed_out", "done")
    assert who(lab, signed_in(lab, "kim"))["name"] == "kim"


def test_a_provider_that_names_only_the_person_ends_all_their_sessions_and_no_key(tmp_path: Path):
    lab = Lab(tmp_path / "nameless", names_sessions=False)
    try:
        first, second, other = (signed_in(lab, name) for name in ("max", "max", "nia"))
        made = sent(lab, second, "POST", "/api/v1/keys", {"name": "laptop"}).json()
        end_at_provider(lab, first)
        time.sleep(1)
        assert (who(lab, first), who(lab, second)) == (401, 401)
        assert who(lab, other)["name"] == "nia"
        kept = {"Authorization": f"Bearer {made['api_key']}"}
        answer = httpx.get(f"{lab.server.url}/api/v1/caller", headers=kept, timeout=60)
        assert answer.json()["name"] == "max"
    finally:
        lab.close()


def test_who_signs_out_here_is_led_to_the_provider_and_back_and_is_asked_to_sign_in_anew(leaving):
    browser = signed_in(leaving, "ola")
    url = sent(leaving, browser, "DELETE", SESSION).json()["provider_sign_out_url"]
    asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    assert asked == {"client_id": CLIENT_ID, "post_logout_redirect_uri": f"{leaving.server.url}/"}
    assert who(leaving, browser) == 401
    assert browser.sign_out(url) == f"{leaving.server.url}/"
    # The provider has forgotten them: it shows its form again, where before it sent them straight back.
    answer = browser.client.get(leaving.login_url, follow_redirects=True)
    assert 'name="login"' in answer.text


def test_signing_out_leads_nowhere_unless_asked_for_or_with_a_key_s_session(lab, leaving):
    nowhere = {"provider_sign_out_url": None}
    assert sent(lab, signed_in(lab, "pia"), "DELETE", SESSION).json() == nowhere
    browser, key = Browser(), {"Authorization": f"Bearer {leaving.admin}"}
    browser.client.post(leaving.server.url + SESSION, headers=key).raise_for_status()
    assert sent(leaving, browser, "DELETE", SESSION).json() == nowhere


def test_who_wants_to_be_out_is_out_though_the_provider_is_away(tmp_path: Path):
    lab = Lab(tmp_path / "away", RUNYARD_OIDC_SIGN_OUT="true")
    try:
        browser = signed_in(lab, "quy")
        lab.provider.close()
        lab.server.kill9()
        lab.server.start()  # what it knew of the provider is gone, too
        answer = sent(lab, browser, "DELETE", SESSION)
        assert (answer.status_code, answer.json()) == (200, {"provider_sign_out_url": None})
        assert who(lab, browser) == 401
    finally:
        lab.close()
