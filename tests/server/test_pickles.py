"""S23: a file that runs code when it is unpickled is bytes to the server, whatever is done with it."""

from __future__ import annotations

import json
import os
import pickle

import pytest

from runyard.services.integrity import check_integrity
from tests.arch.source_tree import modules
from tests.server.team import Team

CANARY = "RUNYARD_PICKLE_CANARY"
MLFLOW = "/api/2.0/mlflow"
FILES = "/api/2.0/mlflow-artifacts/artifacts"


class Payload:
    """Sets a variable of the process that unpickles it."""

    def __reduce__(self):
        return (exec, (f"import os; os.environ[{CANARY!r}] = 'run'",))


@pytest.fixture
def team(tmp_path, monkeypatch):
    monkeypatch.delenv(CANARY, raising=False)
    team = Team(tmp_path / "home")
    yield team
    team.close()


@pytest.fixture
def sent(team):
    def send(method, path, body=None):
        answer = team.ask(method, path, body, key=team.admin_key)
        answer.raise_for_status()
        return answer

    return send


def test_the_payload_would_be_noticed(monkeypatch):
    monkeypatch.delenv(CANARY, raising=False)
    pickle.loads(pickle.dumps(Payload()))
    assert os.environ.pop(CANARY) == "run"


@pytest.mark.parametrize("name", ["model.pkl", "python_model.pkl", "model.joblib", "data.npy", "weights.pt"])
def test_s23_no_file_is_unpickled_by_the_server(team, sent, name):
    content = pickle.dumps(Payload())
    run_id = sent("POST", f"{MLFLOW}/runs/create", {"experiment_id": "0"}).json()["run"]["info"]["run_id"]
    home = f"{team.stores.metadata.workspaces.get_workspace('default').default_experiment_id}/{run_id}"
    path = f"{home}/artifacts/model/{name}"
    sent("PUT", f"{FILES}/{path}", content)
    recipe = {"flavors": {"python_function": {"loader_module": "mlflow.sklearn", "data": name}}}
    sent("PUT", f"{FILES}/{home}/artifacts/model/MLmodel", json.dumps(recipe).encode())
    logged = {"run_id": run_id, "artifact_path": "model", "utc_time_created": "now", **recipe}
    sent("POST", f"{MLFLOW}/runs/log-model", {"run_id": run_id, "model_json": json.dumps(logged)})
    model = sent("POST", f"{MLFLOW}/logged-models", {"experiment_id": "0", "name": "m"}).json()["model"]
    sent("PATCH", f"{MLFLOW}/logged-models/{model['info']['model_id']}", {"status": "LOGGED_MODEL_READY"})
    sent("GET", f"{MLFLOW}/artifacts/list", {"run_id": run_id, "path": "model"})
    assert sent("GET", f"/get-artifact?run_id={run_id}&path=model/{name}").content == content
    assert sent("GET", f"{FILES}/{path}").content == content
    sent("POST", f"{MLFLOW}/runs/search", {"experiment_ids": ["0"]})
    assert check_integrity(team.stores, with_artifacts=True).is_whole
    sent("DELETE", f"{FILES}/{path}")
    assert CANARY not in os.environ


def test_s23_nothing_of_the_package_can_unpickle():
    unsafe = ("pickle", "joblib", "dill", "yaml.load(", "eval(", "exec(", "os.system(", "shell=True")
    sources = {name: path.read_text() for name, path in modules().items()}
    assert [(name, word) for name, source in sources.items() for word in unsafe if word in source] == []
