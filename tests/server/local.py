"""One person's server in this process: real stores on disk, one workspace, no credential."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from runyard.app import make_app, open_stores
from runyard.protocol.error_classes import error_body
from runyard.services.operation import Operation
from runyard.settings import Mode, Settings
from tests.migrated import open_migrated

BASE = "/api/2.0/mlflow"


class Local:
    """A server behind its wall, and a way to ask it things; `prefix` is the workspace's address."""

    def __init__(self, home: Path, prefix: str = "", database: str = "", **more: Any) -> None:
        home.mkdir(parents=True, exist_ok=True)
        if not database:
            open_migrated(home / "runyard.db").close()
        self.settings = Settings(mode=Mode.UP, home=home, database=database, **more)
        self.stores = open_stores(self.settings)
        self.prefix = prefix
        self.operation = Operation()
        app = make_app(self.stores, self.settings, self.operation)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        self._client = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:5000")
        self._loop = asyncio.new_event_loop()

    def ask(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, **sent: Any
    ) -> httpx.Response:
        """Send one request; `sent` is what httpx takes: `json`, `params`, `content`."""
        request = self._client.build_request(method, self.prefix + path, headers=headers, **sent)
        return self._loop.run_until_complete(self._client.send(request))

    def get(self, path: str, **query: Any) -> Any:
        """Return the answer of one of MLflow's GETs, which must be good."""
        return good(self.ask("GET", BASE + path, params=query))

    def post(self, path: str, **body: Any) -> Any:
        """Return the answer of one of MLflow's POSTs, which must be good."""
        return good(self.ask("POST", BASE + path, json=body))

    def refused_get(self, path: str, **query: Any) -> tuple[int, str, str]:
        """Return status, code and message of one of MLflow's GETs, which must be refused."""
        return refusal(self.ask("GET", BASE + path, params=query))

    def refused(self, path: str, **body: Any) -> tuple[int, str, str]:
        """Return status, code and message of one of MLflow's POSTs, which must be refused."""
        return refusal(self.ask("POST", BASE + path, json=body))

    def experiment(self, name: str = "training", **fields: Any) -> str:
        """Return the id of a new experiment."""
        return str(self.post("/experiments/create", name=name, **fields)["experiment_id"])

    def run(self, experiment_id: str = "0", **fields: Any) -> str:
        """Return the id of a new run."""
        made = self.post("/runs/create", experiment_id=experiment_id, **fields)
        return str(made["run"]["info"]["run_id"])

    def read_run(self, run_id: str) -> Any:
        """Return a run as ``runs/get`` answers it."""
        return self.get("/runs/get", run_id=run_id)["run"]

    def close(self) -> None:
        """Let go of the files and the event loop."""
        self._loop.run_until_complete(self._client.aclose())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()
        self.stores.close()


def good(response: httpx.Response) -> Any:
    """Return what a good answer says."""
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/json"
    return response.json()


def refusal(response: httpx.Response) -> tuple[int, str, str]:
    """Return status, code and message of a refusal, in the one shape that refusals have."""
    body = json.loads(response.content)
    assert response.headers["content-type"] == "application/json"
    assert body == error_body(body["error_code"], body["message"])
    assert response.status_code >= 400
    return response.status_code, body["error_code"], body["message"]


def pairs(items: list[dict[str, str]] | None) -> dict[str, str]:
    """Return MLflow's list of keys and values as a mapping."""
    return {item["key"]: item["value"] for item in items or []}
