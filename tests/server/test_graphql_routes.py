"""GraphQL answers what REST does, to whom REST does."""

from __future__ import annotations

import json

import pytest

from runyard.errors import Unavailable
from runyard.server.routes import graphql
from runyard.services import experiments, model_versions
from tests.server.team import Team

# What MLflow's pages send, but for what they read of it.
GET_RUN = """
query GetRun($data: MlflowGetRunInput!) @component(name: "MLflow.ExperimentRunTracking") {
  mlflowGetRun(input: $data) {
    apiError { helpUrl code message }
    run {
      info { runName status runUuid experimentId artifactUri endTime lifecycleStage startTime userId }
      experiment { experimentId name tags { key value } artifactLocation lifecycleStage lastUpdateTime }
      modelVersions { status version name source }
      data {
        metrics { key value step timestamp }
        params { key value }
        tags { key value }
      }
      inputs {
        datasetInputs { dataset { digest name profile schema source sourceType } tags { key value } }
        modelInputs { modelId }
      }
      outputs { modelOutputs { modelId step } }
    }
  }
}
"""
SEARCH_RUNS = """
query SearchRuns($data: MlflowSearchRunsInput!) {
  mlflowSearchRuns(input: $data) {
    apiError { code message }
    runs { info { runUuid } experiment { name } data { metrics { key value } } }
    nextPageToken
  }
}
"""
GET_EXPERIMENT = """
query MlflowGetExperimentQuery($input: MlflowGetExperimentInput!) {
  mlflowGetExperiment(input: $input) {
    apiError { code message }
    experiment { experimentId name creationTime tags { key value } effectiveTraceArchivalRetention workspace }
  }
}
"""
HISTORY = """
query History($data: MlflowGetMetricHistoryBulkIntervalInput!) {
  mlflowGetMetricHistoryBulkInterval(input: $data) {
    __typename
    metrics { timestamp step runId key value }
    apiError { code message }
  }
}
"""


class Asker:
    """Sends queries to a server, as somebody."""

    def __init__(self, server: Team, key: str | None = None, prefix: str = "") -> None:
        self._server, self._key, self._prefix = server, key, prefix

    def rest(self, path, body):
        answer = self._server.ask("POST", f"{self._prefix}/api/2.0/mlflow/{path}", body, key=self._key)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def response(self, query, variables=None, method="POST"):
        body = {"query": query, "variables": variables or {}}
        if method == "GET":
            body["variables"] = json.dumps(body["variables"])
        return self._server.ask(method, f"{self._prefix}/graphql", body, key=self._key)

    def ask(self, query, variables=None, method="POST"):
        """Return the data; there are no errors."""
        answer = self.response(query, variables, method)
        assert answer.status_code == 200, answer.text
        assert answer.json()["errors"] is None
        return answer.json()["data"]

    def make_run(self, name="digits"):
        experiment_id = self.rest("experiments/create", {"name": name})["experiment_id"]
        made = self.rest("runs/create", {"experiment_id": experiment_id, "run_name": "one", "start_time": 5})
        run_id = made["run"]["info"]["run_id"]
        metrics = [
            {"key": "loss", "value": value, "timestamp": 7, "step": step}
            for step, value in enumerate((0.5, 0.25, "NaN"))
        ]
        params = [{"key": "lr", "value": "0.1"}]
        self.rest("runs/log-batch", {"run_id": run_id, "metrics": metrics, "params": params})
        return experiment_id, run_id


@pytest.fixture
def team(tmp_path):
    team = Team(tmp_path / "home")
    yield team
    team.close()


@pytest.fixture
def asker(team):
    return Asker(team, team.admin_key)


def test_a_run_is_told_with_all_that_its_page_shows(asker):
    experiment_id, run_id = asker.make_run()
    run = asker.ask(GET_RUN, {"data": {"runId": run_id}})["mlflowGetRun"]["run"]
    assert run["info"] | {"artifactUri": "", "userId": ""} == {
        "runName": "one",
        "status": "RUNNING",
        "runUuid": run_id,
        "experimentId": experiment_id,
        "artifactUri": "",
        "endTime": "0",
        "lifecycleStage": "active",
        "startTime": "5",
        "userId": "",
    }
    assert (run["experiment"]["name"], run["experiment"]["tags"]) == ("digits", [])
    # GraphQL has no word for NaN; whole numbers are text, as JavaScript has none of 64 bits.
    assert run["data"]["metrics"] == [{"key": "loss", "value": None, "step": "2", "timestamp": "7"}]
    assert run["data"]["params"] == [{"key": "lr", "value": "0.1"}]
    assert run["inputs"] == {"datasetInputs": [], "modelInputs": []}
    assert run["outputs"] == {"modelOutputs": []}


def test_runs_are_searched_page_by_page(asker):
    experiment_id, run_id = asker.make_run()
    again = asker.rest("runs/create", {"experiment_id": experiment_id})["run"]["info"]["run_id"]
    asked = {
        "experimentIds": [experiment_id],
        "maxResults": 1,
        "runViewType": "ALL",
        "orderBy": ["start_time"],
    }
    first = asker.ask(SEARCH_RUNS, {"data": asked})["mlflowSearchRuns"]
    assert [run["info"]["runUuid"] for run in first["runs"]] == [run_id]
    asked["pageToken"] = first["nextPageToken"]
    rest = asker.ask(SEARCH_RUNS, {"data": asked})["mlflowSearchRuns"]
    assert [run["info"]["runUuid"] for run in rest["runs"]] == [again]
    assert rest["runs"][0]["experiment"]["name"] == "digits"
    assert rest["nextPageToken"] == ""
    found = asker.ask("mutation" + SEARCH_RUNS.lstrip().removeprefix("query"), {"data": asked})
    assert found["mlflowSearchRuns"] == rest


def test_an_experiment_is_read_once_for_all_its_runs(asker, monkeypatch):
    experiment_id, _ = asker.make_run()
    for _ in range(5):
        asker.rest("runs/create", {"experiment_id": experiment_id})
    asked = []

    def get_experiment(call, experiment_id):
        asked.append(experiment_id)
        return real(call, experiment_id)

    real = experiments.get_experiment
    monkeypatch.setattr(experiments, "get_experiment", get_experiment)
    found = asker.ask(SEARCH_RUNS, {"data": {"experimentIds": [experiment_id]}})["mlflowSearchRuns"]["runs"]
    assert {run["experiment"]["name"] for run in found} == {"digits"}
    assert (len(found), asked) == (6, [experiment_id])


def test_runs_tell_of_the_versions_of_models_that_they_made(asker, monkeypatch):
    experiment_id, run_id = asker.make_run()
    asker.rest("registered-models/create", {"name": "digits"})
    for folder in ("model", "better"):
        version = {"name": "digits", "source": f"runs:/{run_id}/{folder}", "run_id": run_id}
        asker.rest("model-versions/create", version)
    for _ in range(3):
        asker.rest("runs/create", {"experiment_id": experiment_id})
    run = asker.ask(GET_RUN, {"data": {"runId": run_id}})["mlflowGetRun"]["run"]
    told = [(each["name"], each["version"], each["status"]) for each in run["modelVersions"]]
    assert sorted(told) == [("digits", "1", "READY"), ("digits", "2", "READY")]
    searches = []

    def search(*arguments):
        searches.append(arguments)
        return real(*arguments)

    real = model_versions.search_model_versions
    monkeypatch.setattr(model_versions, "search_model_versions", search)
    query = """query S($in: MlflowSearchRunsInput) {
        mlflowSearchRuns(input: $in) {runs {info {runId} modelVersions {version}}}
    }"""
    runs = asker.ask(query, {"in": {"experimentIds": [experiment_id]}})["mlflowSearchRuns"]["runs"]
    assert {run["info"]["runId"]: len(run["modelVersions"]) for run in runs}[run_id] == 2
    assert (len(runs), len(searches)) == (4, 1)
    found = asker.ask("{mlflowSearchModelVersions {modelVersions {name creationTimestamp aliases}}}")
    assert len(found["mlflowSearchModelVersions"]["modelVersions"]) == 2


def test_an_experiment_a_history_and_files_are_told(asker):
    experiment_id, run_id = asker.make_run()
    told = asker.ask(GET_EXPERIMENT, {"input": {"experimentId": experiment_id}})["mlflowGetExperiment"]
    assert told["apiError"] is None
    assert (told["experiment"]["name"], told["experiment"]["workspace"]) == ("digits", "default")
    assert told["experiment"]["creationTime"].isdecimal()
    asked = {"runIds": [run_id], "metricKey": "loss", "startStep": None, "endStep": None, "maxResults": 320}
    points = asker.ask(HISTORY, {"data": asked})["mlflowGetMetricHistoryBulkInterval"]["metrics"]
    assert [(point["step"], point["value"]) for point in points] == [("0", 0.5), ("1", 0.25), ("2", None)]
    assert {point["runId"] for point in points} == {run_id}
    listed = "query L($of: MlflowListArtifactsInput) {mlflowListArtifacts(input: $of) {rootUri files {path}}}"
    files = asker.ask(listed, {"of": {"runId": run_id}})
    assert files["mlflowListArtifacts"]["files"] == []
    assert run_id in files["mlflowListArtifacts"]["rootUri"]
    dataset = {"name": "train", "digest": "d1", "source_type": "local", "source": "{}"}
    asker.rest("runs/log-inputs", {"run_id": run_id, "datasets": [{"dataset": dataset, "tags": []}]})
    datasets = """mutation D($in: MlflowSearchDatasetsInput) {
        mlflowSearchDatasets(input: $in) {datasetSummaries {name digest context}}
    }"""
    found = asker.ask(datasets, {"in": {"experimentIds": [experiment_id]}})["mlflowSearchDatasets"]
    assert found["datasetSummaries"] == [{"name": "train", "digest": "d1", "context": ""}]


def test_a_query_may_come_in_the_address(asker):
    assert asker.ask('{test(inputString: "ü") {output}}', method="GET") == {"test": {"output": "ü"}}
    told = asker.ask(GET_EXPERIMENT, {"input": {"experimentId": "0"}}, method="GET")
    assert told["mlflowGetExperiment"]["experiment"]["name"] == "Default"
    refused = asker._server.ask("GET", "/graphql", {"query": "{a}", "variables": "[1]"}, key=asker._key)
    assert (refused.status_code, refused.json()["message"]) == (400, "'variables' must be a JSON object.")


def test_what_a_route_refuses_is_told_where_pages_look_for_it(asker):
    told = asker.ask(GET_RUN, {"data": {"runId": "nobody"}})["mlflowGetRun"]
    assert told["run"] is None
    assert told["apiError"]["code"] == "RESOURCE_DOES_NOT_EXIST"
    told = asker.ask(SEARCH_RUNS, {"data": {"experimentIds": ["0"], "filter": "loss <"}})["mlflowSearchRuns"]
    assert told["apiError"]["code"] == "INVALID_PARAMETER_VALUE"
    told = asker.ask(
        '{mlflowSearchModelVersions(input: {filter: "x"}) {apiError {code} modelVersions {name}}}'
    )
    assert told["mlflowSearchModelVersions"]["apiError"]["code"] == "INVALID_PARAMETER_VALUE"


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("{nothing}", "Cannot query field 'nothing' on type 'Query'."),
        ("query A {test {output}} query B {test {output}}", "Must provide operation name"),
        (
            "query ($x: String!) {test(inputString: $x) {output}}",
            "Variable '$x' of required type 'String!' was not provided",
        ),
        ("{mlflowGetRun(input: {runId: {}}) {run {info {runId}}}}", "String cannot represent"),
        ("{" + " ".join(f"k{i}: test {{output}}" for i in range(12)) + "}", "at most 10 root fields"),
        ("", "Missing value for required parameter 'query'"),
    ],
)
def test_what_is_wrong_with_a_query_is_said(asker, query, told):
    answer = asker.response(query)
    assert answer.status_code == (200 if query else 400)
    said = answer.json()["errors"][0] if query else answer.json()["message"]
    assert told in said
    assert answer.json().get("data") is None


def test_a_fault_is_the_walls_to_tell_and_not_the_librarys(asker, monkeypatch):
    def fail(call, experiment_id):
        raise failure

    monkeypatch.setattr(experiments, "get_experiment", fail)
    failure: Exception = RuntimeError("the secret of the database")
    answer = asker.response(GET_EXPERIMENT, {"input": {"experimentId": "0"}})
    assert answer.status_code == 500
    assert "secret" not in answer.text
    failure = Unavailable("The database does not answer.")
    answer = asker.response(GET_EXPERIMENT, {"input": {"experimentId": "0"}})
    assert (answer.status_code, answer.json()["error_code"]) == (503, "TEMPORARILY_UNAVAILABLE")


def test_without_the_library_it_says_what_to_install(asker, monkeypatch):
    monkeypatch.setattr(graphql, "find_spec", lambda name: None)
    answer = asker.response("{test {output}}")
    assert (answer.status_code, answer.json()["error_code"]) == (501, "NOT_IMPLEMENTED")
    assert "runyard[mlflow-ui]" in answer.json()["message"]


def test_s10_nobody_learns_more_than_by_rest(team):
    ann = Asker(team, team.admin_key, "/workspaces/alpha")
    shown_id, shown = ann.make_run("shown")
    hidden_id, hidden = ann.make_run("hidden")
    bea_key = team.person("bea")
    team.grant("bea", "reader", "alpha", shown_id)
    bea = Asker(team, bea_key, "/workspaces/alpha")
    ann.rest("registered-models/create", {"name": "of the workspace"})
    version = {"name": "of the workspace", "source": f"runs:/{shown}/model", "run_id": shown}
    ann.rest("model-versions/create", version)
    told = bea.ask(GET_RUN, {"data": {"runId": shown}})["mlflowGetRun"]["run"]
    assert (told["info"]["runUuid"], told["modelVersions"]) == (shown, [])
    told = bea.ask("{mlflowSearchModelVersions {apiError {code} modelVersions {name}}}")
    assert told["mlflowSearchModelVersions"]["apiError"]["code"] == "PERMISSION_DENIED"
    refusals = {
        json.dumps(bea.ask(GET_RUN, {"data": {"runId": run_id}})["mlflowGetRun"])
        for run_id in (hidden, "f" * 32)
    }
    (refusal,) = refusals
    assert json.loads(refusal)["apiError"]["code"] == "PERMISSION_DENIED"
    told = bea.ask(GET_EXPERIMENT, {"input": {"experimentId": hidden_id}})["mlflowGetExperiment"]
    assert (told["experiment"], told["apiError"]["code"]) == (None, "PERMISSION_DENIED")
    asked = {"runIds": [shown, hidden], "metricKey": "loss"}
    told = bea.ask(HISTORY, {"data": asked})["mlflowGetMetricHistoryBulkInterval"]
    assert (told["metrics"], told["apiError"]["code"]) == ([], "PERMISSION_DENIED")
    found = bea.ask(SEARCH_RUNS, {"data": {"experimentIds": [shown_id, hidden_id]}})["mlflowSearchRuns"]
    assert [run["info"]["runUuid"] for run in found["runs"]] == [shown]


def test_another_workspaces_objects_are_not_there(team):
    _, run_id = Asker(team, team.admin_key, "/workspaces/alpha").make_run()
    told = Asker(team, team.admin_key, "/workspaces/beta").ask(GET_RUN, {"data": {"runId": run_id}})
    assert told["mlflowGetRun"]["apiError"]["code"] == "RESOURCE_DOES_NOT_EXIST"


def test_who_has_no_role_here_asks_nothing(team):
    bea = Asker(team, team.person("bea"), "/workspaces/alpha")
    assert bea.response("{test {output}}").status_code == 403
    assert Asker(team, prefix="/workspaces/alpha").response("{test {output}}").status_code == 401
