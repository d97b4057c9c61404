"""The server below a path of a proxy: a real nginx and HAProxy, as the guide sets them up, and strangers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import Receive, Scope, Send

import runyard
from runyard.errors import InvalidParameter
from runyard.server.proxies import behind_proxies
from runyard.settings import Settings
from tests.running_server import RunningServer
from tests.server.local import BASE, Local
from tests.server.proxies import behind
from tests.waiting import until


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server that trusts the proxies of this machine."""
    settings = {"RUNYARD_TRUSTED_PROXIES": "127.0.0.1", "RUNYARD_ACCESS_LOG": "1"}
    running = RunningServer(tmp_path_factory.mktemp("behind") / "home", environment=settings).start()
    yield running
    running.close()


@pytest.fixture(scope="module", params=["nginx", "haproxy"])
def proxied(
    request: pytest.FixtureRequest, server: RunningServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address that a proxy shows the server at; it hands the whole path on."""
    with behind(request.param, server, tmp_path_factory.mktemp(request.param)) as url:
        yield url


def test_the_api_and_artifacts_are_below_the_path(proxied: str):
    workspace, name = runyard.Workspace.get("default", url=proxied), proxied
    with httpx.Client(base_url=proxied, timeout=60) as client:
        made = client.post(f"{BASE}/experiments/create", json={"name": name}).raise_for_status().json()
        upload = f"/workspaces/default/api/2.0/mlflow-artifacts/artifacts/{made['experiment_id']}/r/large.bin"
        content = b"0123456789" * 300_000
        assert client.put(upload, content=content).json() == {}
        assert client.get(upload).content == content
    assert workspace.experiments[name].name == name


def test_pages_are_below_the_path_and_redirects_stay_there(proxied: str):
    with httpx.Client(timeout=60, follow_redirects=True) as client:
        for path in ("", "/", "/workspaces/default", "/workspaces/default/"):
            page = client.get(proxied + path)
            assert page.headers["content-type"].startswith("text/html"), page.text
            assert page.url.path == f"/runyard{path}".rstrip("/") + "/"


def test_who_sent_it_is_whom_the_proxy_names(proxied: str, server: RunningServer):
    answer = httpx.get(f"{proxied}/version", headers={"X-Forwarded-For": "192.0.2.7"}, timeout=60)
    until(lambda: answer.headers["x-request-id"] in server.output)
    (line,) = [line for line in server.output.splitlines() if answer.headers["x-request-id"] in line]
    assert "client=192.0.2.7 " in line


# --- without a proxy --------------------------------------------------------------------------------------

SENT = {"X-Forwarded-Prefix": "/team/runyard", "X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.7"}
PAGE = {"Origin": "http://127.0.0.1:5000"}


@pytest.fixture
def made(tmp_path: Path) -> Iterator[list[Local]]:
    servers: list[Local] = []
    yield servers
    for server in servers:
        server.close()


def server_with(made: list[Local], tmp_path: Path, **settings: Any) -> Local:
    made.append(Local(tmp_path / f"home-{len(made)}", **settings))
    return made[-1]


def test_a_prefix_is_believed_of_trusted_proxies_alone(made, tmp_path):
    trusting = server_with(made, tmp_path, trusted_proxies=("127.0.0.0/8",))
    wary = server_with(made, tmp_path, trusted_proxies=("10.0.0.0/8",))
    for server, status in ((trusting, 200), (wary, 404)):
        assert server.ask("GET", "/team/runyard/version", headers=SENT).status_code == status
        assert server.ask("GET", "/version", headers=SENT).status_code == 200
    assert trusting.ask("GET", "/team/runyardversion", headers=SENT).status_code == 404


@pytest.mark.parametrize("prefix", ["//a.example", "/a/../b", "/a b", "https://a.example", "/a%2fb", "/", ""])
def test_a_prefix_that_is_no_path_is_none(prefix: str):
    seen: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope)

    headers = [(b"x-forwarded-prefix", prefix.encode())]
    path = f"{prefix}/version"
    scope = {"type": "http", "client": ("127.0.0.1", 1), "headers": headers, "path": path, "root_path": ""}
    asked = behind_proxies(app, Settings(trusted_proxies=("127.0.0.1",)))(scope, unused, unused)
    asyncio.run(asked)  # type: ignore[arg-type]
    assert [(each["path"], each["root_path"]) for each in seen] == [(path, "")]


async def unused(*_: object) -> Any:
    raise AssertionError("nothing is read or sent")


def test_the_scheme_is_believed_of_trusted_proxies_alone(made, tmp_path):
    """What came over TLS can't come from a page that did not."""
    trusting = server_with(made, tmp_path, trusted_proxies=("127.0.0.1",))
    wary = server_with(made, tmp_path)
    sent = {**PAGE, "X-Forwarded-Proto": "https"}
    body = {"experiment_ids": ["0"]}
    assert trusting.ask("POST", f"{BASE}/runs/search", headers=sent, json=body).status_code == 403
    assert wary.ask("POST", f"{BASE}/runs/search", headers=sent, json=body).status_code == 200


def test_a_root_path_may_be_handed_on_or_not(made, tmp_path):
    server = server_with(made, tmp_path, root_path="/team/runyard/")
    for path in ("/version", "/team/runyard/version", "/team/runyard/workspaces/default/version"):
        assert server.ask("GET", path).status_code == 200
    assert server.ask("GET", "/other/version").status_code == 404
    moved = server.ask("GET", "/team/runyard")
    assert (moved.status_code, moved.headers["location"]) == (308, "./runyard/")
    moved = server.ask("GET", "/team/runyard/workspaces/default")
    assert (moved.status_code, moved.headers["location"]) == (308, "./default/")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"trusted_proxies": ("*",)}, r"trusted_proxies has '\*'"),
        ({"trusted_proxies": ("proxy.example",)}, "address or network"),
        ({"root_path": "runyard"}, "root_path must be a path"),
        ({"root_path": "/a/../b"}, "root_path must be a path"),
    ],
)
def test_what_names_no_proxy_or_path_is_refused(settings, words: str):
    async def app(scope, receive, send):
        raise AssertionError

    with pytest.raises(InvalidParameter, match=words):
        behind_proxies(app, Settings(**settings))
    assert behind_proxies(app, Settings()) is app
