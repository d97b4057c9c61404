"""`runyard model`: registered models and versions, deleted many at once."""

import json
from urllib.request import Request, urlopen

import pytest

from runyard import Workspace
from tests.cli.conftest import CommandLine
from tests.running_server import RunningServer

pytestmark = pytest.mark.usefixtures("_at_server")


@pytest.fixture
def place(server: RunningServer, request: pytest.FixtureRequest) -> list[str]:
    """Return the options that name a workspace with three models, of one, two and three versions."""
    name = "t-" + "".join(filter(str.isalnum, request.node.name.lower()))[-50:]
    Workspace.create(name, url=server.url)
    for count, model in enumerate(("ridge", "draft-1", "draft-2"), 1):
        ask(server, name, "registered-models/create", {"name": model})
        for _ in range(count):
            ask(server, name, "model-versions/create", {"name": model, "source": "s3://b/m", "run_id": "r"})
    return ["-w", name]


def ask(server: RunningServer, workspace: str, path: str, body: dict[str, str]) -> None:
    url = f"{server.url}/workspaces/{workspace}/api/2.0/mlflow/{path}"
    with urlopen(Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})) as answer:
        assert answer.status == 200


def test_models_are_deleted_by_name_or_by_a_search(runyard: CommandLine, place: list[str]):
    looked = runyard("model", "delete", "--filter", "name LIKE 'draft%'", "--dry-run", *place)
    assert looked.out.splitlines() == ["draft-1 would be deleted", "draft-2 would be deleted"]
    assert runyard("model", "delete", "--filter", "name LIKE 'draft%'", "--json", *place).json == [
        "draft-1",
        "draft-2",
    ]
    assert runyard("model", "delete", "ridge", *place).out == "ridge deleted\n"
    assert runyard("model", "delete", "--filter", "name LIKE '%'", *place).out == "Nothing was found.\n"
    missing = runyard("model", "delete", "ridge", *place)
    assert (missing.code, missing.err.strip()) == (3, "error: Registered Model with name=ridge not found")


def test_versions_are_deleted_by_number_or_by_a_search(runyard: CommandLine, place: list[str]):
    assert runyard("model", "delete-version", "draft-2", 1, 3, *place).out.splitlines() == [
        "draft-2 version 1 deleted",
        "draft-2 version 3 deleted",
    ]
    found = runyard("model", "delete-version", "--filter", "version_number = 2", "--json", *place).json
    assert sorted(each["name"] for each in found) == ["draft-1", "draft-2"]
    assert {each["version"] for each in found} == {"2"}
    assert runyard("model", "delete-version", "ridge", 9, *place).code == 3


@pytest.mark.parametrize("words", [(), ("ridge",), ("ridge", 1, "--filter", "name = 'ridge'")])
def test_what_is_to_go_must_be_said(runyard: CommandLine, place: list[str], words: tuple[object, ...]):
    answer = runyard("model", "delete-version", *words, *place)
    assert (answer.code, "Name a model and the numbers of its versions" in answer.err) == (1, True)
