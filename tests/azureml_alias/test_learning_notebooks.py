"""Azure's notebooks about datasets and projects run under the alias with the real scikit-learn and pandas."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.azureml_alias.test_alias import SCRIPTS, configured
from tests.azureml_alias.test_framework_notebooks import WITHIN_S, frameworks
from tests.running_server import scrubbed

__all__ = ["configured", "frameworks"]
pytestmark = pytest.mark.clients
FROM_LEARNING = {
    "preview": [3, 5],
    "tree": 1,
    "paths": ["/features.npy", "/labels.npy"],
    "alphas": [0.0, 0.25, 0.5, 0.75],
    "best": True,
    "model": ["sklearn_diabetes", {"training data": ["diabetes dataset"]}],
    "project": ["FINISHED", {"alpha": "0.3", "l1_ratio": "0.1"}, ["mae", "r2"]],
    "predicts": 3,
}
"""What `learning_cells.py` says, wherever its cluster is."""


def said_by_cells(python: Path, folder: Path) -> dict[str, object]:
    """Run the cells in a folder, with a Python that has scikit-learn, and return what they say."""
    shutil.copytree(SCRIPTS / "learning", folder / "learning")
    ended = subprocess.run(
        [python, "-W", "ignore", "-m", "runyard.azureml", SCRIPTS / "learning_cells.py"],
        cwd=folder,
        env=scrubbed(os.environ),
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr + ended.stdout
    said: dict[str, object] = json.loads(ended.stdout.splitlines()[-1])
    return said


def test_notebooks_about_datasets_and_projects_run_on_slots_of_this_machine(
    configured: Path, frameworks: Path
):
    assert said_by_cells(frameworks, configured) == FROM_LEARNING
