"""Runs the command line in this process, against the module's server."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from runyard.cli import main
from tests.running_server import RunningServer


@dataclass(frozen=True)
class Ended:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, as JSON that has no words outside of the standard."""
        return json.loads(self.out, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))

    @property
    def rows(self) -> list[list[str]]:
        """The lines of a table, without its header."""
        return [line.split("\t") for line in self.out.splitlines()[1:]]


CommandLine = Callable[..., Ended]


@pytest.fixture
def runyard(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> CommandLine:
    """Run a command in an empty folder: `runyard("run", "list")`; no error may show a traceback."""
    (tmp_path / "working").mkdir()
    monkeypatch.chdir(tmp_path / "working")

    def run(*arguments: object) -> Ended:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        return Ended(code, printed.out, printed.err)

    return run


@pytest.fixture
def _at_server(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let commands find the module's server as its owner's own."""
    monkeypatch.setenv("RUNYARD_HOME", str(server.home))
