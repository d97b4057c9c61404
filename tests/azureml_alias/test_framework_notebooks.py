"""Azure's notebooks about PyTorch and Keras run under the alias, in the environment of the frameworks."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pytest

import runyard
from tests.azureml_alias.test_alias import SCRIPTS, configured
from tests.clients.test_genuine_clients import _interpreter
from tests.running_server import scrubbed

__all__ = ["configured"]
pytestmark = pytest.mark.clients
WITHIN_S = 900
"""PyTorch is imported three times, from a disk that may be cold."""


@pytest.fixture
def frameworks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with PyTorch and Keras, and Runyard beside them, as if it were installed there.

    What Runyard needs and they have not comes from the tests' own environment, behind theirs.
    """
    made = tmp_path_factory.mktemp("frameworks") / "venv"
    python = _interpreter("frameworks-3.17")
    subprocess.run([python, "-m", "venv", "--without-pip", made], check=True)
    (packages,) = (made / "lib").glob("python*/site-packages")
    theirs = python.parents[1] / packages.relative_to(made)
    ours = Path(runyard.__file__).parents[1]
    paths = (theirs, ours, sysconfig.get_path("purelib"))
    (packages / "beside.pth").write_text("".join(f"{path}\n" for path in paths))
    return made / "bin" / "python"


def said_by(python: Path, cells: str, folder: Path) -> Any:
    """Run the cells of a notebook in a folder, with a Python that can; return what they say."""
    ended = subprocess.run(
        [python, "-W", "ignore", "-m", "runyard.azureml", SCRIPTS / cells],
        cwd=folder,
        env=scrubbed(os.environ),
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr + ended.stdout
    return json.loads(ended.stdout.splitlines()[-1])


def test_notebooks_about_pytorch_and_keras_run_here_and_on_a_cluster(configured: Path, frameworks: Path):
    shutil.copytree(SCRIPTS / "frameworks", configured / "scripts")
    said = said_by(frameworks, "framework_cells.py", configured)
    tensorflow, service, deploy, found = said.pop("refused")
    assert {"loss", "accuracy", "validation_loss"} <= set(said.pop("keras"))
    assert said == {
        "here": ["average_loss", "epoch_loss"],
        "there": {"average_loss": 2, "epoch_loss": 8},
        "scores": [3, 10],
    }
    assert "Runyard-PyTorch" in tensorflow
    assert all("mlflow models serve" in each for each in (service, deploy, found))
