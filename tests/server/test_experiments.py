"""MLflow's routes about experiments: what they answer, refuse and keep."""

from __future__ import annotations

import pytest

from tests.server.local import BASE, Local, pairs

INVALID = "INVALID_PARAMETER_VALUE"
NO_ID = "Invalid experiment ID '{}'. Experiment ID must be a valid integer."
SEE_DOCS = "See the API docs for more information about request parameters."


@pytest.fixture
def local(local_on_each_engine: Local) -> Local:
    return local_on_each_engine


def names(answer):
    return [found["name"] for found in answer.get("experiments", [])]


def test_a_new_server_has_the_default_experiment(local: Local):
    experiment = local.get("/experiments/get", experiment_id="0")["experiment"]
    assert experiment.pop("creation_time") == experiment.pop("last_update_time")
    assert experiment == {
        "experiment_id": "0",
        "name": "Default",
        "artifact_location": "mlflow-artifacts:/0",
        "lifecycle_stage": "active",
        "workspace": "default",
    }


def test_an_experiment_is_got_by_id_and_by_name(local: Local):
    made = local.post("/experiments/create", name="a b/ç", tags=[{"key": "k", "value": "v"}])
    assert made == {"experiment_id": "1"}
    by_id = local.get("/experiments/get", experiment_id="1")
    assert by_id == local.get("/experiments/get-by-name", experiment_name="a b/ç")
    assert by_id["experiment"]["tags"] == [{"key": "k", "value": "v"}]
    assert by_id["experiment"]["artifact_location"] == "mlflow-artifacts:/1"


def test_a_notebooks_own_experiment_is_made_once(local: Local):
    name, notebook = "/Repos/bea/training", [{"key": "mlflow.experiment.sourceId", "value": "4711"}]
    made = local.post("/experiments/create", name=name, tags=notebook)
    assert local.post("/experiments/create", name=name, tags=notebook) == made
    another = [{"key": "mlflow.experiment.sourceId", "value": "4712"}]
    for tags in (another, [{**another[0], "value": ""}], []):
        assert local.refused("/experiments/create", name=name, tags=tags)[1] == "RESOURCE_ALREADY_EXISTS"
    local.post("/experiments/delete", **made)
    assert local.refused("/experiments/create", name=name, tags=notebook)[1] == "RESOURCE_ALREADY_EXISTS"


def test_a_get_may_carry_its_question_in_the_body(local: Local):
    answer = local.ask("GET", BASE + "/experiments/get", json={"experiment_id": "0"})
    assert answer.json()["experiment"]["name"] == "Default"


@pytest.mark.parametrize(
    ("location", "kept"),
    [
        ("s3://bucket/path", "s3://bucket/path"),
        ("mlflow-artifacts:/elsewhere", "mlflow-artifacts:/elsewhere"),
        ("", "mlflow-artifacts:/1"),
    ],
)
def test_an_artifact_location_is_kept(local: Local, location: str, kept: str):
    local.experiment(artifact_location=location)
    assert local.get("/experiments/get", experiment_id="1")["experiment"]["artifact_location"] == kept


@pytest.mark.parametrize(
    "location", ["../up", "a/../../b", "/etc", "file:///etc", "s3://b/a?x=1", "s3://b/#a"]
)
def test_an_artifact_location_that_could_be_a_way_out_is_refused(local: Local, location: str):
    status, code, message = local.refused("/experiments/create", name="x", artifact_location=location)
    assert (status, code) == (400, INVALID)
    assert message
    assert names(local.post("/experiments/search", max_results=5)) == ["Default"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, f"Missing value for required parameter 'name'. {SEE_DOCS}"),
        ({"name": ""}, f"Missing value for required parameter 'name'. {SEE_DOCS}"),
        ({"name": "x" * 501}, "'name' exceeds the maximum length of 500 characters"),
        ({"name": 5}, "Invalid value 5 for parameter 'name' supplied"),
        ({"name": "a", "tags": "x"}, "Invalid value \"x\" for parameter 'tags' supplied"),
        ({"name": "a", "tags": [{"key": "a$", "value": ""}]}, "Names may only contain alphanumerics"),
        ({"name": "a", "tags": [{"value": "no key"}]}, "for parameter 'key' supplied"),
        ({"name": "a", "tags": [{"key": "k" * 251}]}, "'key' exceeds the maximum length of 250 characters"),
        (
            {"name": "a", "tags": [{"key": "k", "value": "v" * 20_001}]},
            "'value' exceeds the maximum length of 20000 characters",
        ),
    ],
)
def test_a_bad_experiment_is_refused_by_its_field(local: Local, fields: dict, message: str):
    status, code, text = local.refused("/experiments/create", **fields)
    assert (status, code) == (400, INVALID)
    assert message in text
    assert names(local.post("/experiments/search", max_results=5)) == ["Default"]


def test_a_name_is_taken_by_active_and_deleted_experiments(local: Local):
    experiment_id = local.experiment("taken")
    refused = (400, "RESOURCE_ALREADY_EXISTS", "Experiment(name=taken) already exists.")
    assert local.refused("/experiments/create", name="taken") == refused
    local.post("/experiments/delete", experiment_id=experiment_id)
    status, code, message = local.refused("/experiments/create", name="taken")
    assert (status, code) == (400, "RESOURCE_ALREADY_EXISTS")
    assert "already exists in deleted state" in message
    other = local.experiment("other")
    assert int(other) > int(experiment_id)
    assert local.refused("/experiments/update", experiment_id=other, new_name="taken")[1] == refused[1]


@pytest.mark.parametrize(
    ("query", "refused"),
    [
        ({}, (400, INVALID, f"Missing value for required parameter 'experiment_id'. {SEE_DOCS}")),
        ({"experiment_id": "abc"}, (400, INVALID, NO_ID.format("abc"))),
        ({"experiment_id": "9" * 30}, (400, INVALID, NO_ID.format("9" * 30))),
        ({"experiment_id": "99"}, (404, "RESOURCE_DOES_NOT_EXIST", "No Experiment with id=99 exists")),
        ({"experiment_id": "-1337"}, (404, "RESOURCE_DOES_NOT_EXIST", "No Experiment with id=-1337 exists")),
    ],
)  # fmt: skip
def test_an_experiment_that_is_not_there_is_refused(local: Local, query: dict, refused: tuple):
    assert local.refused_get("/experiments/get", **query) == refused
    if query:
        assert local.refused("/experiments/delete", **query) == refused
        assert local.refused("/experiments/set-experiment-tag", key="a", value="b", **query) == refused
        assert local.refused("/experiments/update", new_name="a", **query) == refused


def test_an_unknown_name_is_not_found(local: Local):
    refused = (404, "RESOURCE_DOES_NOT_EXIST", "Could not find experiment with name 'none'")
    assert local.refused_get("/experiments/get-by-name", experiment_name="none") == refused
    assert local.refused_get("/experiments/get-by-name")[2].startswith("Missing value for required parameter")


def test_a_rename_changes_the_name_and_the_time(local: Local):
    experiment_id = local.experiment("before")
    assert local.post("/experiments/update", experiment_id=experiment_id, new_name="after") == {}
    experiment = local.get("/experiments/get", experiment_id=experiment_id)["experiment"]
    assert experiment["name"] == "after"
    assert experiment["last_update_time"] >= experiment["creation_time"]
    assert local.refused("/experiments/update", experiment_id=experiment_id)[2].startswith(
        "Missing value for"
    )
    too_long = local.refused("/experiments/update", experiment_id=experiment_id, new_name="x" * 501)
    assert too_long == (400, INVALID, "'name' exceeds the maximum length of 500 characters")


def test_a_deleted_experiment_takes_its_runs_with_it_and_brings_them_back(local: Local):
    experiment_id = local.experiment()
    run_id = local.run(experiment_id)
    assert local.post("/experiments/delete", experiment_id=experiment_id) == {}
    for by in ({"experiment_id": experiment_id},):
        assert local.get("/experiments/get", **by)["experiment"]["lifecycle_stage"] == "deleted"
    assert (
        local.get("/experiments/get-by-name", experiment_name="training")["experiment"]["lifecycle_stage"]
        == "deleted"
    )
    assert local.read_run(run_id)["info"]["lifecycle_stage"] == "deleted"
    assert local.post("/runs/search", experiment_ids=[experiment_id]) == {}
    assert local.post("/experiments/restore", experiment_id=experiment_id) == {}
    assert local.read_run(run_id)["info"]["lifecycle_stage"] == "active"


def test_a_deleted_experiment_refuses_changes(local: Local):
    experiment_id = local.experiment()
    local.post("/experiments/delete", experiment_id=experiment_id)
    inactive = f"The experiment {experiment_id} must be in the 'active' state. Current state is deleted."
    by = {"experiment_id": experiment_id}
    assert local.refused("/experiments/set-experiment-tag", key="a", value="b", **by) == (
        400,
        INVALID,
        inactive,
    )
    assert local.refused("/experiments/delete-experiment-tag", key="a", **by) == (400, INVALID, inactive)
    assert local.refused("/runs/create", **by) == (400, INVALID, inactive)
    renamed = local.refused("/experiments/update", new_name="a", **by)
    assert renamed == (400, "INVALID_STATE", "Cannot rename a non-active experiment.")
    status, code, message = local.refused("/experiments/delete", **by)
    assert (status, code) == (404, "RESOURCE_DOES_NOT_EXIST")
    assert message.startswith(f"No Experiment with id={experiment_id} exists")


def test_an_active_experiment_can_not_be_restored(local: Local):
    status, code, message = local.refused("/experiments/restore", experiment_id="0")
    assert (status, code) == (404, "RESOURCE_DOES_NOT_EXIST")
    assert message.startswith("No Experiment with id=0 exists")


def test_the_default_experiment_may_be_deleted_and_restored(local: Local):
    local.post("/experiments/delete", experiment_id="0")
    assert local.refused("/runs/create")[0] == 400
    local.post("/experiments/restore", experiment_id="0")
    assert local.run()


def test_tags_are_set_over_and_deleted_once(local: Local):
    for key, value in (("a", "1"), ("a", "2"), ("b", "")):
        assert local.post("/experiments/set-experiment-tag", experiment_id="0", key=key, value=value) == {}
    local.post("/experiments/set-experiment-tag", experiment_id="0", key="c")
    tags = pairs(local.get("/experiments/get", experiment_id="0")["experiment"]["tags"])
    assert tags == {"a": "2", "b": "", "c": ""}
    assert local.post("/experiments/delete-experiment-tag", experiment_id="0", key="a") == {}
    again = local.refused("/experiments/delete-experiment-tag", experiment_id="0", key="a")
    assert again == (404, "RESOURCE_DOES_NOT_EXIST", "No tag with name: a in experiment with id 0")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_search_pages_to_the_end(local: Local, method: str):
    for number in range(5):
        local.experiment(f"e{number}")
    found: list[str] = []
    token = None
    for _page in range(10):
        asked = {"max_results": 2, **({"page_token": token} if token else {})}
        path = BASE + "/experiments/search"
        asking = (
            local.ask("GET", path, params=asked) if method == "GET" else local.ask("POST", path, json=asked)
        )
        answer = asking.json()
        found += names(answer)
        token = answer.get("next_page_token")
        if not token:
            break
    assert sorted(found) == ["Default", "e0", "e1", "e2", "e3", "e4"]


def test_a_search_filters_orders_and_views(local: Local):
    for name in ("alpha", "beta", "gamma"):
        local.experiment(name, tags=[{"key": "team", "value": name[0]}])
    local.post("/experiments/delete", experiment_id="3")
    search = {"max_results": 10}
    assert names(
        local.post("/experiments/search", filter="name LIKE '%a' AND tags.team = 'b'", **search)
    ) == ["beta"]
    assert names(local.post("/experiments/search", order_by=["name DESC"], **search)) == [
        "beta",
        "alpha",
        "Default",
    ]
    assert names(local.post("/experiments/search", view_type="DELETED_ONLY", **search)) == ["gamma"]
    assert len(names(local.post("/experiments/search", view_type="ALL", **search))) == 4
    assert local.post("/experiments/search", filter="name = 'none'", **search) == {}


def test_clients_of_mlflow_1_list_experiments_page_by_page(local: Local):
    for number in range(3):
        local.experiment(f"e{number}")
    local.post("/experiments/delete", experiment_id="3")
    assert names(local.get("/experiments/list")) == ["e1", "e0", "Default"]
    assert names(local.get("/experiments/list", view_type="DELETED_ONLY")) == ["e2"]
    page = local.get("/experiments/list", max_results=2)
    assert names(page) == ["e1", "e0"]
    rest = local.get("/experiments/list", max_results=2, page_token=page["next_page_token"])
    assert names(rest) == ["Default"]
    assert "next_page_token" not in rest


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({}, "Invalid value 0 for parameter 'max_results' supplied. It must be a positive integer"),
        (
            {"max_results": 0},
            "Invalid value 0 for parameter 'max_results' supplied. It must be a positive integer",
        ),
        (
            {"max_results": -1},
            "Invalid value -1 for parameter 'max_results' supplied. It must be a positive integer",
        ),
        (
            {"max_results": 50_001},
            "Invalid value 50001 for parameter 'max_results' supplied. It must be at most 50000",
        ),
        ({"max_results": "x"}, "Invalid value \"x\" for parameter 'max_results' supplied"),
        ({"max_results": 1, "page_token": "!!"}, "Invalid page token"),
        ({"max_results": 1, "view_type": "NOPE"}, "for parameter 'view_type' supplied"),
        ({"max_results": 1, "filter": "nope = 'x'"}, "Invalid attribute key 'nope' specified."),
        ({"max_results": 1, "order_by": ["nope"]}, "Invalid attribute key 'nope' specified."),
    ],
)
def test_a_bad_search_is_refused_by_its_field(local: Local, asked: dict, message: str):
    status, code, text = local.refused("/experiments/search", **asked)
    assert (status, code) == (400, INVALID)
    assert message in text
