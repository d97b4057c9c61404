"""MLflow's routes about evaluation datasets, over HTTP in this process, and who may use them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runyard.settings import Mode
from tests.server.team import Team

BASE = "/api/3.0/mlflow/datasets"


class Datasets:
    """A server on loopback with an experiment, and short ways to ask about datasets."""

    def __init__(self, team: Team) -> None:
        self.team = team
        self.experiment_id = self.experiment("judged")

    def ok(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.team.ask(method, path, body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refused(self, status: int, method: str, path: str, body: Any = None) -> str:
        answer = self.team.ask(method, path, body)
        assert answer.status_code == status, answer.text
        return str(answer.json()["message"])

    def experiment(self, name: str) -> str:
        made = self.ok("POST", "/api/2.0/mlflow/experiments/create", {"name": name})
        return str(made["experiment_id"])

    def create(self, name: str = "questions", **body: Any) -> Any:
        if "tags" in body:
            body["tags"] = json.dumps(body["tags"])
        return self.ok("POST", f"{BASE}/create", {"name": name, **body})["dataset"]

    def get(self, dataset_id: str) -> Any:
        return self.ok("GET", f"{BASE}/{dataset_id}")["dataset"]

    def merge(self, dataset_id: str, *records: Any) -> tuple[int, int]:
        merged = self.ok("POST", f"{BASE}/{dataset_id}/records", {"records": json.dumps(records)})
        return merged["inserted_count"], merged["updated_count"]

    def records(self, dataset_id: str, **query: Any) -> Any:
        return json.loads(self.ok("GET", f"{BASE}/{dataset_id}/records", query)["records"])

    def delete_records(self, dataset_id: str, record_ids: list[str]) -> int:
        body = json.dumps({"dataset_record_ids": record_ids}).encode()
        headers = {"Content-Type": "application/json"}
        answer = self.team.ask("DELETE", f"{BASE}/{dataset_id}/records", body, headers=headers)
        assert answer.status_code == 200, answer.text
        return int(answer.json()["deleted_count"])

    def names(self, **body: Any) -> list[str]:
        found = self.ok("POST", f"{BASE}/search", body)
        return [dataset["name"] for dataset in found.get("datasets", [])]


@pytest.fixture
def datasets(tmp_path: Path) -> Iterator[Datasets]:
    team = Team(tmp_path / "home", Mode.UP)
    yield Datasets(team)
    team.close()


def test_a_new_dataset_is_told_as_mlflow_tells_it(datasets):
    made = datasets.create(
        experiment_ids=["0", datasets.experiment_id, "0"], tags={"mlflow.user": "ann", "n": 1, "no": None}
    )
    dataset_id = made["dataset_id"]
    assert re.fullmatch(r"d-[0-9a-f]{32}", dataset_id)
    assert re.fullmatch(r"[0-9a-f]{8}", made["digest"])
    default = datasets.ok("GET", "/api/2.0/mlflow/experiments/get-by-name", {"experiment_name": "Default"})
    assert made == datasets.get(dataset_id)
    assert made["created_time"] == made["last_update_time"] > 0
    for name in ("created_time", "last_update_time", "digest"):
        del made[name]
    assert made == {
        "dataset_id": dataset_id,
        "name": "questions",
        "tags": '{"mlflow.user": "ann", "n": "1"}',
        "created_by": "ann",
        "last_updated_by": "ann",
        "experiment_ids": sorted([default["experiment"]["experiment_id"], datasets.experiment_id], key=int),
    }


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "Missing value for required parameter 'name'"),
        ({"name": ""}, "Missing value for required parameter 'name'"),
        ({"name": 5}, "Invalid value 5 for parameter 'name'"),
        ({"name": "n" * 256}, "'name' exceeds the maximum length of 255"),
        ({"name": "n", "experiment_ids": "5"}, "for parameter 'experiment_ids'"),
        ({"name": "n", "experiment_ids": ["x"]}, "Invalid experiment ID 'x'"),
        ({"name": "n", "experiment_ids": ["0"] * 1001}, "'experiment_ids' has 1001 entries"),
        ({"name": "n", "tags": "{"}, "'tags' is not valid JSON"),
        ({"name": "n", "tags": "[]"}, "'tags' must be a JSON object"),
        ({"name": "n", "tags": '{"": "x"}'}, "A key in 'tags' must not be empty"),
        ({"name": "n", "tags": json.dumps({"k" * 256: "x"})}, "'tags.key' exceeds"),
        ({"name": "n", "tags": json.dumps({"k": "x" * 5001})}, "'tags.value' exceeds"),
        ({"name": "n", "tags": json.dumps({str(n): "" for n in range(101)})}, "'tags' has 101 entries"),
        ({"name": "n", "tags": '{"k": "\\u0000"}'}, "'tags' holds the character NUL"),
    ],
)
def test_what_can_not_be_created_is_said_and_leaves_nothing(datasets, body, says):
    assert says in datasets.refused(400, "POST", f"{BASE}/create", body)
    assert datasets.names() == []


def test_an_experiment_that_is_not_there_is_not_linked(datasets):
    assert "No Experiment with id=99" in datasets.refused(
        404, "POST", f"{BASE}/create", {"name": "n", "experiment_ids": [datasets.experiment_id, "99"]}
    )
    dataset_id = datasets.create()["dataset_id"]
    both = {"experiment_ids": [datasets.experiment_id, "99"]}
    datasets.refused(404, "POST", f"{BASE}/{dataset_id}/add-experiments", both)
    assert datasets.ok("GET", f"{BASE}/{dataset_id}/experiment-ids") == {}
    assert datasets.names() == ["questions"]


def test_a_record_is_told_as_mlflow_tells_it(datasets):
    dataset_id = datasets.create()["dataset_id"]
    source = {"source_type": "trace", "source_data": {"trace_id": "tr-1"}}
    full = {
        "inputs": {"q": "é", "n": None},
        "outputs": ["x", 1],
        "expectations": {"a": 1.5},
        "tags": {"mlflow.user": "ann", "k": 1},
        "source": source,
    }
    assert datasets.merge(dataset_id, full, {"inputs": {}}) == (2, 0)
    first, second = datasets.records(dataset_id)
    assert re.fullmatch(r"dr-[0-9a-f]{32}", first.pop("dataset_record_id"))
    assert first.pop("created_time") == first.pop("last_update_time") > 0
    assert first == {
        **full,
        "dataset_id": dataset_id,
        "source": {**source, "source_type": "TRACE"},
        "source_id": "tr-1",
        "source_type": "TRACE",
        "created_by": "ann",
        "last_updated_by": "ann",
    }
    assert second.keys() == first.keys() - {
        "expectations", "source", "source_id", "source_type", "created_by", "last_updated_by",
    } | {"dataset_record_id", "created_time", "last_update_time"}  # fmt: skip
    assert (second["inputs"], second["outputs"], second["tags"]) == ({}, {}, {})
    kept = datasets.get(dataset_id)
    assert kept["profile"] == '{"num_records": 2}'
    assert json.loads(kept["schema"]) == {
        "inputs": {"q": "string", "n": "null"},
        "outputs": "array",
        "expectations": {"a": "float"},
        "version": "1.0",
    }
    assert kept["last_updated_by"] == "ann"


def test_records_of_one_request_are_merged_with_each_other(datasets):
    dataset_id = datasets.create()["dataset_id"]
    same = {"inputs": {"a": 1, "b": 2}, "outputs": 1, "expectations": {"x": 1}}
    again = {
        "inputs": {"b": 2, "a": 1},
        "outputs": None,
        "expectations": {"y": 2},
        "tags": {"mlflow.user": "bob"},
    }
    assert datasets.merge(dataset_id, same, again, {"inputs": {"a": 1.0, "b": 2}}) == (2, 1)
    first, second = datasets.records(dataset_id)
    assert (first["expectations"], first["last_updated_by"]) == ({"x": 1, "y": 2}, "bob")
    assert "outputs" not in first
    assert "created_by" not in first
    assert second["inputs"] == {"a": 1.0, "b": 2}
    # Who sends nothing and says nothing of themselves takes the name away, as in MLflow.
    assert datasets.merge(dataset_id) == (0, 0)
    assert "last_updated_by" not in datasets.get(dataset_id)


@pytest.mark.parametrize(
    ("records", "says"),
    [
        ("nothing", "'records' is not valid JSON"),
        ('{"inputs": {}}', "'records' must be a JSON list"),
        ("[5]", "'records[0]' must be a JSON object"),
        ('[{}, {"inputs": null}]', "'records[1].inputs' must be a JSON object"),
        ('[{"inputs": [1]}]', "'records[0].inputs' must be a JSON object"),
        ('[{"inputs": {}, "expectations": "x"}]', "'records[0].expectations' must be a JSON object or null"),
        ('[{"inputs": {}, "tags": []}]', "'records[0].tags' must be a JSON object or null"),
        ('[{"inputs": {}, "tags": {"mlflow.user": 5}}]', "'mlflow.user' that is no text"),
        ('[{"inputs": {}, "source": "x"}]', "'records[0].source' must be a JSON object or null"),
        ('[{"inputs": {}, "source": {"source_type": "x"}}]', "Invalid dataset record source type: X"),
        ('[{"inputs": {}, "source": {"source_data": {}}}]', "Invalid dataset record source type: NONE"),
        ('[{"inputs": {}, "source": {"source_type": "CODE", "y": 1}}]', "the unknown field 'y'"),
        ('[{"inputs": {"a": "\\u0000"}}]', "'records' holds the character NUL"),
        ('[{"inputs": {"\\ud800": 1}}]', "'records' holds half of a surrogate pair"),
        (f'[{{"inputs": {{"a": {"[" * 70 + "]" * 70}}}}}]', "nested deeper than 64 levels"),
        ("[" * 100_000, "'records' is not valid JSON"),
        (f"[{', '.join(['0'] * 100_001)}]", "'records' has 100001 entries"),
        (json.dumps([{"inputs": {str(n): n for n in range(10_001)}}]), "have at most 10000 fields"),
        (
            json.dumps([{"inputs": {}, "tags": {"mlflow.user": "u" * 256}}]),
            "exceeds the maximum length of 255",
        ),
    ],
)
def test_what_is_no_record_is_said_and_changes_nothing(datasets, records, says):
    dataset_id = datasets.create()["dataset_id"]
    before = datasets.get(dataset_id)
    assert says in datasets.refused(400, "POST", f"{BASE}/{dataset_id}/records", {"records": records})
    assert (datasets.records(dataset_id), datasets.get(dataset_id)) == ([], before)


def test_pages_of_records_go_on_where_they_ended(datasets):
    dataset_id = datasets.create()["dataset_id"]
    datasets.merge(dataset_id, *({"inputs": {"n": number}} for number in range(5)))
    path, query, found = f"{BASE}/{dataset_id}/records", {"max_results": 2}, []
    while True:
        page = datasets.ok("GET", path, query)
        found += [record["inputs"]["n"] for record in json.loads(page["records"])]
        if "next_page_token" not in page:
            break
        query["page_token"] = page["next_page_token"]
    assert found == list(range(5))
    for wrong in ({"page_token": "x"}, {"page_token": "NTo2"}, {"max_results": -1}, {"max_results": 50_001}):
        datasets.refused(400, "GET", path, wrong)


def test_deleted_records_are_counted_and_the_profile_follows(datasets):
    dataset_id = datasets.create()["dataset_id"]
    datasets.merge(dataset_id, {"inputs": {"n": 1}}, {"inputs": {"n": 2}})
    first, second = (record["dataset_record_id"] for record in datasets.records(dataset_id))
    before = datasets.get(dataset_id)
    assert datasets.delete_records(dataset_id, [first, "dr-none"]) == 1
    assert datasets.get(dataset_id) == {**before, "profile": '{"num_records": 1}'}
    assert datasets.delete_records(dataset_id, [first, second]) == 1
    assert "profile" not in datasets.get(dataset_id)
    assert datasets.delete_records(dataset_id, []) == 0


def test_a_dataset_that_is_not_there_is_not_found_or_passed_over_as_in_mlflow(datasets):
    dataset_id = f"d-{'0' * 32}"
    one = f"{BASE}/{dataset_id}"
    links = {"experiment_ids": [datasets.experiment_id]}
    seen = f"Evaluation dataset with id '{dataset_id}' not found"
    linked = f"Dataset '{dataset_id}' not found"
    for method, path, body, told in (
        ("GET", one, None, seen),
        ("GET", f"{one}/records", None, seen),
        ("POST", f"{one}/records", {"records": "[]"}, seen),
        ("PATCH", f"{one}/tags", {"tags": "{}"}, f"Could not find evaluation dataset with ID {dataset_id}"),
        ("POST", f"{one}/add-experiments", links, linked),
        ("POST", f"{one}/remove-experiments", links, linked),
    ):
        assert datasets.refused(404, method, path, body) == told
    assert datasets.ok("GET", f"{one}/experiment-ids") == {}
    assert datasets.ok("DELETE", one) == {}
    assert datasets.ok("DELETE", f"{one}/tags/x") == {}


def test_tags_with_any_key_are_set_and_deleted(datasets):
    one = f"{BASE}/{datasets.create(tags={'a/b': '1'})['dataset_id']}"
    answer = datasets.ok("PATCH", f"{one}/tags", {"tags": '{"c": true, "d": null}'})
    assert json.loads(answer["dataset"]["tags"]) == {"a/b": "1", "c": "True"}
    datasets.ok("DELETE", f"{one}/tags/a/b")
    assert json.loads(datasets.ok("GET", one)["dataset"]["tags"]) == {"c": "True"}


def test_a_search_is_asked_by_get_too_and_has_its_limits(datasets):
    for name in ("a", "b", "c"):
        datasets.create(name, experiment_ids=[datasets.experiment_id] if name != "c" else [])
    query = {"experiment_ids": [datasets.experiment_id], "order_by": ["name DESC"], "max_results": 1}
    page = datasets.ok("GET", f"{BASE}/search", query)
    assert [dataset["name"] for dataset in page["datasets"]] == ["b"]
    rest = datasets.ok("GET", f"{BASE}/search", {**query, "page_token": page["next_page_token"]})
    assert [dataset["name"] for dataset in rest["datasets"]] == ["a"]
    assert "next_page_token" not in rest
    assert datasets.names(filter_string="name IN ('a', 'c')", order_by=["name"]) == ["a", "c"]
    for wrong, says in (
        ({"max_results": 0}, "It must be a positive integer"),
        ({"max_results": 50_001}, "It must be at most 50000"),
        ({"page_token": "x"}, "Invalid page token"),
        ({"filter_string": "name RLIKE '('"}, "Invalid regular expression"),
        ({"filter_string": "size = 1"}, "Invalid attribute key 'size'"),
        ({"filter_string": "params.a = '1'"}, "Invalid identifier token 'params'"),
        ({"filter_string": "created_time = '5'"}, "Expected numeric value type"),
        ({"filter_string": "created_time > 1.5"}, "Invalid value for numeric attribute 'created_time'"),
        ({"filter_string": "created_by IN ('a')"}, "Only the attribute 'name' is compared with a list"),
        ({"filter_string": "name NOT IN ('a')"}, "Invalid comparator 'NOT IN'"),
        ({"filter_string": "name IS NULL"}, "only supported for tags"),
        ({"order_by": ["created_by"]}, "Invalid attribute key 'created_by'"),
        ({"order_by": ["tags.a"]}, "Invalid order_by entity: tag"),
        ({"experiment_ids": ["x"]}, "Invalid experiment ID 'x'"),
    ):
        assert says in datasets.refused(400, "POST", f"{BASE}/search", wrong)


def test_who_has_a_role_in_one_experiment_reads_what_is_linked_to_it(team):
    def ask(method: str, path: str, body: Any = None, key: str | None = None) -> Any:
        return team.ask(method, f"/workspaces/alpha{path}", body, key=key or team.admin_key)

    def experiment(name: str) -> str:
        made = ask("POST", "/api/2.0/mlflow/experiments/create", {"name": name})
        return str(made.json()["experiment_id"])

    shown, hidden = experiment("shown"), experiment("hidden")
    made = {}
    for name, linked in (("both", [shown, hidden]), ("hidden", [hidden]), ("none", [])):
        answer = ask("POST", f"{BASE}/create", {"name": name, "experiment_ids": linked})
        made[name] = answer.json()["dataset"]["dataset_id"]
        record = json.dumps([{"inputs": {"secret": name}}])
        ask("POST", f"{BASE}/{made[name]}/records", {"records": record}).raise_for_status()
    guest = team.person("gus")
    team.grant("gus", "owner", "alpha", shown)

    for body in ({}, {"experiment_ids": [shown, hidden]}):
        found = ask("POST", f"{BASE}/search", body, key=guest).json()
        assert [(each["name"], each["experiment_ids"]) for each in found["datasets"]] == [("both", [shown])]
    assert ask("POST", f"{BASE}/search", {"experiment_ids": [hidden]}, key=guest).json() == {}
    one = f"{BASE}/{made['both']}"
    assert ask("GET", one, key=guest).json()["dataset"]["experiment_ids"] == [shown]
    assert ask("GET", f"{one}/experiment-ids", key=guest).json() == {"experiment_ids": [shown]}
    assert "both" in ask("GET", f"{one}/records", key=guest).json()["records"]
    # What they may not see is not found, in the words for what is not there.
    for dataset_id in (made["hidden"], made["none"], "d-" + "0" * 32):
        assert ask("GET", f"{BASE}/{dataset_id}/experiment-ids", key=guest).json() == {}
        for part in ("", "/records"):
            refused = ask("GET", f"{BASE}/{dataset_id}{part}", key=guest)
            assert refused.status_code == 404
            assert refused.json()["message"] == f"Evaluation dataset with id '{dataset_id}' not found"
    # To change one takes a role in the workspace, whatever it is linked to.
    changes: tuple[tuple[str, str, Any], ...] = (
        ("POST", f"{BASE}/create", {"name": "n", "experiment_ids": [shown]}),
        ("DELETE", one, None),
        ("PATCH", f"{one}/tags", {"tags": "{}"}),
        ("POST", f"{one}/records", {"records": "[]"}),
        ("DELETE", f"{one}/records", None),
        ("POST", f"{one}/add-experiments", {"experiment_ids": [shown]}),
        ("POST", f"{one}/remove-experiments", {"experiment_ids": [shown]}),
    )
    for method, path, change in changes:
        assert ask(method, path, change, key=guest).status_code == 403, path
    assert ask("GET", one).json()["dataset"]["experiment_ids"] == [shown, hidden]


def test_another_workspace_has_datasets_of_its_own(team):
    body = {"name": "n", "tags": '{"k": "v"}'}
    answer = team.ask("POST", f"/workspaces/alpha{BASE}/create", body, key=team.admin_key)
    one = f"/workspaces/beta{BASE}/{answer.json()['dataset']['dataset_id']}"
    for method, path in (("GET", one), ("GET", f"{one}/records"), ("POST", f"{one}/records")):
        assert team.ask(method, path, {"records": "[]"}, key=team.admin_key).status_code == 404
    team.ask("DELETE", one, key=team.admin_key).raise_for_status()
    team.ask("DELETE", f"{one}/tags/k", key=team.admin_key).raise_for_status()
    (kept,) = team.ask("POST", f"/workspaces/alpha{BASE}/search", key=team.admin_key).json()["datasets"]
    assert kept["tags"] == '{"k": "v"}'
    assert team.ask("POST", f"/workspaces/beta{BASE}/search", key=team.admin_key).json() == {}


def test_an_experiment_that_goes_for_good_leaves_the_dataset(datasets):
    dataset_id = datasets.create(experiment_ids=[datasets.experiment_id])["dataset_id"]
    datasets.ok("POST", "/api/2.0/mlflow/experiments/delete", {"experiment_id": datasets.experiment_id})
    assert datasets.get(dataset_id)["experiment_ids"] == [datasets.experiment_id]
    datasets.ok("POST", "/api/v1/trash/collect", {"older_than_s": 0})
    assert "experiment_ids" not in datasets.get(dataset_id)


def test_a_workspace_goes_with_its_datasets(team):
    base = f"/workspaces/beta{BASE}"
    made = team.ask("POST", f"{base}/create", {"name": "n"}, key=team.admin_key).json()["dataset"]
    path = f"{base}/{made['dataset_id']}/records"
    records = json.dumps([{"inputs": {"secret": "canary"}}])
    team.ask("POST", path, {"records": records}, key=team.admin_key).raise_for_status()
    delete = "/api/v1/workspaces/beta"
    would = team.ask("DELETE", delete, {"dry_run": "true"}, key=team.admin_key).json()
    gone, other_bytes = {"is_done": False}, 0
    while not gone["is_done"]:
        gone = team.ask("DELETE", delete, {"confirm": "beta"}, key=team.admin_key).json()
        other_bytes += gone["other_bytes"]
    assert other_bytes == would["other_bytes"]
    assert not any("canary" in row or '"evaluation_dataset' in row for row in team.kept())
