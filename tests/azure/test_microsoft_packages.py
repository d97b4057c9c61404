"""Microsoft's packages for Azure ML, unmodified, each in its own environment, against a server over TLS.

They find it by what `runyard workspace config` writes and `runyard azureml env` prints, and by nothing else.
"""

import json
import os
import shlex
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from runyard import Experiment, ScriptRunConfig, Workspace
from tests.running_server import RunningServer, scrubbed

pytestmark = pytest.mark.clients

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(__file__).parent / "programs"
SCOPE = (
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/runyard"
    "/providers/Microsoft.MachineLearningServices/workspaces/default"
)
# Environment -> the package and the version that is in it.
CLIENTS = {
    "azureml-mlflow": ("azureml-mlflow", "1.62.0.post6"),
    "azureml-mlflow-1.60": ("azureml-mlflow", "1.60.0"),
    "azureml-core": ("azureml-core", "1.61.0.post4"),
    "azure-ai-ml": ("azure-ai-ml", "1.35.2"),
}
BIG_BYTES = 66 * 1024 * 1024  # more than the plugin sends in one piece
WITHIN_S = 600


@pytest.fixture(scope="module", params=["serve", "up"])
def server(tmp_path_factory, request) -> Iterator[RunningServer]:
    """A team's server, where each request needs a credential, and one of one's own, where none does."""
    home = tmp_path_factory.mktemp(request.param) / "home"
    running = RunningServer(home, mode=request.param, environment={"RUNYARD_TLS": "self"}).start()
    yield running
    running.close()


def interpreter(client: str) -> Path:
    python = ROOT / ".envs" / client / "bin" / "python"
    if not python.exists():
        pytest.skip(f"no environment for {client}: `make test` builds it")
    return python


def runyard(server: RunningServer, folder: Path, *words: str) -> str:
    """Return what the command line prints, for somebody whose home is ``folder``."""
    command = [sys.executable, "-m", "runyard", *words, "--home", str(server.home)]
    environment = scrubbed(os.environ) | {"HOME": str(folder)}
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def exported(lines: str) -> dict[str, str]:
    """Return the variables that a shell would have after these lines."""
    words = [shlex.split(line) for line in lines.splitlines()]
    assert all(first == "export" and len(rest) == 1 for first, *rest in words)
    return dict(word.split("=", 1) for _, word in words)


def prepared(server: RunningServer, folder: Path) -> dict[str, str]:
    """Write the configuration into the folder, and return the variables that a client needs."""
    runyard(server, folder, "workspace", "config", "--write", ".")
    return exported(runyard(server, folder, "azureml", "env", "--shell"))


def run(client: str, program: str, server: RunningServer, folder: Path, *arguments: str) -> dict[str, Any]:
    """Return what a program of a user's says at its end."""
    return run_with(prepared(server, folder), client, program, folder, *arguments)


def run_with(
    variables: dict[str, str], client: str, program: str, folder: Path, *arguments: str
) -> dict[str, Any]:
    """Return what a program says at its end that has these variables."""
    command = [str(interpreter(client)), "-W", "ignore", str(PROGRAMS / program), *arguments]
    ended = subprocess.run(
        command,
        cwd=folder,
        env=scrubbed(os.environ) | {"HOME": str(folder)} | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    answer: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return answer


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_is_as_released_and_has_no_runyard_beside_it(client: str):
    package, version = CLIENTS[client]
    code = (
        "import importlib.metadata, importlib.util;"
        f"print(importlib.metadata.version('{package}'), importlib.util.find_spec('runyard'))"
    )
    answer = subprocess.run(
        [interpreter(client), "-c", code], cwd=PROGRAMS, capture_output=True, text=True, check=True
    )
    assert answer.stdout.split() == [version, "None"]


def test_the_plugin_for_mlflow_logs_and_finds_what_it_logged(server: RunningServer, tmp_path: Path):
    # One large file is enough: what differs between the servers is who asks.
    size_bytes = BIG_BYTES if server.mode == "serve" else 0
    found = run("azureml-mlflow", "log_with_plugin.py", server, tmp_path, str(size_bytes))
    place = f"azureml://127.0.0.1:{server.port}/mlflow/v2.0{SCOPE}"
    assert found["tracking_uri"] == place
    assert found["artifact_uri"].startswith(f"{place}/experiments/")
    assert found["artifact_uri"].endswith(f"/runs/{found['run_id']}/artifacts")
    assert (found["status"], found["params"], found["kind"]) == ("FINISHED", {"alpha": "0.5"}, "sample")
    assert found["history"] == [1.0, 0.5, pytest.approx(1 / 3)]
    big = ["big.bin"] if size_bytes else []
    assert found["listed"] == [*big, "deep", "dict.json", "hello.txt", "note.txt", "tree"]
    assert found["under_tree"] == ["tree/one.txt", "tree/ünder a b"]
    assert found["files"] == {"one.txt": "1", "ünder a b/50% # of it?.txt": "names"}
    assert found["text"] == "written"
    assert (found["prediction"], found["prediction_by_uri"]) == (pytest.approx(4), pytest.approx(6))
    assert found["prediction_of_files"] == pytest.approx(8)
    assert found["second_source"] == f"{found['artifact_uri']}/tree"
    assert found["second_files"] == ["50% # of it?.txt", "one.txt"]
    assert found.get("is_big_whole", True)


def test_an_old_plugin_that_can_t_make_its_store_of_files_logs_files_too(
    server: RunningServer, tmp_path: Path
):
    found = run("azureml-mlflow-1.60", "log_files.py", server, tmp_path)
    place = f"{server.url}/mlflow/v2.0{SCOPE}/api/2.0/mlflow-artifacts/artifacts/"
    assert found["artifact_uri"].startswith(place)
    assert (found["text"], found["listed"]) == ("written", ["note.txt", "tree"])
    assert found["files"] == {"below/50% of it.txt": "names"}
    assert found["second_files"] == ["50% of it.txt"]


def test_the_first_sdk_opens_its_workspace_and_logs(server: RunningServer, tmp_path: Path):
    # With a key of another workspace it is a 403, after which the package took minutes to give up.
    more = ("--nowhere",) if server.mode == "up" else ()
    found = run("azureml-core", "open_workspace.py", server, tmp_path, *more)
    assert (found["name"], found["got"], found["text"]) == ("default", "default", "kept")
    assert found["tracking_uri"].rstrip("?") == f"azureml://127.0.0.1:{server.port}/mlflow/v2.0{SCOPE}"
    assert found["details"]["id"] == SCOPE
    assert ("Workspace not found." in found["refused"]) == (server.mode == "up")
    assert ["NOT_IMPLEMENTED" in said for said in found["told"]] == [True, True]
    assert "`runyard azureml run`" in found["told_of_datasets"]
    assert "default" in found["listed"]
    assert found["portal_url"].startswith(f"{server.url}{SCOPE}/experiments/")
    assert found["portal_url"].endswith(f"/runs/{found['run_id']}")


def test_the_second_sdk_opens_its_workspace_and_logs(server: RunningServer, tmp_path: Path):
    found = run("azure-ai-ml", "open_client.py", server, tmp_path)
    assert (found["name"], found["resource_group"], found["text"]) == ("default", "runyard", "kept")
    reason = "needs the permission READ" if server.mode == "serve" else "'nowhere' not found"
    assert reason in found["refused"]
    assert [words for words, said in found["told"].items() if words not in said] == []
    assert found["tracking_uri"] == f"azureml://127.0.0.1:{server.port}/mlflow/v2.0{SCOPE}"
    assert "default" in found["listed"]
    assert (found["hubs"], sorted(found["with_defaults"])) == ([], found["listed"])


def test_a_run_s_own_client_renews_its_token(server: RunningServer, tmp_path: Path):
    found = prepared(server, tmp_path)
    key = found.get("MLFLOW_TRACKING_TOKEN")
    api = httpx.Client(
        base_url=server.url,
        verify=ssl.create_default_context(cafile=str(server.authority)),
        headers={"Authorization": f"Bearer {key}"} if key else {},
        timeout=60,
    )
    made = api.post("/api/2.0/mlflow/runs/create", json={"experiment_id": "0"}).json()["run"]["info"]
    asked = {"workspace": "default", "expires_in_s": 60}
    token = api.post("/api/v1/token", json=asked).json()["access_token"]
    # Nothing but what a job is given: no way to ask for a token otherwise.
    variables = {name: found[name] for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "MLFLOW_TRACKING_URI")}
    variables |= {"AZUREML_CURRENT_CLOUD": "AzureCloud", "MLFLOW_TRACKING_TOKEN": token}
    variables |= {"MLFLOW_RUN_ID": made["run_id"], "MLFLOW_EXPERIMENT_ID": made["experiment_id"]}
    said = run_with(variables, "azureml-mlflow", "go_on_with_run.py", tmp_path)
    assert (said["run_id"], said["loss"], said["text"]) == (made["run_id"], 0.5, "kept")
    assert said["token"] != token
    state = api.get("/api/2.0/mlflow/runs/get", params={"run_id": made["run_id"]}).json()["run"]["info"]
    assert state["status"] == "FINISHED"
    api.close()


@pytest.mark.parametrize("server", ["up"], indirect=True)
def test_the_plugin_logs_from_within_a_job(
    server: RunningServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("RUNYARD_CA", str(server.authority))
    variables = prepared(server, tmp_path)
    command = [
        str(interpreter("azureml-mlflow")),
        "-W",
        "ignore",
        str(PROGRAMS / "go_on_in_job.py"),
        variables["MLFLOW_TRACKING_URI"],
        server.url,
        variables["REQUESTS_CA_BUNDLE"],
    ]
    experiment = Experiment(Workspace.get("default", url=server.url), "in a job")
    run = experiment.submit(ScriptRunConfig(command=command))
    run.wait_for_completion()
    said = json.loads(run.console().read("console/stdout.000001.log").splitlines()[-1])
    assert (said["run_id"], said["text"]) == (run.id, "kept")
    assert said["artifact_uri"].startswith(
        f"azureml://127.0.0.1:{server.port}/mlflow/v2.0{SCOPE}/experiments/"
    )
    assert run.get_metrics() == {"loss": 0.5}
    assert "deep/er/kept %.txt" in run.get_file_names()
