"""`runyard login`, `logout` and `whoami` against a server that asks for credentials."""

from __future__ import annotations

import io
import re
import stat
import threading
from collections.abc import Iterator

import httpx
import pytest

from runyard.app import administration, open_stores
from runyard.sdk.credentials import credentials_path
from runyard.settings import Mode, Settings
from tests.cli.conftest import CommandLine
from tests.running_server import RunningServer


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
    assert (ended.code, ended.out) == (0, f"This machine is logged in to {server.url} as ann.\n")
    assert opened[0] in ended.err
    assert runyard("whoami", server.url, "--json").json["key_kind"] == "login"


def test_what_is_no_key_is_not_kept(runyard: CommandLine, serving):
    server, _ = serving
    assert runyard("login", server.url, "--api-key", "nonsense").code == 1
    assert runyard("login", server.url, "--api-key", "ry_000000000000_" + "A" * 43).code == 4
    assert not credentials_path().exists()
