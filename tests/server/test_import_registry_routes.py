"""The route that takes over registered models: numbers, stages, aliases and times stay."""

import pytest

from tests.server.local import Local, good, pairs, refusal

local = pytest.fixture(name="local")(lambda local_on_each_engine: local_on_each_engine)

SOURCE = "sqlite:////old/mlflow.db"


def _imported(local: Local, name: str = "net", **fields):
    body = {"source": SOURCE, "name": name, **fields}
    return good(local.ask("POST", "/api/v1/import/registered-models", json=body))


def _refused(local: Local, **fields):
    body = {"source": SOURCE, "name": "net", **fields}
    return refusal(local.ask("POST", "/api/v1/import/registered-models", json=body))


def _model(local: Local, name: str = "net"):
    return local.get("/registered-models/get", name=name)["registered_model"]


def _version(local: Local, number: int, name: str = "net"):
    return local.get("/model-versions/get", name=name, version=str(number))["model_version"]


def _remote(number: int, **fields):
    return {"version": number, "source": f"s3://bucket/{number}", **fields}


def test_a_model_and_its_versions_keep_all_that_they_were(local: Local):
    versions = [
        _remote(3, creation_timestamp=5, last_updated_timestamp=9, current_stage="production", run_link="l"),
        _remote(7, description="seventh", tags=[{"key": "a", "value": "b"}], aliases=["live", "best"]),
    ]
    answer = _imported(
        local,
        creation_timestamp=1,
        last_updated_timestamp=20,
        description="Nets",
        tags=[{"key": "area", "value": "vision"}],
        versions=versions,
    )
    assert answer == {"new_versions": 2, "problems": []}
    model = _model(local)
    assert (model["creation_timestamp"], model["last_updated_timestamp"]) == (1, 20)
    assert (model["description"], pairs(model["tags"])) == (
        "Nets",
        {"area": "vision", "runyard.import": SOURCE},
    )
    assert {each["alias"]: each["version"] for each in model["aliases"]} == {"best": "7", "live": "7"}
    third, seventh = _version(local, 3), _version(local, 7)
    assert (third["creation_timestamp"], third["last_updated_timestamp"]) == (5, 9)
    assert (third["current_stage"], third["run_link"]) == ("Production", "l")
    assert (seventh["description"], pairs(seventh["tags"])) == ("seventh", {"a": "b"})
    made = local.post("/model-versions/create", name="net", source="s3://bucket/x")["model_version"]
    assert made["version"] == "8"


def test_a_second_import_brings_what_is_new_and_changes_nothing_else(local: Local):
    _imported(local, versions=[_remote(1, aliases=["live"])])
    local.post("/registered-models/alias", name="net", alias="mine", version="1")
    again = _imported(
        local,
        description="other",
        last_updated_timestamp=99,
        versions=[_remote(1, description="other"), _remote(2, aliases=["live", "mine", "new"])],
    )
    assert again["new_versions"] == 1
    assert _version(local, 1).get("description", "") == ""
    model = _model(local)
    aliases = {each["alias"]: each["version"] for each in model["aliases"]}
    assert aliases == {"live": "1", "mine": "1", "new": "2"}
    assert (model.get("description", ""), model["last_updated_timestamp"]) == ("", 99)


def test_the_files_of_a_version_are_those_of_its_run_or_its_logged_model(local: Local):
    run = local.get("/runs/get", run_id=local.run())["run"]["info"]
    logged = local.post("/logged-models", experiment_id="0", name="m")["model"]["info"]
    versions = [
        {"version": 1, "run_id": run["run_id"], "path": "model/best", "source": "/old/mlruns/model/best"},
        {"version": 2, "run_id": run["run_id"], "path": ""},
        {"version": 3, "model_id": logged["model_id"], "source": "/old/models/x/artifacts"},
    ]
    assert _imported(local, versions=versions)["problems"] == []
    assert _version(local, 1)["source"] == f"{run['artifact_uri']}/model/best"
    assert _version(local, 2)["source"] == run["artifact_uri"]
    assert _version(local, 3)["source"] == f"models:/{logged['model_id']}"
    query = {"name": "net", "version": "3"}
    uri = local.get("/model-versions/get-download-uri", **query)["artifact_uri"]
    assert uri == logged["artifact_uri"]


@pytest.mark.parametrize(
    "version",
    [
        {"source": "/etc"},
        {"source": "file:///etc"},
        {"source": "https://elsewhere/x"},
        {"source": "mlflow-artifacts:/0"},
        {"run_id": "0" * 32, "path": "model"},
        {"run_id": "RUN", "path": "../../other"},
        {"model_id": "m-none"},
        {"source": "s3://b/x", "aliases": ["latest"]},
        {"source": "s3://b/x", "creation_timestamp": -1},
        {"source": "s3://b/x", "tags": [{"key": "k", "value": "v" * 200_000}]},
    ],
)
def test_a_version_that_can_not_be_is_named_and_the_others_come(version, local: Local):
    if version.get("run_id") == "RUN":
        version = {**version, "run_id": local.run()}
    answer = _imported(local, versions=[{"version": 1, **version}, _remote(2)])
    assert answer["new_versions"] == 1
    (problem,) = answer["problems"]
    assert problem.startswith("Version 1 of 'net': ")
    assert _version(local, 2)["version"] == "2"


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"name": "a/b"}, "name"),
        ({"source": " "}, "source"),
        ({"creation_timestamp": -5}, "creation_timestamp"),
        ({"last_updated_timestamp": 2**60}, "last_updated_timestamp"),
        ({"description": "x" * 70_000}, "description"),
        ({"versions": [_remote(number) for number in range(1, 102)]}, "at most 100"),
        ({"versions": [_remote(2), _remote(1)]}, "rise"),
        ({"versions": [_remote(0)]}, "from 1"),
        ({"versions": [_remote(1, current_stage="Nowhere")]}, "stage"),
    ],
)
def test_what_can_not_be_is_refused_and_nothing_is_kept(fields, told: str, local: Local):
    status, code, message = _refused(local, **fields)
    assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
    assert told in message
    assert "registered_models" not in local.get("/registered-models/search")


def test_a_name_that_another_one_has_is_refused(local: Local):
    local.post("/registered-models/create", name="net")
    status, code, message = _refused(local, versions=[_remote(1)])
    assert (status, code) == (400, "RESOURCE_ALREADY_EXISTS")
    assert "Rename" in message


def test_a_prompt_has_its_text_in_its_tags_alone(local: Local):
    is_prompt = {"key": "mlflow.prompt.is_prompt", "value": "true"}
    text = {"key": "mlflow.prompt.text", "value": "Say {{ it }}"}
    versions = [
        {"version": 1, "source": "dummy-source", "tags": [is_prompt, text]},
        {"version": 2, "source": "s3://bucket/x", "tags": [is_prompt, text]},
    ]
    answer = _imported(local, name="greeting", tags=[is_prompt], versions=versions)
    assert (answer["new_versions"], len(answer["problems"])) == (1, 1)
    assert pairs(_version(local, 1, "greeting")["tags"])["mlflow.prompt.text"] == "Say {{ it }}"


def test_what_is_here_is_counted(local: Local):
    _imported(local, versions=[_remote(1), _remote(4)])
    _imported(local, name="empty")
    body = {"registered_models": ["net", "empty", "none"]}
    counted = good(local.ask("POST", "/api/v1/import/counts", json=body))
    assert (counted["registered_models"], counted["versions"]) == (2, 2)
