"""`runyard datastore`: registered, listed, and files in and out of them."""

import io
import subprocess
import sys
from itertools import count
from pathlib import Path

import pytest

from runyard import Workspace
from tests.cli.conftest import CommandLine, Ended
from tests.running_server import RunningServer

pytestmark = pytest.mark.usefixtures("_at_server")
_numbers = count()


@pytest.fixture
def datastore(runyard: CommandLine, server: RunningServer):
    """Run a command of the group in a workspace of its own."""
    name = Workspace.create(f"stored-{next(_numbers)}", url=server.url).name

    def run(*arguments: object) -> Ended:
        return runyard("datastore", *arguments, "--workspace", name)

    return run


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    (folder / "more").mkdir(parents=True)
    (folder / "a.csv").write_text("1")
    (folder / "more" / "b.csv").write_text("22")
    return folder


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch):
    def type_(content: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))

    return type_


def test_one_file_is_one(datastore, data: Path):
    assert datastore("upload", data / "a.csv", "raw").out == "1 file uploaded, 1 byte.\n"


def test_a_folder_goes_up_is_listed_and_comes_back(datastore, data: Path, tmp_path: Path):
    assert datastore("upload", data, "raw").out == "2 files uploaded, 3 bytes.\n"
    assert datastore("ls").rows == [["raw/", ""]]
    assert datastore("ls", "raw").rows == [["raw/a.csv", "1 byte"], ["raw/more/", ""]]
    assert datastore("ls", "raw/**/*.csv", "--json").json == [
        {"path": "raw/a.csv", "size_bytes": 1},
        {"path": "raw/more/b.csv", "size_bytes": 2},
    ]
    assert datastore("download", "raw", tmp_path / "back").out == "2 files downloaded, 3 bytes.\n"
    assert (tmp_path / "back" / "raw" / "more" / "b.csv").read_text() == "22"
    again = datastore("upload", data, "raw", "--json").json
    assert again == {"files": 0, "size_bytes": 0, "skipped": ["raw/a.csv", "raw/more/b.csv"]}
    assert "--overwrite" in datastore("download", ".", tmp_path / "back").err
    assert datastore("upload", data, "raw", "--overwrite").out.startswith("2 files")
    assert datastore("delete", "raw/more").code == 0
    assert datastore("ls", "raw/more").code == 3
    assert datastore("upload", tmp_path / "none").code == 1


def test_datastores_are_registered_shown_chosen_and_forgotten(datastore):
    assert [row[:3] for row in datastore("list").rows] == [
        ["workspaceartifactstore", "folder", ""],
        ["workspaceblobstore", "folder", "yes"],
    ]
    assert datastore("register", "scans", "--kind", "folder", "--description", "of May").code == 0
    assert datastore("set-default", "scans").code == 0
    shown = datastore("show", "--json").json
    assert (shown["name"], shown["is_default"], shown["description"]) == ("scans", True, "of May")
    assert "of May" in datastore("show").out
    assert datastore("register", "scans", "--kind", "folder").code == 1
    assert datastore("unregister", "scans").code == 0
    assert datastore("show", "scans").code == 3
    assert datastore("unregister", "workspaceblobstore").code == 1


def test_a_secret_of_a_bucket_comes_by_standard_input(datastore, typed, tmp_path: Path):
    typed(b"hunter2\n")
    bucket = ("--bucket", "my-bucket", "--skip-validation")
    ended = datastore("register", "s3", "--kind", "s3", *bucket, "--access-key-id", "AKIA", "--prefix", "a/b")
    assert ended.out == "The datastore s3 is registered: s3://my-bucket/a/b\n"
    typed(b"?sv=1&sig=hunter2")
    azure = ("--kind", "azure_blob", "--account", "labdata", "--sign-with", "sas-token")
    assert datastore("register", "blob", *azure, *bucket).code == 0
    typed(b"")
    assert datastore("register", "none", "--kind", "s3", *bucket, "--access-key-id", "AKIA").code == 1
    (tmp_path / "key.json").write_text("no key")
    assert (
        datastore("register", "gs", "--kind", "gcs", *bucket, "--key-file", tmp_path / "key.json").code == 1
    )
    (tmp_path / "key.json").write_bytes(b"\xff")
    binary = datastore("register", "gs", "--kind", "gcs", *bucket, "--key-file", tmp_path / "key.json")
    assert (binary.code, "is no text in UTF-8" in binary.err) == (1, True)
    # A variable of a shell that is not set names no store, and so not the default one either.
    for words in (("show", ""), ("ls", "--datastore", "")):
        assert "datastore_name" in datastore(*words).err
    two = ("--access-key-id", "AKIA", "--sign-with", "sas-token")
    assert datastore("register", "two", "--kind", "s3", *bucket, *two).code == 1
    listed = datastore("list", "--json")
    assert "hunter2" not in listed.out
    kept = {each["name"]: each["has_credential"] for each in listed.json if not each["is_built_in"]}
    assert kept == {"blob": True, "s3": True}
    assert "kept, encrypted" in datastore("show", "blob").out


def test_the_command_itself_moves_files(server: RunningServer, data: Path, tmp_path: Path):
    command = [sys.executable, "-m", "runyard", "datastore"]
    done = subprocess.run(
        [*command, "upload", str(data), "by-process", "--url", server.url],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "2 files uploaded, 3 bytes.\n", "")
    subprocess.run(
        [*command, "download", "by-process", str(tmp_path / "back"), "--url", server.url],
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert (tmp_path / "back" / "by-process" / "a.csv").read_text() == "1"
