"""Azure's notebooks about datasets and projects run under the alias with the real scikit-learn and pandas."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.azureml_alias.test_alias import SCRIPTS, configured
from tests.azureml_alias.test_framework_notebooks import frameworks, said_by

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
    said: dict[str, object] = said_by(python, "learning_cells.py", folder)
    return said


def test_notebooks_about_datasets_and_projects_run_on_slots_of_this_machine(
    configured: Path, frameworks: Path
):
    assert said_by_cells(frameworks, configured) == FROM_LEARNING
