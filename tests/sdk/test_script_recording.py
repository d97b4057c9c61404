"""What is looked at around a script: its words, git, code, environment, console."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from runyard.errors import NotFound
from runyard.sdk.script import code_files, console
from runyard.sdk.script.child import run_child
from runyard.sdk.script.code_files import find_code, is_source
from runyard.sdk.script.console import StreamLog
from runyard.sdk.script.git_state import read_git_state, without_credentials, write_git_diff
from runyard.sdk.script.program import Program
from runyard.sdk.script.surroundings import installed_packages, read_surroundings


def git(folder: Path, *words: str) -> None:
    author = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    subprocess.run(["git", "-C", str(folder), *author, *words], check=True, capture_output=True)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A working tree with a commit, a change after it, and files that git ignores or does not know."""
    folder = tmp_path / "tree"
    folder.mkdir()
    git(tmp_path, "init", "-q", "-b", "topic", str(folder))
    (folder / "train.py").write_text("print(1)\n")
    (folder / ".gitignore").write_text("*.skip.py\n")
    git(folder, "remote", "add", "origin", "https://me:s3cret@git.example/team/code.git?token=x")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    (folder / "train.py").write_text("print(2)\n")
    (folder / "new.py").write_text("")
    (folder / "old.skip.py").write_text("")
    (folder / "data.csv").write_text("1")
    return folder


def test_git_tells_commit_branch_and_remote_but_no_secret(tree: Path):
    state = read_git_state(tree)
    assert state is not None
    assert (len(state.commit), state.branch, state.is_dirty) == (40, "topic", True)
    assert state.remote == "https://git.example/team/code.git"
    git(tree, "checkout", "-q", "--", "train.py")
    git(tree, "checkout", "-q", "--detach")
    state = read_git_state(tree)
    assert state is not None
    assert (state.branch, state.is_dirty) == ("", False)


def test_a_diff_is_whole_or_cut_and_says_so(tree: Path, tmp_path: Path):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert write_git_diff(tree, whole, 10_000)
    assert "-print(1)\n+print(2)\n" in whole.read_text()
    assert not write_git_diff(tree, cut, 20)
    assert cut.read_bytes() == whole.read_bytes()[:20]
    git(tree, "apply", "-R", str(whole))
    assert (tree / "train.py").read_text() == "print(1)\n"


def test_where_there_is_no_git_there_is_no_state(tmp_path: Path, monkeypatch):
    assert read_git_state(tmp_path) is None
    git(tmp_path, "init", "-q", ".")
    assert read_git_state(tmp_path) is None
    monkeypatch.setenv("PATH", "/nowhere")
    assert read_git_state(tmp_path) is None


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("ssh://git@host:22/x.git", "ssh://host:22/x.git"),
        ("git@host:x.git", "git@host:x.git"),
        ("https://a:b@c:d@host/x#frag", "https://host/x"),
        ("", ""),
    ],
)
def test_a_remote_carries_no_credentials(url: str, shown: str):
    assert without_credentials(url) == shown


def test_the_code_is_what_git_would_track(tree: Path):
    assert find_code(tree, "train.py").names == ["train.py", "new.py"]


def test_ignore_files_count_without_a_repository_too(tmp_path: Path):
    for name in ("b.py", "a.skip.py", "below/c.py", "below/.env.py", "my_secrets.py", "readme.bin"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / ".gitignore").write_text("*.skip.py\n")
    assert find_code(tmp_path, "b.py").names == ["b.py", "below/c.py"]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(os.listdir(tmp_path))
    assert not (tmp_path / ".git").exists()


def test_a_plain_folder_is_walked_without_environments_and_links(tmp_path: Path):
    for name in ("train.py", "venv/lib.py", ".hidden/x.py", "node_modules/x.js", "below/deep/y.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text("x")
    (tmp_path / "venv" / "pyvenv.cfg").write_text("")
    canary = tmp_path.with_name(f"{tmp_path.name}-canary.py")
    canary.write_text("canary")
    (tmp_path / "link.py").symlink_to(canary)
    assert find_code(tmp_path, "train.py").names == ["train.py", "below/deep/y.py"]


def test_what_is_too_large_or_too_many_is_named(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(code_files, "MAX_FILE_BYTES", 10)
    monkeypatch.setattr(code_files, "MAX_FILES", 2)
    monkeypatch.setattr(code_files, "MAX_ALL_BYTES", 12)
    for name, size in (("a.py", 5), ("b.py", 11), ("c.py", 8), ("d.py", 6), ("e.py", 1)):
        (tmp_path / name).write_text("x" * size)
    found = find_code(tmp_path)
    assert found.names == ["a.py", "d.py"]
    assert [line.partition(":")[0] for line in found.left_out] == ["b.py", "c.py", "e.py"]
    assert "11 bytes, and the limit is 10" in found.left_out[0]


def test_sources_are_told_by_their_names():
    assert all(map(is_source, ("a/b.py", "Dockerfile.gpu", "requirements-dev.txt", "conf.YAML")))
    assert not any(map(is_source, ("x.csv", "id.pem", ".env", "credentials.toml", "notes.txt", "weights.pt")))


def test_arguments_are_shown_without_what_is_secret():
    words = ("--lr", "0.1", "--api-key", "k1", "--token=k2", "--db-password", "--fast", "a b")
    shown = Program("train.py", words).shown_arguments()
    assert shown == "--lr 0.1 --api-key '***' '--token=***' --db-password --fast 'a b'"


def test_a_script_that_is_not_there_is_missing(tmp_path: Path):
    with pytest.raises(NotFound, match="no script"):
        Program(str(tmp_path / "none.py")).check()
    Program("any.module", is_module=True).check()


def test_the_surroundings_name_chosen_variables_alone(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setenv("MY_TOKEN", "s3cret")
    found = read_surroundings()
    assert found.variables["OMP_NUM_THREADS"] == "3"
    assert "s3cret" not in repr(found)
    assert found.processor_count > 0
    assert found.memory_bytes > 1 << 20
    lines = installed_packages()
    assert lines == sorted(lines, key=lambda line: line.partition("==")[0].lower())
    assert any(line.startswith("msgspec==") for line in lines)


class Kept:
    """What a stream's log asked to keep: the content under each path, the last for each."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.calls = 0

    def __call__(self, local: Path, path: str) -> None:
        self.files[path] = local.read_bytes()
        self.calls += 1


def test_a_console_is_kept_in_pieces_and_only_the_last_lies_on_disk(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(console, "PIECE_BYTES", 10)
    kept = Kept()
    log = StreamLog("stdout", tmp_path, kept, lambda: False)
    for part in (b"one\n", b"\x1b[31mred\n", b"x" * 25, b"\r100 %\n\n"):
        log.take(part)
        assert len(list(tmp_path.iterdir())) == 1
    assert log.last_line == "100 %"
    log.close()
    assert b"".join(kept.files.values()) == b"one\n\x1b[31mred\n" + b"x" * 25 + b"\r100 %\n\n"
    assert list(kept.files) == [f"console/stdout.{number:06d}.log" for number in range(1, 7)]
    assert all(len(content) <= 10 for content in kept.files.values())


def test_a_growing_piece_is_kept_now_and_then_unless_something_waits(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(console, "SHOWN_EVERY_S", 0.0)
    kept, is_sent = Kept(), False
    log = StreamLog("stderr", tmp_path, kept, lambda: is_sent)
    log.take(b"one\n")
    assert kept.calls == 0
    is_sent = True
    log.look()
    log.look()
    assert (kept.calls, kept.files) == (1, {"console/stderr.000001.log": b"one\n"})
    log.take(b"two\n")
    assert kept.files["console/stderr.000001.log"] == b"one\ntwo\n"
    log.close()
    assert kept.calls == 2


def test_a_console_that_nobody_reads_and_no_disk_takes_stops_nothing(tmp_path: Path, caplog):
    read, written = os.pipe()
    os.close(read)
    log = StreamLog("stdout", tmp_path / "missing", Kept(), lambda: True, written)
    log.take(b"one\n")
    log.take(b"two\n")
    log.close()
    os.close(written)
    assert log.last_line == "two"
    assert caplog.text.count("not kept any more") == 1


def ended(code: str) -> tuple[str, str, int]:
    return ended_with_output(code)[0]


def ended_with_output(code: str) -> tuple[tuple[str, str, int], bytes]:
    taken: list[bytes] = []
    takers = {1: taken.append, 2: taken.append}
    end = run_child([sys.executable, "-c", code], os.environ, takers, lambda: None)
    return (end.status, end.reason, end.exit_code), b"".join(taken)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("pass", ("FINISHED", "", 0)),
        ("raise SystemExit(3)", ("FAILED", "exit code 3", 3)),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", ("KILLED", "ended by SIGKILL", 137)),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", ("KILLED", "ended by SIGTERM", 143)),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", ("FAILED", "ended by SIGSEGV", 139)),
    ],
)
def test_each_end_of_a_script_has_its_status_reason_and_code(code: str, expected: tuple[str, str, int]):
    assert ended(code) == expected


def test_what_a_script_leaves_in_the_background_is_not_waited_for():
    code = "import subprocess; print(subprocess.Popen(['sleep', '600']).pid)"
    end, printed = ended_with_output(code)
    os.kill(int(printed), signal.SIGKILL)
    assert end == ("FINISHED", "", 0)
