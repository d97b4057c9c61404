"""Every artifact store holds to the shipped rules; the folder also to what only a file system can break."""

import hashlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import obstore
import pytest
from obstore.store import MemoryStore

from runyard.errors import InvalidParameter, NotFound, StorageFull
from runyard.stores.artifacts.base import ArtifactStore, Declared
from runyard.stores.artifacts.checksums import checked
from runyard.stores.artifacts.folder import INCOMING, FolderArtifactStore
from runyard.stores.artifacts.objects import ObjectArtifactStore
from runyard.stores.artifacts.paths import ArtifactPath
from runyard.testing.artifact_files import at, get, names, put
from runyard.testing.artifact_rules import ArtifactStoreRules


class TestFolder(ArtifactStoreRules):
    @pytest.fixture
    def store(self, tmp_path: Path) -> ArtifactStore:
        self.root = tmp_path / "artifacts"
        return FolderArtifactStore(self.root)

    def contents(self, store: ArtifactStore) -> dict[str, bytes]:
        assert not list((self.root / INCOMING).iterdir()), "an upload was left behind"
        files = [path for path in self.root.rglob("*") if path.is_file()]
        return {str(path.relative_to(self.root)): path.read_bytes() for path in files}

    def emptied(self, store: ArtifactStore) -> ArtifactStore:
        self.root = self.root.with_name(f"{self.root.name}x")
        return FolderArtifactStore(self.root)


class TestObjects(ArtifactStoreRules):
    @pytest.fixture
    def store(self) -> ArtifactStore:
        return self.emptied(None)

    def contents(self, store: ArtifactStore) -> dict[str, bytes]:
        found = obstore.list(self.bucket).collect()
        return {item["path"]: bytes(obstore.get(self.bucket, item["path"]).bytes()) for item in found}

    def emptied(self, store: ArtifactStore | None) -> ArtifactStore:
        self.bucket = MemoryStore()
        return ObjectArtifactStore(self.bucket)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "artifacts"


@pytest.fixture
def folder(root: Path) -> FolderArtifactStore:
    return FolderArtifactStore(root)


@pytest.fixture
def canary(tmp_path: Path, folder: FolderArtifactStore) -> Iterator[Path]:
    """A directory with a file beside the root, with links to both planted inside."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "canary").write_bytes(b"secret")
    put(folder, "run/kept", b"1")
    (tmp_path / "artifacts/run/file-link").symlink_to(outside / "canary")
    (tmp_path / "artifacts/run/directory-link").symlink_to(outside)
    (tmp_path / "artifacts/run/loop").symlink_to("loop")
    yield outside / "canary"
    assert (outside / "canary").read_bytes() == b"secret"
    assert [path.name for path in outside.iterdir()] == ["canary"]


LINKS = ["run/file-link", "run/directory-link", "run/directory-link/canary", "run/loop", "run/loop/x"]


@pytest.mark.parametrize("link", LINKS)
def test_a_link_is_never_followed(folder, canary, link):
    for refused in (folder.open, folder.stat, folder.list, folder.delete):
        for path in (link, f"{link}/x"):
            with pytest.raises(NotFound):
                refused(at(path))


def test_a_link_is_not_listed(folder, canary):
    assert names(folder, "run") == ["kept"]


def test_an_upload_takes_the_place_of_a_link_and_not_of_its_target(folder, root, canary):
    put(folder, "run/file-link", b"2")
    assert not (root / "run/file-link").is_symlink()
    assert get(folder, "run/file-link") == b"2"


def test_an_upload_does_not_go_through_a_link(folder, canary):
    with pytest.raises(NotFound):
        put(folder, "run/directory-link/new", b"2")
    with pytest.raises(NotFound):
        put(folder, "run/directory-link/sub/new", b"2")


def test_a_directory_that_is_deleted_takes_its_links_along_and_not_their_targets(folder, root, canary):
    folder.delete(at("run"))
    assert not (root / "run").exists()


def test_a_pipe_or_a_socket_is_not_opened(folder, root):
    put(folder, "run/kept", b"1")
    os.mkfifo(root / "run/pipe")
    with pytest.raises(NotFound):
        folder.open(at("run/pipe"))
    with pytest.raises(NotFound):
        folder.delete(at("run/pipe"))
    assert names(folder, "run") == ["kept"]


def test_names_that_no_caller_could_ask_for_are_not_listed(folder, root):
    put(folder, "run/kept", b"1")
    for name in (b"back\\slash", b"new\nline", b"\xff\xfe", b"dot.", "e\u0301".encode(), b"%2e%2e"):
        (root / "run" / os.fsdecode(name)).write_bytes(b"2")
    assert names(folder, "run") == ["kept"]


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_all_that_is_made_is_for_its_owner_alone(tmp_path, umask):
    before = os.umask(umask)
    try:
        folder = FolderArtifactStore(tmp_path / "artifacts")
        put(folder, "run/model/file", b"1")
        with folder.create(at("run/other")) as upload:
            upload.write(b"2")
            made = [tmp_path / "artifacts", *(tmp_path / "artifacts").rglob("*")]
            modes = {(path.is_dir(), path.stat().st_mode & 0o777) for path in made}
    finally:
        os.umask(before)
    assert len(made) == 6
    assert modes == {(True, 0o700), (False, 0o600)}


def test_the_names_of_unfinished_uploads_can_not_be_foreseen(folder, root):
    with folder.create(at("file")) as one, folder.create(at("file")) as other:
        waiting = {path.name for path in (root / INCOMING).iterdir()}
        assert len(waiting) == 2
        assert all(len(name) == 32 for name in waiting)
        one.close()
        other.close()
    assert not list((root / INCOMING).iterdir())


@pytest.mark.parametrize("name", [INCOMING, INCOMING.upper()])
def test_unfinished_uploads_are_out_of_reach(folder, root, name):
    with folder.create(at("file")) as upload:
        upload.write(b"1")
        staged = next((root / INCOMING).iterdir()).name
        for path in (ArtifactPath((name,)), ArtifactPath((name, staged))):
            assert list(folder.list(path)) == []
            for refused in (folder.open, folder.create, folder.delete):
                with pytest.raises(NotFound):
                    refused(path)
        upload.commit()
    assert names(folder, "") == ["file"]


def test_a_full_disk_leaves_the_old_file_and_nothing_of_the_new(folder, root):
    put(folder, "run/file", b"old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(StorageFull):
            put(folder, "run/file", b"x" * 200_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert get(folder, "run/file") == b"old"
    assert not list((root / INCOMING).iterdir())
    put(folder, "run/file", b"new")
    assert get(folder, "run/file") == b"new"


def test_an_upload_of_a_process_that_was_killed_is_removed_when_the_store_is_asked_to(tmp_path, root):
    writer = textwrap.dedent(f"""
        import pathlib, time
        from runyard.stores.artifacts.folder import FolderArtifactStore
        from runyard.testing.artifact_files import at
        upload = FolderArtifactStore(pathlib.Path({str(root)!r})).create(at("run/file"))
        upload.write(b"x" * 100_000)
        print("written", flush=True)
        time.sleep(600)
    """)
    with subprocess.Popen([sys.executable, "-c", writer], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"written\n"
        staged = next((root / INCOMING).iterdir())
        _age(staged)
        opened = FolderArtifactStore(root)
        assert staged.exists(), "its process still lives and holds it locked"
        process.send_signal(signal.SIGKILL)
    opened.remove_left_behind()
    assert not staged.exists()
    assert [path.name for path in root.iterdir()] == [INCOMING]


def test_a_deletion_that_was_cut_short_is_finished_at_the_next_opening(folder, root):
    put(folder, "run/a/file", b"1")
    (root / "run").rename(root / INCOMING / "half-deleted")
    FolderArtifactStore(root)
    assert not list((root / INCOMING).iterdir())


@pytest.mark.parametrize(
    ("deleted", "window"), [("run/file", "moved out"), ("run", "moved out"), ("run", "being emptied")]
)
def test_a_deletion_that_another_process_finishes_as_it_opens_is_done(
    folder, root, monkeypatch, deleted, window
):
    """What is deleted is out of its place by then, and looks like what a process that died has left."""
    put(folder, "run/file", b"content")
    _age(root / "run" / "file")
    move_out, empty = folder._move_out, shutil.rmtree

    def moved_out(path: ArtifactPath) -> Path:
        moved: Path = move_out(path)
        FolderArtifactStore(root)
        return moved

    def emptied(path: Path, ignore_errors: bool = False) -> None:
        if not ignore_errors:
            FolderArtifactStore(root)
        empty(path, ignore_errors=ignore_errors)

    if window == "moved out":
        monkeypatch.setattr(folder, "_move_out", moved_out)
    else:
        monkeypatch.setattr(shutil, "rmtree", emptied)
    folder.delete(at(deleted))
    assert names(folder, "") == []
    assert list((root / INCOMING).iterdir()) == []


def test_a_new_upload_is_left_alone_by_another_opening(folder, root):
    with folder.create(at("file")) as upload:
        upload.write(b"1")
        FolderArtifactStore(root)
        upload.commit()
    assert get(folder, "file") == b"1"


def test_the_root_itself_may_be_behind_a_link(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "home").symlink_to(tmp_path / "disk")
    folder = FolderArtifactStore(tmp_path / "home" / "artifacts")
    put(folder, "run/file", b"1")
    assert (tmp_path / "disk/artifacts/run/file").read_bytes() == b"1"


def test_no_file_stays_open(folder):
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    for number in range(20):
        put(folder, f"run/{number}", b"1")
        get(folder, f"run/{number}")
        with folder.create(at("run/dropped")) as upload:
            upload.write(b"1")
        for refused in (lambda: folder.open(at("run")), lambda: folder.open(at("run/nope"))):
            with pytest.raises((NotFound, ValueError)):
                refused()
        names(folder, "run")
    folder.delete(at("run"))
    after = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    # Others that nobody uses any more may be closed meanwhile.
    assert after <= before


@pytest.mark.skipif(sys.platform != "linux", reason="Python reads attributes of files on Linux alone")
def test_a_declared_checksum_is_kept_until_a_person_edits_the_file(folder, root):
    declared = Declared(3, hashlib.sha256(b"one").hexdigest())
    with folder.create(at("run/file"), declared) as upload:
        upload.write(b"one")
        assert upload.commit().sha256 == declared.sha256
    assert folder.stat(at("run/file")).sha256 == declared.sha256
    (root / "run/file").write_bytes(b"two")
    assert folder.stat(at("run/file")).sha256 is None
    put(folder, "run/file", b"three")
    assert folder.stat(at("run/file")).sha256 is None


def test_a_checksum_that_does_not_fit_leaves_the_old_file(folder, root):
    put(folder, "run/file", b"old")
    declared = Declared(3, hashlib.sha256(b"new").hexdigest())
    with checked(folder.create(at("run/file"), declared), declared) as upload:
        upload.write(b"n3w")
        with pytest.raises(InvalidParameter, match="SHA-256"):
            upload.commit()
    assert get(folder, "run/file") == b"old"
    assert not list((root / INCOMING).iterdir())


def _age(path: Path) -> None:
    os.utime(path, (0, 0))


def test_an_upload_makes_no_directory_that_is_there(folder, monkeypatch):
    put(folder, "a/b/first.txt", b"1")
    made = []
    make = os.mkdir

    def noted(name, *mode, **where):
        made.append(name)
        make(name, *mode, **where)

    monkeypatch.setattr(os, "mkdir", noted)
    put(folder, "a/b/second.txt", b"2")
    assert made == []
    put(folder, "a/b/c/third.txt", b"3")
    assert made == ["c"]
    assert get(folder, "a/b/c/third.txt") == b"3"
