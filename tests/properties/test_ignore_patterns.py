"""What an ignore file leaves out, against git itself."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runyard.sdk.script.ignore_patterns import IgnoreFile, is_ignored

PATHS = (
    "a", "b", "a.py", "b.py", "ab.txt", "é.py", "a b", "#a", "!a", "[a]", "a*", "trail ", "x\\y", "-", "c]",
    "d/a", "d/b.py", "d/e/a", "d/e/b.py", "d/e/f/a.py", "build/a", "build/e/b", "e/build/a.py", "A", "D/a",
)  # fmt: skip
ALPHABET = "ab/*?[]!^-\\ #.de\r:"
TOKENS = ("**", "**/", "/**", "*.py", "[a-c]", "[!a]", "[[:alpha:]]", "[]a]", "[a\\]]", "build/", "d/e", "é")


@pytest.fixture(scope="module")
def repository() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for path in PATHS:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).touch()
        subprocess.run(["git", "init", "-q", str(folder)], check=True)
        yield folder


lines = st.one_of(
    st.text(ALPHABET, max_size=8),
    st.lists(st.one_of(st.sampled_from(TOKENS), st.text(ALPHABET, max_size=2)), max_size=4).map("".join),
    st.sampled_from(PATHS),
    st.sampled_from(PATHS).map(lambda path: "!" + path),
)


@settings(max_examples=150, deadline=None)
@given(above=st.lists(lines, max_size=5), below=st.lists(lines, max_size=3), ended=st.booleans())
def test_patterns_mean_what_they_mean_to_git(
    repository: Path, above: list[str], below: list[str], ended: bool
):
    files = []
    for folder, said in (("", above), ("d/", below)):
        content = ("\n".join(said) + ("\n" if ended else "")).encode()
        (repository / folder / ".gitignore").write_bytes(content)
        files.append((folder.encode(), IgnoreFile.parsed(content)))
    assert kept(files) == kept_by_git(repository)


def kept(files: list[tuple[bytes, IgnoreFile]]) -> set[str]:
    return {path for path in PATHS if not left_out(files, path)}


def left_out(files: list[tuple[bytes, IgnoreFile]], path: str) -> bool:
    parts = path.split("/")
    steps = ["/".join(parts[: depth + 1]) for depth in range(len(parts))]
    return any(
        is_ignored(
            [each for each in files if os.fsencode(step).startswith(each[0])],
            os.fsencode(step),
            is_folder=step != path,
        )
        for step in steps
    )


def kept_by_git(repository: Path) -> set[str]:
    printed = subprocess.run(
        ["git", "-C", str(repository), "ls-files", "-z", "--others", "--exclude-per-directory=.gitignore"],
        capture_output=True,
        check=True,
    ).stdout
    return {os.fsdecode(name) for name in printed.split(b"\0") if name} & set(PATHS)
