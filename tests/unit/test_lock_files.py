"""Files that name packages: pip's requirements, and locks."""

from pathlib import Path

import pytest

from runyard import Environment
from runyard.errors import InvalidParameter, NotFound
from runyard.sdk.lock_files import read_requirements

LOCK = """
lock-version = "1.0"
created-by = "uv"
requires-python = ">=3.10"

[[packages]]
name = "packaging"
version = "24.0"
marker = "python_version >= '3.8'"
sdist = { url = "https://example.org/a.tar.gz", size = 1, hashes = { sha256 = "bb" } }
wheels = [
  { url = "https://example.org/a.whl", upload-time = 2024-03-10T09:39:25Z, hashes = { sha256 = "aa" } },
  { url = "https://example.org/b.whl", hashes = { sha256 = "cc", sha512 = "dd" } },
]

[[packages]]
name = "own"
vcs = { type = "git", url = "https://example.org/own.git", commit-id = "abc", subdirectory = "python" }

[[packages]]
name = "sent"
archive = { url = "https://example.org/sent.zip", hashes = { sha256 = "ee" } }
"""


def locked(folder: Path, text: str = LOCK, name: str = "pylock.toml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", ["pylock.toml", "pylock.train.toml"])
def test_a_lock_is_read_as_requirements_with_hashes(tmp_path: Path, name: str):
    assert read_requirements(locked(tmp_path, name=name)) == [
        "packaging==24.0 ; python_version >= '3.8'"
        " --hash=sha256:aa --hash=sha256:bb --hash=sha256:cc --hash=sha512:dd",
        "own @ git+https://example.org/own.git@abc#subdirectory=python",
        "sent @ https://example.org/sent.zip --hash=sha256:ee",
    ]


def test_an_environment_has_what_a_lock_says(tmp_path: Path):
    packages = list(
        Environment.from_pip_requirements("a", locked(tmp_path)).python.conda_dependencies.pip_packages
    )
    assert [each.split()[0] for each in packages] == ["packaging==24.0", "own", "sent"]
    assert "--hash=sha256:aa" in packages[0]


def test_requirements_stay_as_they_are_written(tmp_path: Path):
    path = locked(tmp_path, "numpy \\\n  --hash=sha256:aa\n# more\npandas>=2\n", "requirements.txt")
    assert [line.split() for line in read_requirements(path)] == [
        ["numpy", "--hash=sha256:aa"],
        ["#", "more"],
        ["pandas>=2"],
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("lock-version = ", "no lock of packages"),
        ("packages = []", "lock-version"),
        ('lock-version = "2.0"', "version 2.0"),
        ('lock-version = "1.0"\n[[packages]]\nname = "a"', "without a version"),
        ('lock-version = "1.0"\n[[packages]]\nname = "a"\ndirectory = { path = "." }', "folder"),
        (
            'lock-version = "1.0"\n[[packages]]\nname = "a"\nversion = "1"\nmarker = "\'gpu\' in extras"',
            "extras or groups",
        ),
    ],
)
def test_what_no_job_can_install_is_said(tmp_path: Path, text: str, said: str):
    with pytest.raises(InvalidParameter, match=said):
        read_requirements(locked(tmp_path, text))


@pytest.mark.parametrize("name", ["uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock"])
def test_other_locks_are_told_how_they_become_one(tmp_path: Path, name: str):
    with pytest.raises(InvalidParameter, match=r"requirements\.txt"):
        read_requirements(locked(tmp_path, "version = 1", name))


def test_a_file_that_is_not_there_is_not_found(tmp_path: Path):
    with pytest.raises(NotFound):
        read_requirements(tmp_path / "pylock.toml")
