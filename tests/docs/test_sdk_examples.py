"""Every public name of the SDK has types, a docstring, and an example that runs against a real server."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

from tests.docs.example_names import WORKSPACE, ExampleNames, free_names, write_files
from tests.docs.public_names import PublicName, public_names
from tests.running_server import RunningServer

NAMES = public_names()
BY_NAME = {each.name: each for each in NAMES}
ADDRESS = "http://127.0.0.1:5000"
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
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
PARSER = doctest.DocTestParser()


class _Checker(doctest.OutputChecker):
    """Compares what is printed, in which the example's own workspace is called as the examples have it.

    Args:
        workspace: Its name.
    """

    def __init__(self, workspace: str) -> None:
        self._workspace = workspace

    def check_output(self, want: str, got: str, optionflags: int) -> bool:
        return super().check_output(want, got.replace(self._workspace, WORKSPACE), optionflags)


def skipped(public: PublicName) -> bool:
    return any(doctest.SKIP in example.options for example in PARSER.get_examples(public.doc))


def said_by_running(public: PublicName, url: str) -> str:
    """Run the example of a name and return what is wrong with it; empty if nothing is."""
    doc = public.doc.replace(ADDRESS, url)
    source = "".join(example.source for example in PARSER.get_examples(doc))
    names = ExampleNames(url)
    names.ws.write_config(".")
    example = PARSER.get_doctest(doc, names.of(source), public.name, public.documented.__module__, 0)
    said: list[str] = []
    runner = doctest.DocTestRunner(_Checker(names.ws.name), verbose=False, optionflags=OPTIONS)
    runner.run(example, out=said.append)
    return "".join(said)


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
