"""The table of clients names what there is: commands, the SDK's names, MLflow's."""

from __future__ import annotations

import re
import subprocess

import pytest

import runyard
from runyard.cli.commands import app
from runyard.server.routes import ROUTES
from scripts.reference import commands
from tests.docs.documents import ROOT
from tests.docs.public_names import public_classes

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
STUDIO = ROOT / "studio" / "src"
COMMANDS = {" ".join(words) for words, _ in commands(app)}
CLASSES = {each.__name__: each for each in public_classes()}
ROUTES_BY_PATH = {(route.method, route.path) for route in ROUTES}


def table(number: int) -> list[list[str]]:
    """Return the cells of a table of the page, without its head."""
    found = re.findall(r"(?:^\|.*\n)+", PAGE.read_text(), re.MULTILINE)[number]
    return [[*map(str.strip, line.strip("|").split("|"))] for line in found.splitlines()[2:]]


def rows() -> list[tuple[str, list[str]]]:
    """Return what is to be done, and its cells: MLflow's, the SDK's, the command line's, the Studio's."""
    return [(cells[0], cells[1:]) for cells in table(0)]


def actions() -> list[list[str]]:
    """Return what pages do: the page, the action, its commands, its names of the SDK, its routes."""
    return table(1)


def names(cell: str) -> list[str]:
    """Return what is code in a cell."""
    return re.findall(r"`([^`]+)`", cell)


def leads_somewhere(name: str, home: object) -> bool:
    for part in filter(None, name.split(".")):
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


def test_each_page_of_the_studio_says_what_it_does():
    pages = re.findall(r'screen: "(\w+)"', (STUDIO / "app" / "route.ts").read_text().partition("RUN_TABS")[0])
    assert {page for page, *_ in actions()} == set(pages) - {"unknown"}


@pytest.mark.parametrize("cells", actions(), ids=lambda cells: f"{cells[0]}: {cells[1]}")
def test_the_command_line_and_the_sdk_do_what_a_page_does(cells: list[str]):
    page, _, line, sdk, rest = cells
    assert names(line)
    assert [name for name in names(line) if name not in COMMANDS] == []
    assert names(sdk) or page == "device"
    assert [name for name in names(sdk) if not leads_somewhere(name.partition(".")[2], known(name))] == []
    routes = re.findall(r"([A-Z]+) `([^`]+)`", rest)
    assert routes
    assert [route for route in routes if route not in ROUTES_BY_PATH] == []


def known(name: str) -> object:
    """Return the class of a name of the SDK, which must be public."""
    return CLASSES.get(name.partition(".")[0])


@pytest.mark.clients
def test_mlflow_has_the_names_that_are_said_to_be_its():
    said = [name.removeprefix("mlflow.") for _, cells in rows() for name in names(cells[0])]
    assert len(said) > 10
    python = str(ROOT / ".envs" / "mlflow-3.17" / "bin" / "python")
    asked = [python, "-W", "ignore", "-c", UNKNOWN, *said]
    assert subprocess.check_output(asked, text=True, timeout=300).split() == []
