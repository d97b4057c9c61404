"""Datastores in real buckets and containers, by the SDK, with nothing of the server's own environment."""

from __future__ import annotations

import base64
import hashlib
import http.client
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from runyard import Datastore, Workspace
from runyard.errors import InvalidParameter, NotFound
from runyard.protocol.messages.datastores import RegisterDatastore
from tests.object_stores.servers import BUCKET, Azurite, ObjectServer
from tests.object_stores.test_large_files import GROWTH_BYTES, HighestMemory
from tests.running_server import RunningServer
from tests.waiting import until

MB = 1024 * 1024
# What the server has for its own store, and must lend to nobody.
THE_SERVERS_OWN = {
    "AWS_ACCESS_KEY_ID": "the-servers",
    "AWS_SECRET_ACCESS_KEY": "the-servers",
    "AWS_SESSION_TOKEN": "the-servers",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9",
    "AZURE_STORAGE_ACCOUNT_NAME": "theservers",
    "AZURE_STORAGE_ACCOUNT_KEY": "dGhlLXNlcnZlcnM=",
    "AZURE_STORAGE_ENDPOINT": "http://127.0.0.1:9/theservers",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    variables = {"RUNYARD_OUTBOUND_ALLOW": "127.0.0.1", **THE_SERVERS_OWN}
    running = RunningServer(tmp_path_factory.mktemp("server") / "home", environment=variables).start()
    yield running
    running.close()


@pytest.fixture
def workspace(server: RunningServer) -> Workspace:
    return Workspace.get("default", url=server.url)


def register(
    workspace: Workspace, objects: ObjectServer, name: str, prefix: str, **changed: str
) -> Datastore:
    """Register a place in the bucket of a server of objects, with the credential that it has."""
    has = objects.environment
    if isinstance(objects, Azurite):
        key = changed.get("key", has["AZURE_STORAGE_ACCOUNT_KEY"])
        return Datastore.register_azure_blob_container(
            workspace,
            name,
            changed.get("bucket", BUCKET),
            has["AZURE_STORAGE_ACCOUNT_NAME"],
            account_key=key,
            endpoint=has["AZURE_STORAGE_ENDPOINT"],
            overwrite=True,
            prefix=prefix,
        )
    return Datastore.register_s3_bucket(
        workspace,
        name,
        changed.get("bucket", BUCKET),
        access_key_id=has["AWS_ACCESS_KEY_ID"],
        secret_access_key=changed.get("key", has["AWS_SECRET_ACCESS_KEY"]),
        endpoint=has["AWS_ENDPOINT_URL"],
        overwrite=True,
        prefix=prefix,
    )


@pytest.fixture
def store(workspace: Workspace, signing_server: ObjectServer) -> Datastore:
    prefix = signing_server.new_location().split(BUCKET, 1)[1].strip("/")
    return register(workspace, signing_server, "bucket", prefix)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    (folder / "more").mkdir(parents=True)
    (folder / "a b#ü.txt").write_text("small")
    (folder / "more" / "empty").write_text("")
    (folder / "more" / "large").write_bytes(os.urandom(MB) * 20)
    return folder


def test_a_folder_goes_into_a_bucket_and_comes_back(store: Datastore, data: Path, tmp_path: Path):
    store.upload(data, "raw")
    assert sorted(each.path for each in store.files.walk()) == [
        "raw/a b#ü.txt",
        "raw/more/empty",
        "raw/more/large",
    ]
    assert [(each.path, each.is_dir) for each in store.list("raw")] == [
        ("raw/a b#ü.txt", False),
        ("raw/more", True),
    ]
    assert store.send([(data / "more" / "large", "raw/more/large")]).skipped == ("raw/more/large",)
    assert store.download(tmp_path / "back", prefix="raw") == 3
    for each in ("a b#ü.txt", "more/empty", "more/large"):
        assert (tmp_path / "back" / "raw" / each).read_bytes() == (data / each).read_bytes()
    store.delete("raw/more")
    assert [each.path for each in store.files.walk()] == ["raw/a b#ü.txt"]
    with pytest.raises(NotFound):
        store.list("raw/more")


def test_a_large_file_passes_in_little_memory(
    workspace: Workspace, seaweedfs: ObjectServer, server: RunningServer, tmp_path: Path
):
    store = register(workspace, seaweedfs, "large", "large")
    large = tmp_path / "large"
    large.write_bytes(os.urandom(MB) * 16)
    store.upload(large)  # what a server needs once is no growth
    store.download(tmp_path / "first")
    large.write_bytes(os.urandom(MB) * 128)
    with HighestMemory(server) as memory:
        store.upload(large, overwrite=True)
        store.download(tmp_path / "back")
    assert (tmp_path / "back" / "large").read_bytes() == large.read_bytes()
    assert memory.bytes - memory.before < GROWTH_BYTES


def test_what_breaks_off_leaves_nothing_in_the_bucket(
    store: Datastore, server: RunningServer, signing_server: ObjectServer
):
    before = set(signing_server.waiting_parts())
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.putrequest("PUT", f"/api/v1/datastores/{store.name}/files/broken")
    connection.putheader("Content-Length", str(40 * MB))
    connection.endheaders(b"x" * (20 * MB))
    connection.close()
    content = b"y" * (10 * MB)
    declared = hashlib.sha256(content + b"other").digest()
    with pytest.raises(InvalidParameter):
        _put(server, store.name, "wrong", content, declared)
    assert list(store.list()) == []
    if not isinstance(signing_server, Azurite):  # which forgets by itself what nobody committed
        until(lambda: set(signing_server.waiting_parts()) <= before)


def _put(server: RunningServer, name: str, path: str, content: bytes, sha256: bytes) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    headers = {"Repr-Digest": f"sha-256=:{base64.b64encode(sha256).decode()}:"}
    connection.request("PUT", f"/api/v1/datastores/{name}/files/{path}", content, headers)
    answer = connection.getresponse()
    said = answer.read().decode()
    connection.close()
    if answer.status == 400:
        raise InvalidParameter(said)


def test_a_wrong_key_or_bucket_is_said_and_not_registered(workspace: Workspace, signing_server: ObjectServer):
    for changed in ({"key": "d3Jvbmcga2V5"}, {"bucket": "nobodys-bucket"}):
        with pytest.raises(InvalidParameter, match="was not registered") as refused:
            register(workspace, signing_server, "wrong", "x", **changed)
        assert "d3Jvbmcga2V5" not in str(refused.value)
    assert "wrong" not in workspace.datastores


def test_without_a_credential_nothing_of_the_servers_signs(
    workspace: Workspace, signing_server: ObjectServer
):
    has = signing_server.environment
    wanted = RegisterDatastore(
        name="open",
        kind="azure_blob" if isinstance(signing_server, Azurite) else "s3",
        bucket=BUCKET,
        account=has.get("AZURE_STORAGE_ACCOUNT_NAME", ""),
        endpoint=has.get("AZURE_STORAGE_ENDPOINT") or has["AWS_ENDPOINT_URL"],
    )
    with pytest.raises(InvalidParameter, match="was not registered"):
        Datastore.register(workspace, wanted)


def test_a_credential_lies_encrypted_on_the_server(
    store: Datastore, server: RunningServer, signing_server: ObjectServer
):
    secret = next(value for name, value in signing_server.environment.items() if name.endswith("_KEY"))
    with sqlite3.connect(server.home / "runyard.db") as database:
        kept = "\n".join(database.iterdump())
    database.close()
    assert store.name in kept
    assert secret not in kept


def test_another_servers_bucket_takes_the_place_at_once(
    store: Datastore, workspace: Workspace, signing_server: ObjectServer, data: Path
):
    store.upload(data / "a b#ü.txt")
    other = register(
        workspace, signing_server, store.name, "elsewhere/" + urlsplit(workspace.url).netloc[-5:]
    )
    assert list(other.list()) == []
    assert list(store.list()) == []


def test_a_service_that_went_away_is_unavailable(workspace: Workspace, server: RunningServer):
    Datastore.register_s3_bucket(
        workspace, "gone", "some-bucket", endpoint="http://127.0.0.1:9", skip_validation=True
    )
    answer = httpx.get(f"{server.url}/api/v1/datastores/gone/files", timeout=60)
    assert (answer.status_code, answer.json()["error_code"]) == (503, "TEMPORARILY_UNAVAILABLE")
