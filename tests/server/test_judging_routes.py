"""MLflow's routes about issues and label schemas, over HTTP in this process, and who may use them."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.server.team import Team

ISSUES = "/api/3.0/mlflow/issues"
SCHEMAS = "/api/3.0/mlflow/label-schemas"
TEXT: dict[str, Any] = {"text": {}}


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


# --- issues -------------------------------------------------------------------------------------------------


def issue(team: Team, experiment_id: str, **more: Any) -> Any:
    body = {"experiment_id": experiment_id, "name": "n", "description": "d", **more}
    return ok(team, "POST", ISSUES, body)["issue"]


def test_an_issue_is_told_as_mlflow_tells_it(up):
    experiment_id = experiment(up)
    made = issue(up, experiment_id, severity="high", root_causes=["é"], categories=["a"], created_by="ann")
    assert re.fullmatch(r"iss-[0-9a-f]{32}", made["issue_id"])
    assert ok(up, "GET", f"{ISSUES}/{made['issue_id']}")["issue"] == made
    assert made.pop("created_timestamp") == made.pop("last_updated_timestamp") > 0
    assert made == {
        "issue_id": made["issue_id"],
        "experiment_id": experiment_id,
        "name": "n",
        "description": "d",
        "status": "pending",
        "severity": "high",
        "root_causes": ["é"],
        "categories": ["a"],
        "created_by": "ann",
    }
    assert issue(up, "0").keys() == made.keys() - {"severity", "root_causes", "categories", "created_by"} | {
        "created_timestamp",
        "last_updated_timestamp",
    }


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"name": None}, "Missing value for required parameter 'name'"),
        ({"description": ""}, "Missing value for required parameter 'description'"),
        ({"name": "n" * 251}, "'name' exceeds the maximum length of 250"),
        ({"description": "d" * 65_536}, "'description' exceeds"),
        ({"created_by": "u" * 256}, "'created_by' exceeds"),
        ({"status": "open"}, "Expected pending, rejected or resolved"),
        ({"severity": "grave"}, "Expected not_an_issue, low, medium or high"),
        ({"root_causes": ["x"] * 101}, "'root_causes' has 101 entries"),
        ({"categories": ["x" * 65_536]}, "'categories[0]' exceeds"),
        ({"categories": "x"}, "for parameter 'categories'"),
    ],
)
def test_what_is_no_issue_is_refused_and_not_kept(up, body, says):
    usual = {"experiment_id": experiment(up), "name": "n", "description": "d"}
    assert says in refused(up, 400, "POST", ISSUES, {**usual, **body})
    assert ok(up, "POST", f"{ISSUES}/search") == {"next_page_token": ""}


def test_the_run_of_an_issue_must_be_there(up):
    experiment_id = experiment(up)
    usual = {"experiment_id": experiment_id, "name": "n", "description": "d"}
    refused(up, 404, "POST", ISSUES, {**usual, "source_run_id": "f" * 32})
    run = ok(up, "POST", "/api/2.0/mlflow/runs/create", {"experiment_id": experiment_id})["run"]["info"]
    made = issue(up, experiment_id, source_run_id=run["run_id"])
    found = ok(up, "POST", f"{ISSUES}/search", {"filter_string": f"source_run_id = '{run['run_id']}'"})
    assert found == {"issues": [made], "next_page_token": ""}


def test_an_issue_is_changed_where_something_is_said(up):
    made = issue(up, experiment(up), severity="low")
    one = f"{ISSUES}/{made['issue_id']}"
    changed = ok(up, "PATCH", one, {"issue_id": made["issue_id"], "status": "resolved", "name": ""})["issue"]
    assert {**changed, "last_updated_timestamp": 0} == {
        **made,
        "status": "resolved",
        "last_updated_timestamp": 0,
    }
    changed = ok(up, "PATCH", one, {"name": "m", "description": "e", "severity": "medium"})["issue"]
    assert [changed[name] for name in ("name", "description", "severity", "status")] == [
        "m", "e", "medium", "resolved",
    ]  # fmt: skip
    for wrong in ({"status": "open"}, {"severity": ""}, {"name": "n" * 251}, {"description": "d" * 65_536}):
        refused(up, 400, "PATCH", one, wrong)
    assert ok(up, "GET", one)["issue"] == changed
    for method in ("GET", "PATCH"):
        assert "not found" in refused(up, 404, method, f"{ISSUES}/iss-none")


def test_issues_are_searched_in_pages(up):
    first, second = experiment(up, "a"), experiment(up, "b")
    names = {
        "low": issue(up, first, severity="low"),
        "none": issue(up, first),
        "high": issue(up, second, severity="high"),
    }
    page = ok(up, "POST", f"{ISSUES}/search", {"max_results": 2})
    assert page["issues"] == [names["high"], names["low"]]
    rest = ok(up, "POST", f"{ISSUES}/search", {"max_results": 2, "page_token": page["next_page_token"]})
    assert rest == {"issues": [names["none"]], "next_page_token": ""}
    assert ok(up, "POST", f"{ISSUES}/search", {"experiment_id": second})["issues"] == [names["high"]]
    for wrong, says in (
        ({"max_results": 0}, "It must be a positive integer"),
        ({"max_results": 50_001}, "It must be at most 50000"),
        ({"page_token": "x"}, "Invalid page token"),
        ({"filter_string": "name = 'x'"}, "Invalid filter field 'name'"),
        ({"filter_string": "status > 'x'"}, "Invalid comparator '>'. Supported comparators: {'=', '!='}"),
        ({"experiment_id": "x"}, "Invalid experiment ID 'x'"),
    ):
        assert says in refused(up, 400, "POST", f"{ISSUES}/search", wrong)
    assert "looks for no issues" in refused(up, 501, "POST", "/ajax-api/3.0/mlflow/issues/invoke")


def test_an_issue_tells_of_how_many_traces_it_is_said(up):
    first, second = (issue(up, experiment(up, name)) for name in ("a", "b"))
    for number in range(3):
        place = {"mlflow_experiment": {"experiment_id": first["experiment_id"]}}
        told = {"trace_id": f"tr-{number}", "trace_location": place}
        ok(up, "POST", "/api/3.0/mlflow/traces", {"trace": {"trace_info": told}})
        for said in ({"issue": {"issue_name": "n"}}, {"feedback": {"value": True}}):
            body = {"assessment": {"assessment_name": first["issue_id"], **said}}
            ok(up, "POST", f"/api/3.0/mlflow/traces/tr-{number}/assessments", body)
    counted = ok(up, "POST", f"{ISSUES}/search", {"include_trace_count": True})["issues"]
    assert counted == [{**first, "trace_count": 3}, {**second, "trace_count": 0}]
    for asked in ({}, {"include_trace_count": False}):
        assert ok(up, "POST", f"{ISSUES}/search", asked)["issues"] == [second, first]


# --- label schemas ------------------------------------------------------------------------------------------


def schema(team: Team, experiment_id: str, name: str = "q", **more: Any) -> Any:
    body = {"experiment_id": experiment_id, "name": name, "type": "FEEDBACK", "input": TEXT, **more}
    return ok(team, "POST", f"{SCHEMAS}/create", body)["label_schema"]


def test_a_question_is_told_as_mlflow_tells_it(up):
    experiment_id = experiment(up)
    given = {"categorical": {"options": ["a", "b"], "multi_select": True}}
    made = schema(up, experiment_id, type=2, input=given, instruction="i", enable_comment=True)
    assert re.fullmatch(r"ls-[0-9a-f]{32}", made["schema_id"])
    assert ok(up, "GET", f"{SCHEMAS}/get", {"schema_id": made["schema_id"]})["label_schema"] == made
    named = {"experiment_id": experiment_id, "name": "q"}
    assert ok(up, "GET", f"{SCHEMAS}/get-by-name", named)["label_schema"] == made
    assert made.pop("created_at") == made.pop("last_updated_at") > 0
    assert made == {
        "schema_id": made["schema_id"],
        "experiment_id": experiment_id,
        "name": "q",
        "type": "EXPECTATION",
        "input": given,
        "instruction": "i",
        "enable_comment": True,
        "is_default": False,
    }


@pytest.mark.parametrize(
    "given",
    [
        {"pass_fail": {"positive_label": "y", "negative_label": "n"}},
        {"categorical": {"options": ["o"], "multi_select": False}},
        {"numeric": {}},
        {"numeric": {"min_value": -1.5, "max_value": 2.0}},
        {"text": {}},
        {"text": {"max_length": 7}},
    ],
)
def test_each_way_to_answer_comes_back(up, given):
    assert schema(up, "0", input=given)["input"] == given


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"name": None}, "Missing value for required parameter 'name'"),
        ({"name": "n" * 251}, "'name' exceeds the maximum length of 250"),
        ({"name": " FEEDBACK"}, "is reserved for the experiment's default question"),
        ({"type": None}, "`type` must be one of FEEDBACK or EXPECTATION"),
        ({"type": "OPINION"}, "`type` must be one of FEEDBACK or EXPECTATION"),
        ({"instruction": "i" * 1001}, "'instruction' exceeds"),
        ({"input": None}, "must have exactly one of"),
        ({"input": {}}, "must have exactly one of"),
        ({"input": {"text": {}, "numeric": {}}}, "must have exactly one of"),
        (
            {"input": {"pass_fail": {"positive_label": "y"}}},
            "`InputPassFail.negative_label` must be a non-empty",
        ),
        ({"input": {"pass_fail": {"positive_label": "y" * 65}}}, "positive_label` must be at most 64"),
        ({"input": {"pass_fail": {"positive_label": "y", "negative_label": "y"}}}, "must be distinct"),
        ({"input": {"categorical": {}}}, "`InputCategorical.options` must be a non-empty list"),
        ({"input": {"categorical": {"options": [""]}}}, "must be non-empty strings"),
        ({"input": {"categorical": {"options": ["a", "a"]}}}, "must be deduplicated; 'a' appears twice"),
        ({"input": {"categorical": {"options": ["a" * 65]}}}, "must be at most 64 characters"),
        ({"input": {"categorical": {"options": list("abcdefghijk")}}}, "at most 10 entries; got 11"),
        ({"input": {"numeric": {"min_value": 2, "max_value": 2}}}, "must be strictly less than"),
        ({"input": {"numeric": {"max_value": "Infinity"}}}, "must be a finite number"),
        ({"input": {"text": {"max_length": 0}}}, "`InputText.max_length` must be at least 1; got 0"),
        ({"input": {"text": {"max_length": 2**63}}}, "for parameter 'input.text.max_length'"),
    ],
)
def test_what_is_no_question_is_refused_and_not_kept(up, body, says):
    experiment_id = experiment(up)
    usual = {"experiment_id": experiment_id, "name": "q", "type": "FEEDBACK", "input": TEXT}
    assert says in refused(up, 400, "POST", f"{SCHEMAS}/create", {**usual, **body})
    listed = ok(up, "GET", f"{SCHEMAS}/list", {"experiment_id": experiment_id})["label_schemas"]
    assert [each["name"] for each in listed] == ["Feedback"]


def test_a_question_is_changed_but_for_the_kind_of_its_answers(up):
    made = schema(up, experiment(up), input={"numeric": {"max_value": 5}})
    this = {"schema_id": made["schema_id"]}
    changed = ok(up, "PATCH", f"{SCHEMAS}/update", {**this, "input": {"numeric": {"max_value": 9}}})
    assert changed["label_schema"]["input"] == {"numeric": {"max_value": 9.0}}
    for wrong, says in (
        ({"input": TEXT}, "input type cannot be changed after creation (existing: Numeric, got: FreeText)"),
        ({"input": {"numeric": {"min_value": 1, "max_value": 0}}}, "must be strictly less than"),
        ({"name": ""}, "must be a non-empty string"),
        ({"name": "feedback"}, "is reserved"),
        ({"instruction": "i" * 1001}, "'instruction' exceeds"),
    ):
        assert says in refused(up, 400, "PATCH", f"{SCHEMAS}/update", {**this, **wrong})
    found = ok(up, "GET", f"{SCHEMAS}/get", this)["label_schema"]
    assert found == changed["label_schema"]
    assert "not found" in refused(up, 404, "PATCH", f"{SCHEMAS}/update", {"schema_id": "ls-none"})


def test_the_default_question_is_there_for_who_may_only_read_and_written_nowhere(team):
    def ask(method: str, path: str, body: Any = None, key: str | None = None) -> Any:
        return team.ask(method, f"/workspaces/alpha{path}", body, key=key or team.admin_key)

    ids = {}
    for name in ("shown", "hidden"):
        made = ask("POST", "/api/2.0/mlflow/experiments/create", {"name": name})
        ids[name] = made.json()["experiment_id"]
    guest = team.person("gus")
    team.grant("gus", "reader", "alpha", ids["shown"])
    kept = team.kept()
    (question,) = ask("GET", f"{SCHEMAS}/list", {"experiment_id": ids["shown"]}, guest).json()[
        "label_schemas"
    ]
    assert (question["name"], question["is_default"]) == ("Feedback", True)
    this = {"schema_id": question["schema_id"]}
    assert ask("GET", f"{SCHEMAS}/get", this, guest).json()["label_schema"] == question
    named = {"experiment_id": ids["shown"], "name": "Feedback"}
    assert ask("GET", f"{SCHEMAS}/get-by-name", named, guest).json()["label_schema"] == question
    assert team.kept() == kept
    for method, path in (("PATCH", "update"), ("DELETE", "delete")):
        assert ask(method, f"{SCHEMAS}/{path}", this, guest).status_code == 403
        assert ask(method, f"{SCHEMAS}/{path}", this).status_code == 400
    hidden = {"schema_id": f"ls-{int(ids['hidden']):032x}"}
    assert ask("GET", f"{SCHEMAS}/get", hidden, guest).status_code == 403
    assert ask("GET", f"{SCHEMAS}/get", hidden).json()["label_schema"]["experiment_id"] == ids["hidden"]
    # Another workspace has no such experiment, and zero is nobody's.
    for schema_id in (hidden["schema_id"], f"ls-{0:032x}", f"ls-{2**63:032x}"):
        query = {"schema_id": schema_id}
        found = team.ask("GET", f"/workspaces/beta{SCHEMAS}/get", query, key=team.admin_key)
        assert found.status_code == 404, schema_id


def test_who_has_a_role_in_one_experiment_judges_there_alone(team):
    def ask(method: str, path: str, body: Any = None, key: str | None = None) -> Any:
        return team.ask(method, f"/workspaces/alpha{path}", body, key=key or team.admin_key)

    ids, issues, questions = {}, {}, {}
    for name in ("shown", "hidden"):
        made = ask("POST", "/api/2.0/mlflow/experiments/create", {"name": name})
        ids[name] = made.json()["experiment_id"]
        body = {"experiment_id": ids[name], "name": name, "description": "d"}
        issues[name] = ask("POST", ISSUES, body).json()["issue"]["issue_id"]
        body = {"experiment_id": ids[name], "name": name, "type": 1, "input": TEXT}
        questions[name] = ask("POST", f"{SCHEMAS}/create", body).json()["label_schema"]["schema_id"]
    guest = team.person("gus")
    team.grant("gus", "contributor", "alpha", ids["shown"])
    for body in ({}, {"experiment_id": ids["shown"]}):
        found = ask("POST", f"{ISSUES}/search", body, guest).json()["issues"]
        assert [each["name"] for each in found] == ["shown"]
    assert ask("POST", f"{ISSUES}/search", {"experiment_id": ids["hidden"]}, guest).json() == {
        "next_page_token": ""
    }
    ask("PATCH", f"{ISSUES}/{issues['shown']}", {"status": "resolved"}, guest).raise_for_status()
    changed = {"schema_id": questions["shown"], "instruction": "i"}
    ask("PATCH", f"{SCHEMAS}/update", changed, guest).raise_for_status()
    ask("DELETE", f"{SCHEMAS}/delete", {"schema_id": questions["shown"]}, guest).raise_for_status()
    hidden: tuple[tuple[str, str, Any], ...] = (
        ("GET", f"{ISSUES}/{issues['hidden']}", None),
        ("PATCH", f"{ISSUES}/{issues['hidden']}", {}),
        ("GET", f"{ISSUES}/iss-none", None),
        ("GET", f"{SCHEMAS}/get", {"schema_id": questions["hidden"]}),
        ("GET", f"{SCHEMAS}/list", {"experiment_id": ids["hidden"]}),
        ("GET", f"{SCHEMAS}/get-by-name", {"experiment_id": ids["hidden"], "name": "hidden"}),
        ("PATCH", f"{SCHEMAS}/update", {"schema_id": questions["hidden"]}),
        ("DELETE", f"{SCHEMAS}/delete", {"schema_id": questions["hidden"]}),
        (
            "POST",
            f"{SCHEMAS}/create",
            {"experiment_id": ids["hidden"], "name": "n", "type": 1, "input": TEXT},
        ),
    )
    for method, path, asked in hidden:
        assert ask(method, path, asked, guest).status_code == 403, path
    # By the address of another workspace there is nothing of it.
    for path, query in (
        (f"{ISSUES}/{issues['hidden']}", None),
        (f"{SCHEMAS}/get", {"schema_id": questions["hidden"]}),
    ):
        assert team.ask("GET", f"/workspaces/beta{path}", query, key=team.admin_key).status_code == 404


def test_what_judges_an_experiment_goes_with_it_for_good(up):
    experiment_id = experiment(up)
    issue_id = issue(up, experiment_id)["issue_id"]
    schema_id = schema(up, experiment_id)["schema_id"]
    gone = {"older_than_s": 0}
    ok(up, "POST", "/api/2.0/mlflow/experiments/delete", {"experiment_id": experiment_id})
    ok(up, "GET", f"{ISSUES}/{issue_id}")
    ok(up, "POST", "/api/v1/trash/collect", gone)
    refused(up, 404, "GET", f"{ISSUES}/{issue_id}")
    refused(up, 404, "GET", f"{SCHEMAS}/get", {"schema_id": schema_id})
    assert not any(issue_id in row or schema_id in row for row in up.kept() if "audit_entries" not in row)
