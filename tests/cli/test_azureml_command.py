"""`runyard azureml env` prints what Microsoft's packages need, and no more than that."""

import json
import os
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from runyard.sdk.azure_variables import azure_variables, folder_of_client, write_authorities
from tests.cli.conftest import CommandLine
from tests.running_server import RunningServer, scrubbed

ALWAYS = [
    "ARM_CLOUD_METADATA_URL",
    "AZUREML_CURRENT_CLOUD",
    "AZURE_CONFIG_DIR",
    "MSI_ENDPOINT",
    "MSI_SECRET",
    "APPSETTING_WEBSITE_SITE_NAME",
    "MLFLOW_TRACKING_URI",
]


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """`runyard serve --tls self` on a home where nobody has made an administrator."""
    home = tmp_path_factory.mktemp("team") / "home"
    running = RunningServer(home, mode="serve", environment={"RUNYARD_TLS": "self"}).start()
    yield running
    running.close()


def variables(runyard: CommandLine, team: RunningServer, *more: str) -> dict[str, str]:
    ended = runyard("azureml", "env", "--home", str(team.home), "--json", *more)
    assert ended.code == 0, ended.err
    found: dict[str, str] = json.loads(ended.out)
    return found


def token_of(found: dict[str, str]) -> dict[str, str]:
    """Ask as the packages do, trusting what they are told to trust."""
    request = urllib.request.Request(found["MSI_ENDPOINT"], headers={"secret": found["MSI_SECRET"]})
    trusted = ssl.create_default_context(cafile=found["SSL_CERT_FILE"])
    with urllib.request.urlopen(request, context=trusted, timeout=60) as answer:
        told: dict[str, str] = json.load(answer)
    return told


def test_at_the_home_nothing_else_is_needed(runyard: CommandLine, team: RunningServer):
    found = variables(runyard, team)
    assert list(found) == [*ALWAYS, "MLFLOW_TRACKING_TOKEN", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"]
    assert token_of(found)["token_type"] == "Bearer"
    assert found["MLFLOW_TRACKING_URI"].startswith(
        f"azureml://127.0.0.1:{team.port}/mlflow/v2.0/subscriptions/"
    )
    assert found["MLFLOW_TRACKING_URI"].endswith("/workspaces/default")


def test_the_key_is_the_same_as_long_as_it_is_good(runyard: CommandLine, team: RunningServer):
    first = variables(runyard, team)["MSI_SECRET"]
    assert variables(runyard, team)["MSI_SECRET"] == first
    revoked = runyard("admin", "key", "revoke", first.split("_")[1], "--home", str(team.home))
    assert revoked.code == 0
    second = variables(runyard, team)
    assert second["MSI_SECRET"] != first
    assert token_of(second)["token_type"] == "Bearer"


def test_the_key_is_for_one_workspace_and_no_administrator_s(runyard: CommandLine, team: RunningServer):
    variables(runyard, team)
    ended = runyard("admin", "key", "list", "--home", str(team.home), "--json")
    keys = [key for key in json.loads(ended.out) if key["state"] == "active"]
    assert [(key["owner"], key["scope"], key["workspace"]) for key in keys] == [
        ("azure-clients", "owner", "default")
    ]
    assert keys[0]["expires_ms"] is not None


def test_a_shell_can_read_it(runyard: CommandLine, team: RunningServer):
    lines = runyard("azureml", "env", "--home", str(team.home), "--shell").out
    shown = subprocess.run(
        [
            "bash",
            "-c",
            f'eval "$0"; "{sys.executable}" -c "import json, os; print(json.dumps(dict(os.environ)))"',
            lines,
        ],
        capture_output=True,
        text=True,
        check=True,
        env=scrubbed(os.environ),
    )
    environment = json.loads(shown.stdout)
    expected = variables(runyard, team)
    assert {name: environment.get(name) for name in expected} == expected


def test_people_are_not_shown_the_key(runyard: CommandLine, team: RunningServer):
    secret = variables(runyard, team)["MSI_SECRET"]
    ended = runyard("azureml", "env", "--home", str(team.home))
    assert ended.code == 0
    assert secret not in ended.out + ended.err
    assert "eval" in ended.err


def test_a_key_of_one_s_own_goes_before(
    runyard: CommandLine, team: RunningServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("RUNYARD_TOKEN", "ry_mine")
    assert variables(runyard, team)["MSI_SECRET"] == "ry_mine"


def test_another_workspace_is_named(runyard: CommandLine, team: RunningServer):
    assert runyard("azureml", "env", "--home", str(team.home), "-w", "nowhere").code == 3


def test_a_server_of_one_s_own_needs_no_key(runyard: CommandLine, tmp_path: Path):
    running = RunningServer(tmp_path / "home", environment={"RUNYARD_TLS": "self"}).start()
    found = variables(runyard, running)
    assert list(found) == [*ALWAYS, "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"]
    assert found["MSI_SECRET"] == "none"
    assert token_of(found)["token_type"] == "Bearer"
    assert f"authority   {running.home}/tls/ca.pem" in running.output
    assert "fingerprint " in running.output
    running.close()


def test_a_server_without_tls_is_refused_with_what_to_do(runyard: CommandLine, tmp_path: Path):
    ended = runyard("azureml", "env", "--url", "http://127.0.0.1:9")
    assert ended.code == 1
    assert "--tls self" in ended.err
    ended = runyard("azureml", "env", "--home", str(tmp_path))
    assert (ended.code, "No server runs" in ended.err) == (3, True)


def test_elsewhere_a_key_is_asked_for(runyard: CommandLine):
    ended = runyard("azureml", "env", "--url", "https://lab.example:5000")
    assert ended.code == 4
    assert "RUNYARD_TOKEN" in ended.err


def test_the_certificate_and_files_are_one_or_the_other(runyard: CommandLine, tmp_path: Path):
    ended = runyard("serve", "--home", str(tmp_path / "h"), "--tls", "self", "--tls-cert", "c.pem")
    assert ended.code == 1
    assert "not both" in ended.err


def test_all_authorities_are_in_one_file(
    team: RunningServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    other = tmp_path / "company.pem"
    other.write_text("x\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other))
    own = team.home / "tls" / "ca.pem"
    text = write_authorities(own, tmp_path).read_text()
    assert text.startswith(own.read_text().strip())
    assert "\nAAAA\n" in text
    assert text.count("BEGIN CERTIFICATE") > 50
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "authorities.pem"))
    again = write_authorities(own, tmp_path).read_text()
    assert "\nAAAA\n" not in again  # what it wrote itself is no source of its own


def test_what_the_packages_remember_is_kept_apart_by_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    one, other = folder_of_client("https://a:1"), folder_of_client("https://a:2")
    assert one != other
    assert one.is_dir()
    assert azure_variables("https://a:1", "w", None, one, None)["AZURE_CONFIG_DIR"] == str(one)
