"""`runyard evaluation` and `runyard scorer`: looked at and deleted; the SDK does the same."""

import json
import secrets

import pytest

from runyard import Experiment, Workspace
from runyard.errors import InvalidParameter, NotFound
from runyard.protocol.messages.evaluation_datasets import (
    CreateEvaluationDataset,
    EvaluationDatasetAnswer,
    UpsertDatasetRecords,
    UpsertDatasetRecordsAnswer,
)
from runyard.protocol.messages.scorers import RegisterScorer, RegisterScorerAnswer
from tests.cli.conftest import CommandLine
from tests.running_server import RunningServer

pytestmark = pytest.mark.usefixtures("_at_server")
SCORER = json.dumps(
    {"name": "correct", "builtin_scorer_class": "Correctness", "builtin_scorer_pydantic_data": {}}
)


@pytest.fixture
def workspace(server: RunningServer) -> Workspace:
    return Workspace.create(f"judged-{secrets.token_hex(4)}", url=server.url)


def dataset_in(workspace: Workspace, name: str, *questions: str) -> str:
    """Keep a dataset with a record of each question, and return its id."""
    experiment = Experiment(workspace, "assistant")
    wanted = CreateEvaluationDataset(name=name, experiment_ids=[experiment.id], tags='{"language": "en"}')
    path = "/api/3.0/mlflow/datasets"
    made = workspace.connection.post(f"{path}/create", wanted, EvaluationDatasetAnswer).dataset
    records = [{"inputs": {"question": each}, "expectations": {"answer": "Lima"}} for each in questions]
    body = UpsertDatasetRecords(records=json.dumps(records))
    workspace.connection.post(f"{path}/{made.dataset_id}/records", body, UpsertDatasetRecordsAnswer)
    return made.dataset_id


def test_datasets_are_listed_and_shown_with_their_records(runyard: CommandLine, workspace: Workspace):
    here = ("-w", workspace.name)
    dataset_id = dataset_in(workspace, "capitals", "Peru?", "Chad?")
    dataset_in(workspace, "rivers", "Egypt?")
    rows = runyard("evaluation", "list", "-e", "assistant", *here).rows
    assert [(row[1], row[2], row[4]) for row in rows] == [
        ("rivers", "1", "language=en"),
        ("capitals", "2", "language=en"),
    ]
    found = runyard("evaluation", "list", "--filter", "name LIKE 'cap%'", "--json", *here).json
    assert [each["dataset_id"] for each in found] == [dataset_id]
    shown = runyard("evaluation", "show", "capitals", *here).out
    assert '{"question": "Peru?"}' in shown
    assert runyard("evaluation", "show", dataset_id, *here).out == shown
    asked = [
        each["inputs"]["question"]
        for each in runyard("evaluation", "show", "capitals", "--json", *here).json["records"]
    ]
    assert sorted(asked) == ["Chad?", "Peru?"]


def test_records_and_datasets_are_deleted(runyard: CommandLine, workspace: Workspace):
    here = ("-w", workspace.name)
    dataset_id = dataset_in(workspace, "capitals", "Peru?", "Chad?")
    datasets = workspace.evaluation_datasets
    first, second = [each["dataset_record_id"] for each in datasets.list_records(dataset_id)]
    assert runyard("evaluation", "delete-records", "capitals", first, *here).out == "1 record deleted\n"
    assert [each["dataset_record_id"] for each in datasets.list_records(dataset_id)] == [second]
    assert "Name the records" in runyard("evaluation", "delete-records", "capitals", *here).err
    with pytest.raises(InvalidParameter, match="record_ids must name the records"):
        datasets.delete_records(dataset_id, [])
    assert runyard("evaluation", "delete", "capitals", *here).out == "capitals deleted\n"
    missing = runyard("evaluation", "show", "capitals", *here)
    assert (missing.code, "no evaluation dataset 'capitals'" in missing.err) == (3, True)
    with pytest.raises(NotFound):
        datasets.get(dataset_id)


def test_all_pages_of_records_are_read(workspace: Workspace):
    dataset_id = dataset_in(workspace, "long", *(f"{number}?" for number in range(1100)))
    assert len(list(workspace.evaluation_datasets.list_records(dataset_id))) == 1100


def test_scorers_are_listed_with_their_versions_and_deleted(runyard: CommandLine, workspace: Workspace):
    here = ("-w", workspace.name)
    experiment = Experiment(workspace, "assistant")
    for _ in range(2):
        wanted = RegisterScorer(experiment_id=experiment.id, name="correct", serialized_scorer=SCORER)
        workspace.connection.post("/api/3.0/mlflow/scorers/register", wanted, RegisterScorerAnswer)
    assert [row[:2] for row in runyard("scorer", "list", "assistant", *here).rows] == [["correct", "2"]]
    versions = runyard("scorer", "show", "assistant", "correct", "--json", *here).json
    assert [each["scorer_version"] for each in versions] == [1, 2]
    assert (
        runyard("scorer", "delete", "assistant", "correct", "-v", "1", *here).out
        == "correct version 1 deleted\n"
    )
    assert [each.scorer_version for each in workspace.scorers.versions(experiment.id, "correct")] == [2]
    assert runyard("scorer", "delete", experiment.id, "correct", *here).out == "correct deleted\n"
    assert workspace.scorers.list(experiment.id) == []
    assert runyard("scorer", "delete", "assistant", "correct", *here).code == 3
