"""A client of Microsoft's in the words that it has on the wire."""

from __future__ import annotations

from typing import Any

import httpx

from runyard.auth.permissions import Scope
from tests.server.team import Team

SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
PROVIDER = "providers/Microsoft.MachineLearningServices/workspaces"
SCOPE = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/runyard/{PROVIDER}"
PLUGIN = {"User-Agent": "mlflow-python-client/3.15.0 azureml-mlflow/1.62.0.post6"}


class Client:
    """A client of Microsoft's with an API key, and a run in the workspace alpha."""

    def __init__(self, team: Team) -> None:
        self.team = team
        self.key = team.key(Scope.CONTRIBUTOR, "alpha")
        made = self.mlflow("POST", "experiments/create", {"name": "e"})
        self.experiment_id = made["experiment_id"]
        run = self.mlflow("POST", "runs/create", {"experiment_id": self.experiment_id})["run"]
        self.run_id, self.artifact_uri = run["info"]["run_id"], run["info"]["artifact_uri"]
        self.history = f"/history/v1.0{SCOPE}/alpha/experiments/e/runs/{self.run_id}/artifacts"

    def ask(self, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        return self.team.ask(method, path, body, **{"key": self.key, "headers": PLUGIN, **more})

    def mlflow(self, method: str, path: str, body: Any, **more: Any) -> Any:
        answer = self.ask(method, f"/mlflow/v2.0{SCOPE}/alpha/api/2.0/mlflow/{path}", body, **more)
        answer.raise_for_status()
        return answer.json()

    def address_to_write(self, path: str, **more: Any) -> str:
        answer = self.ask("POST", f"{self.history}/batch/metadata", {"paths": [{"path": path}]}, **more)
        answer.raise_for_status()
        content_uri: str = answer.json()["artifactContentInformation"][path]["contentUri"]
        return content_uri

    def address_to_read(self, path: str) -> str:
        answer = self.ask("GET", f"{self.history}/contentinfo", {"path": path})
        answer.raise_for_status()
        content_uri: str = answer.json()["contentUri"]
        return content_uri

    def blob(self, method: str, url: str, content: bytes | None = None, **headers: str) -> httpx.Response:
        """Send what Azure's storage is sent: no credential but the address."""
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.team.ask(method, url, content, headers=names)
