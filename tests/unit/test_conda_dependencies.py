"""Packages of an environment, and the YAML that they are written in."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from runyard import CondaDependencies
from runyard.errors import InvalidParameter, NotFound
from runyard.sdk.conda_dependencies import base_name
from runyard.sdk.yaml_text import yaml_lines
from tests.running_server import scrubbed

WRITTEN = """\
name: training
channels: [conda-forge, defaults]
dependencies:
  - python=3.10
  - numpy=1.26=py310h1
  - pip
  - pip:
      - mlflow-skinny>=3
      - --extra-index-url https://example.org/simple
variables:
  OMP_NUM_THREADS: 4
prefix: /somewhere
"""


def test_dependencies_are_made_as_azure_s_sdk_makes_them():
    made = CondaDependencies.create(
        pip_indexurl="https://example.org/simple",
        pip_packages=["azureml-defaults", "scikit-learn==1.5"],
        conda_packages=["numpy"],
        python_version="3.9",
        pin_sdk_version=False,
    )
    assert list(made.conda_packages) == ["numpy", "pip"]
    assert list(made.pip_packages) == ["azureml-defaults", "scikit-learn==1.5"]
    assert list(made.pip_options) == ["--index-url https://example.org/simple"]
    assert list(made.conda_channels) == ["conda-forge"]
    assert made.get_python_version() == "3.9"
    running = CondaDependencies.create().get_python_version()
    assert running == f"{sys.version_info.major}.{sys.version_info.minor}"


def test_a_package_takes_the_place_of_another_version_of_it():
    packages = CondaDependencies()
    for name in ("scikit-learn", "numpy", "scikit_learn>=1.6"):
        packages.add_conda_package(name)
    for line in ("Torch[gpu] >= 2", "x", "torch==3", "git+https://a/b", "git+https://c/d", "y @ https://e/f"):
        packages.add_pip_package(line)
    assert list(packages.conda_packages) == ["scikit_learn>=1.6", "numpy", "pip"]
    assert list(packages.pip_packages) == [
        "torch==3",
        "x",
        "git+https://a/b",
        "git+https://c/d",
        "y @ https://e/f",
    ]
    packages.remove_pip_package("TORCH")
    packages.remove_pip_package("never there")
    packages.remove_conda_package("scikit.learn==9")
    packages.remove_channel("never there")
    assert next(packages.pip_packages) == "x"
    assert list(packages.conda_packages) == ["numpy", "pip"]
    packages.set_python_version("3.11")
    packages.set_python_version("3.12")
    assert packages.as_dict()["dependencies"][0] == "python=3.12"
    assert len([each for each in packages.as_dict()["dependencies"] if "python" in each]) == 1


@pytest.mark.parametrize("wrong", ["", "  ", None, 3])
def test_what_is_no_package_is_refused(wrong):
    packages = CondaDependencies()
    for add in (packages.add_pip_package, packages.add_conda_package, packages.add_channel):
        with pytest.raises(InvalidParameter):
            add(wrong)
    assert packages == CondaDependencies()


def test_a_conda_file_is_read_and_written_again(tmp_path: Path):
    file = tmp_path / "environment.yml"
    file.write_text(WRITTEN)
    found = CondaDependencies(file)
    assert found.get_python_version() == "3.10"
    assert list(found.conda_channels) == ["conda-forge", "defaults"]
    assert list(found.conda_packages) == ["numpy=1.26=py310h1", "pip"]
    assert list(found.pip_packages) == ["mlflow-skinny>=3"]
    assert found.variables == {"OMP_NUM_THREADS": "4"}
    assert yaml.safe_load(found.serialize_to_string()) == found.as_dict()
    assert CondaDependencies(found.save(tmp_path)) == found
    assert found.save_to_file(tmp_path / "new", "mine.yml") == str(tmp_path / "new" / "mine.yml")
    assert CondaDependencies(tmp_path / "new" / "mine.yml") == found


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "mapping"),
        ("- a", "mapping"),
        ("a: [", "no YAML"),
        ("channels: [a]", "dependencies"),
        ("dependencies: a", "list"),
        ("dependencies: [{conda: [a]}]", "list of texts"),
        ("dependencies: [{pip: {a: b}}]", "list of texts"),
        ("dependencies: [null]", "list of texts"),
        ("dependencies: []\nvariables: [a]", "mapping"),
        ("dependencies: [!!python/object/apply:os.system ['touch made']]", "no YAML"),
        ("[" * 1_500, "no YAML"),
        ("#" * 1_000_001, "larger"),
    ],
)
def test_a_file_that_is_none_of_conda_s_is_refused(tmp_path: Path, monkeypatch, text, why):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "environment.yml"
    file.write_text(text)
    with pytest.raises(InvalidParameter, match=why):
        CondaDependencies(file)
    assert os.listdir(tmp_path) == ["environment.yml"]


def test_a_file_that_is_not_there_or_no_text_is_said_to_be_so(tmp_path: Path):
    with pytest.raises(NotFound, match=r"nowhere\.yml"):
        CondaDependencies(tmp_path / "nowhere.yml")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidParameter, match="UTF-8"):
        CondaDependencies(tmp_path / "bytes")


def test_requirements_lose_comments_and_keep_options():
    packages = CondaDependencies()
    packages.add_pip_package("old")
    packages.set_pip_requirements(["# all", "", "a>=1  # why", "--pre", "b#notacomment"])
    assert list(packages.pip_packages) == ["a>=1", "b#notacomment"]
    assert list(packages.pip_options) == ["--pre"]
    for line in ("-r other.txt", "--requirement=x", "-c c.txt", "-e .", "./here", "/there", "file:///x"):
        with pytest.raises(InvalidParameter, match="names a file"):
            packages.set_pip_requirements([line])


def test_without_pyyaml_packages_are_written_and_a_file_says_what_is_missing(tmp_path: Path):
    script = """
import sys
sys.modules["yaml"] = None
from runyard import CondaDependencies
CondaDependencies.create(["a"]).save("made.yml")
try:
    CondaDependencies("made.yml")
except ValueError as error:
    print(error)
"""
    ended = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=scrubbed(os.environ),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "pip install pyyaml" in ended.stdout


@pytest.mark.parametrize(
    ("package", "name"),
    [("numpy", "numpy"), ("Scikit_Learn[a,b]>=1", "scikit-learn"), ("forge::a=1", "a"), ("./x", "./x")],
)
def test_names_are_compared_as_pip_compares_them(package, name):
    assert base_name(package) == name


_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(
    st.dictionaries(_texts, st.one_of(_texts, st.lists(_texts), st.dictionaries(_texts, _texts))),
    st.lists(st.one_of(_texts, st.dictionaries(_texts, st.lists(_texts), min_size=1))),
)
def test_what_is_written_is_read_as_it_was(content, items):
    everything = {"items": items, **content}
    assert yaml.safe_load("\n".join(yaml_lines(everything))) == everything
