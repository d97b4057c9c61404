"""One provider of identities for all tests of this folder, and a server that people sign in to by it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runyard.app import administration, open_stores
from runyard.settings import Mode, Settings
from tests.oidc.provider import CLIENT_ID, CLIENT_SECRET, Browser, OidcServer
from tests.running_server import RunningServer, free_port


class Lab:
    """A server with an administrator, and the provider that its people sign in by."""

    def __init__(
        self, folder: Path, *, conforms: bool = False, names_sessions: bool = True, **settings: str
    ) -> None:
        port = free_port()
        folder.mkdir(parents=True, exist_ok=True)
        self.provider = OidcServer(
            folder,
            [f"http://{name}:{port}" for name in ("127.0.0.1", "localhost")],
            conforms=conforms,
            names_sessions=names_sessions,
        ).start()
        home = folder / "home"
        stores = open_stores(Settings(mode=Mode.SERVE, home=home))
        self.admin = administration(stores).make_first_administrator("root").text
        stores.close()
        environment = {
            "RUNYARD_OIDC_ISSUER": self.provider.issuer,
            "RUNYARD_OIDC_CLIENT_ID": CLIENT_ID,
            "RUNYARD_OIDC_CLIENT_SECRET": CLIENT_SECRET,
            "RUNYARD_OIDC_NAME": "the lab",
            "RUNYARD_OIDC_SCOPES": "openid email profile groups",
            # The provider of the tests is on loopback, as is all that they start.
            "RUNYARD_OUTBOUND_ALLOW": "127.0.0.1",
            **settings,
        }
        self.server = RunningServer(home, port, mode="serve", environment=environment).start()

    @property
    def login_url(self) -> str:
        return f"{self.server.url}/api/v1/oidc/login"

    def close(self) -> None:
        self.server.close()
        self.provider.close()


@pytest.fixture(autouse=True)
def _closed_browsers() -> Iterator[None]:
    yield
    while Browser.opened:
        Browser.opened.pop().client.close()


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A provider that puts all it knows into the ID token."""
    lab = Lab(tmp_path_factory.mktemp("lab"), RUNYARD_OIDC_ADMINISTRATORS="runyard-admins")
    yield lab
    lab.close()
