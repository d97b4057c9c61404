"""Shells complete `runyard`: a real bash does it with what is printed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running_server import scrubbed

COMPLETE = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
_runyard; printf '%s\\n' "${COMPREPLY[@]}"
"""


def runyard(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line as a person does."""
    return subprocess.run(
        [sys.executable, "-m", "runyard", *words],
        env=scrubbed(os.environ) | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `runyard completion bash` prints."""
    printed = runyard("completion", "bash")
    assert printed.returncode == 0, printed.stderr
    path = tmp_path_factory.mktemp("completion") / "runyard"
    path.write_text(printed.stdout)
    return path


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("wor",), {"workspace"}),
        (("workspace", "cr"), {"create"}),
        (("run", "list", "--js"), {"--json"}),
        (("azureml", ""), {"env", "run"}),
    ],
)
def test_bash_offers_commands_and_options(script: Path, words: tuple[str, ...], offered: set[str]):
    told = subprocess.run(
        ["bash", "-c", COMPLETE, "bash", script, "runyard", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert offered <= set(told.stdout.split())


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_get_theirs(shell: str):
    assert "workspace" in runyard("completion", shell).stdout


def test_it_is_put_where_the_shell_looks(tmp_path: Path):
    done = runyard("completion", "bash", "--install", HOME=str(tmp_path))
    assert done.returncode == 0, done.stderr
    written = tmp_path / ".local" / "share" / "bash-completion" / "completions" / "runyard"
    assert "_runyard()" in written.read_text()
    assert str(written) in done.stderr


def test_a_shell_that_is_not_known_is_said():
    assert runyard("completion", "cmd").returncode == 2
