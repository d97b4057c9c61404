"""MLflow's client gets a token for Runyard's host and gives it to no other; the real client shows it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from runyard import Workspace
from runyard.errors import Forbidden
from runyard.sdk import mlflow_auth
from runyard.sdk.addresses import origin
from runyard.sdk.credentials import FixedToken, credentials_path, keep_secret
from runyard.sdk.mlflow_auth import HostBoundAuth, RunyardAuthProvider, announce, announce_known
from tests.running_server import RunningServer, scrubbed
from tests.sdk.scripted_server import Scripted, ScriptedServer

Start = Callable[..., ScriptedServer]

OURS = "https://lab.example:8443"
URLS = st.builds(
    "{}://{}{}{}/{}".format,
    st.sampled_from(["https", "http"]),
    st.sampled_from(["", "ann@", "lab.example:8443@", "ann:lab.example@"]),
    st.sampled_from(
        ["lab.example", "LAB.EXAMPLE", "lab.example.evil", "evil.example", "xlab.example", "127.0.0.1"]
    ),
    st.sampled_from(["", ":8443", ":443", ":5000"]),
    st.sampled_from(
        ["", "api/2.0/mlflow/runs/create", "?next=https://lab.example:8443/", "#lab.example:8443"]
    ),
)


@pytest.fixture(autouse=True)
def _nothing_announced(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(mlflow_auth, "_announced", {})


def authorization(url: str, **headers: str) -> str | None:
    """What the plugin makes MLflow send to `url`."""
    prepared = requests.Request("GET", url, headers=headers).prepare()
    return HostBoundAuth()(prepared).headers.get("Authorization")


@given(url=URLS)
def test_the_token_goes_to_the_announced_host_and_to_no_other(url: str):
    mlflow_auth._announced[OURS] = FixedToken("secret")
    prepared = requests.Request("GET", url).prepare()
    prepared.headers.pop("Authorization", None)
    sent = HostBoundAuth()(prepared).headers.get("Authorization")
    assert sent == ("Bearer secret" if origin(url) == OURS else None)


def test_a_header_that_mlflow_was_told_to_send_stays():
    announce(OURS, FixedToken("secret"))
    assert authorization(f"{OURS}/x", Authorization="Bearer mine") == "Bearer mine"


def test_a_process_that_inherited_its_address_finds_its_credential(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RUNYARD_TOKEN", "inherited")
    assert authorization(f"{OURS}/x") is None
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"{OURS}/workspaces/default")
    assert authorization(f"{OURS}/x") == "Bearer inherited"
    assert authorization("https://lab.example/x") is None
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///mlflow.db")
    assert authorization(f"{OURS}/x") is None


def test_announcing_a_credential_turns_the_plugin_on(monkeypatch: pytest.MonkeyPatch):
    announce(OURS, None)
    assert "MLFLOW_TRACKING_AUTH" not in os.environ
    announce(OURS, FixedToken("secret"))
    assert os.environ.pop("MLFLOW_TRACKING_AUTH") == RunyardAuthProvider().get_name() == "runyard"


@pytest.mark.parametrize(
    "name", ["MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_AWS_SIGV4"]
)
def test_another_credential_of_mlflow_s_is_left_alone(monkeypatch: pytest.MonkeyPatch, name: str):
    monkeypatch.setenv(name, "theirs")
    announce(OURS, FixedToken("secret"))
    assert "MLFLOW_TRACKING_AUTH" not in os.environ


def test_another_plugin_that_was_chosen_is_left_alone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MLFLOW_TRACKING_AUTH", "kubernetes")
    announce(OURS, FixedToken("secret"))
    assert os.environ["MLFLOW_TRACKING_AUTH"] == "kubernetes"


@pytest.fixture
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    for name in ("RUNYARD_URL", "RUNYARD_TOKEN", "MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_AUTH"):
        monkeypatch.delenv(name, raising=False)
    # So that it is taken away again if the test has it set.
    monkeypatch.setenv("MLFLOW_TRACKING_AUTH", "")
    monkeypatch.delenv("MLFLOW_TRACKING_AUTH")


@pytest.mark.usefixtures("_own_home")
def test_what_login_kept_is_used_for_its_host_and_no_other():
    keep_secret(OURS, "token-of-login")
    announce_known("https://other.example/")
    assert "MLFLOW_TRACKING_AUTH" not in os.environ
    assert authorization("https://other.example/x") is None
    announce_known(f"{OURS}/workspaces/lab")
    assert os.environ["MLFLOW_TRACKING_AUTH"] == "runyard"
    assert authorization(f"{OURS}/x") == "Bearer token-of-login"
    assert authorization("https://other.example/x") is None


@pytest.mark.usefixtures("_own_home")
def test_a_token_for_no_host_in_particular_goes_only_to_the_one_that_mlflow_was_told(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("RUNYARD_TOKEN", "anywhere")
    announce_known(f"{OURS}/")
    assert authorization(f"{OURS}/x") is None
    monkeypatch.setenv("MLFLOW_TRACKING_URI", OURS)
    announce_known(f"{OURS}/")
    assert os.environ["MLFLOW_TRACKING_AUTH"] == "runyard"
    assert authorization(f"{OURS}/x") == "Bearer anywhere"
    monkeypatch.setenv("RUNYARD_URL", "https://third.example")
    announce_known("https://third.example/")
    assert authorization("https://third.example/x") == "Bearer anywhere"


@pytest.mark.usefixtures("_own_home")
def test_a_file_of_credentials_that_others_can_read_is_said_and_not_used(caplog: pytest.LogCaptureFixture):
    keep_secret(OURS, "token-of-login")
    credentials_path().chmod(0o644)
    announce_known(OURS)
    assert "gets no credential" in caplog.text
    assert "MLFLOW_TRACKING_AUTH" not in os.environ


READS = """
import mlflow
mlflow.set_tracking_uri({url!r})
with mlflow.start_run() as run:
    mlflow.log_metric("loss", 0.5)
    mlflow.log_text("what came of it", "notes.txt")
print(mlflow.search_runs()["metrics.loss"].tolist()[0])
print(mlflow.artifacts.load_text(run.info.artifact_uri + "/notes.txt"))
print(len(mlflow.search_registered_models()))
"""


@pytest.mark.slow
@pytest.mark.parametrize("spool", ["auto", "off"])
def test_a_script_that_knows_only_mlflow_reads_too_on_a_machine_that_is_logged_in(
    team, tmp_path: Path, spool: str
):
    running, api_key = team
    command = [sys.executable, "-m", "runyard", "login", running.url, "--api-key", "-"]
    environment = scrubbed(os.environ) | {"HOME": str(tmp_path)}
    subprocess.run(command, env=environment, input=api_key, text=True, check=True)
    ended = run_client(READS.format(url=running.url), tmp_path, RUNYARD_SPOOL=spool)
    assert ended.returncode == 0, ended.stderr
    loss, notes, models = [line for line in ended.stdout.splitlines() if "://" not in line]
    assert (loss, notes, models) == ("0.5", "what came of it", "0")


def test_the_plugin_needs_no_mlflow_to_be_imported():
    code = "import sys, runyard.sdk.mlflow_auth; sys.exit('mlflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory):
    """`runyard serve` with a first administrator, and the administrator's key."""
    home = tmp_path_factory.mktemp("team") / "home"
    made = subprocess.run(
        [sys.executable, "-m", "runyard", "admin", "init", "--home", str(home), "--json"],
        env=scrubbed(os.environ),
        capture_output=True,
        text=True,
        check=True,
    )
    running = RunningServer(home, mode="serve").start()
    yield running, json.loads(made.stdout)["api_key"]
    running.close()


def run_client(code: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a program of a user's in a process of its own."""
    environment = scrubbed(os.environ) | {"HOME": str(folder)} | variables
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=folder, capture_output=True, text=True, check=False
    )


EXAMPLE = Path(__file__).parents[2] / "examples" / "local_run.py"


@pytest.mark.slow
def test_the_page_s_local_snippet_logs_to_a_team_s_server_and_prints_no_secret(team, tmp_path: Path):
    running, api_key = team
    ended = run_client(EXAMPLE.read_text(), tmp_path, RUNYARD_HOME=str(running.home), RUNYARD_TOKEN=api_key)
    assert ended.returncode == 0, ended.stderr
    assert "/workspaces/default/#/experiments/" in ended.stdout
    assert api_key not in ended.stdout + ended.stderr
    assert "eyJ" not in ended.stdout + ended.stderr


@pytest.mark.slow
def test_the_page_s_local_snippet_needs_no_configuration_on_the_server_s_own_machine(
    server: RunningServer, tmp_path: Path
):
    ended = run_client(EXAMPLE.read_text(), tmp_path, RUNYARD_HOME=str(server.home))
    assert ended.returncode == 0, ended.stderr
    run = next(Workspace.get("default", url=server.url).experiments["experiment_with_mlflow"].get_runs())
    assert run.get_metrics() == {"alpha": 0.03}
    assert run.get_status() == "Completed"


TWO_SERVERS = """
import mlflow
from runyard import Workspace

uri = Workspace.get("default").get_mlflow_tracking_uri()
mlflow.set_tracking_uri(uri)
mlflow.set_experiment("mine")
with mlflow.start_run():
    mlflow.log_text("hello", "note.txt")
assert mlflow.artifacts.load_text(f"runs:/{mlflow.last_active_run().info.run_id}/note.txt") == "hello"
mlflow.MlflowClient("%s").search_experiments()
"""


@pytest.mark.slow
def test_real_mlflow_sends_the_token_to_the_team_s_server_and_not_to_another(
    team, scripted: Start, tmp_path: Path
):
    running, api_key = team
    other = scripted([Scripted(body=b'{"experiments": []}')])
    ended = run_client(TWO_SERVERS % other.url, tmp_path, RUNYARD_URL=running.url, RUNYARD_TOKEN=api_key)
    assert ended.returncode == 0, ended.stderr
    assert other.received
    assert all("Authorization" not in request.headers for request in other.received)


@pytest.mark.slow
def test_without_a_credential_a_team_s_server_says_what_to_do(team, tmp_path: Path):
    running, _ = team
    ended = run_client(EXAMPLE.read_text(), tmp_path, RUNYARD_HOME=str(running.home))
    assert ended.returncode != 0
    assert "RUNYARD_TOKEN" in ended.stderr


def test_a_key_of_one_workspace_opens_that_one_alone(team, monkeypatch: pytest.MonkeyPatch):
    running, api_key = team
    monkeypatch.setenv("RUNYARD_URL", running.url)
    monkeypatch.setenv("RUNYARD_TOKEN", api_key)
    Workspace.create("vision", exist_ok=True)
    made = subprocess.run(
        [
            *(
                sys.executable,
                "-m",
                "runyard",
                "admin",
                "key",
                "create",
                "--home",
                str(running.home),
                "--json",
            ),
            *("--name", "ci", "--scope", "contributor", "--workspace", "vision"),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    monkeypatch.setenv("RUNYARD_TOKEN", json.loads(made.stdout)["api_key"])
    assert Workspace.get("vision").get_details()["runCount"] == 0
    with pytest.raises(Forbidden):
        Workspace.get("default")
    with pytest.raises(Forbidden):
        Workspace.create("speech")
