"""The build hook: when the Studio is built, when it is not, and what a wheel carries."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import hatch_build

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A checkout whose Studio has two files."""
    folder = tmp_path / "studio"
    (folder / "src").mkdir(parents=True)
    (folder / "package.json").write_text("{}")
    (folder / "src" / "main.ts").write_text("export {};")
    return folder


def _built(root: Path, stamp: str) -> Path:
    folder = root / hatch_build.BUILT
    folder.mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html>")
    (folder / hatch_build.STAMP).write_text(stamp)
    return folder


def test_the_fingerprint_changes_with_content_and_names(sources):
    before = hatch_build.fingerprint_of(sources)
    (sources / "src" / "main.ts").write_text("export { };")
    changed = hatch_build.fingerprint_of(sources)
    (sources / "src" / "main.ts").rename(sources / "src" / "other.ts")
    assert len({before, changed, hatch_build.fingerprint_of(sources)}) == 3


def test_the_fingerprint_leaves_out_what_npm_puts_beside_the_sources(sources):
    before = hatch_build.fingerprint_of(sources)
    for folder in hatch_build.NOT_SOURCES:
        (sources / folder).mkdir()
        (sources / folder / "made.js").write_text("x")
    (sources / "tsconfig.tsbuildinfo").write_text("x")
    assert hatch_build.fingerprint_of(sources) == before


def test_a_studio_built_from_these_sources_is_not_built_again(sources):
    _built(sources.parent, hatch_build.fingerprint_of(sources))
    assert hatch_build.build_studio(sources.parent) is False


def test_a_studio_built_from_other_sources_is_built_again(sources, monkeypatch):
    built = _built(sources.parent, "another fingerprint")
    commands: list[tuple[str, ...]] = []
    monkeypatch.setattr(hatch_build, "_npm", lambda folder, *arguments: commands.append(arguments))
    (sources / "package-lock.json").write_text("{}")
    (sources / "node_modules").mkdir()
    assert hatch_build.build_studio(sources.parent) is True
    assert [command[0] for command in commands] == ["ci", "run"]
    assert "--ignore-scripts" in commands[0]
    assert (built / hatch_build.STAMP).read_text() == hatch_build.fingerprint_of(sources)
    assert hatch_build.build_studio(sources.parent) is False


def test_a_built_studio_without_sources_is_taken_as_it_is(tmp_path):
    _built(tmp_path, "of an sdist")
    assert hatch_build.build_studio(tmp_path) is False


def test_neither_sources_nor_a_built_studio_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="neither the Studio's sources"):
        hatch_build.build_studio(tmp_path)


@pytest.mark.slow
def test_a_wheel_carries_the_studio_and_its_types_and_no_stamp(tmp_path):
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        index = archive.read("runyard/server/studio/index.html").decode()
        (points,) = (archive.read(name).decode() for name in names if name.endswith("entry_points.txt"))
    assert "<!doctype html>" in index
    assert any(name.startswith("runyard/server/studio/studio/") and name.endswith(".js") for name in names)
    assert {"runyard/py.typed", "runyard/__main__.py"} <= names
    assert not [name for name in names if name.endswith(hatch_build.STAMP) or "node_modules" in name]
    assert "runyard = runyard.cli:main" in points
    assert "runyard = runyard.sdk.mlflow_auth:RunyardAuthProvider" in points
