"""Signing in to a team's server and out again, and logging a machine in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Request, expect

from tests.browser.barriers import serious_barriers
from tests.browser.conftest import Look, Visitor
from tests.browser.signing_in import administer, sign_in
from tests.conftest import ServerStarter
from tests.oidc.conftest import Lab
from tests.oidc.provider import ANN

pytestmark = pytest.mark.browser
Visit = Callable[..., Visitor]


@pytest.fixture
def team(start_server: ServerStarter, tmp_path: Path) -> tuple[str, str]:
    """A team's server: its address, and the key of its administrator."""
    home = tmp_path / "team"
    api_key = administer(home, "init", "--name", "ann")
    return start_server(home=home, mode="serve").url, api_key


def test_a_teams_server_asks_for_a_key_and_keeps_only_a_session(
    visit: Visit, team: tuple[str, str], look: Look
) -> None:
    url, api_key = team
    visitor = visit()
    page = visitor.open(url)
    expect(page.get_by_label("API key")).to_be_visible()
    look(page, "sign-in")
    assert serious_barriers(page) == []
    sign_in(page, "ry_000000000000_wrong")
    expect(page.get_by_role("alert")).to_have_text("The server does not know this key.")
    sign_in(page, api_key)
    expect(page.get_by_role("link", name="Default", exact=True)).to_be_visible()

    # No page can read the session, and nothing but it says who this is.
    credentials: list[str | None] = []

    def note(request: Request) -> None:
        credentials.append(request.header_value("authorization"))

    page.on("request", note)
    page.reload()
    expect(page.get_by_role("link", name="Default", exact=True)).to_be_visible()
    page.remove_listener("request", note)
    assert credentials
    assert set(credentials) == {None}
    (cookie,) = page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    stored = page.evaluate("JSON.stringify({ ...sessionStorage, ...localStorage }) + document.cookie")
    assert api_key not in stored
    assert cookie["value"] not in stored

    page.get_by_role("button", name="Account of ann").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("API key")).to_be_visible()
    assert page.context.cookies() == []
    signed_out = {"Cookie": f"{cookie['name']}={cookie['value']}"}
    assert httpx.get(f"{url}/api/v1/caller", headers=signed_out, timeout=60).status_code == 401


def test_a_session_that_was_ended_elsewhere_asks_to_sign_in_again(
    visit: Visit, team: tuple[str, str]
) -> None:
    url, api_key = team
    page = visit().open(f"{url}/#/keys")
    sign_in(page, api_key)
    page.get_by_role("row", name="Browser session").get_by_role("button", name="Revoke").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(page.get_by_label("API key", exact=True)).to_be_visible()
    sign_in(page, api_key)
    expect(page.get_by_role("heading", level=1, name="My API keys")).to_be_visible()


def test_a_provider_of_identities_is_offered_where_there_is_one(
    visit: Visit, team: tuple[str, str], look: Look
) -> None:
    url, _ = team
    page = visit().page
    provider = {"name": "Example", "login_path": "/api/v1/oidc/login"}
    page.route("**/api/v1/sign-in", lambda route: route.fulfill(json={"oidc": provider}))
    page.goto(f"{url}/#/experiments/0")
    link = page.get_by_role("link", name="Sign in with Example")
    expect(link).to_have_attribute("href", "/api/v1/oidc/login?return_to=%2F%23%2Fexperiments%2F0")
    look(page, "sign-in-provider")


def test_a_real_provider_on_another_site_signs_somebody_in_and_back_to_where_they_were(
    visit: Visit, tmp_path: Path
) -> None:
    lab = Lab(tmp_path / "lab")
    try:
        lab.provider.add("ann", **ANN)
        # To a browser these are two sites: what it keeps for one it does not send where the other leads.
        url = lab.server.url.replace("127.0.0.1", "localhost")
        page = visit().open(f"{url}/#/keys")
        page.get_by_role("link", name="Sign in with the lab").click()
        page.wait_for_url(f"{lab.provider.issuer}/**")
        page.locator("input[name=login]").fill("ann")
        page.locator("input[name=password]").fill("any")
        page.locator("button[type=submit]").click()
        page.locator("button[type=submit]", has_text="Continue").click()
        expect(page.get_by_role("heading", level=1, name="My API keys")).to_be_visible()
        assert page.url == f"{url}/#/keys"
        (cookie,) = page.context.cookies(url)
        assert (cookie["name"], cookie["sameSite"]) == ("runyard-session", "Strict")
        expect(page.get_by_role("button", name="Account of ann.a")).to_be_visible()
        # What began at the provider changes nothing without a page of ours.
        made = page.context.request.post(f"{url}/api/v1/keys", data={"name": "x"})
        assert made.status == 403
    finally:
        lab.close()


def test_sign_out_ends_the_session_with_a_real_provider_too_and_comes_back(
    visit: Visit, tmp_path: Path
) -> None:
    lab = Lab(tmp_path / "lab", RUNYARD_OIDC_SIGN_OUT="true")
    try:
        lab.provider.add("ann", **ANN)
        page = visit().open(f"{lab.server.url}/#/keys")
        page.get_by_role("link", name="Sign in with the lab").click()
        page.locator("input[name=login]").fill("ann")
        page.locator("input[name=password]").fill("any")
        page.locator("button[type=submit]").click()
        page.locator("button[type=submit]", has_text="Continue").click()
        page.get_by_role("button", name="Account of ann.a").click()
        page.get_by_text("Sign out").click()
        page.wait_for_url(f"{lab.provider.issuer}/session/end**")
        page.get_by_role("button", name="Yes, sign me out").click()
        page.get_by_role("link", name="Sign in with the lab").click()
        # It has forgotten her: it asks who she is.
        expect(page.locator("input[name=login]")).to_be_visible()
    finally:
        lab.close()


def test_a_machine_is_logged_in_or_denied_by_the_code_that_it_shows(
    visit: Visit, team: tuple[str, str], look: Look
) -> None:
    url, api_key = team

    def ask() -> tuple[str, str]:
        asked = httpx.post(f"{url}/api/v1/device/authorize", json={"machine": "gpu-box"}, timeout=60).json()
        return asked["device_code"], asked["user_code"]

    def fetch(device_code: str) -> httpx.Response:
        body = {"device_code": device_code}
        return httpx.post(f"{url}/api/v1/device/token", json=body, timeout=60)

    device_code, user_code = ask()
    page = visit().open(f"{url}/#/device?code={user_code}")
    sign_in(page, api_key)
    expect(page.get_by_text("gpu-box")).to_be_visible()
    look(page, "device")
    assert serious_barriers(page) == []
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("It is logged in.")).to_be_visible()
    assert fetch(device_code).json()["api_key"].startswith("ry_")

    device_code, user_code = ask()
    page.get_by_role("button", name="Type another code").click()
    page.get_by_role("textbox", name="Code").fill(user_code.lower().replace("-", ""))
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("button", name="Deny").click()
    expect(page.get_by_text("It was denied.")).to_be_visible()
    assert fetch(device_code).status_code == 400
