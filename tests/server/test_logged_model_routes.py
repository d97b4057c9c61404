"""MLflow's routes about logged models, over HTTP in this process."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runyard.settings import Mode
from tests.server.team import Team

BASE = "/api/2.0/mlflow/logged-models"


class Models:
    """A server on loopback, with an experiment and a run, and short ways to ask about models."""

    def __init__(self, team: Team) -> None:
        self.team = team
        made = self.ok("POST", "/api/2.0/mlflow/experiments/create", {"name": "e"})
        self.experiment_id = made["experiment_id"]
        made = self.ok("POST", "/api/2.0/mlflow/runs/create", {"experiment_id": self.experiment_id})
        self.run_id = made["run"]["info"]["run_id"]

    def ok(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.team.ask(method, path, body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refused(self, status: int, method: str, path: str, body: Any = None) -> str:
        answer = self.team.ask(method, path, body)
        assert answer.status_code == status, answer.text
        return str(answer.json()["message"])

    def create(self, **body: Any) -> Any:
        return self.ok("POST", BASE, {"experiment_id": self.experiment_id, **body})["model"]

    def model_id(self, **body: Any) -> str:
        return str(self.create(**body)["info"]["model_id"])

    def get(self, model_id: str) -> Any:
        return self.ok("GET", f"{BASE}/{model_id}")["model"]

    def log(self, model_id: str, **metric: Any) -> None:
        usual = {"run_id": self.run_id, "key": "acc", "value": 0.5, "timestamp": 1, "step": 0}
        self.ok("POST", "/api/2.0/mlflow/runs/log-metric", {**usual, "model_id": model_id, **metric})

    def search(self, **body: Any) -> Any:
        return self.ok("POST", f"{BASE}/search", {"experiment_ids": [self.experiment_id], **body})

    def names(self, **body: Any) -> list[str]:
        return [model["info"]["name"] for model in self.search(**body).get("models", [])]


@pytest.fixture
def models(tmp_path: Path) -> Iterator[Models]:
    team = Team(tmp_path / "home", Mode.UP)
    yield Models(team)
    team.close()


def test_a_new_model_is_pending_and_has_its_place(models):
    made = models.create(
        name="m1",
        model_type="sklearn",
        source_run_id=models.run_id,
        params=[{"key": "lr", "value": "0.1"}],
        tags=[{"key": "team", "value": "é"}],
    )
    info = made["info"]
    model_id = info["model_id"]
    assert re.fullmatch(r"m-[0-9a-f]{32}", model_id)
    assert info.pop("creation_timestamp_ms") == info.pop("last_updated_timestamp_ms") > 0
    assert info == {
        "model_id": model_id,
        "experiment_id": models.experiment_id,
        "name": "m1",
        "artifact_uri": f"mlflow-artifacts:/{models.experiment_id}/models/{model_id}/artifacts",
        "status": "LOGGED_MODEL_PENDING",
        "model_type": "sklearn",
        "source_run_id": models.run_id,
        "tags": [{"key": "team", "value": "é"}],
    }
    assert made["data"] == {"params": [{"key": "lr", "value": "0.1"}]}
    found = models.get(model_id)
    assert (found["info"]["name"], found["data"]) == ("m1", made["data"])


@pytest.mark.parametrize("name", [None, ""])
def test_a_model_without_a_name_gets_one_and_empty_fields_stay_out(models, name):
    made = models.create(name=name)
    assert re.fullmatch(r"[a-z]+-[a-z]+-\d+", made["info"]["name"])
    assert "tags" not in made["info"]
    assert made["data"] == {}


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"experiment_id": None}, 400, "Missing value for required parameter 'experiment_id'."),
        ({"experiment_id": "999999"}, 404, "No Experiment with id=999999 exists"),
        ({"experiment_id": "x"}, 400, "Invalid experiment ID 'x'. Experiment ID must be a valid integer."),
        *(({"name": f"a{sign}b"}, 400, "Invalid model name (") for sign in "/:.%'"),
        ({"name": "x" * 501}, 400, "'name' exceeds the maximum length of 500 characters"),
        ({"name": 5}, 400, "Invalid value 5 for parameter 'name' supplied"),
        ({"params": [{"key": "", "value": "1"}]}, 400, "A key in 'params' must not be empty."),
        ({"tags": [{"key": "k" * 256, "value": ""}]}, 400, "'tags.key' exceeds the maximum length of 255"),
        ({"tags": [{"key": "k", "value": "v" * 100_001}]}, 400, "'tags.value' exceeds the maximum length"),
    ],
)
def test_what_is_no_model_is_refused(models, body, status, message):
    usual = {"experiment_id": models.experiment_id}
    assert models.refused(status, "POST", BASE, {**usual, **body}).startswith(message)
    assert models.names() == []


@pytest.mark.parametrize("half", [{"dataset_name": "d"}, {"dataset_digest": "x"}])
def test_half_of_a_dataset_is_refused_with_its_metric(models, half):
    model_id = models.model_id()
    metric = {"key": "acc", "value": 0.5, "timestamp": 1, "model_id": model_id, **half}
    told = "Both dataset_name and dataset_digest must be provided if one is provided"
    for path, body in (("log-metric", metric), ("log-batch", {"metrics": [metric]})):
        sent = {"run_id": models.run_id, **body}
        assert models.refused(400, "POST", f"/api/2.0/mlflow/runs/{path}", sent) == told
    assert models.get(model_id)["data"] == {}


def test_a_deleted_experiment_takes_no_models(models):
    models.ok("POST", "/api/2.0/mlflow/experiments/delete", {"experiment_id": models.experiment_id})
    message = models.refused(400, "POST", BASE, {"experiment_id": models.experiment_id})
    assert message == (
        f"The experiment {models.experiment_id} must be in the 'active' state. Current state is deleted."
    )


@pytest.mark.parametrize(
    ("status", "kept"),
    [
        ("LOGGED_MODEL_READY", "LOGGED_MODEL_READY"),
        (2, "LOGGED_MODEL_READY"),
        ("3", "LOGGED_MODEL_UPLOAD_FAILED"),
        ("FAILED", "LOGGED_MODEL_UPLOAD_FAILED"),
        ("pending", "LOGGED_MODEL_PENDING"),
    ],
)
def test_a_status_is_set_by_word_or_number(models, status, kept):
    model_id = models.model_id()
    answered = models.ok("PATCH", f"{BASE}/{model_id}", {"model_id": model_id, "status": status})
    assert answered["model"]["info"]["status"] == kept
    assert models.get(model_id)["info"]["status"] == kept


@pytest.mark.parametrize("status", ["DONE", 9, "²", ""])
def test_an_unknown_status_is_refused(models, status):
    model_id = models.model_id()
    assert "'status'" in models.refused(400, "PATCH", f"{BASE}/{model_id}", {"status": status})
    assert models.get(model_id)["info"]["status"] == "LOGGED_MODEL_PENDING"


def test_tags_are_set_and_deleted_also_with_a_slash(models):
    model_id = models.model_id(tags=[{"key": "a", "value": "1"}])
    tags = [{"key": "a", "value": "2"}, {"key": "x/y", "value": "3"}, {"key": "x/y", "value": "4"}]
    assert models.ok("PATCH", f"{BASE}/{model_id}/tags", {"tags": tags}) == {}
    assert models.get(model_id)["info"]["tags"] == [{"key": "a", "value": "2"}, {"key": "x/y", "value": "4"}]
    assert models.ok("DELETE", f"{BASE}/{model_id}/tags/x/y") == {}
    assert models.ok("DELETE", f"{BASE}/{model_id}/tags/a") == {}
    message = models.refused(404, "DELETE", f"{BASE}/{model_id}/tags/a")
    assert message == f"No tag with key 'a' found for model with ID '{model_id}'."
    assert "tags" not in models.get(model_id)["info"]


def test_params_are_added_once(models):
    model_id = models.model_id(params=[{"key": "a", "value": "1"}])
    path = f"{BASE}/{model_id}/params"
    for _ in range(2):
        models.ok("POST", path, {"model_id": model_id, "params": [{"key": "b", "value": "2"}]})
    assert models.ok("POST", path, {"params": []}) == {}
    changed = [{"key": "c", "value": "3"}, {"key": "b", "value": "other"}]
    assert models.refused(400, "POST", path, {"params": changed}).startswith(
        "Changing param values is not allowed. Param with key='b' was already logged with value='2'"
    )
    assert models.get(model_id)["data"]["params"] == [{"key": "a", "value": "1"}, {"key": "b", "value": "2"}]


def test_a_body_that_names_another_model_than_the_address_is_refused(models):
    model_id = models.model_id()
    for method, path, body in (
        ("PATCH", "", {"status": 2}),
        ("POST", "/params", {"params": []}),
        ("PATCH", "/tags", {"tags": []}),
    ):
        message = models.refused(400, method, f"{BASE}/{model_id}{path}", {**body, "model_id": "m-other"})
        assert message == f"The body names the model 'm-other', the address '{model_id}'."


def test_what_a_run_logs_for_a_model_is_the_models_too(models):
    model_id = models.model_id()
    models.log(model_id, value=0.5, dataset_name="d", dataset_digest="1")
    models.log(model_id, value="NaN", timestamp=2)
    models.log(model_id, value="-Infinity", timestamp=3, step=1)
    models.log(model_id, value=0.5, dataset_name="d", dataset_digest="1")
    usual = {"key": "acc", "model_id": model_id, "run_id": models.run_id}
    assert models.get(model_id)["data"]["metrics"] == [
        {**usual, "value": 0.5, "timestamp": 1, "step": 0, "dataset_name": "d", "dataset_digest": "1"},
        {**usual, "value": "NaN", "timestamp": 2, "step": 0},
        {**usual, "value": "-Infinity", "timestamp": 3, "step": 1},
    ]
    of_run = models.ok("GET", "/api/2.0/mlflow/runs/get", {"run_id": models.run_id})["run"]["data"]
    assert of_run["metrics"][0]["value"] == "-Infinity"


def test_a_batch_for_an_unknown_model_leaves_nothing_behind(models):
    model_id = models.model_id()
    metrics = [
        {"key": "acc", "value": 1, "timestamp": 1, "step": 0, "model_id": each}
        for each in (model_id, "m-unknown")
    ]
    body = {"run_id": models.run_id, "metrics": metrics}
    message = models.refused(404, "POST", "/api/2.0/mlflow/runs/log-batch", body)
    assert message == "Logged model with ID 'm-unknown' not found."
    assert models.get(model_id)["data"] == {}
    history = {"run_id": models.run_id, "metric_key": "acc"}
    assert models.ok("GET", "/api/2.0/mlflow/metrics/get-history", history) == {}


def test_a_deleted_model_is_hidden_and_can_be_asked_for(models):
    model_id = models.model_id(name="gone")
    assert models.ok("DELETE", f"{BASE}/{model_id}") == {}
    assert models.refused(404, "GET", f"{BASE}/{model_id}") == f"Logged model with ID '{model_id}' not found."
    found = models.ok("GET", f"{BASE}/{model_id}", {"allow_deleted": "True"})
    assert found["model"]["info"]["name"] == "gone"
    assert models.names() == []
    assert models.ok("DELETE", f"{BASE}/{model_id}") == {}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("PATCH", "", {"status": 2}),
        ("DELETE", "", None),
        ("POST", "/params", {"params": []}),
        ("PATCH", "/tags", {"tags": []}),
        ("DELETE", "/tags/a", None),
        ("GET", "/artifacts/directories", None),
    ],
)
def test_a_model_is_known_only_in_its_own_workspace(models, method, path, body):
    model_id = models.model_id()
    assert models.refused(404, method, f"{BASE}/m-unknown{path}", body).endswith("not found.")
    message = models.refused(404, method, f"/workspaces/alpha{BASE}/{model_id}{path}", body)
    assert message == f"Logged model with ID '{model_id}' not found."


def test_a_search_takes_filter_order_and_datasets(models):
    first = models.model_id(name="first", params=[{"key": "lr", "value": "0.1"}])
    second = models.model_id(name="second")
    models.log(first, value=0.9, dataset_name="d", dataset_digest="1")
    models.log(second, value=0.4)
    by_metric = [{"field_name": "metrics.acc", "ascending": True}]
    assert models.names(order_by=by_metric) == ["second", "first"]
    for half in ({"dataset_name": "d"}, {"dataset_digest": "1"}):
        assert models.names(order_by=[{**by_metric[0], **half}]) == ["first", "second"]
    assert models.names(order_by=[{"field_name": "name"}]) == ["first", "second"]
    assert models.names(filter="metrics.acc > 0.5 AND params.lr = '0.1'") == ["first"]
    assert models.names(filter="metrics.acc < 0.5", datasets=[{"dataset_name": "d"}]) == []
    assert models.names(datasets=[{"dataset_name": "d"}]) == ["first"]
    assert models.names(datasets=[{"dataset_name": "d", "dataset_digest": "2"}]) == []
    assert models.search(experiment_ids=[]) == {}


def test_pages_hold_every_model_once_and_their_tokens_fit_only_their_search(models):
    for number in range(5):
        models.create(name=f"n{number}")
    asked: dict[str, Any] = {
        "order_by": [{"field_name": "name"}],
        "filter": "name LIKE 'n%'",
        "max_results": 2,
    }
    seen: list[str] = []
    token: str | None = None
    while True:
        page = models.search(**asked, page_token=token)
        seen += [model["info"]["name"] for model in page["models"]]
        if "next_page_token" not in page:
            break
        token = page["next_page_token"]
    assert seen == [f"n{number}" for number in range(5)]
    search = {"experiment_ids": [models.experiment_id], **asked, "page_token": token}
    for other, what in (
        ({"experiment_ids": ["0"]}, "Experiment IDs in the page token do not match"),
        ({"filter": "name LIKE 'm%'"}, "Filter string in the page token does not match"),
        ({"order_by": [{"field_name": "name", "ascending": False}]}, "Order by in the page token does not"),
    ):
        assert models.refused(400, "POST", f"{BASE}/search", {**search, **other}).startswith(what)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"experiment_ids": None}, "Missing value for required parameter 'experiment_ids'."),
        ({"experiment_ids": ["x"]}, "Invalid experiment ID 'x'."),
        ({"filter": "a OR b"}, "Invalid filter string: 'a OR b'."),
        ({"filter": "foo = 'x'"}, "Invalid attribute key 'foo' specified."),
        ({"order_by": [{"field_name": "params.a"}]}, "Invalid order by field name: params.a. Only metrics"),
        ({"order_by": ["name"]}, "Invalid value \"name\" for parameter 'order_by[0]' supplied"),
        (
            {"datasets": [{"dataset_digest": "1"}]},
            "`dataset_name` in the `datasets` clause must be specified.",
        ),
        ({"max_results": -1}, "Invalid value -1 for parameter 'max_results' supplied"),
        ({"max_results": 50_001}, "Invalid value 50001 for parameter 'max_results' supplied"),
        ({"page_token": "x"}, "Invalid page token, could not base64-decode"),
    ],
)
def test_a_search_that_can_not_be_is_refused(models, body, message):
    usual = {"experiment_ids": [models.experiment_id]}
    assert models.refused(400, "POST", f"{BASE}/search", {**usual, **body}).startswith(message)


def test_an_order_by_what_models_have_not_is_told_apart(models):
    asked = {"experiment_ids": [models.experiment_id], "order_by": [{"field_name": "foo"}]}
    answer = models.team.ask("POST", f"{BASE}/search", asked)
    assert answer.status_code == 400
    assert answer.json() == {
        "error_code": "INVALID_PARAMETER_VALUE",
        "message": "Invalid order by field name: foo",
        "sqlstate": "KAM04",
        "error_class": "ATTRIBUTE_NOT_FOUND",
    }


def test_a_models_files_are_listed_and_sent(models):
    model_id = models.model_id()
    root = f"{models.experiment_id}/models/{model_id}/artifacts"
    for name, content in (("MLmodel", b"flavors: {}"), ("data/a b.txt", b"\x00\xff")):
        models.ok("PUT", f"/api/2.0/mlflow-artifacts/artifacts/{root}/{name}", content)
    directories = f"{BASE}/{model_id}/artifacts/directories"
    listed = models.ok("GET", directories)
    assert listed["root_uri"] == f"mlflow-artifacts:/{root}"
    assert listed["files"] == [
        {"path": "MLmodel", "is_dir": False, "file_size": 11},
        {"path": "data", "is_dir": True},
    ]
    below = models.ok("GET", directories, {"artifact_directory_path": "data"})
    assert below["files"] == [{"path": "data/a b.txt", "is_dir": False, "file_size": 2}]
    assert "files" not in models.ok("GET", directories, {"artifact_directory_path": "none"})
    files = f"/ajax-api/2.0/mlflow/logged-models/{model_id}/artifacts/files"
    sent = models.team.ask("GET", files, {"artifact_file_path": "data/a b.txt"})
    assert (sent.status_code, sent.content) == (200, b"\x00\xff")
    assert sent.headers["content-disposition"].startswith("attachment")
    assert sent.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("", 400, 'Request must include the "artifact_file_path" query parameter.'),
        ("none", 404, "No such artifact"),
        ("../x", 400, "Invalid path"),
        ("/etc/passwd", 400, "Invalid path"),
    ],
)
def test_a_file_that_is_not_there_or_can_not_be_is_refused(models, path, status, message):
    files = f"/ajax-api/2.0/mlflow/logged-models/{models.model_id()}/artifacts/files"
    assert models.refused(status, "GET", files, {"artifact_file_path": path}).startswith(message)
    directory = f"{BASE}/{models.model_id()}/artifacts/directories"
    if path.startswith((".", "/")):
        assert models.refused(400, "GET", directory, {"artifact_directory_path": path}).startswith(message)


def test_nan_survives_the_whole_way(models):
    model_id = models.model_id()
    models.log(model_id, value="NaN")
    assert math.isnan(float(models.get(model_id)["data"]["metrics"][0]["value"]))
    assert models.names(filter="metrics.acc != 1") != []
    assert models.names(filter="metrics.acc = 0") == []


def test_a_client_s_own_model_id_is_kept_and_counts_once(models: Models):
    model_id = f"m-{'1' * 32}"
    asked = {"model_id": model_id, "name": "mine", "source_run_id": models.run_id}
    asked["params"] = [{"key": "a", "value": "1"}]
    made = models.create(**asked)
    assert made["info"]["model_id"] == model_id
    assert made["info"]["artifact_uri"].endswith(f"/models/{model_id}/artifacts")
    models.ok("PATCH", f"{BASE}/{model_id}", {"status": "LOGGED_MODEL_READY"})
    models.ok("POST", f"{BASE}/{model_id}/params", {"params": [{"key": "b", "value": "2"}]})
    again = models.create(**asked)
    assert again["info"]["status"] == "LOGGED_MODEL_READY"
    assert {each["key"] for each in again["data"]["params"]} == {"a", "b"}
    assert models.names() == ["mine"]
    models.ok("DELETE", f"{BASE}/{model_id}")
    assert models.create(**asked)["info"]["model_id"] == model_id
    assert models.names() == []


def test_a_model_id_that_another_model_has_is_refused(models: Models):
    model_id = f"m-{'2' * 32}"
    asked: dict[str, Any] = {"experiment_id": models.experiment_id, "model_id": model_id, "name": "first"}
    models.ok("POST", BASE, asked)
    others: list[dict[str, Any]] = [
        {"name": "second"},
        {"model_type": "other"},
        {"source_run_id": models.run_id},
        {"params": [{"key": "a", "value": "1"}]},
        {"experiment_id": "0"},
    ]
    for other in others:
        assert "already exists" in models.refused(400, "POST", BASE, asked | other)
    models.ok("POST", "/api/v1/workspaces", {"name": "elsewhere"})
    there = {"model_id": model_id, "name": "first", "experiment_id": "0"}
    models.refused(400, "POST", f"/workspaces/elsewhere{BASE}", there)
    assert models.get(model_id)["info"]["name"] == "first"


@pytest.mark.parametrize("model_id", ["m-1", "1" * 32, f"m-{'A' * 32}", f"m-{'1' * 32}/../x", ""])
def test_a_model_id_that_the_server_would_not_make_is_refused(models: Models, model_id: str):
    body = {"experiment_id": models.experiment_id, "model_id": model_id}
    assert "model_id" in models.refused(400, "POST", BASE, body)
