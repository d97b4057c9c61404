"""Files come whole or not at all, under their own names, and never out of the folder they belong in."""

import base64
import gzip
import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runyard import Experiment, Run
from runyard.errors import InvalidParameter, NotFound, Unavailable
from runyard.sdk.connection import Connection
from runyard.sdk.downloads import path_below
from runyard.sdk.run_files import RunFiles
from runyard.sdk.transport import HttpTransport
from tests.hostile_paths import HOSTILE_PATHS
from tests.sdk.conftest import Logger
from tests.sdk.scripted_server import Received, Scripted, ScriptedServer

Start = Callable[..., ScriptedServer]

FILES = {
    "plot.png": b"\x89PNG",
    "model/MLmodel": b"flavors: {}",
    "model/data/weights.bin": bytes(range(256)) * 9000,
    "model2/x": b"",
    "notes & sums/50% + 1.txt": "\u00fc".encode(),
    "log.gz": gzip.compress(b"compressed before it came"),
}


@pytest.fixture
def run(experiment: Experiment, logger: Logger) -> Run:
    logged = logger.run(experiment)
    for name, content in FILES.items():
        logger.file(logged, name.replace("%", "%25"), content)
    return logged


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def content_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_all_files_are_named_in_all_folders(run: Run):
    assert run.get_file_names() == sorted(FILES)


def test_a_run_without_files_has_no_names(experiment: Experiment, logger: Logger, here: Path):
    run = logger.run(experiment)
    assert run.get_file_names() == []
    run.download_files()
    assert content_of(here) == {}


@pytest.mark.parametrize("name", FILES)
def test_a_file_comes_as_it_was_stored_under_its_own_name(run: Run, here: Path, name: str):
    run.download_file(name)
    assert content_of(here) == {name.rpartition("/")[2]: FILES[name]}


def test_a_file_may_get_a_path_or_a_folder(run: Run, here: Path):
    (here / "old").mkdir()
    run.download_file("plot.png", "renamed.png")
    run.download_file("plot.png", here / "old")
    run.download_file("plot.png", "new/folder/")
    assert set(content_of(here)) == {"renamed.png", "old/plot.png", "new/folder/plot.png"}


def test_a_file_that_is_there_already_is_replaced(run: Run, here: Path):
    (here / "plot.png").write_bytes(b"an older and longer one")
    run.download_file("plot.png")
    assert content_of(here) == {"plot.png": FILES["plot.png"]}


def test_a_downloaded_file_has_the_rights_of_any_new_file(run: Run, here: Path):
    (here / "ordinary").touch()
    run.download_file("plot.png")
    assert (here / "plot.png").stat().st_mode == (here / "ordinary").stat().st_mode


@pytest.mark.parametrize("name", ["nothing", "model/nothing", "nothing/at/all", "", "plot.png/x"])
def test_a_file_that_is_not_there_is_an_error_and_leaves_nothing_behind(run: Run, here: Path, name: str):
    with pytest.raises(NotFound):
        run.download_file(name)
    assert content_of(here) == {}


def test_a_folder_is_no_file_and_the_error_says_how_to_get_it(run: Run):
    with pytest.raises(InvalidParameter, match=r"download_files\(prefix='model'\)"):
        run.download_file("model")


def test_all_files_come_with_their_folders(run: Run, here: Path):
    run.download_files(output_directory="all")
    assert content_of(here / "all") == FILES


def test_one_file_is_brought_by_its_own_name(run: Run, here: Path):
    run.download_files("model/MLmodel", "with")
    run.download_files("model/MLmodel", "without", append_prefix=False)
    assert content_of(here) == {
        "with/model/MLmodel": FILES["model/MLmodel"],
        "without/MLmodel": FILES["model/MLmodel"],
    }


def test_one_folder_comes_with_or_without_its_own_name(run: Run, here: Path):
    run.download_files("model/", "with")
    run.download_files("model", "without", append_prefix=False)
    assert set(content_of(here / "with")) == {"model/MLmodel", "model/data/weights.bin"}
    assert set(content_of(here / "without")) == {"MLmodel", "data/weights.bin"}


def test_files_may_get_paths_of_the_caller_s_own(run: Run, here: Path, tmp_path: Path):
    run.download_files("model", output_paths=["a", tmp_path / "b"])
    assert (here / "a").read_bytes() == FILES["model/MLmodel"]
    assert (tmp_path / "b").read_bytes() == FILES["model/data/weights.bin"]
    with pytest.raises(InvalidParameter, match="2 files, but 1 output_paths"):
        run.download_files("model", output_paths=["a"])


def test_a_folder_that_is_not_there_is_an_error(run: Run):
    with pytest.raises(NotFound):
        run.download_files("nothing")


def scripted_files(
    scripted: Start,
    *listed: dict[str, object],
    body: bytes = b"content",
    cut_at: int | None = None,
    headers: Mapping[str, str] | None = None,
) -> RunFiles:
    """A run on a server that lists and sends what a test makes up."""

    def script(request: Received) -> Scripted:
        if "/artifacts/list" in request.path:
            files = [] if "path=" in request.path else listed
            return Scripted(body=json.dumps({"root_uri": "", "files": files}).encode())
        if "/logged-models/search" in request.path:
            return Scripted(body=b"{}")
        return Scripted(body=body, cut_at=cut_at, headers=headers or {})

    return RunFiles(Connection(HttpTransport(scripted(script).url)), "a-run", "1")


def test_a_file_that_comes_incomplete_is_not_there(scripted: Start, here: Path):
    run = scripted_files(scripted, {"path": "big", "is_dir": False}, body=b"x" * 5000, cut_at=700)
    (here / "big").write_bytes(b"the whole one of yesterday")
    with pytest.raises(Unavailable):
        run.download_file("big")
    with pytest.raises(Unavailable):
        run.download_files()
    assert content_of(here) == {"big": b"the whole one of yesterday"}


def test_a_file_that_is_not_what_its_sender_declared_is_not_there(scripted: Start, here: Path):
    digest = base64.b64encode(hashlib.sha256(b"content").digest()).decode()
    headers = {"Repr-Digest": f"sha-512=:AAAA:, sha-256=:{digest}:"}
    listed = {"path": "file", "is_dir": False}
    with pytest.raises(Unavailable, match="SHA-256"):
        scripted_files(scripted, listed, body=b"c0ntent", headers=headers).download_file("file")
    assert content_of(here) == {}
    scripted_files(scripted, listed, body=b"content", headers=headers).download_file("file")
    assert content_of(here) == {"file": b"content"}


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/evil", "a/../../evil", "..", "C:\\evil", "a\\..\\..\\evil", "a/.."]
)
def test_a_name_that_leads_out_of_the_folder_is_refused_before_anything_is_written(
    scripted: Start, here: Path, name: str
):
    run = scripted_files(scripted, {"path": "good", "is_dir": False}, {"path": name, "is_dir": False})
    with pytest.raises(InvalidParameter):
        run.download_files(output_directory="into")
    assert content_of(here.parent) == {}


def test_a_server_that_lists_a_folder_in_itself_ends_the_walk(scripted: Start):
    listed = [{"path": "", "is_dir": True}, {"path": "f", "is_dir": False}]
    body = json.dumps({"root_uri": "", "files": listed}).encode()
    run = RunFiles(Connection(HttpTransport(scripted([Scripted(body=body)]).url)), "a-run", "1")
    assert run.get_file_names() == ["f"]


def test_a_link_out_of_the_folder_is_not_followed(scripted: Start, here: Path, tmp_path: Path):
    (tmp_path / "outside").mkdir()
    (here / "link").symlink_to(tmp_path / "outside")
    run = scripted_files(scripted, {"path": "link/evil", "is_dir": False})
    with pytest.raises(InvalidParameter, match="link"):
        run.download_files()
    assert list((tmp_path / "outside").iterdir()) == []


@given(st.text(alphabet="./\\a:\0 %", max_size=12))
def test_no_name_at_all_leads_out_of_the_folder(tmp_path_factory, name: str):
    expect_below_or_refused(tmp_path_factory.getbasetemp() / "fenced", name)


def test_no_hostile_name_leads_out_of_the_folder(tmp_path: Path):
    for name in HOSTILE_PATHS:
        expect_below_or_refused(tmp_path, name)


def expect_below_or_refused(folder: Path, name: str) -> None:
    try:
        target = path_below(folder, name)
    except InvalidParameter:
        return
    real = Path(os.path.normpath(target))
    assert real != folder
    assert folder in real.parents
    assert "\\..\\" not in f"\\{name}\\"
