"""The server on real object stores, driven over HTTP and by the genuine client."""

import base64
import hashlib
import json
import os
import subprocess
import sys
import textwrap

import httpx
import pytest

from tests.conftest import ServerStarter
from tests.object_stores.machine_role import MachineRole
from tests.object_stores.servers import ObjectServer
from tests.running_server import RunningServer, scrubbed

MB = 1024 * 1024
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
PRESIGNED = "/api/2.0/mlflow-artifacts/presigned"

# Logs a file with the genuine client, brings it back, and says which way it came.
ROUND_TRIP = textwrap.dedent(
    """
    import hashlib, json, pathlib, sys, tempfile
    import mlflow
    from mlflow.store.artifact.http_artifact_repo import HttpArtifactRepository

    direct = []
    original = HttpArtifactRepository._multipart_download
    def watched(self, *args, **kwargs):
        direct.append(1)
        return original(self, *args, **kwargs)
    HttpArtifactRepository._multipart_download = watched

    parts = []
    send_part = HttpArtifactRepository._upload_part
    def watched_part(*args, **kwargs):
        parts.append(1)
        return send_part(*args, **kwargs)
    HttpArtifactRepository._upload_part = staticmethod(watched_part)

    here = pathlib.Path(tempfile.mkdtemp())
    content = bytes(range(256)) * 4096 * int(sys.argv[1])
    (here / "large.bin").write_bytes(content)
    with mlflow.start_run() as run:
        mlflow.log_artifact(str(here / "large.bin"), "model")
    back = mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="model/large.bin")
    print(json.dumps({
        "is_same": pathlib.Path(back).read_bytes() == content,
        "direct": len(direct),
        "parts": len(parts),
        "listed": [found.path for found in mlflow.MlflowClient().list_artifacts(run.info.run_id, "model")],
    }))
    """
)


@pytest.fixture
def server(object_server: ObjectServer, start_server: ServerStarter) -> RunningServer:
    location = {"RUNYARD_ARTIFACT_STORE": object_server.new_location()}
    return start_server(environment=object_server.environment | location)


@pytest.fixture
def addressing_server(signing_server: ObjectServer, start_server: ServerStarter) -> RunningServer:
    return started_with_addresses(signing_server, start_server)


def started_with_addresses(server: ObjectServer, start_server: ServerStarter) -> RunningServer:
    variables = {"RUNYARD_ARTIFACT_STORE": server.new_location(), "RUNYARD_ARTIFACT_ADDRESS_S": "60"}
    return start_server(environment=server.environment | variables)


def round_trip(
    server: RunningServer, tmp_path, python: str = sys.executable, **variables: str
) -> dict[str, object]:
    steered = {"MLFLOW_TRACKING_URI": server.url, "HOME": str(tmp_path)} | variables
    done = subprocess.run(
        [python, "-c", ROUND_TRIP, "24"],
        env=scrubbed(os.environ) | steered,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return answer


def test_the_genuine_client_gets_back_what_it_logged(server, tmp_path):
    assert round_trip(server, tmp_path) == {
        "is_same": True,
        "direct": 0,
        "parts": 0,
        "listed": ["model/large.bin"],
    }


def test_the_genuine_client_falls_back_where_parts_can_not_be_sent_directly(server, tmp_path):
    sent = round_trip(
        server,
        tmp_path,
        MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD="true",
        MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD="true",
        MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE=str(5 * MB),
    )
    assert sent == {"is_same": True, "direct": 0, "parts": 0, "listed": ["model/large.bin"]}


def test_the_genuine_client_downloads_from_the_store_itself_when_the_server_lets_it(
    addressing_server, tmp_path
):
    sent = round_trip(addressing_server, tmp_path, MLFLOW_MULTIPART_DOWNLOAD_CHUNK_SIZE=str(10 * MB))
    assert sent == {"is_same": True, "direct": 1, "parts": 0, "listed": ["model/large.bin"]}


def test_an_address_is_of_the_callers_workspace_and_of_a_file_that_is_there(addressing_server):
    url = addressing_server.url
    httpx.post(f"{url}/api/v1/workspaces", json={"name": "vision"}, timeout=60).raise_for_status()
    httpx.put(f"{url}{ARTIFACTS}/run/file", content=b"default's", timeout=60).raise_for_status()
    found = httpx.get(f"{url}{PRESIGNED}/run/file", timeout=60).json()
    assert httpx.get(found["url"], timeout=60).content == b"default's"
    assert found["file_size"] == 9
    for missing in (f"{url}/workspaces/vision{PRESIGNED}/run/file", f"{url}{PRESIGNED}/run/nope"):
        assert httpx.get(missing, timeout=60).status_code == httpx.codes.NOT_FOUND
    for refused in ("run", "..%2fvision/run/file", "%2e%2e/x"):
        answer = httpx.get(f"{url}{PRESIGNED}/{refused}", timeout=60)
        assert answer.status_code in (httpx.codes.BAD_REQUEST, httpx.codes.NOT_FOUND)
        assert "url" not in answer.json()


def test_a_role_of_the_machine_is_enough_and_its_keys_are_asked_for_anew(seaweedfs, start_server, tmp_path):
    given = seaweedfs.environment
    with MachineRole(given.pop("AWS_ACCESS_KEY_ID"), given.pop("AWS_SECRET_ACCESS_KEY")) as role:
        variables = {
            "AWS_METADATA_ENDPOINT": role.address,
            "RUNYARD_ARTIFACT_STORE": seaweedfs.new_location(),
            "RUNYARD_ARTIFACT_ADDRESS_S": "60",
        }
        server = start_server(environment=given | variables)
        asked = role.asked
        sent = round_trip(
            server,
            tmp_path,
            MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD="true",
            MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE=str(5 * MB),
            MLFLOW_MULTIPART_DOWNLOAD_CHUNK_SIZE=str(10 * MB),
        )
        assert role.asked > asked > 0
    # Parts of clients need the secret itself, which a role keeps to itself; addresses don't.
    assert sent == {"is_same": True, "direct": 1, "parts": 0, "listed": ["model/large.bin"]}


def test_what_a_service_does_not_sign_passes_through_the_server(google_storage, start_server, tmp_path):
    """The account of a machine at Google signs by way of a service that can not be reached here."""
    server = started_with_addresses(google_storage, start_server)
    sent = round_trip(
        server,
        tmp_path,
        MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD="true",
        MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE=str(5 * MB),
        MLFLOW_MULTIPART_DOWNLOAD_CHUNK_SIZE=str(10 * MB),
    )
    assert sent == {"is_same": True, "direct": 0, "parts": 0, "listed": ["model/large.bin"]}


def test_a_name_without_an_address_is_downloaded_from_the_server(addressing_server, signing_server):
    url = addressing_server.url
    httpx.put(f"{url}{ARTIFACTS}/run/a%20b", content=b"1", timeout=60).raise_for_status()
    found = httpx.get(f"{url}{PRESIGNED}/run/a%20b", timeout=60).json()
    if signing_server.scheme == "az":
        assert found == {"url": "", "headers": {}}
    else:
        assert httpx.get(found["url"], timeout=60).content == b"1"


def test_without_the_setting_there_are_no_addresses(server):
    httpx.put(f"{server.url}{ARTIFACTS}/run/file", content=b"1", timeout=60).raise_for_status()
    answer = httpx.get(f"{server.url}{PRESIGNED}/run/file", timeout=60)
    assert answer.status_code == httpx.codes.NOT_IMPLEMENTED
    assert answer.json()["error_code"] == "NOT_IMPLEMENTED"
    info = httpx.get(f"{server.url}/api/3.0/mlflow/server-info", timeout=60).json()
    assert (info["multipart_downloads_enabled"], info["multipart_uploads_enabled"]) == (False, False)


def test_a_declared_checksum_goes_out_with_every_download(server):
    content = b"x" * (9 * MB)
    declared = f"sha-256=:{base64.b64encode(hashlib.sha256(content).digest()).decode()}:"
    address = f"{server.url}{ARTIFACTS}/run/file"
    refused = httpx.put(address, content=content + b"y", headers={"Repr-Digest": declared}, timeout=60)
    assert refused.status_code == httpx.codes.BAD_REQUEST
    assert httpx.get(address, timeout=60).status_code == httpx.codes.NOT_FOUND
    httpx.put(address, content=content, headers={"Repr-Digest": declared}, timeout=60).raise_for_status()
    answer = httpx.get(address, headers={"Range": "bytes=0-9"}, timeout=60)
    assert answer.content == content[:10]
    assert answer.headers["Repr-Digest"] == declared
