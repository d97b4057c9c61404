"""What MLflow's variables say of certificates holds for what a spool sends, and for nothing else."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from runyard.errors import Unavailable
from runyard.sdk import transport
from runyard.sdk.spool.known_workspaces import Answerer, ask_who_answers, open_workspace
from runyard.sdk.transport import HttpTransport, Request
from tests.sdk.scripted_server import Scripted, ScriptedServer

Start = Callable[..., ScriptedServer]
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
