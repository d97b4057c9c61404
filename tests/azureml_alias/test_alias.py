"""Scripts for Azure ML's first SDK run unchanged, and nothing of Microsoft's is shadowed unasked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from runyard import Workspace
from tests.running_server import RunningServer, scrubbed

SCRIPTS = Path(__file__).with_name("scripts")
WITHIN_S = 600
FROM_REMOTE = {
    "page": {"example": 1.23},
    "remote": {"Training samples": 353, "alpha": [0.01, 0.03]},
    "target": "cpu-cluster",
    "plot": True,
    "project": {"alpha": 0.3},
    "datasets": {"sum": 10.0, "files": 1},
    "made": ["it is $(made).txt"],
}
"""What `remote_cells.py` says, wherever its cluster is."""
MODEL_FILES = ["MLmodel", "conda.yaml", "model.pkl", "notes.txt", "python_env.yaml", "requirements.txt"]
"""Of a model that MLflow logged, and a note that its run has in a folder of the same name."""


def python(folder: Path, *words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a folder, as a person does."""
    return subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env=scrubbed(os.environ) | environment,
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )


def said_by(folder: Path, source: str, *arguments: str) -> str:
    """Run a script's text by the alias and return what it prints."""
    (folder / "script.py").write_text(source)
    ended = python(folder, "-m", "runyard.azureml", "script.py", *arguments)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def use(folder: Path, statement: str) -> str:
    """Return what goes wrong with a statement, as the name of the error and what it says."""
    return said_by(
        folder,
        f"try:\n    {statement}\nexcept Exception as error:\n    print(type(error).__name__, error)\n",
    )


@pytest.fixture
def configured(server: RunningServer, tmp_path: Path) -> Path:
    """A folder that is tied to a workspace on a real server."""
    Workspace.get("default", url=server.url).write_config(tmp_path)
    return tmp_path


def test_each_name_leads_somewhere(tmp_path: Path):
    ended = python(tmp_path, SCRIPTS / "every_name.py")
    assert ended.returncode == 0, ended.stderr
    said = json.loads(ended.stdout)
    assert len(said) > 80
    same = {name: word for name, word in said.items() if name.rpartition(".")[2] == word}
    others = {name: word for name, word in said.items() if name not in same}
    assert {name.rpartition(".")[2] for name in others if not name.startswith("azureml.exceptions.")} == {
        "AbstractComputeTarget",
        "AzureBlobDatastore",
        "ComputeTargetException",
        "DEFAULT_CPU_IMAGE",
        "DEFAULT_GPU_IMAGE",
        "HyperDriveRunConfig",
        "ScriptRun",
        "VERSION",
        "__version__",
    }


def test_a_page_about_azure_ml_runs_as_it_is_written(configured: Path, server: RunningServer):
    ended = python(
        configured,
        "-m",
        "runyard",
        "azureml",
        "run",
        SCRIPTS / "tracking.py",
        "--epochs",
        "3",
        RUNYARD_URL=server.url,
    )
    assert ended.returncode == 0, ended.stderr
    link, *_, details = ended.stdout.splitlines()  # MLflow prints a link of its own between them
    assert link.startswith(f"{server.url}/workspaces/default/#/experiments/")
    assert details.endswith(" --epochs 3")


def test_a_run_that_is_asked_for_by_its_script_is_that_of_runyard_run(configured: Path):
    (configured / "train.py").write_text(
        "import runyard.azureml\n"
        "from azureml.core import Run\n"
        "run = Run.get_context()\n"
        "run.log('loss', 0.25)\n"
        "print(run.id)\n"
    )
    ended = python(configured, "-m", "runyard", "run", "train.py")
    assert ended.returncode == 0, ended.stderr
    run_id = ended.stdout.splitlines()[0]
    assert Workspace.from_config(configured).get_run(run_id).get_metrics() == {"loss": 0.25}


def test_a_script_that_is_submitted_imports_microsoft_s_names_too(configured: Path):
    ended = python(configured, "-m", "runyard.azureml", SCRIPTS / "submitting.py", str(SCRIPTS / "remote"))
    assert ended.returncode == 0, ended.stderr
    assert "['--alpha', '0.5']" in ended.stdout
    last = json.loads(ended.stdout.splitlines()[-1])
    assert last == {
        "status": "Completed",
        "loss": 0.25,
        "alpha": "0.5",
        "target": "cpu-cluster",
        "waiting": 0,
    }
    assert "a pool of 2 slots on the server's own machine" in ended.stderr


def test_hyperparameters_are_tuned_in_microsoft_s_names(configured: Path):
    pytest.importorskip("optuna")
    ended = python(configured, "-m", "runyard.azureml", SCRIPTS / "sweeping.py", str(SCRIPTS / "remote"))
    assert ended.returncode == 0, ended.stderr
    last = json.loads(ended.stdout.splitlines()[-1])
    assert (last["children"], last["arguments"][:3]) == (3, ["--epochs", "2", "--learning-rate"])
    assert all(isinstance(each, int) and each % 10 == 0 for each in last["units"])


def test_data_is_handed_to_scripts_in_microsoft_s_names(configured: Path):
    ended = python(configured, "-m", "runyard.azureml", SCRIPTS / "data.py", str(SCRIPTS / "remote"))
    assert ended.returncode == 0, ended.stderr + ended.stdout
    assert json.loads(ended.stdout.splitlines()[-1]) == {"metrics": {"total": 6}, "made": ["6"]}


def test_an_estimator_is_submitted_and_a_cluster_asked_what_it_does(configured: Path):
    ended = python(configured, "-m", "runyard.azureml", SCRIPTS / "estimating.py", str(SCRIPTS / "remote"))
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout.splitlines()[-1]) == {
        "status": "Completed",
        "loss": 0.25,
        "model": 1,
        "sizes": [],
        "most": 1,
        "nodes": [True],
        "cancel": ["CancelRequested", "Canceled"],
        "fail": ["Failed", "Failed"],
    }


def test_a_notebook_s_outputs_go_along_and_references_to_data_by_their_names(configured: Path):
    ended = python(configured, "-m", "runyard.azureml", SCRIPTS / "capturing.py")
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout.splitlines()[-1]) == {
        "names": [["outputs/deep/model.txt"], []],
        "status": "Completed",
    }
    assert "['model.txt']" in ended.stdout


def test_cells_of_azure_s_public_notebooks_run_as_they_are(configured: Path):
    ended = python(configured, "-m", "runyard.azureml", SCRIPTS / "notebook_cells.py")
    assert ended.returncode == 0, ended.stderr + ended.stdout
    assert json.loads(ended.stdout.splitlines()[-1]) == {
        "outputs": ["outputs/model.pkl"],
        "names": [f"model/{name}" for name in MODEL_FILES],
        "brought": MODEL_FILES,
        "same": True,
        "predicted": 4.0,
        "part": "model.pkl",
        "curated": True,
        "years": 3,
        "moments": True,
        "words": 3,
        "datasets": {"training data": ["cars"]},
        "path": "azureml-models/cells/1/model.pkl",
        "framework": "ScikitLearn",
        "tags": {},
        "project": {"alpha": 0.3},
    }
    assert "Runyard-Sklearn, which has the versions of today, is taken in its place" in ended.stderr


def test_notebooks_about_logging_and_managing_runs_run_as_they_are(configured: Path):
    ended = python(configured, "-m", "runyard.azureml", SCRIPTS / "run_cells.py")
    assert ended.returncode == 0, ended.stderr
    said = json.loads(ended.stdout.splitlines()[-1])
    assert "'author' is 'first' already" in said.pop("twice")
    assert said == {
        "region": ["127.0.0.1", "runyard"],
        "lengths": {"Squares": 7, "Sigmoid": 20, "Cosine": 2, "Sine": 2},
        "one": {"scale factor": 2.0},
        "files": ["images/Tangent.png", "outputs/own.txt", "tables/Sine.json", "values/Category.json"],
        "brought": ["Category.json", "Sine.json", "Tangent.png", "own.txt"],
        "tags": {"favorite": "", "rank": "1"},
        "details": True,
        "hello": ["Completed", "Hello"],
        "found": [[True], [True], 0],
        "children": [3, 2],
        "statuses": ["Completed"],
        "ended": ["Canceled", "Failed"],
        "snapshot": True,
    }


def test_notebooks_about_remote_training_run_on_slots_of_this_machine(configured: Path):
    ended = python(configured, "-m", "runyard.azureml", SCRIPTS / "remote_cells.py")
    assert ended.returncode == 0, ended.stderr + ended.stdout
    assert json.loads(ended.stdout.splitlines()[-1]) == FROM_REMOTE
    assert "Mean Squared Error is 3424" in ended.stdout


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("from azureml.core.compute import AksCompute as A; A.provisioning_configuration()", "runyard run"),
        ("from azureml.data.datapath import DataPathComputeBinding as D; D(mode='mount')", "as_download"),
        ("from azureml.core.runconfig import MpiConfiguration as M; M(2)", "torchrun"),
        ("from azureml.train.dnn import Chainer as C; C('.')", "ScriptRunConfig"),
        ("from azureml.train.automl import AutoMLConfig as A; A()", "sweep"),
        ("from azureml.core.model import Model, InferenceConfig as I; I('score.py')", "mlflow models serve"),
        ("import azureml.contrib.services.aml_request as a; a.AMLRequest()", "documentation"),
        ("import mlflow.azureml as a; a.deploy(model_uri='runs:/a/model')", "mlflow models serve"),
        ("from azureml.datadrift import DataDriftDetector as D; D.get_by_name(1, 'x')", "webhook"),
    ],
)
def test_what_has_no_counterpart_says_what_to_use_when_it_is_used(tmp_path: Path, statement: str, told: str):
    said = use(tmp_path, statement)
    assert said.startswith("NotImplementedHere Runyard has no ")
    assert told in said


def test_a_project_finds_azure_s_backend_though_mlflow_was_there_first(tmp_path: Path):
    ended = python(
        tmp_path,
        "-c",
        "from mlflow.projects.backend.loader import load_backend\n"
        "print(load_backend('azureml'))\n"
        "import runyard.azureml\n"
        "print(type(load_backend('azureml')).__module__, type(load_backend('local')).__module__)\n",
    )
    assert ended.stdout.split() == ["None", "runyard.azureml.projects", "mlflow.projects.backend.local"]


def test_a_model_says_what_serves_it(tmp_path: Path):
    said = use(tmp_path, "from azureml.core.model import Model; Model.deploy(1, 'svc', [], None, None)")
    assert said.startswith("NotImplementedHere Runyard has no Model.deploy. Serve the model with")
    assert "AttributeError" in use(tmp_path, "from azureml.core import Model; Model.nonsense")


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("from azureml.core import Nonsense", "ImportError"),
        (
            "import azureml.core; azureml.core.Nonsense",
            "AttributeError module 'azureml.core' has no 'Nonsense'",
        ),
        ("import azureml.nonsense", "ModuleNotFoundError"),
        ("from azureml.mlflow import get_portal_url as g; g(3)", "InvalidParameter 'run' must be a run"),
    ],
)
def test_what_never_was_is_refused_as_python_does(tmp_path: Path, statement: str, told: str):
    assert told in use(tmp_path, statement)


def test_errors_are_caught_under_microsoft_s_names(tmp_path: Path):
    said = said_by(
        tmp_path,
        "from azureml.core import Workspace\n"
        "from azureml.exceptions import ComputeTargetException, WorkspaceException\n"
        "try:\n"
        "    Workspace.get('none', url='http://127.0.0.1:1')\n"
        "except WorkspaceException as error:\n"
        "    print('caught', error)\n",
    )
    assert said.startswith("caught No server answers")


def test_a_script_sees_what_python_would_show_it(tmp_path: Path):
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "beside.py").write_text("word = 'found'\n")
    (tmp_path / "below" / "script.py").write_text(
        "import sys, beside\nprint(__name__, sys.argv, beside.word)\nsys.exit(3)\n"
    )
    for words in (("-m", "runyard.azureml"), ("-m", "runyard", "azureml", "run")):
        ended = python(tmp_path, *words, "below/script.py", "--x", "-1", "a b")
        assert ended.stdout == "__main__ ['below/script.py', '--x', '-1', 'a b'] found\n", ended.stderr
        assert ended.returncode == 3


@pytest.mark.parametrize("words", [("-m", "runyard.azureml"), ("-m", "runyard", "azureml", "run")])
def test_an_installed_package_of_microsoft_s_is_shadowed_only_when_asked(
    tmp_path: Path, words: tuple[str, ...]
):
    installed = tmp_path / "installed" / "azureml"
    installed.mkdir(parents=True)
    (installed / "__init__.py").write_text("maker = 'Microsoft'\n")
    (tmp_path / "script.py").write_text("import azureml\nprint(getattr(azureml, 'maker', 'Runyard'))\n")
    path = {"PYTHONPATH": str(installed.parent)}
    refused = python(tmp_path, *words, "script.py", **path)
    assert refused.returncode == 1
    assert str(installed) in refused.stderr
    assert "Traceback" not in refused.stderr
    asked = python(tmp_path, *words, "script.py", **path, RUNYARD_AZUREML="alias")
    assert asked.stdout == "Runyard\n", asked.stderr
    imported = python(tmp_path, "-c", "import azureml, runyard.azureml", **path, RUNYARD_AZUREML="alias")
    assert "azureml is imported already" in imported.stderr


@pytest.mark.parametrize("words", [(), ("nowhere.py",), ("--help",)])
def test_a_script_that_is_not_there_is_said(tmp_path: Path, words: tuple[str, ...]):
    ended = python(tmp_path, "-m", "runyard.azureml", *words)
    assert ended.returncode == 1
    assert "usage: python -m runyard.azureml SCRIPT" in ended.stderr
    if words == ("nowhere.py",):
        told = python(tmp_path, "-m", "runyard", "azureml", "run", "nowhere.py")
        assert (told.returncode, "There is no script 'nowhere.py'" in told.stderr) == (3, True)


def test_a_run_is_shown_outside_of_a_notebook_too(configured: Path):
    said = said_by(
        configured,
        "from azureml.core import Experiment, Workspace\n"
        "from azureml.widgets import RunDetails\n"
        "run = Experiment(Workspace.from_config(), 'shown').start_logging()\n"
        "RunDetails(run).show()\n"
        "run.complete()\n",
    )
    assert "Run(" in said


def test_a_folder_for_outputs_that_is_none_begins_no_run(configured: Path):
    script = (
        "from azureml.core import Experiment, Workspace\n"
        "experiment = Experiment(Workspace.from_config(), 'none begun')\n"
        "for outputs in (5, ['outputs'], {}):\n"
        "    try:\n"
        "        experiment.start_logging(outputs=outputs)\n"
        "    except Exception as error:\n"
        "        print(type(error).__name__, error)\n"
        "print(len(list(experiment.get_runs())))\n"
    )
    assert said_by(configured, script).splitlines() == [
        "InvalidParameter outputs must be a path, not 5.",
        "InvalidParameter outputs must be a path, not ['outputs'].",
        "InvalidParameter outputs must be a path, not {}.",
        "0",
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff\xfe\x00", "SyntaxError"),
        (b"print(1)\n\x00", "null bytes"),
        (b"import azureml.core\nprint(\n", "'(' was never closed"),
    ],
)
def test_a_file_that_is_no_python_is_told_of_as_python_does(tmp_path: Path, content: bytes, said: str):
    (tmp_path / "script.py").write_bytes(content)
    ended = python(tmp_path, "-m", "runyard", "azureml", "run", "script.py")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "runyard" not in ended.stderr
