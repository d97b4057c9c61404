"""The wheel that a server makes of its own code: it installs, and is the SDK with its plugins."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import runyard
from runyard.services.own_wheel import write_own_wheel

ASKED = """
import importlib.metadata, json, runyard, sys
plugins = [each.value for each in importlib.metadata.distribution("runyard").entry_points]
print(json.dumps([runyard.__file__, runyard.__version__, runyard.Workspace.__name__, sorted(plugins)]))
"""


def test_it_installs_and_is_the_sdk_with_its_plugins(tmp_path):
    wheel = write_own_wheel(tmp_path / "wheels")
    target = tmp_path / "installed"
    install = [
        sys.executable,
        "-m",
        "uv",
        "pip",
        "install",
        "--offline",
        "--no-deps",
        "--target",
        str(target),
    ]
    subprocess.run([*install, str(wheel)], check=True, capture_output=True)
    asked = subprocess.run(
        [sys.executable, "-c", ASKED],
        env={"PYTHONPATH": str(target)},
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    place, version, name, plugins = json.loads(asked.stdout)
    assert Path(place).is_relative_to(target)
    assert (version, name) == (runyard.__version__, "Workspace")
    own = importlib.metadata.distribution("runyard").entry_points
    assert plugins == sorted(each.value for each in own)


def test_the_same_code_is_the_same_wheel(tmp_path):
    first, second = (write_own_wheel(tmp_path / name) for name in ("a", "b"))
    assert first.relative_to(tmp_path / "a") == second.relative_to(tmp_path / "b")
    assert first.read_bytes() == second.read_bytes()
    written = first.stat().st_mtime_ns
    assert write_own_wheel(tmp_path / "a") == first
    assert first.stat().st_mtime_ns == written


def test_no_page_and_nothing_compiled_is_in_it(tmp_path):
    names = zipfile.ZipFile(write_own_wheel(tmp_path)).namelist()
    assert "runyard/py.typed" in names
    assert not any("/studio/" in name or name.endswith(".pyc") for name in names)
