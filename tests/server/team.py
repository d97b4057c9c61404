"""A team's server in this process: real stores on disk, two workspaces, an administrator and API keys."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import httpx

from runyard.app import administration, make_app, open_stores
from runyard.entities.permission import Scope
from runyard.services.guesses import Guesses
from runyard.services.operation import Operation
from runyard.settings import Mode, Settings

ADDRESSES = (
    "/workspaces/{}",
    "/mlflow/v1.0/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/{}",
    "/mlflow/v2.0/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/runyard"
    "/providers/Microsoft.MachineLearningServices/workspaces/{}",
)


class StandingClock:
    """Seconds that pass only when a test lets them: however slow the machine is, nobody's wait is over."""

    now_s = 1_000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now_s


class Team:
    """A server with the workspaces ``default``, ``alpha`` and ``beta``, and a way to ask it things."""

    always_sent: Mapping[str, str] = {}
    """Headers that each request carries besides its own."""

    def __init__(self, home: Path, mode: Mode = Mode.SERVE, **more: Any) -> None:
        self._open(home, mode, **more)
        self.admin_key = self.administration.make_first_administrator("ann").text
        for name in ("alpha", "beta"):
            self.ask("POST", "/api/v1/workspaces", {"name": name}, key=self.admin_key).raise_for_status()

    @classmethod
    def reopened(cls, home: Path) -> Team:
        """Return a server on a home that another one has left."""
        team = cls.__new__(cls)
        team._open(home, Mode.SERVE)
        return team

    def _open(self, home: Path, mode: Mode, **more: Any) -> None:
        self.settings = Settings(mode=mode, home=home, **more)
        self.stores = open_stores(self.settings)
        self.administration = administration(self.stores)
        self.clock = StandingClock()
        self.operation = Operation(guesses=Guesses(self.clock))
        self.served = make_app(self.stores, self.settings, self.operation)
        transport = httpx.ASGITransport(self.served, raise_app_exceptions=False)
        self._client = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:5000")
        self._loop = asyncio.new_event_loop()

    def key(self, scope: Scope, workspace: str | None = None) -> str:
        """Return a new API key."""
        return self.administration.create_key("test", scope, workspace).text

    def person(self, name: str, kind: str = "person") -> str:
        """Return the API key of somebody new, who has no role anywhere."""
        whom = {"name": name, "kind": kind}
        self.ask("POST", "/api/v1/principals", whom, key=self.admin_key).raise_for_status()
        body = {"name": "first", "principal": name}
        answer = self.ask("POST", "/api/v1/keys", body, key=self.admin_key)
        answer.raise_for_status()
        api_key: str = answer.json()["api_key"]
        return api_key

    def grant(self, name: str, role: str, workspace: str, experiment_id: str | None = None) -> None:
        """Give somebody a role."""
        body = {"principal": name, "role": role} | ({"experiment_id": experiment_id} if experiment_id else {})
        answer = self.ask("PUT", f"/workspaces/{workspace}/api/v1/grants", body, key=self.admin_key)
        answer.raise_for_status()

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Send one request: ``body`` as JSON, on GET as the query; bytes, or pieces of them, as they are."""
        sent = {"Authorization": f"Bearer {key}"} if key is not None else {}
        sent |= {**self.always_sent, **(headers or {})}
        if isinstance(body, bytes | AsyncIterator):
            request = self._client.build_request(method, path, content=body, headers=sent)
        elif method in ("GET", "HEAD", "DELETE"):
            request = self._client.build_request(method, path, params=body, headers=sent)
        else:
            request = self._client.build_request(method, path, json=body or {}, headers=sent)
        return self._loop.run_until_complete(self._client.send(request))

    def kept(self) -> list[str]:
        """Return all that the server has kept: each row of the database, each file's path and content.

        What a reader may have the server make of it, summaries and documents, is made first or left out.
        """
        self.stores.metrics.settle()
        with sqlite3.connect(self.settings.database_path) as database:
            rows = [line for line in database.iterdump() if line.startswith("INSERT")]
        rows = [row for row in rows if not row.startswith('INSERT INTO "run_documents"')]
        database.close()
        files = sorted(path for path in self.settings.artifact_root.rglob("*") if path.is_file())
        return sorted(rows) + [f"{path} {path.read_bytes().hex()}" for path in files]

    def close(self) -> None:
        """Let go of the files."""
        self._loop.run_until_complete(self._client.aclose())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()
        self.stores.close()
