"""The routes that take over what models are judged by: ids, numbers, digests and times stay."""

import json
from typing import Any

import pytest

from tests.server.local import Local, good, refusal

local = pytest.fixture(name="local")(lambda local_on_each_engine: local_on_each_engine)

SOURCE = "sqlite:////old/mlflow.db"
V3 = "/api/3.0/mlflow"
DATASET, RECORD = "d-" + "0" * 31 + "1", "dr-" + "0" * 31 + "2"
WITH_CODE = json.dumps({"call_source": "import os"})


@pytest.fixture
def experiment(local: Local) -> str:
    body = {"source": SOURCE, "name": "assistant"}
    return str(good(local.ask("POST", "/api/v1/import/experiments", json=body))["experiment_id"])


def _sent(local: Local, path: str, **body: Any):
    return local.ask("POST", f"/api/v1/import/{path}", json={"source": SOURCE, **body})


def _scorer(*numbers: int, **fields: Any) -> dict[str, Any]:
    versions = [
        {"version": number, "serialized_scorer": f'{{"n": {number}}}', "creation_time": number}
        for number in numbers
    ]
    return {"scorer_id": "s-1", "name": "polite", "versions": versions, **fields}


def _schema(schema_id: str = "ls-1", **fields: Any) -> dict[str, Any]:
    said = {"numeric": {"min_value": 0.5}}
    times = {"created_at": 5, "last_updated_at": 9}
    return {"schema_id": schema_id, "name": "tone", "type": "FEEDBACK", "input": said, **times, **fields}


def _issue(issue_id: str = "iss-1", **fields: Any) -> dict[str, Any]:
    issue = {"experiment_id": "", "name": "long", "description": "x", "severity": "high", **fields}
    return {"issue_id": issue_id, "issue": issue, "created_timestamp": 5, "last_updated_timestamp": 9}


def _judged(local: Local, experiment: str, **body: Any) -> list[str]:
    return list(good(_sent(local, "judging", experiment_id=experiment, **body))["problems"])


def _begun(local: Local, experiment_ids: list[str], **fields: Any):
    dataset = {
        "dataset_id": DATASET,
        "name": "questions",
        "digest": "abc",
        "created_time": 5,
        "last_update_time": 9,
        "experiment_ids": experiment_ids,
        **fields,
    }
    return _sent(local, "evaluation-datasets", dataset=dataset)


def _record(record_id: str = RECORD, **fields: Any) -> dict[str, Any]:
    times = {"created_time": 6, "last_update_time": 7}
    return {"dataset_record_id": record_id, "inputs": {"q": None, "é": [1, None]}, **times, **fields}


def _kept(local: Local, *records: Any, is_last: bool = True):
    text = json.dumps(records)
    return _sent(local, "evaluation-datasets/records", dataset_id=DATASET, records=text, is_last=is_last)


def _listed(local: Local, path: str, **params: str):
    return good(local.ask("GET", f"{V3}/{path}", params=params))


def _counts(local: Local, **ids: list[str]):
    counted = good(local.ask("POST", "/api/v1/import/counts", json=ids))
    return {name: count for name, count in counted.items() if count}


def test_a_scorer_keeps_its_numbers_and_takes_only_later_ones(local: Local, experiment: str):
    online = {"sample_rate": 0.25, "filter_string": "f", "online_scoring_config_id": "c-1"}
    assert _judged(local, experiment, scorers=[_scorer(2, 5, **online)]) == []
    changed = _scorer(2, 5, 7, sample_rate=0.75)
    changed["versions"][0]["serialized_scorer"] = "{}"
    assert _judged(local, experiment, scorers=[changed]) == []
    found = _listed(local, "scorers/versions", experiment_id=experiment, name="polite")["scorers"]
    told = [(each["scorer_version"], each["serialized_scorer"], each["creation_time"]) for each in found]
    assert told == [(2, '{"n": 2}', 2), (5, '{"n": 5}', 5), (7, '{"n": 7}', 7)]
    (said,) = _listed(local, "scorers/online-configs", scorer_ids="s-1")["configs"]
    assert (said["sample_rate"], said["filter_string"], said["online_scoring_config_id"]) == (
        0.25,
        "f",
        "c-1",
    )
    assert _counts(local, scorer_ids=["s-1", "none"]) == {"scorers": 1, "scorer_versions": 3}


def test_questions_and_issues_stay_as_they_are_here(local: Local, experiment: str):
    sent = {"label_schemas": [_schema()], "issues": [_issue(source_run_id="f" * 32, categories=["style"])]}
    assert _judged(local, experiment, **sent) == []
    good(local.ask("PATCH", f"{V3}/issues/iss-1", json={"status": "resolved"}))
    assert _judged(local, experiment, label_schemas=[_schema(name="other")], issues=[_issue()]) == []
    schema = _listed(local, "label-schemas/get", schema_id="ls-1")["label_schema"]
    assert (schema["name"], schema["created_at"], schema["last_updated_at"]) == ("tone", 5, 9)
    assert schema["input"] == {"numeric": {"min_value": 0.5}}
    issue = _listed(local, "issues/iss-1")["issue"]
    assert (issue["status"], issue["severity"], issue["created_timestamp"]) == ("resolved", "high", 5)
    assert (issue["source_run_id"], issue["categories"]) == ("f" * 32, ["style"])
    assert _counts(local, label_schema_ids=["ls-1", "x"], issue_ids=["iss-1"]) == {
        "label_schemas": 1,
        "issues": 1,
    }


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"scorers": [_scorer(1, versions=[])]}, "1 to 10000 versions"),
        ({"scorers": [_scorer(3, 2)]}, "whose numbers rise"),
        ({"scorers": [_scorer(0)]}, "from 1 to"),
        ({"scorers": [_scorer(2**31)]}, "from 1 to"),
        ({"scorers": [_scorer(1, scorer_id="a b")]}, "is no scorer_id"),
        ({"scorers": [_scorer(1, sample_rate=2.0)]}, "sample_rate"),
        ({"label_schemas": [_schema(name="feedback ")]}, "reserved"),
        ({"label_schemas": [_schema(created_at=-1)]}, "created_at"),
        ({"label_schemas": [_schema("ls/1")]}, "is no schema_id"),
        ({"issues": [_issue(name="x" * 251)]}, "name"),
        ({"issues": [_issue("")]}, "is no issue_id"),
    ],
)
def test_what_can_not_be_is_told_and_costs_itself_alone(
    local: Local, experiment: str, sent: dict[str, Any], said: str
):
    sound = {"label_schemas": [_schema("ls-9", name="sound")]}
    both = {**sent, "label_schemas": [*sent.get("label_schemas", []), *sound["label_schemas"]]}
    (problem,) = _judged(local, experiment, **both)
    assert said in problem
    assert _counts(local, label_schema_ids=["ls-9"]) == {"label_schemas": 1}


def test_a_scorer_with_code_of_its_own_does_not_come(local: Local, experiment: str):
    version = {"version": 1, "serialized_scorer": WITH_CODE, "creation_time": 1}
    (problem,) = _judged(local, experiment, scorers=[_scorer(versions=[version])])
    assert "disabled" in problem
    assert _counts(local, scorer_ids=["s-1"]) == {}


def test_a_name_or_an_id_that_is_taken_is_told(local: Local, experiment: str):
    _judged(local, experiment, scorers=[_scorer(1)], label_schemas=[_schema()])
    (taken,) = _judged(local, experiment, scorers=[_scorer(1, scorer_id="s-2")])
    assert "'polite'" in taken
    (taken,) = _judged(local, experiment, scorers=[_scorer(1, name="rude")])
    assert "s-1" in taken
    (taken,) = _judged(local, experiment, label_schemas=[_schema("ls-2")])
    assert "already exists" in taken


def test_a_dataset_keeps_all_that_it_was(local: Local, experiment: str):
    schema = {"inputs": {"q": "null"}, "version": "1.0"}
    told = {"schema": json.dumps(schema), "tags": [{"key": "a", "value": "b"}], "last_updated_by": "ben"}
    assert good(_begun(local, [experiment], created_by="ann", **told)) == {"is_complete": False}
    source = {"source_type": "trace", "source_data": {"trace_id": "tr-1"}}
    good(_kept(local, _record(outputs=[None, 1], source=source, created_by="ann"), is_last=False))
    good(_kept(local, _record("dr-" + "f" * 32, inputs={"n": 1}, tags={"t": None}, expectations={"e": None})))
    found = _listed(local, f"datasets/{DATASET}")["dataset"]
    assert (found["digest"], found["created_time"], found["last_update_time"]) == ("abc", 5, 9)
    assert (found["created_by"], found["last_updated_by"]) == ("ann", "ben")
    assert json.loads(found["schema"]) == schema
    assert json.loads(found["tags"]) == {"a": "b", "runyard.import": SOURCE}
    assert found["experiment_ids"] == [experiment]
    first, second = json.loads(_listed(local, f"datasets/{DATASET}/records")["records"])
    assert (first["dataset_record_id"], first["inputs"]) == (RECORD, {"q": None, "é": [1, None]})
    assert (first["outputs"], first["created_time"], first["last_update_time"]) == ([None, 1], 6, 7)
    assert (first["source_id"], first["created_by"]) == ("tr-1", "ann")
    assert (second["tags"], second["expectations"]) == ({"t": None}, {"e": None})
    assert _counts(local, evaluation_dataset_ids=[DATASET]) == {"evaluation_datasets": 1, "records": 2}


def test_a_dataset_that_has_come_takes_links_and_nothing_else(local: Local, experiment: str):
    _begun(local, [])
    good(_kept(local, _record()))
    answer = good(_begun(local, [experiment], name="other", tags=[{"key": "a", "value": "b"}]))
    assert answer == {"is_complete": True}
    good(_kept(local, _record("dr-" + "f" * 32, inputs={"n": 1})))
    found = _listed(local, f"datasets/{DATASET}")["dataset"]
    assert (found["name"], found["experiment_ids"]) == ("questions", [experiment])
    assert _counts(local, evaluation_dataset_ids=[DATASET])["records"] == 1


def test_one_that_was_stopped_goes_on(local: Local, experiment: str):
    _begun(local, [experiment])
    for _ in range(2):
        good(_kept(local, _record(), is_last=False))
    assert good(_begun(local, [experiment], digest="later")) == {"is_complete": False}
    good(_kept(local, _record(), _record("dr-" + "f" * 32, inputs={"n": 1})))
    assert _listed(local, f"datasets/{DATASET}")["dataset"]["digest"] == "later"
    assert _counts(local, evaluation_dataset_ids=[DATASET])["records"] == 2


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"dataset_id": "d-1"}, "no id of an evaluation dataset"),
        ({"name": "x" * 256}, "name"),
        ({"digest": "x" * 65}, "digest"),
        ({"created_time": -1}, "created_time"),
        ({"schema": "[]"}, "schema"),
        ({"created_by": "x" * 256}, "created_by"),
        ({"experiment_ids": ["0"]}, "does not take what comes from"),
    ],
)
def test_a_dataset_that_can_not_be_is_refused(local: Local, fields: dict[str, Any], said: str):
    assert said in refusal(_begun(local, **{"experiment_ids": [], **fields}))[2]


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (_record("dr-1"), "no id of a record"),
        (_record(inputs=[1]), "inputs"),
        (_record(created_time=-1), "created_time"),
        (_record(source={"source_type": "moon"}), "no type of a source"),
        (5, "records[0]"),
    ],
)
def test_a_record_that_can_not_be_is_refused(local: Local, record: Any, said: str):
    _begun(local, [])
    assert said in refusal(_kept(local, record))[2]
    assert _counts(local, evaluation_dataset_ids=[DATASET]) == {"evaluation_datasets": 1}


def test_a_record_of_another_dataset_is_not_written_over(local: Local):
    _begun(local, [])
    good(_kept(local, _record()))
    other = "d-" + "f" * 32
    _begun(local, [], dataset_id=other)
    body = {"dataset_id": other, "records": json.dumps([_record(inputs={"n": 1})]), "is_last": True}
    assert refusal(_sent(local, "evaluation-datasets/records", **body))[1] == "RESOURCE_ALREADY_EXISTS"
    assert _counts(local, evaluation_dataset_ids=[DATASET, other]) == {"evaluation_datasets": 2, "records": 1}
