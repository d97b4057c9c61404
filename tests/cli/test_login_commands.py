"""`runyard login`, `logout` and `whoami` against a server that asks for credentials."""

from __future__ import annotations

import io
import json
import re
import stat
import threading
import time
from collections.abc import Callable, Iterator

import httpx
import pytest

from runyard.app import administration, open_stores
from runyard.sdk.addresses import origin
from runyard.sdk.credentials import credentials_path, forget_secret, keep_secret
from runyard.settings import Mode, Settings
from tests.cli.conftest import CommandLine
from tests.running_server import RunningServer
from tests.sdk.scripted_server import Scripted, ScriptedServer
from tests.waiting import until


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningServer, str]]:
    home = tmp_path_factory.mktemp("login") / "home"
    stores = open_stores(Settings(mode=Mode.SERVE, home=home))
    key = administration(stores).make_first_administrator("ann").text
    stores.close()
    server = RunningServer(home, mode="serve").start()
    yield server, key
    server.close()


@pytest.fixture(autouse=True)
def _own_configuration(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("RUNYARD_TOKEN", "RUNYARD_URL"):
        monkeypatch.delenv(name, raising=False)


def test_a_key_is_kept_where_nobody_else_reads_it_and_ends_with_logout(
    runyard: CommandLine, serving, monkeypatch
):
    server, key = serving
    made = httpx.post(
        f"{server.url}/api/v1/keys",
        json={"name": "laptop"},
        headers={"Authorization": f"Bearer {key}"},
        timeout=60,
    ).json()["api_key"]
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{made}\n"))
    ended = runyard("login", server.url, "--api-key", "-")
    assert ended.out == f"This machine is logged in to {server.url} as ann.\n"
    assert made not in ended.out + ended.err
    assert stat.S_IMODE(credentials_path().stat().st_mode) == 0o600
    told = runyard("whoami", server.url, "--json").json
    assert (told["name"], told["is_administrator"]) == ("ann", True)
    assert "ann" in runyard("whoami", server.url).out
    assert runyard("workspace", "list", "--url", server.url).code == 0
    for command in (("person", "add", "ben"), ("key", "create", "second")):
        assert runyard(*command, "--url", server.url).out.startswith("ry_")
    assert runyard("logout", server.url).code == 0
    assert runyard("whoami", server.url).code == 4
    headers = {"Authorization": f"Bearer {made}"}
    assert httpx.get(f"{server.url}/api/v1/caller", headers=headers, timeout=60).status_code == 401
    assert "not logged in" in runyard("logout", server.url).out


@pytest.mark.parametrize("way", ["nothing", "variable", "configuration"])
def test_a_login_says_what_makes_commands_go_to_its_server(
    runyard: CommandLine, serving, monkeypatch, tmp_path, way: str
):
    server, key = serving
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RUNYARD_HOME", str(tmp_path / "no-server-here"))
    if way == "variable":
        monkeypatch.setenv("RUNYARD_URL", f"{server.url}/")
    if way == "configuration":
        (tmp_path / "config.json").write_text("{")
    ended = runyard("login", server.url, "--api-key", key)
    assert ended.code == 0
    hint = f"export RUNYARD_URL={server.url}\n"
    assert (hint in ended.err) is (way != "variable")


def test_a_machine_waits_until_somebody_approves_it(runyard: CommandLine, serving, monkeypatch):
    server, key = serving
    opened: list[str] = []

    def approve(url: str) -> None:
        opened.append(url)
        code = re.search(r"code=([A-Z]{4}-[A-Z]{4})$", url)
        assert code is not None
        headers = {"Authorization": f"Bearer {key}"}
        path = f"{server.url}/api/v1/device/requests/{code[1]}/approve"
        threading.Timer(0.5, lambda: httpx.post(path, headers=headers, timeout=60)).start()

    monkeypatch.setattr("webbrowser.open", approve)
    ended = runyard("login", server.url)
    assert (ended.code, ended.out) == (0, f"This machine is logged in to {server.url} as ann.\n"), ended.err
    assert opened[0] in ended.err
    told = runyard("whoami", server.url, "--json").json
    assert told["key_kind"] == "login"
    days = (told["expires_ms"] / 1000 - time.time()) / (24 * 3600)
    assert 89 < days <= 90  # the key's end, not that of the hour's token that commands exchange it for


def approve_by(
    server: RunningServer, key: str, then: Callable[[], object] = lambda: None
) -> Callable[[str], None]:
    """Return what opens a browser in which somebody approves the code at once."""

    def opened(url: str) -> None:
        path = f"{server.url}/api/v1/device/requests/{url.rpartition('code=')[2]}/approve"
        httpx.post(path, headers={"Authorization": f"Bearer {key}"}, timeout=60).raise_for_status()
        then()

    return opened


def logins_of(server: RunningServer, key: str) -> list[str]:
    """Return the ids of machines' keys that are good."""
    headers = {"Authorization": f"Bearer {key}"}
    keys = httpx.get(f"{server.url}/api/v1/keys", headers=headers, timeout=60).json()["keys"]
    return [each["key_id"] for each in keys if each["kind"] == "login" and not each.get("revoked_ms")]


def test_nobody_is_asked_for_a_key_that_no_keyring_would_keep(runyard: CommandLine, serving, monkeypatch):
    server, key = serving
    before = logins_of(server, key)
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    monkeypatch.setattr("keyring.core._keyring_backend", None)
    ended = runyard("login", server.url, "--keyring")
    assert (ended.code, opened) == (1, [])
    assert ended.err.strip().endswith("Leave --keyring out to keep the key in a file that only you can read.")
    assert not credentials_path().exists()
    assert logins_of(server, key) == before


def test_a_key_that_was_approved_and_could_not_be_kept_is_ended(
    runyard: CommandLine, serving, monkeypatch, tmp_path
):
    server, key = serving
    before = logins_of(server, key)
    in_the_way = tmp_path / "config"  # a file where the folder should be

    monkeypatch.setattr("webbrowser.open", approve_by(server, key, lambda: in_the_way.write_text("")))
    assert runyard("login", server.url).code != 0
    assert logins_of(server, key) == before
    in_the_way.unlink()
    monkeypatch.setattr("webbrowser.open", approve_by(server, key))
    assert runyard("login", server.url).code == 0
    assert len(logins_of(server, key)) == len(before) + 1


def test_what_is_no_key_is_not_kept(runyard: CommandLine, serving):
    server, _ = serving
    assert runyard("login", server.url, "--api-key", "nonsense").code == 1
    assert runyard("login", server.url, "--api-key", "ry_000000000000_" + "A" * 43).code == 4
    assert not credentials_path().exists()


def kept_for(url: str) -> str | None:
    content = json.loads(credentials_path().read_text()) if credentials_path().exists() else {"servers": {}}
    found = [entry["token"] for server, entry in content["servers"].items() if server == origin(url)]
    return found[0] if found else None


def test_what_is_kept_for_other_servers_stays(runyard: CommandLine, serving):
    server, key = serving
    keep_secret("https://other.example", "ry_other")
    assert runyard("login", server.url, "--api-key", key).code == 0
    assert (kept_for(server.url), kept_for("https://other.example")) == (key, "ry_other")
    assert {each.name for each in credentials_path().parent.iterdir()} == {"credentials.json"}
    forget_secret(server.url)
    assert (kept_for(server.url), kept_for("https://other.example")) == (None, "ry_other")


def test_login_says_where_somebody_may_do_what_and_what_goes_before_the_key(
    runyard: CommandLine, serving, monkeypatch
):
    server, key = serving
    headers = {"Authorization": f"Bearer {key}"}

    def change(method: str, path: str, body: dict[str, str]) -> dict[str, str]:
        answer = httpx.request(method, f"{server.url}/api/v1/{path}", json=body, headers=headers, timeout=60)
        answer.raise_for_status()
        return answer.json()  # type: ignore[no-any-return]

    change("POST", "principals", {"name": "cleo"})
    made = change("POST", "keys", {"name": "first", "principal": "cleo"})["api_key"]
    monkeypatch.setenv("RUNYARD_TOKEN", key)
    told = runyard("login", server.url, "--api-key", made).err
    assert "in no workspace yet" in told
    assert "RUNYARD_TOKEN is set" in told
    change("PUT", "grants", {"principal": "cleo", "role": "contributor"})
    until(lambda: "contributor of default" in runyard("login", server.url, "--api-key", made).err)
    assert "administrator of all" in runyard("login", server.url, "--api-key", key).err


def test_a_key_that_could_not_be_ended_is_kept_and_one_that_has_ended_is_not(runyard: CommandLine, tmp_path):
    with ScriptedServer([Scripted(500, b"{}")]) as failing:
        keep_secret(failing.url, "ry_0123456789ab_x")
        assert runyard("logout", failing.url).code == 1
        assert kept_for(failing.url) == "ry_0123456789ab_x"
    ended = Scripted(401, b'{"error_code": "UNAUTHENTICATED", "message": "It has ended."}')
    with ScriptedServer([ended]) as server:
        keep_secret(server.url, "ry_0123456789ab_x")
        assert runyard("logout", server.url).code == 0
        assert kept_for(server.url) is None


def test_a_machine_goes_on_waiting_while_the_server_is_busy_or_away(runyard: CommandLine):
    begun = {
        "device_code": "d",
        "user_code": "BCDF-GHJK",
        "verification_uri": "http://x/#/device",
        "verification_uri_complete": "http://x/#/device?code=BCDF-GHJK",
        "expires_in": 600,
        "interval": 0,
    }
    caller: dict[str, object] = {
        "name": "ann",
        "scope": "admin",
        "workspace": None,
        "expires_ms": None,
        "principal_id": "p",
        "is_administrator": True,
        "is_local_owner": False,
        "key_kind": "login",
        "roles": {},
        "experiment_roles": {},
        "permission": "ADMINISTER",
    }
    pending = Scripted(400, b'{"error_code": "AUTHORIZATION_PENDING", "message": "Wait."}')
    busy = Scripted(429, b'{"error_code": "RESOURCE_EXHAUSTED", "message": "Wait."}', {"Retry-After": "0"})
    broken = Scripted(body=b"half an answer", cut_at=4)
    granted = {"api_key": "ry_0123456789ab_x", "name": "ann", "expires_ms": None}
    answers = [begun, pending, busy, broken, pending, granted, caller]
    script = [
        each if isinstance(each, Scripted) else Scripted(body=json.dumps(each).encode()) for each in answers
    ]
    with ScriptedServer(script) as server:
        ended = runyard("login", server.url, "--without-browser")
        assert (ended.code, ended.out) == (0, f"This machine is logged in to {server.url} as ann.\n"), (
            ended.err
        )
        assert "BCDF-GHJK" in ended.err
        assert len(server.received) == len(script)
