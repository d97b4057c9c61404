"""The setting artifact_store: which addresses are stores, and how large an upload's parts are."""

from pathlib import Path
from typing import Any

import obstore
import pytest
from obstore.store import AzureStore, GCSStore, MemoryStore, S3Store

from runyard.errors import InvalidParameter
from runyard.stores.artifacts.base import Declared
from runyard.stores.artifacts.folder import FolderArtifactStore
from runyard.stores.artifacts.locations import open_artifacts
from runyard.stores.artifacts.objects import (
    MAX_PARTS,
    PART_BYTES,
    ObjectArtifactStore,
    part_bytes_for,
    said_by,
)
from runyard.stores.artifacts.paths import ArtifactPath

MB = 1024 * 1024
NOWHERE = Path("/nowhere")


@pytest.fixture(autouse=True)
def _no_clouds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "a2V5")


@pytest.mark.parametrize(
    ("location", "kind", "place"),
    [
        ("s3://bucket", S3Store, "bucket"),
        ("s3://bucket/some/prefix/", S3Store, "bucket"),
        ("s3a://bucket/prefix", S3Store, "bucket"),
        ("gs://bucket/prefix", GCSStore, "bucket"),
        ("az://container/prefix", AzureStore, "container"),
        ("abfss://container@account.dfs.core.windows.net/prefix", AzureStore, "container"),
        ("wasbs://container@account.blob.core.windows.net/prefix", AzureStore, "container"),
    ],
)
def test_a_bucket_is_opened_by_its_scheme(location, kind, place):
    store = open_artifacts(location, NOWHERE, {})
    assert isinstance(store, ObjectArtifactStore)
    assert isinstance(store.objects, kind)
    assert place in store.objects.config.values()
    assert (store.objects.prefix or "").strip("/") == location.split("://")[1].partition("/")[2].strip("/")


def test_without_a_location_there_is_a_folder(tmp_path):
    store = open_artifacts("", tmp_path / "artifacts")
    assert isinstance(store, FolderArtifactStore)
    assert (tmp_path / "artifacts").is_dir()


@pytest.mark.parametrize(
    "location",
    ["bucket", "/srv/files", "file:///srv", "ftp://x/y", "http://x/y", "s3://", "s3:///", "memory://x"],
)
def test_what_is_no_bucket_is_refused_with_an_example(location):
    with pytest.raises(InvalidParameter, match="s3://bucket/prefix"):
        open_artifacts(location, NOWHERE, {})


@pytest.mark.parametrize(
    "location", ["s3://key:secret@bucket/x", "s3://bucket/x?region=y", "s3://bucket/x#y"]
)
def test_credentials_and_options_do_not_belong_into_the_address(location):
    with pytest.raises(InvalidParameter, match="environment") as refused:
        open_artifacts(location, NOWHERE, {})
    assert "secret" not in str(refused.value)


def test_an_account_that_nobody_named_is_asked_for(monkeypatch):
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME")
    with pytest.raises(InvalidParameter, match="Set AZURE_STORAGE_ACCOUNT_NAME"):
        open_artifacts("az://container/prefix", NOWHERE, {})


@pytest.mark.parametrize(
    ("environment", "is_allowed"),
    [
        ({}, "false"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9000"}, "true"),
        ({"AWS_ENDPOINT_URL": "https://minio.example"}, "false"),
        ({"AWS_ENDPOINT_URL_S3": "https://a.example", "AWS_ENDPOINT_URL": "http://b.example"}, "false"),
    ],
)
def test_plain_http_is_allowed_only_if_the_endpoint_says_so(environment, is_allowed):
    store = open_artifacts("s3://bucket", NOWHERE, environment)
    assert isinstance(store, ObjectArtifactStore)
    assert isinstance(store.objects, S3Store)
    assert (store.objects.client_options or {})["allow_http"] == is_allowed


@pytest.mark.parametrize("size_bytes", [None, 0, 1, 80_000_000_000, 100_000_000_000, 5 * 2**40])
def test_a_file_never_needs_more_parts_than_there_may_be(size_bytes):
    part_bytes = part_bytes_for(size_bytes)
    assert part_bytes >= PART_BYTES
    assert part_bytes * MAX_PARTS >= (size_bytes or 0)
    assert part_bytes <= max(PART_BYTES, (size_bytes or 0) // MAX_PARTS + MB)


def test_of_many_uploads_at_once_few_hold_much_and_the_others_little(monkeypatch):
    held: list[int] = []
    open_writer = obstore.open_writer

    def noted(*values: Any, **options: Any) -> Any:
        held.append(options["buffer_size"] * (options["max_concurrency"] + 1))
        return open_writer(*values, **options)

    monkeypatch.setattr(obstore, "open_writer", noted)
    store = ObjectArtifactStore(MemoryStore())
    uploads = [store.create(ArtifactPath((str(number),)), Declared(40 * MB)) for number in range(10)]
    assert max(held[:2]) <= 24 * MB
    assert max(held[2:]) <= 10 * MB
    uploads[0].commit()
    for upload in uploads:
        upload.close()
        upload.close()
    store.create(ArtifactPath(("again",))).close()
    assert held[-1] == held[0]


def test_what_a_service_said_is_told_without_signatures():
    said = said_by(
        ValueError(
            "Generic S3 error: Error performing GET http://h/b?X-Amz-Signature=abc&sig=d%2Fe&x=1 in 3ms - "
            'Server returned 403: <?xml version="1.0"?>\n<Error><Code>Denied</Code><Message>No.</Message>'
            "<AWSAccessKeyId>AK</AWSAccessKeyId></Error>\n\nDebug source:\nGeneric { secret }"
        )
    )
    assert said.endswith("Server returned 403: Denied: No")
    assert [word for word in ("abc", "d%2Fe", "AK", "secret", "\n") if word in said] == []
