"""Which files go along with a job, and that the same code is always the same archive."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from runyard.errors import InvalidParameter, NotFound, TooLarge
from runyard.sdk.snapshot import LIMIT_VARIABLE, Snapshot, snapshot_files, taken_snapshot


def write(folder: Path, *names: str, content: str = "x\n") -> Path:
    """Write files, and return their folder."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return folder


def names(folder: Path) -> list[str]:
    return [file.name for file in snapshot_files(folder)]


def git(folder: Path, *words: str) -> None:
    subprocess.run(
        ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b", *words],
        check=True,
        capture_output=True,
    )


def digest(folder: Path) -> str:
    with taken_snapshot(folder) as snapshot:
        return snapshot.sha256


def members(snapshot: Snapshot) -> list[tarfile.TarInfo]:
    snapshot.content.seek(0)
    with tarfile.open(fileobj=snapshot.content, mode="r:gz") as archive:
        return archive.getmembers()


def test_the_same_code_is_the_same_archive_wherever_and_whenever(tmp_path: Path):
    first = write(tmp_path / "one", "train.py", "lib/é ü.py", "lib/a.py")
    second = write(tmp_path / "two", "lib/a.py", "lib/é ü.py", "train.py")
    os.utime(second / "train.py", (1, 1))
    (second / "lib/a.py").chmod(0o600)
    assert digest(first) == digest(second)
    (second / "train.py").chmod(0o755)
    executable = digest(second)
    assert executable != digest(first)
    write(second, "train.py", content="y\n")
    assert digest(second) != executable


def test_an_archive_has_sorted_names_and_nothing_of_this_machine(tmp_path: Path):
    write(tmp_path, "b.py", "a/z.py", "a.py")
    with taken_snapshot(tmp_path) as snapshot:
        found = members(snapshot)
        snapshot.content.seek(0)
        content = snapshot.content.read()
    assert [member.name for member in found] == ["a.py", "a/z.py", "b.py"]
    assert {(member.mtime, member.uid, member.gid, member.uname) for member in found} == {(0, 0, 0, "")}
    assert (hashlib.sha256(content).hexdigest(), len(content)) == (snapshot.sha256, snapshot.size_bytes)


def test_what_no_job_needs_never_goes_along(tmp_path: Path):
    write(tmp_path, "train.py", "lib/__pycache__/a.pyc", ".git/config", "env/pyvenv.cfg", "env/bin/python")
    write(tmp_path, "conda/conda-meta/history", "conda/bin/python", ".env", "lib/a.py")
    assert names(tmp_path) == [".env", "lib/a.py", "train.py"]


def test_git_s_ignore_files_count_in_every_folder(tmp_path: Path):
    write(tmp_path, "train.py", "data/big.csv", "data/keep.csv", "lib/a.tmp", "lib/b.tmp")
    write(tmp_path, ".gitignore", content="data/*\n!data/keep.csv\n")
    write(tmp_path, "lib/.gitignore", content="a.tmp\n")
    assert names(tmp_path) == [".gitignore", "data/keep.csv", "lib/.gitignore", "lib/b.tmp", "train.py"]


def test_those_of_the_folders_above_count_as_far_as_the_working_tree_goes(tmp_path: Path):
    write(tmp_path, ".gitignore", content="*.py\n")
    tree = write(tmp_path / "tree", "project/train.py", "project/data.csv", "project/note.txt")
    write(tree, ".gitignore", content="/project/*.csv\n")
    git(tree, "init", "-q")
    assert names(tree / "project") == ["note.txt", "train.py"]


def test_what_is_tracked_goes_along_whatever_a_pattern_says(tmp_path: Path):
    write(tmp_path, "train.py", "model.bin", "other.bin", "gone.bin", ".gitignore", content="*.bin\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-f", "model.bin", "gone.bin")
    (tmp_path / "gone.bin").unlink()
    assert names(tmp_path) == [".gitignore", "model.bin", "train.py"]


@pytest.mark.parametrize("own", [".runyardignore", ".amlignore"])
def test_a_file_of_its_own_counts_in_place_of_git_s(tmp_path: Path, own: str):
    write(tmp_path, "train.py", "data/a.csv", "lib/data/a.csv", "note.md")
    write(tmp_path, ".gitignore", content="train.py\n")
    write(tmp_path, own, content="/data/\n*.md\n")
    assert names(tmp_path) == sorted([".gitignore", own, "lib/data/a.csv", "train.py"])


def test_runyard_s_own_file_goes_before_azure_s(tmp_path: Path):
    write(tmp_path, "a", "b")
    write(tmp_path, ".amlignore", content="a\n")
    write(tmp_path, ".runyardignore", content="b\n")
    assert names(tmp_path) == [".amlignore", ".runyardignore", "a"]


def test_links_are_followed_and_end(tmp_path: Path):
    project = write(tmp_path / "project", "train.py")
    write(tmp_path / "common", "a.py")
    (project / "common").symlink_to(tmp_path / "common")
    (project / "copy.py").symlink_to("train.py")
    (project / "nowhere").symlink_to("nothing")
    (project / "circle").symlink_to(project)
    os.mkfifo(project / "pipe")
    assert names(project) == ["common/a.py", "copy.py", "train.py"]
    with taken_snapshot(project) as snapshot:
        assert all(member.isfile() for member in members(snapshot))


def test_what_is_too_large_is_said_with_the_largest_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write(tmp_path, "train.py")
    (tmp_path / "weights.bin").write_bytes(os.urandom(50_000))
    monkeypatch.setenv(LIMIT_VARIABLE, "20000")
    with pytest.raises(
        TooLarge, match=r"20000 bytes.*weights\.bin \(50000 bytes\), train\.py.*runyardignore"
    ):
        digest(tmp_path)
    monkeypatch.setenv(LIMIT_VARIABLE, "0")
    assert digest(tmp_path)
    monkeypatch.setenv(LIMIT_VARIABLE, "much")
    with pytest.raises(InvalidParameter, match=LIMIT_VARIABLE):
        digest(tmp_path)


def test_too_many_files_are_refused_before_they_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("runyard.sdk.snapshot.MAX_FILES", 3)
    write(tmp_path, "a", "b", "c")
    assert len(names(tmp_path)) == 3
    write(tmp_path, "d")
    with pytest.raises(InvalidParameter, match="more than 3 files"):
        names(tmp_path)


def test_a_folder_that_is_not_there_or_has_nothing_is_an_error(tmp_path: Path):
    with pytest.raises(NotFound, match="source_directory"):
        digest(tmp_path / "none")
    with pytest.raises(InvalidParameter, match="no files"):
        digest(tmp_path)
