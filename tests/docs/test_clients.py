"""The table of clients names what there is: commands, the SDK's names, MLflow's."""

from __future__ import annotations

import re
import subprocess

import pytest

import runyard
from runyard.cli.commands import app
from scripts.reference import commands
from tests.docs.documents import ROOT

PAGE = ROOT / "docs" / "reference" / "clients.md"
UNKNOWN = """
import operator, sys
import mlflow
for name in sys.argv[1:]:
    try:
        operator.attrgetter(name)(mlflow)
    except AttributeError:
        print(name)
"""
COMMANDS = {" ".join(words) for words, _ in commands(app)}


def rows() -> list[tuple[str, list[str]]]:
    """Return what is to be done, and its cells: MLflow's, the SDK's, the command line's, the Studio's."""
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")][1:]
    return [
        (cells[0], cells[1:]) for cells in ([*map(str.strip, line.strip("|").split("|"))] for line in lines)
    ]


def names(cell: str) -> list[str]:
    """Return what is code in a cell."""
    return re.findall(r"`([^`]+)`", cell)


def leads_somewhere(name: str, home: object) -> bool:
    for part in name.split("."):
        home = getattr(home, part, None)
    return home is not None


def test_each_row_of_the_page_that_it_began_with_is_there():
    said = [what for what, _ in rows()]
    wanted = ["Manage workspaces", "Use datastores", "Log metrics", "Upload artifacts", "View metrics"]
    assert [*wanted, "Manage compute"] == [each for each in said if each in {*wanted, "Manage compute"}]
    assert all(len(cells) == 4 for _, cells in rows())


@pytest.mark.parametrize(("what", "cells"), rows())
def test_the_sdk_and_the_command_line_do_each(what: str, cells: list[str]):
    _, sdk, line, _ = cells
    assert names(sdk)
    assert names(line)
    assert [name for name in names(sdk) if not leads_somewhere(name, runyard)] == []
    assert [name for name in names(line) if name not in COMMANDS] == []


@pytest.mark.clients
def test_mlflow_has_the_names_that_are_said_to_be_its():
    said = [name.removeprefix("mlflow.") for _, cells in rows() for name in names(cells[0])]
    assert len(said) > 10
    python = str(ROOT / ".envs" / "mlflow-3.17" / "bin" / "python")
    asked = [python, "-W", "ignore", "-c", UNKNOWN, *said]
    assert subprocess.check_output(asked, text=True, timeout=300).split() == []
