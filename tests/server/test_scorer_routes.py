"""MLflow's routes about scorers, over HTTP in this process, and who may use them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.server.team import Team

BASE = "/api/3.0/mlflow/scorers"
JUDGE = json.dumps({"instructions_judge_pydantic_data": {"model": "gateway:/judges"}})


def ok(team: Team, method: str, path: str, body: Any = None) -> Any:
    answer = team.ask(method, path, body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def refused(team: Team, status: int, method: str, path: str, body: Any = None) -> str:
    answer = team.ask(method, path, body)
    assert answer.status_code == status, answer.text
    return str(answer.json()["message"])


def experiment(team: Team, name: str = "judged") -> str:
    return str(ok(team, "POST", "/api/2.0/mlflow/experiments/create", {"name": name})["experiment_id"])


def registered(team: Team, experiment_id: str, name: str = "polite", serialized: str = JUDGE) -> Any:
    body = {"experiment_id": experiment_id, "name": name, "serialized_scorer": serialized}
    return ok(team, "POST", f"{BASE}/register", body)


def test_scorers_are_told_as_mlflow_tells_them(up):
    experiment_id = experiment(up)
    first = registered(up, experiment_id)
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", first["scorer_id"])
    assert first.pop("creation_time") > 0
    assert first == {
        "version": 1,
        "scorer_id": first["scorer_id"],
        "experiment_id": experiment_id,
        "name": "polite",
        "serialized_scorer": JUDGE,
    }
    assert registered(up, experiment_id, serialized="{}")["version"] == 2
    named = {"experiment_id": experiment_id, "name": "polite"}
    latest = ok(up, "GET", f"{BASE}/get", named)["scorer"]
    assert latest.pop("creation_time") > 0
    assert latest == {
        "experiment_id": int(experiment_id),
        "scorer_name": "polite",
        "scorer_version": 2,
        "serialized_scorer": "{}",
        "scorer_id": first["scorer_id"],
    }
    assert ok(up, "GET", f"{BASE}/get", {**named, "version": 1})["scorer"]["serialized_scorer"] == JUDGE
    versions = ok(up, "GET", f"{BASE}/versions", named)["scorers"]
    assert [each["scorer_version"] for each in versions] == [1, 2]
    ok(up, "DELETE", f"{BASE}/delete", {**named, "version": 2})
    body = json.dumps(named).encode()
    gone = up.ask("DELETE", f"{BASE}/delete", body, headers={"Content-Type": "application/json"})
    assert gone.json() == {}
    assert ok(up, "GET", f"{BASE}/list", {"experiment_id": experiment_id}) == {}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"experiment_id": None}, "Missing value for required parameter 'experiment_id'"),
        ({"name": "  "}, "Scorer name cannot be empty or contain only whitespace"),
        ({"name": "n" * 257}, "'name' exceeds the maximum length of 256"),
        ({"serialized_scorer": "{"}, "'serialized_scorer' is not valid JSON"),
        ({"serialized_scorer": "[]"}, "'serialized_scorer' must be a JSON object"),
        ({"serialized_scorer": f'"{"x" * 1_000_000}"'}, "'serialized_scorer' exceeds the maximum length"),
        ({"serialized_scorer": '{"call_source": "import os"}'}, "Custom scorer registration"),
        ({"serialized_scorer": '{"a": [{"b": {"call_source": ""}}]}'}, "Custom scorer registration"),
        (
            {"serialized_scorer": '{"builtin_scorer_pydantic_data": {"model": 5}}'},
            "Scorer model must be a string, got int",
        ),
        (
            {"serialized_scorer": '{"memory_augmented_judge_data": {"base_judge": '
             '{"instructions_judge_pydantic_data": {"model": " "}}}}'},
            "Scorer model cannot be empty",
        ),
    ],
)  # fmt: skip
def test_what_is_no_scorer_is_refused_and_not_kept(up, body, says):
    experiment_id = experiment(up)
    usual = {"experiment_id": experiment_id, "name": "n", "serialized_scorer": "{}"}
    assert says in refused(up, 400, "POST", f"{BASE}/register", {**usual, **body})
    assert ok(up, "GET", f"{BASE}/list") == {}


def test_scorers_of_one_of_several_and_of_all_experiments_are_listed(up):
    first, second = experiment(up, "a"), experiment(up, "b")
    registered(up, second, "s")
    registered(up, first, "f")
    registered(up, "0", "default")

    def names(**query: Any) -> list[str]:
        found = ok(up, "GET", f"{BASE}/list", query).get("scorers", [])
        return [each["scorer_name"] for each in found]

    assert names(experiment_id=first) == ["f"]
    assert names(experiment_id="0") == ["default"]
    assert names(experiment_ids=[second, first, second, "99"]) == ["f", "s"]
    assert sorted(names()) == ["default", "f", "s"]
    assert "both" in refused(
        up, 400, "GET", f"{BASE}/list", {"experiment_id": first, "experiment_ids": [second]}
    )
    assert "Invalid experiment ID 'x'" in refused(up, 400, "GET", f"{BASE}/list", {"experiment_ids": ["x"]})
    refused(up, 404, "GET", f"{BASE}/list", {"experiment_id": "99"})
    ok(up, "POST", "/api/2.0/mlflow/experiments/delete", {"experiment_id": first})
    assert sorted(names()) == ["default", "s"]
    assert "must be in the 'active' state" in refused(
        up, 400, "GET", f"{BASE}/list", {"experiment_id": first}
    )
    ok(up, "POST", "/api/v1/trash/collect", {"older_than_s": 0})
    assert sorted(names()) == ["default", "s"]


def test_what_is_said_of_new_traces_is_kept(up):
    experiment_id = experiment(up)
    scorer_id = registered(up, experiment_id)["scorer_id"]
    body = {
        "experiment_id": experiment_id,
        "name": "polite",
        "sample_rate": "0.5",
        "filter_string": "status = 'OK'",
    }
    said = ok(up, "PUT", f"{BASE}/online-config", body)["config"]
    assert re.fullmatch(r"[0-9a-f]{32}", said["online_scoring_config_id"])
    assert said == {
        "online_scoring_config_id": said["online_scoring_config_id"],
        "scorer_id": scorer_id,
        "experiment_id": experiment_id,
        "sample_rate": 0.5,
        "filter_string": "status = 'OK'",
    }
    found = ok(up, "GET", f"{BASE}/online-configs", {"scorer_ids": [scorer_id, "other"]})
    assert found == {"configs": [said]}
    assert ok(up, "GET", f"{BASE}/online-configs", {"scorer_ids": ["other"]}) == {"configs": []}
    again = ok(up, "PUT", f"{BASE}/online-config", {**body, "sample_rate": 0, "filter_string": None})[
        "config"
    ]
    assert (again["sample_rate"], again.get("filter_string")) == (0.0, None)
    for wrong, says in (
        ({"sample_rate": 1.5}, "sample_rate must be between 0.0 and 1.0, got 1.5"),
        ({"sample_rate": "NaN"}, "sample_rate must be between 0.0 and 1.0"),
        ({"sample_rate": True}, "Invalid value true for parameter 'sample_rate'"),
        ({"filter_string": 5}, "Invalid value 5 for parameter 'filter_string'"),
        ({"filter_string": "f" * 10_001}, "'filter_string' exceeds"),
        ({"filter_string": "bogus"}, "Invalid clause(s) in filter string: 'bogus'"),
        ({"filter_string": "colour = 'b'", "sample_rate": 0}, "Invalid attribute key 'colour' specified."),
    ):
        assert says in refused(up, 400, "PUT", f"{BASE}/online-config", {**body, **wrong})
    assert ok(up, "GET", f"{BASE}/online-configs", {"scorer_ids": [scorer_id]}) == {"configs": [again]}
    refused(up, 404, "PUT", f"{BASE}/online-config", {**body, "name": "rude"})
    refused(up, 400, "GET", f"{BASE}/online-configs")
    many = json.dumps({"scorer_ids": [""] * 10_001}).encode()
    assert "'scorer_ids' has 10001 entries" in refused(up, 400, "GET", f"{BASE}/online-configs", many)
    registered(up, experiment_id, serialized='{"builtin_scorer_pydantic_data": {"model": "openai:/x"}}')
    assert "does not use a gateway model" in refused(up, 400, "PUT", f"{BASE}/online-config", body)
    ok(up, "PUT", f"{BASE}/online-config", {**body, "sample_rate": 0})
    judge = {"model": "gateway:/judges", "instructions": "Is {{ outputs }} {{ expectations }}?"}
    serialized = {"builtin_scorer_pydantic_data": None, "instructions_judge_pydantic_data": judge}
    registered(up, experiment_id, serialized=json.dumps(serialized))
    assert "requires expectations" in refused(up, 400, "PUT", f"{BASE}/online-config", body)
    ok(up, "PUT", f"{BASE}/online-config", {**body, "sample_rate": 0})


def test_no_scorer_is_run(up):
    said = refused(up, 501, "POST", "/ajax-api/3.0/mlflow/scorer/invoke", {"experiment_id": "0"})
    assert "runs no scorer" in said


def test_who_has_a_role_in_one_experiment_sees_its_scorers_alone(team):
    def ask(method: str, path: str, body: Any = None, key: str | None = None) -> Any:
        return team.ask(method, f"/workspaces/alpha{path}", body, key=key or team.admin_key)

    ids, scorer_ids = {}, {}
    for name in ("shown", "hidden"):
        made = ask("POST", "/api/2.0/mlflow/experiments/create", {"name": name})
        ids[name] = made.json()["experiment_id"]
        body = {"experiment_id": ids[name], "name": name, "serialized_scorer": JUDGE}
        scorer_ids[name] = ask("POST", f"{BASE}/register", body).json()["scorer_id"]
        config = {"experiment_id": ids[name], "name": name, "sample_rate": 0.5}
        ask("PUT", f"{BASE}/online-config", config).raise_for_status()
    guest = team.person("gus")
    team.grant("gus", "reader", "alpha", ids["shown"])
    for query in ({}, {"experiment_id": ids["shown"]}, {"experiment_ids": list(ids.values())}):
        found = ask("GET", f"{BASE}/list", query, key=guest).json()["scorers"]
        assert [each["scorer_name"] for each in found] == ["shown"]
    configs = ask(
        "GET", f"{BASE}/online-configs", {"scorer_ids": list(scorer_ids.values())}, key=guest
    ).json()
    assert [each["scorer_id"] for each in configs["configs"]] == [scorer_ids["shown"]]
    for hidden in (ids["hidden"], "99"):
        assert ask("GET", f"{BASE}/list", {"experiment_id": hidden}, key=guest).status_code == 404
        named = {"experiment_id": hidden, "name": "hidden"}
        for path in ("get", "versions"):
            assert ask("GET", f"{BASE}/{path}", named, key=guest).status_code == 403
    mine = {"experiment_id": ids["shown"], "name": "shown", "serialized_scorer": JUDGE, "sample_rate": 1}
    for method, path in (("POST", "register"), ("DELETE", "delete"), ("PUT", "online-config")):
        assert ask(method, f"{BASE}/{path}", mine, key=guest).status_code == 403
    team.grant("gus", "contributor", "alpha", ids["shown"])
    assert ask("POST", f"{BASE}/register", mine, key=guest).json()["version"] == 2
