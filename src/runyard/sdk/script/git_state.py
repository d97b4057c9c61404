"""What git knows of the code that is run."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

WITHIN_S = 30.0


@dataclass(frozen=True, slots=True)
class GitState:
    """Where a working tree stands.

    Args:
        commit: What is checked out.
        branch: Its branch; empty where none is.
        remote: Where it comes from, without user, password or token.
        is_dirty: Whether something tracked differs from the commit.
    """

    commit: str
    branch: str
    remote: str
    is_dirty: bool

    def tags(self) -> dict[str, str]:
        """Return what is known as tags of a run, under MLflow's names."""
        tags = {
            "mlflow.source.git.commit": self.commit,
            "mlflow.source.git.branch": self.branch,
            "mlflow.source.git.repoURL": self.remote,
            "mlflow.source.git.dirty": str(self.is_dirty),
        }
        return {key: value for key, value in tags.items() if value}


def read_git_state(folder: Path) -> GitState | None:
    """Return the state of the working tree that holds a folder; None without git, tree or commit."""
    commit = git_text(folder, "rev-parse", "--verify", "HEAD")
    if not commit:
        return None
    changed = git_text(folder, "status", "--porcelain", "--untracked-files=no")
    return GitState(
        commit=commit,
        branch=git_text(folder, "symbolic-ref", "--short", "-q", "HEAD") or "",
        remote=without_credentials(git_text(folder, "config", "--get", "remote.origin.url") or ""),
        is_dirty=bool(changed),
    )


def write_git_diff(folder: Path, target: Path, max_bytes: int) -> bool:
    """Write what differs from the commit into a file, as far as that fits; return whether all of it did.

    Raises:
        OSError: The file can't be written.
    """
    # The person's own drivers may call other programs, and leave out what a later `git apply` needs.
    words = ("diff", "--no-color", "--no-ext-diff", "--no-textconv", "--binary", "HEAD")
    with target.open("wb") as written, _git(folder, *words) as process:
        assert process.stdout is not None
        left = max_bytes
        while left > 0 and (piece := process.stdout.read(min(left, 1 << 16))):
            written.write(piece)
            left -= len(piece)
        is_whole = not process.stdout.read(1)
        process.kill()
    return is_whole


def listed_files(folder: Path, *, git_folder: Path | None = None) -> list[str] | None:
    """Return the files below a folder that are tracked or not ignored; None if git can't tell.

    Args:
        folder: The folder.
        git_folder: An empty repository to ask with, where the folder belongs to none: git reads the ignore
            files all the same.
    """
    asked_with = ("--git-dir", str(git_folder), "--work-tree", str(folder)) if git_folder else ()
    found = git_text(
        folder, *asked_with, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"
    )
    return None if found is None else [name for name in found.split("\0") if name]


def tracked_files(folder: Path) -> list[str] | None:
    """Return the files below a folder that git tracks, also if they are gone; None if git can't tell."""
    found = git_text(folder, "ls-files", "-z", "--cached", "--deduplicate")
    return None if found is None else [name for name in found.split("\0") if name]


def make_git_folder(path: Path) -> bool:
    """Make an empty repository to ask with; return whether there is a git to do it."""
    return git_text(path.parent, "init", "-q", str(path)) is not None


def without_credentials(url: str) -> str:
    """Return a remote's address without user, password and whatever a query says.

    Example:
        >>> without_credentials("https://me:token@git.example/team/code.git?key=1")
        'https://git.example/team/code.git'
        >>> without_credentials("git@git.example:team/code.git")
        'git@git.example:team/code.git'
    """
    if "://" not in url:
        return url
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def git_text(folder: Path, *words: str) -> str | None:
    """Return what a command of git's prints; None if it fails, or there is no git."""
    try:
        with _git(folder, *words) as process:
            try:
                printed, _ = process.communicate(timeout=WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                return None
    except OSError:
        return None
    return printed.decode("utf-8", "surrogateescape").strip("\n") if process.returncode == 0 else None


def _git(folder: Path, *words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        ["git", "-C", str(folder), *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        # Whoever looks must not hold up the person's own git.
        env={**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"},
    )
