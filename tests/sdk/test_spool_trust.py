"""What MLflow's variables say of certificates holds for a spool; what RUNYARD_CA says, for MLflow too."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from runyard.errors import Unavailable
from runyard.sdk import mlflow_auth, transport
from runyard.sdk.credentials import FixedToken
from runyard.sdk.mlflow_auth import announce
from runyard.sdk.spool.known_workspaces import Answerer, ask_who_answers, open_workspace
from runyard.sdk.spool.trust import lend_trust
from runyard.sdk.transport import HttpTransport, Request
from tests.running_server import RunningServer, scrubbed
from tests.sdk.scripted_server import Scripted, ScriptedServer

Start = Callable[..., ScriptedServer]
AUTHORITIES = "MLFLOW_TRACKING_SERVER_CERT_PATH"
RUNYARD = b'{"product": "Runyard", "version": "1", "mode": "up", "workspace": "default"}'


@pytest.fixture(autouse=True)
def _nobody_is_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in transport._CA_VARIABLES:
        monkeypatch.delenv(name, raising=False)


def start(scripted: Start, certificate: Path, *, asks_client: bool = False) -> str:
    """A server with TLS; one that asks for the client's certificate takes the same one."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    if asks_client:
        tls.verify_mode = ssl.CERT_REQUIRED
        tls.load_verify_locations(certificate)
    return scripted([Scripted(body=RUNYARD)], tls=tls).url


@pytest.mark.parametrize("variable", ["MLFLOW_TRACKING_SERVER_CERT_PATH", "RUNYARD_CA"])
def test_an_authority_that_is_named_to_mlflow_is_trusted(
    variable: str, scripted: Start, certificate: Path, monkeypatch: pytest.MonkeyPatch
):
    url = start(scripted, certificate)
    assert ask_who_answers(url, None) is Answerer.NOBODY
    monkeypatch.setenv(variable, str(certificate))
    assert ask_who_answers(url, None) is Answerer.RUNYARD
    open_workspace(url, None)


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
@pytest.mark.parametrize("word", ["true", "1", "True"])
def test_a_person_may_ask_not_to_look_at_certificates_for_the_spool_alone(
    word: str, scripted: Start, certificate: Path, monkeypatch: pytest.MonkeyPatch
):
    url = start(scripted, certificate)
    monkeypatch.setenv("MLFLOW_TRACKING_INSECURE_TLS", word)
    open_workspace(url, None)
    with pytest.raises(Unavailable, match="not trusted"):
        HttpTransport(url).send(Request("GET", "/", is_repeatable=True))
    monkeypatch.setenv("MLFLOW_TRACKING_INSECURE_TLS", "false")
    with pytest.raises(Unavailable, match="not trusted"):
        open_workspace(url, None)


def test_a_server_that_asks_for_the_client_s_certificate_gets_it(
    scripted: Start, certificate: Path, monkeypatch: pytest.MonkeyPatch
):
    url = start(scripted, certificate, asks_client=True)
    monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", str(certificate))
    with pytest.raises(Unavailable):
        open_workspace(url, None)
    monkeypatch.setenv("MLFLOW_TRACKING_CLIENT_CERT_PATH", str(certificate))
    open_workspace(url, None)


@pytest.fixture
def _mlflow_was_told_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mlflow_auth, "_announced", {})
    for name in (AUTHORITIES, "MLFLOW_TRACKING_INSECURE_TLS", "MLFLOW_TRACKING_AUTH"):
        monkeypatch.setenv(name, "")  # so that it is taken away again if the test has it set


@pytest.mark.usefixtures("_mlflow_was_told_nothing")
def test_mlflow_s_client_is_told_of_the_authority_with_the_credential(monkeypatch: pytest.MonkeyPatch):
    announce("https://lab.example", FixedToken("secret"))
    assert os.environ[AUTHORITIES] == ""
    monkeypatch.setenv("RUNYARD_CA", "/lab/ca.pem")
    announce("https://lab.example", None)
    assert os.environ[AUTHORITIES] == ""
    announce("https://lab.example", FixedToken("secret"))
    assert os.environ[AUTHORITIES] == "/lab/ca.pem"


@pytest.mark.usefixtures("_mlflow_was_told_nothing")
@pytest.mark.parametrize(
    ("name", "said"), [(AUTHORITIES, "/mlflow/ca.pem"), ("MLFLOW_TRACKING_INSECURE_TLS", "true")]
)
def test_what_mlflow_s_client_was_told_of_certificates_stays(
    name: str, said: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("RUNYARD_CA", "/lab/ca.pem")
    monkeypatch.setenv(name, said)
    lend_trust()
    told = {each: os.environ[each] for each in (AUTHORITIES, "MLFLOW_TRACKING_INSECURE_TLS")}
    assert told == {AUTHORITIES: "", "MLFLOW_TRACKING_INSECURE_TLS": "", name: said}


SCRIPT = """
import mlflow
with mlflow.start_run() as run:
    mlflow.log_metric("loss", 0.5)
    mlflow.log_text("what came of it", "notes.txt")
notes = mlflow.artifacts.load_text(run.info.artifact_uri + "/notes.txt")
print(notes, len(mlflow.search_registered_models()))
"""


@pytest.mark.slow
def test_runyard_ca_is_enough_for_a_script_that_knows_only_mlflow(tmp_path: Path):
    server = RunningServer(tmp_path / "home", environment={"RUNYARD_TLS": "self"})
    try:
        server.start()
        environment = scrubbed(os.environ) | {
            "HOME": str(tmp_path),
            "MLFLOW_TRACKING_URI": server.url,
            "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
            "RUNYARD_CA": str(server.authority),
        }
        ended = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", SCRIPT],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        assert ended.stdout.splitlines()[-1] == "what came of it 0"
    finally:
        server.close()
