"""Every public name of the SDK has types, a docstring, and an example that runs against a real server."""

from __future__ import annotations

import doctest
import sys
from pathlib import Path

import pytest

from tests.docs.example_names import free_names, write_files
from tests.docs.example_runs import PARSER, said_by_running
from tests.docs.public_names import PublicName, public_names
from tests.running_server import RunningServer

NAMES = public_names()
BY_NAME = {each.name: each for each in NAMES}
# Examples that are shown and not run, each with why: one more of them is a promise that nobody holds.
NOT_RUN = {
    "Environment.from_existing_conda_environment": "needs conda, which is not installed for the tests",
    "Workspace.link_databricks": "needs Databricks; tests/databricks runs it against a stand-in",
    "DatabricksLink": "as Workspace.link_databricks",
    "DatabricksLink.is_complete": "as Workspace.link_databricks",
    "DatabricksLink.link_id": "as Workspace.link_databricks",
    "DatabricksLink.missing": "as Workspace.link_databricks",
    "DatabricksLink.unlink": "as Workspace.link_databricks",
}


def skipped(public: PublicName) -> bool:
    return any(doctest.SKIP in example.options for example in PARSER.get_examples(public.doc))


def test_the_sdk_s_names_are_found_with_those_that_they_lead_to():
    assert len(NAMES) > 400
    assert {"Run.log", "Workspace.update", "FileDataset.download", "Trash.collect", "Secrets"} <= set(BY_NAME)


@pytest.mark.parametrize("public", NAMES, ids=lambda each: each.name)
def test_a_public_name_says_its_types_and_what_its_caller_gets(public: PublicName):
    assert public.unwritten_types == []
    first = public.doc.partition("\n")[0]
    assert len(first.split()) > 2
    assert first.endswith(".")


@pytest.mark.slow
@pytest.mark.parametrize(
    "public", [each for each in NAMES if each.name not in NOT_RUN], ids=lambda each: each.name
)
def test_a_public_name_has_an_example_that_runs(
    public: PublicName, server: RunningServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    assert PARSER.get_examples(public.doc), f"{public.name} has no example"
    assert not skipped(public)
    write_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RUNYARD_URL", server.url)
    assert said_by_running(public, server.url) == ""


@pytest.mark.parametrize("name", NOT_RUN)
def test_an_example_that_is_not_run_is_shown(name: str):
    assert skipped(BY_NAME[name])


def test_an_example_with_mlflow_runs_beside_the_tests(
    server: RunningServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)  # without the folder's files, so that it can't succeed where it finds one
    said = said_by_running(BY_NAME["Workspace"], "http://127.0.0.1:1")
    assert "Unavailable" in said
    assert "mlflow" not in sys.modules


def test_an_example_that_is_wrong_is_seen(
    server: RunningServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def name() -> None:
        """Return a name.

        Example:
            >>> ws.name
            'laboratory'
        """

    monkeypatch.chdir(tmp_path)
    said = said_by_running(PublicName("name", name, "method"), server.url)
    assert "Expected:\n    'laboratory'" in said


@pytest.mark.parametrize(
    ("source", "free"),
    [
        ("run = experiment.start_logging()\nrun.id", {"experiment"}),
        ("env = env.register(ws)", {"env", "ws"}),
        ("with experiment.start_logging() as run:\n    run.log('a', 1)", {"experiment"}),
        ("[run.id for run in runs]", {"runs"}),
        ("ids = [run.id for run in runs]", {"runs"}),
        ("run.display_name = 'ridge'", {"run"}),
    ],
)
def test_a_name_is_made_where_the_example_has_none_of_its_own(source: str, free: set[str]):
    assert free_names(source) == free
