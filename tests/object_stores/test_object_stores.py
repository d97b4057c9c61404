"""Real object stores hold to the shipped rules, and to what only they can break."""

import hashlib
import time
from pathlib import Path

import httpx
import obstore
import psutil
import pytest

from runyard.errors import InvalidParameter, NotFound, TooLarge, Unavailable
from runyard.stores.artifacts import objects
from runyard.stores.artifacts.base import ArtifactStore, Declared
from runyard.stores.artifacts.checksums import checked
from runyard.stores.artifacts.locations import check_writable, open_artifacts
from runyard.stores.artifacts.objects import PART_BYTES, AddressedObjectArtifactStore, ObjectArtifactStore
from runyard.testing.artifact_files import at, get, names, put
from runyard.testing.artifact_rules import ODD_NAMES, ArtifactStoreRules
from tests.object_stores.servers import ObjectServer
from tests.running_server import free_port

MB = 1024 * 1024


class OnAServer(ArtifactStoreRules):
    server: ObjectServer
    monkeypatch: pytest.MonkeyPatch

    def contents(self, store: ArtifactStore) -> dict[str, bytes]:
        assert isinstance(store, ObjectArtifactStore)
        found = obstore.list(store.objects).collect()
        return {item["path"]: bytes(obstore.get(store.objects, item["path"]).bytes()) for item in found}

    def emptied(self, store: ArtifactStore | None) -> ArtifactStore:
        return self.server.open(self.server.new_location(), self.monkeypatch)


class TestSeaweedFS(OnAServer):
    forgets_directories_at_once = False  # they are folders of its filer, which sweeps them later

    @pytest.fixture
    def store(self, seaweedfs: ObjectServer, monkeypatch: pytest.MonkeyPatch) -> ArtifactStore:
        self.server, self.monkeypatch = seaweedfs, monkeypatch
        return self.emptied(None)


class TestAzurite(OnAServer):
    @pytest.fixture
    def store(self, azurite: ObjectServer, monkeypatch: pytest.MonkeyPatch) -> ArtifactStore:
        self.server, self.monkeypatch = azurite, monkeypatch
        return self.emptied(None)


class TestGoogleStorage(OnAServer):
    forgets_directories_at_once = False  # SeaweedFS keeps its objects

    @pytest.fixture
    def store(self, google_storage: ObjectServer, monkeypatch: pytest.MonkeyPatch) -> ArtifactStore:
        self.server, self.monkeypatch = google_storage, monkeypatch
        return self.emptied(None)


@pytest.fixture
def store(object_server: ObjectServer, monkeypatch: pytest.MonkeyPatch) -> ObjectArtifactStore:
    return object_server.open(object_server.new_location(), monkeypatch)


@pytest.fixture
def signing_store(signing_server: ObjectServer, monkeypatch: pytest.MonkeyPatch) -> ObjectArtifactStore:
    return signing_server.open(signing_server.new_location(), monkeypatch)


def test_its_server_listens_on_this_machine_alone(object_server):
    assert object_server.listening_addresses() == {"127.0.0.1"}


@pytest.mark.parametrize("size_bytes", [0, 10, PART_BYTES + 1, 5 * PART_BYTES])
def test_an_upload_that_is_dropped_leaves_no_parts(object_server, store, size_bytes):
    with store.create(at("run/dropped")) as upload:
        for _ in range(0, size_bytes, MB):
            upload.write(b"x" * min(MB, size_bytes))
    assert obstore.list(store.objects).collect() == []
    # Azure has no way to take uncommitted blocks back; it forgets them after a week.
    assert object_server.scheme == "az" or object_server.waiting_parts() == []


@pytest.mark.parametrize("size_bytes", [0, 10, 2 * PART_BYTES + 10])
def test_a_declared_checksum_is_kept_beside_the_file(store, size_bytes):
    content = bytes(size_bytes)
    declared = Declared(size_bytes, hashlib.sha256(content).hexdigest())
    with checked(store.create(at("run/file"), declared), declared) as upload:
        upload.write(content)
        committed = upload.commit()
    assert committed.sha256 == declared.sha256
    assert store.stat(at("run/file")) == committed
    with store.open(at("run/file")) as download:
        assert download.file.sha256 == declared.sha256


def test_a_file_that_is_not_what_was_declared_is_not_kept(object_server, store):
    declared = Declared(3 * PART_BYTES, hashlib.sha256(b"other").hexdigest())
    put(store, "run/file", b"old")
    with checked(store.create(at("run/file"), declared), declared) as upload:
        upload.write(bytes(3 * PART_BYTES))
        with pytest.raises(InvalidParameter, match="SHA-256"):
            upload.commit()
    assert get(store, "run/file") == b"old"
    assert object_server.scheme == "az" or object_server.waiting_parts() == []


def test_a_file_of_unknown_length_ends_where_its_parts_do(store, monkeypatch):
    monkeypatch.setattr(objects, "MAX_PARTS", 2)
    with store.create(at("run/file")) as upload:
        upload.write(bytes(2 * PART_BYTES))
        with pytest.raises(TooLarge, match="Content-Length"):
            upload.write(b"1")
    with store.create(at("run/file"), Declared(2 * PART_BYTES + 1)) as upload:
        upload.write(bytes(2 * PART_BYTES + 1))
        upload.commit()
    assert names(store, "run") == ["file"]


def test_an_address_opens_one_file_for_a_while(signing_store):
    store = signing_store
    put(store, "run/file.bin", b"0123456789")
    put(store, "run/other", b"secret")
    assert isinstance(store, AddressedObjectArtifactStore)
    url = store.download_address(at("run/file.bin"), 60)
    other = store.download_address(at("run/other"), 60)
    assert url is not None
    assert other is not None
    assert httpx.get(url, timeout=60).content == b"0123456789"
    assert httpx.get(url, headers={"Range": "bytes=2-4"}, timeout=60).content == b"234"
    swapped = httpx.URL(url).copy_with(path=httpx.URL(other).path)
    assert httpx.get(swapped, timeout=60).status_code == httpx.codes.FORBIDDEN
    assert httpx.put(url, content=b"1", timeout=60).is_error
    assert get(store, "run/file.bin") == b"0123456789"


@pytest.mark.parametrize("name", ODD_NAMES)
def test_an_address_of_an_odd_name_works_or_there_is_none(signing_server, signing_store, name):
    store = signing_store
    put(store, f"run/{name}", b"1")
    assert isinstance(store, AddressedObjectArtifactStore)
    url = store.download_address(at(f"run/{name}"), 60)
    assert url is not None or signing_server.scheme == "az"
    assert url is None or httpx.get(url, timeout=60).content == b"1"


def test_a_store_that_can_be_used_passes_the_check_and_is_left_empty(object_server, monkeypatch):
    location = object_server.new_location()
    store = object_server.open(location, monkeypatch)
    check_writable(store, location)
    assert obstore.list(store.objects).collect() == []


def test_a_wrong_key_is_named_when_the_server_starts(signing_server, monkeypatch):
    location = signing_server.new_location()
    name = "AWS_SECRET_ACCESS_KEY" if signing_server.scheme == "s3" else "AZURE_STORAGE_ACCOUNT_KEY"
    for variable, value in (signing_server.environment | {name: "d3Jvbmc="}).items():
        monkeypatch.setenv(variable, value)
    with pytest.raises(Unavailable, match=name) as refused:
        check_writable(open_artifacts(location, Path("unused")), location)
    assert "d3Jvbmc=" not in str(refused.value)


def test_a_machine_without_an_account_is_told_what_to_set(google_storage, monkeypatch):
    location = google_storage.new_location()
    google_storage.open(location, monkeypatch)
    monkeypatch.setenv("GCE_METADATA_HOST", f"127.0.0.1:{free_port()}")
    monkeypatch.setenv("GCE_METADATA_IP", f"127.0.0.1:{free_port()}")
    with pytest.raises(Unavailable, match="GOOGLE_APPLICATION_CREDENTIALS"):
        check_writable(open_artifacts(location, Path("unused")), location)


def test_the_token_of_a_machine_is_asked_for_again_before_it_ends(google_storage, monkeypatch):
    store = google_storage.open(google_storage.new_location(), monkeypatch)
    before = google_storage.tokens_given()
    for number in range(3):
        put(store, f"run/{number}", b"1")
        time.sleep(0.2)  # obstore asks at most ten times a second
    assert google_storage.tokens_given() >= before + 3


def test_a_bucket_that_is_not_there_is_named_when_the_server_starts(azurite, monkeypatch):
    store = azurite.open("az://nowhere/prefix", monkeypatch)
    with pytest.raises(Unavailable, match="ContainerNotFound"):
        check_writable(store, "az://nowhere/prefix")
    with pytest.raises(Unavailable):
        put(store, "run/file", b"1")
    with pytest.raises((NotFound, Unavailable)):
        store.open(at("run/file"))


def test_memory_does_not_grow_with_the_file(store):
    size_bytes = 128 * MB
    process = psutil.Process()
    put(store, "warm", bytes(2 * PART_BYTES))
    before = process.memory_info().rss
    highest = before
    piece = bytes(MB)
    with store.create(at("run/file"), Declared(size_bytes)) as upload:
        for _ in range(size_bytes // MB):
            upload.write(piece)
            highest = max(highest, process.memory_info().rss)
        upload.commit()
    with store.open(at("run/file")) as download:
        for offset in range(0, size_bytes, download.preferred_read_bytes):
            download.read(offset, download.preferred_read_bytes)
            highest = max(highest, process.memory_info().rss)
    assert highest - before < 64 * MB
