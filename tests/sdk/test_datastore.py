"""Datastores by the SDK, by the names of Azure's first: found, registered, and files in and out of them."""

from __future__ import annotations

import os
import threading
from itertools import count
from pathlib import Path

import pytest

from runyard import DataPath, Datastore, Workspace
from runyard.errors import AlreadyExists, InvalidParameter, NotFound, NotImplementedHere
from runyard.sdk.datastore_files import as_regex
from tests.running_server import RunningServer

_numbers = count()


@pytest.fixture
def workspace(server: RunningServer) -> Workspace:
    return Workspace.create(f"files-{next(_numbers)}", url=server.url)


@pytest.fixture
def store(workspace: Workspace) -> Datastore:
    return workspace.get_default_datastore()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    for name, content in (("a.csv", "1"), ("more/b.csv", "22"), ("more/c d#.txt", "333"), ("more/empty", "")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return folder


def paths(store: Datastore, path: str = "") -> list[str]:
    return sorted(each.path for each in store.files.walk(path))


def test_each_workspace_has_a_default_datastore(workspace: Workspace):
    assert list(workspace.datastores) == ["workspaceartifactstore", "workspaceblobstore"]
    default = workspace.get_default_datastore()
    assert default == Datastore.get_default(workspace) == Datastore(workspace, "workspaceblobstore")
    assert default.is_default
    assert default.datastore_type == "LocalFolder"
    with pytest.raises(
        NotFound, match="has no datastore 'none'; it has workspaceartifactstore, workspaceblob"
    ):
        Datastore.get(workspace, "none")
    with pytest.raises(NotFound, match="has no datastore 'no/name'"):
        Datastore.get(workspace, "no/name")
    with pytest.raises(InvalidParameter, match="datastore_name"):
        Datastore.get(workspace, "..")


def test_a_folder_goes_up_and_comes_back(store: Datastore, data: Path, tmp_path: Path):
    reference = store.upload(src_dir=str(data), target_path="/raw/", overwrite=False, show_progress=True)
    assert reference.uri == "azureml://datastores/workspaceblobstore/paths/raw"
    assert paths(store) == ["raw/a.csv", "raw/more/b.csv", "raw/more/c d#.txt", "raw/more/empty"]
    assert [each.path for each in store.list("raw")] == ["raw/a.csv", "raw/more"]
    assert store.download(tmp_path / "back", prefix="raw") == 4
    for each in data.rglob("*"):
        if each.is_file():
            back = tmp_path / "back" / "raw" / each.relative_to(data)
            assert back.read_bytes() == each.read_bytes()
    assert sorted(path.name for path in (tmp_path / "back").rglob(".*")) == []


def test_what_is_there_stays_unless_it_is_to_be_replaced(store: Datastore, data: Path, tmp_path: Path):
    store.upload(data)
    (data / "a.csv").write_text("changed")
    (data / "new").write_text("new")
    sent = store.send([(data / name, name) for name in ("a.csv", "new")])
    assert (sent.files, sent.size_bytes, sent.skipped) == (1, 3, ("a.csv",))
    store.download(tmp_path / "back")
    assert (tmp_path / "back" / "a.csv").read_text() == "1"
    store.upload(data, overwrite=True)
    assert store.download(tmp_path / "back") == 0
    assert (tmp_path / "back" / "a.csv").read_text() == "1"
    assert store.download(tmp_path / "back", overwrite=True) == 5
    assert (tmp_path / "back" / "a.csv").read_text() == "changed"


def test_single_files_keep_their_paths_from_a_root_on(store: Datastore, data: Path):
    files = [str(data / "a.csv"), str(data / "more" / "b.csv")]
    store.upload_files(files, target_path="common")
    store.upload_files(files, relative_root=str(data.parent), target_path="given")
    store.upload_files(files[1:])
    assert paths(store) == [
        "b.csv",
        "common/a.csv",
        "common/more/b.csv",
        "given/data/a.csv",
        "given/data/more/b.csv",
    ]
    with pytest.raises(InvalidParameter, match="relative_root"):
        store.upload_files(files, relative_root=str(data / "more"))
    with pytest.raises(InvalidParameter, match="files"):
        store.upload_files([str(data / "none")])
    with pytest.raises(InvalidParameter, match="src_dir"):
        store.upload(str(data / "none"))


def test_a_pattern_finds_files(store: Datastore, data: Path, tmp_path: Path):
    store.upload(data, "raw")
    store.upload(data / "a.csv", "raw/deep/er")
    assert [each.path for each in store.list("raw/*.csv")] == ["raw/a.csv"]
    assert sorted(each.path for each in store.list("raw/**/*.csv")) == [
        "raw/a.csv",
        "raw/deep/er/a.csv",
        "raw/more/b.csv",
    ]
    assert store.download(tmp_path / "back", prefix="**/b.?sv") == 1
    assert (tmp_path / "back" / "raw" / "more" / "b.csv").exists()
    with pytest.raises(NotFound):
        store.list("none")


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("a/*", "a/b", True),
        ("a/*", "a/b/c", False),
        ("a/**", "a/b/c", True),
        ("**/c", "c", True),
        ("**/c", "a/b/c", True),
        ("**/c", "a/bc", False),
        ("a?c", "abc", True),
        ("a?c", "a/c", False),
        ("[ab].c", "b.c", True),
        ("[!ab].c", "b.c", False),
        ("[a-c]", "b", True),
        ("[]", "[]", True),
        ("a+(b)", "a+(b)", True),
        ("[^a]", "^", True),
    ],
)
def test_a_pattern_means_what_shells_mean(pattern: str, path: str, fits: bool):
    assert (as_regex(pattern).fullmatch(path) is not None) == fits


def test_a_file_that_can_not_be_sent_leaves_nothing(store: Datastore, data: Path):
    for overwrite in (False, True):
        with pytest.raises(InvalidParameter, match=r"path|Invalid path"):
            store.send([(data / "a.csv", "../../secrets/x")], overwrite=overwrite)
    (data / "secret").write_text("x")
    (data / "secret").chmod(0)
    if os.geteuid():
        with pytest.raises(PermissionError):
            store.upload(data / "secret")
    with pytest.raises(InvalidParameter, match="Two files"):
        store.send([(data / "a.csv", "x"), (data / "more" / "b.csv", "x")])
    assert paths(store) == []


def test_what_changes_while_it_is_sent_is_not_kept(store: Datastore, data: Path, monkeypatch):
    large = data / "large"
    large.write_bytes(b"1" * 3_000_000)
    send = store.workspace.connection.send

    def changed_before(request):
        large.write_bytes(b"2" * 3_000_000)
        return send(request)

    monkeypatch.setattr(
        "runyard.sdk.connection.Connection.send", lambda self, request: changed_before(request)
    )
    with pytest.raises(InvalidParameter, match="SHA-256"):
        store.upload(large)
    assert paths(store) == []


def test_many_threads_may_use_one_datastore(store: Datastore, data: Path):
    threads = [
        threading.Thread(target=store.upload, args=(data, f"of-{number}"), kwargs={"show_progress": False})
        for number in range(4)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(paths(store)) == 16


def test_a_datastore_is_registered_made_the_default_and_forgotten(workspace: Workspace, data: Path):
    own = Datastore.register_folder(workspace, "scans", description="of <b>")
    with pytest.raises(AlreadyExists):
        Datastore.register_folder(workspace, "scans")
    own.set_as_default()
    assert own.is_default
    assert workspace.get_default_datastore().name == "scans"
    own.upload(data)
    workspace.set_default_datastore("workspaceartifactstore")
    assert workspace.get_default_datastore().name == "workspaceartifactstore"
    own.unregister()
    assert "scans" not in workspace.datastores
    with pytest.raises(NotFound):
        own.unregister()
    assert len(paths(Datastore.register_folder(workspace, "scans"))) == 4


def test_containers_and_buckets_are_registered_by_the_names_of_azures_sdk(workspace: Workspace):
    blob = Datastore.register_azure_blob_container(
        workspace=workspace,
        datastore_name="blob",
        container_name="scans",
        account_name="labdata",
        account_key="aHVudGVyMg==",
        skip_validation=True,
    )
    assert (blob.datastore_type, blob.container_name, blob.account_name) == ("AzureBlob", "scans", "labdata")
    assert blob.details.has_credential
    s3 = Datastore.register_s3_bucket(
        workspace, "s3", "scans", access_key_id="AK", secret_access_key="hunter2", skip_validation=True
    )
    google = Datastore.register_gcs_bucket(workspace, "google", "scans", skip_validation=True)
    assert [each.datastore_type for each in (s3, google)] == ["S3", "GoogleCloudStorage"]
    assert list(workspace.datastores)[2:] == ["blob", "google", "s3"]
    shown = "".join(repr(each) + each._repr_html_() + repr(each.details) for each in (blob, s3, google))
    assert "hunter2" not in shown
    assert "aHVud" not in shown
    assert "scans" in workspace.datastores["s3"]._repr_html_()
    assert "the default" in workspace.datastores._repr_html_()


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"endpoint": "core.chinacloudapi.cn"}, "labdata.blob.core.chinacloudapi.cn"),
        ({"protocol": "ftp"}, "protocol"),
        ({"protocol": "http", "endpoint": "http://127.0.0.1:1/labdata"}, "127.0.0.1"),
    ],
)
def test_an_endpoint_needs_an_administrator(workspace: Workspace, given, named: str):
    with pytest.raises(InvalidParameter, match=named):
        Datastore.register_azure_blob_container(workspace, "x", "scans", "labdata", **given)


@pytest.mark.parametrize(
    ("register", "given", "said"),
    [
        (
            "azure_blob_container",
            ("x", "c", "acc"),
            "Invalid value 'c' for 'container_name': expected 3 to 63",
        ),
        ("azure_blob_container", ("x", "scans", "A"), "Invalid value 'A' for 'account_name': expected 3 to"),
        ("azure_blob_container", ("x", 5, "acc"), "parameter 'container_name'"),
        ("s3_bucket", ("x", "B"), "Invalid value 'B' for 'bucket_name': expected"),
        ("gcs_bucket", ("x", "B"), "Invalid value 'B' for 'bucket_name': expected"),
        ("folder", ("x y",), "Invalid value 'x y' for 'datastore_name': expected"),
        ("folder", ("",), "parameter 'datastore_name'"),
    ],
)
def test_a_refusal_names_the_argument_of_the_method(workspace: Workspace, register: str, given, said: str):
    with pytest.raises(InvalidParameter, match=said):
        getattr(Datastore, f"register_{register}")(workspace, *given)


def test_a_prefix_or_a_key_that_can_t_be_is_named(workspace: Workspace):
    with pytest.raises(InvalidParameter, match=r"^'account_key' has a control character"):
        Datastore.register_azure_blob_container(workspace, "x", "scans", "labdata", account_key="k\n")
    with pytest.raises(
        InvalidParameter, match=r"'\.\./x' for 'prefix': expected a folder as .* Invalid path"
    ):
        Datastore.register_s3_bucket(workspace, "x", "scans", prefix="../x")


def test_what_there_is_not_says_what_to_use(workspace: Workspace):
    for refuse in (
        Datastore.register_azure_file_share,
        Datastore.register_azure_data_lake_gen2,
        Datastore.register_azure_sql_database,
    ):
        with pytest.raises(NotImplementedHere, match="Runyard has no"):
            refuse(workspace, "x", account_name="labdata")
    with pytest.raises(NotImplementedHere, match="makes no containers"):
        Datastore.register_azure_blob_container(workspace, "x", "c-1", "acc", create_if_not_exists=True)


def test_places_are_values_that_say_how_they_come_to_a_job(store: Datastore):
    mounted = store.path("/a/b/").as_mount()
    assert (mounted.mode, mounted.path_on_datastore) == ("mount", "a/b")
    assert str(mounted) == "$AZUREML_DATAREFERENCE_workspaceblobstore_a_b"
    assert mounted.path("c").uri.endswith("/paths/a/b/c")
    brought = store.as_download("/tmp/x")
    assert (brought.mode, brought.path_on_compute, brought.path_on_datastore) == ("download", "/tmp/x", None)
    assert store.as_upload().mode == "upload"
    assert store.as_mount() == store.path()
    assert hash(store.path("a")) == hash(store.path("a"))
    named = DataPath(store, "a/ü", "input")
    assert named.uri == "azureml://datastores/workspaceblobstore/paths/a/%C3%BC"
    assert named.create_data_reference().data_reference_name == "input"
    assert "mode='mount'" in repr(mounted)
    with pytest.raises(InvalidParameter, match="mode"):
        type(mounted)(store, mode="copy")  # type: ignore[arg-type]


def test_no_name_of_a_servers_leads_out_of_the_folder(
    store: Datastore, data: Path, tmp_path: Path, monkeypatch
):
    store.upload(data)
    found = list(store.files.walk())
    for each in found:
        each.path = "../" + each.path
    monkeypatch.setattr("runyard.sdk.datastore_files.DatastoreFiles.walk", lambda self, path="": iter(found))
    with pytest.raises(InvalidParameter, match="not a path below"):
        store.download(tmp_path / "back")
    assert not (tmp_path / "a.csv").exists()


def test_a_file_is_deleted_by_its_path(store: Datastore, data: Path):
    store.upload(data)
    store.delete("more/c d#.txt")
    store.delete("/more")
    assert paths(store) == ["a.csv"]
    store.workspace.secrets.set("kept", "1")
    for path in ("", "/", ".", "a/../..", "../../../secrets/kept"):
        with pytest.raises(InvalidParameter):
            store.delete(path)
    assert store.workspace.secrets.list() == ["kept"]
    assert paths(store) == ["a.csv"]
