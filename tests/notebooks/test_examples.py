"""The notebooks of examples/ run from their first cell to their last, by a real kernel on a real server."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
import pytest

from runyard import Model, Workspace
from tests.notebooks.kernel import outputs, run_notebook
from tests.running_server import RunningServer

EXAMPLES = Path(__file__).parents[2] / "examples"
NOTEBOOKS = sorted((EXAMPLES / "notebooks").glob("*.ipynb"))
PAGE = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def workspace(server: RunningServer, tmp_path: Path) -> Workspace:
    """The workspace that the folder of a notebook leads to."""
    found = Workspace.get("default", url=server.url)
    found.write_config(tmp_path)
    return found


def run_example(name: str, folder: Path):
    path = EXAMPLES / "notebooks" / f"{name}.ipynb"
    shutil.copy(path, folder)
    return run_notebook(nbformat.read(path, as_version=4), folder)


def kinds(notebook) -> set[str]:
    return {kind for output in outputs(notebook) for kind in output.get("data", {})}


@pytest.mark.slow
def test_local_tracking(workspace: Workspace, tmp_path: Path):
    ran = run_example("local_tracking", tmp_path)
    by_mlflow, by_sdk = workspace.experiments["notebook-tracking"].get_runs()
    assert (by_mlflow.display_name, by_sdk.display_name) == ("by MLflow", "gradient descent")
    assert {run.status for run in (by_mlflow, by_sdk)} == {"Completed"}
    assert len(by_sdk.get_metrics("rmse")["rmse"]) == 60
    assert by_sdk.get_file_names() == ["outputs/coefficients.txt"]
    assert PAGE in kinds(ran)


@pytest.mark.slow
def test_remote_runs(workspace: Workspace, tmp_path: Path):
    ran = run_example("remote_runs", tmp_path)
    runs = list(workspace.experiments["notebook-remote"].get_runs())
    assert [run.get_status() for run in runs] == ["Completed"] * 4
    assert {len(run.get_metrics("loss")["loss"]) for run in runs} == {20}
    printed = "".join(output.get("text", "") for output in outputs(ran))
    assert "slope 2.9" in printed
    assert PAGE in kinds(ran)


@pytest.mark.slow
def test_models(workspace: Workspace, tmp_path: Path):
    run_example("models", tmp_path)
    versions = Model.list(workspace, name="notebook-ridge")
    assert {model.version for model in versions} == {1, 2}
    assert Model(workspace, "notebook-ridge", version=1).tags["data"] == "diabetes"


@pytest.mark.slow
def test_comparison(workspace: Workspace, tmp_path: Path):
    ran = run_example("comparison", tmp_path)
    pages = [output for output in outputs(ran) if PAGE in output.get("data", {})]
    assert len(pages) == 2
    assert all("eta0 0.01" in page.data["text/html"] for page in pages)
    assert "image/png" in kinds(ran)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_what_a_machine_put_out(path: Path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.outputs for cell in code] == [[]] * len(code)
    assert {cell.execution_count for cell in code} == {None}
    assert notebook.cells[0].cell_type == "markdown"
    assert "widgets" not in notebook.metadata


def test_every_notebook_is_run_and_explained():
    explained = (EXAMPLES / "README.md").read_text()
    assert all(f"`notebooks/{path.name}`" in explained for path in NOTEBOOKS)
    assert all(f"test_{path.stem}" in globals() for path in NOTEBOOKS)
