"""What conda's packages are to pip, and which Python a specifier names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from runyard.agent.assignment import Environment
from runyard.agent.packages import admits, read_packages, translated
from runyard.agent.steps import CannotPrepare

versions = st.tuples(st.just(3), st.integers(7, 14), st.integers(0, 20)).map(
    lambda each: ".".join(map(str, each))
)
signs = st.sampled_from([">=", "<=", ">", "<", "==", "!=", "~="])


@pytest.mark.parametrize(
    ("package", "line"),
    [
        ("numpy", "numpy"),
        ("numpy=1.26", "numpy==1.26.*"),
        ("numpy=1.26.*", "numpy==1.26.*"),
        ("numpy=1.26*", "numpy==1.26.*"),
        ("numpy==1.26.4", "numpy==1.26.4"),
        ("numpy=1.26.4=py311h64a7726_0", "numpy==1.26.4"),
        ("numpy 1.26.4", "numpy==1.26.4"),
        ("numpy 1.26.*", "numpy==1.26.*"),
        ("numpy 1.26.4 py311_0", "numpy==1.26.4"),
        ("numpy>=1.26,<3", "numpy>=1.26,<3"),
        ("numpy >=1.26, <3", "numpy>=1.26,<3"),
        ("numpy~=1.26", "numpy~=1.26"),
        ("numpy=*", None),
        ("conda-forge::Scikit_Learn=1.6", "scikit-learn==1.6.*"),
        ("pytorch=2.6", "torch==2.6.*"),
        ("py-xgboost", "xgboost"),
        ("matplotlib-base>=3", "matplotlib>=3"),
        ("numpy|scipy", None),
        ("numpy[version='>=1']", None),
        ("numpy>=1|<0.5", None),
        ("", None),
        ("--help", None),
    ],
)
def test_a_package_of_condas_is_a_line_for_pip(package: str, line: str | None):
    if line is None:
        with pytest.raises(CannotPrepare):
            translated([package])
        return
    lines, notes = translated([package])
    assert lines == [line]
    assert line.startswith(Requirement(line).name)
    assert len(notes) == 1


def test_what_is_no_package_of_pythons_is_left_out_and_named():
    lines, notes = translated(["cudatoolkit=11.8", "mkl", "thing"])
    assert lines == ["thing"]
    assert [note.split()[0] for note in notes] == ["cudatoolkit=11.8", "mkl", "thing"]


@pytest.mark.parametrize(
    ("package", "specifier"),
    [
        ("python", ""),
        ("python=3.11", "==3.11.*"),
        ("python==3.11", "==3.11.*"),
        ("python 3.11", "==3.11.*"),
        ("python=3.11.7", "==3.11.7.*"),
        ("python==3.11.7", "==3.11.7"),
        ("python>=3.10,<3.12", ">=3.10,<3.12"),
        ("conda-forge::python=3", "==3.*"),
    ],
)
def test_python_is_a_version_and_no_package(package: str, specifier: str):
    found = read_packages(Environment(packages=(package, "pip=23", "thing")), is_azureml=False)
    assert (found.python, found.conda) == (specifier, ("thing",))


@given(versions, st.lists(st.tuples(signs, versions), max_size=3))
def test_a_python_is_admitted_as_by_packaging(version: str, clauses: list[tuple[str, str]]):
    specifier = ",".join(f"{sign}{wanted}" for sign, wanted in clauses)
    assert admits(specifier, version) == SpecifierSet(specifier).contains(version)


@given(versions, versions, st.integers(1, 3))
def test_a_prefix_admits_what_begins_with_it(version: str, wanted: str, count: int):
    specifier = f"=={'.'.join(wanted.split('.')[:count])}.*"
    assert admits(specifier, version) == SpecifierSet(specifier).contains(version)


@given(st.text(max_size=40))
def test_any_text_is_a_package_or_refused(text: str):
    try:
        lines, _ = translated([text])
    except CannotPrepare:
        return
    for line in lines:
        assert not line.startswith("-")
        assert "\n" not in line


def test_azures_packages_stay_where_their_names_are_theirs():
    pip = ("azureml-core", "azureml-mlflow", "thing")
    assert read_packages(Environment(pip=pip), is_azureml=False).pip == pip


@pytest.mark.parametrize(
    ("pip", "kept"),
    [
        (["azureml-defaults"], []),
        (["azureml-mlflow"], ["mlflow-skinny"]),
        (["azureml-mlflow>=1", "mlflow==2.22"], ["mlflow==2.22"]),
        (["azureml-dataprep[fuse]", "scikit-learn"], ["pandas", "scikit-learn"]),
        (["azureml-dataset-runtime", "pandas<3"], ["pandas<3"]),
        (["azureml-mlflow", "scikit-learn>1"], ["mlflow-skinny", "skops", "scikit-learn>1"]),
        (["azureml-mlflow", "scikit_learn", "skops"], ["mlflow-skinny", "scikit_learn", "skops"]),
        (["AzureML_SDK[notebooks]", "--extra-index-url https://x", "azure-storage-blob"], None),
    ],
)
def test_with_the_alias_they_are_left_out(pip: list[str], kept: list[str] | None):
    found = read_packages(Environment(pip=tuple(pip)), is_azureml=True)
    assert list(found.pip) == (pip[1:] if kept is None else kept)
    assert pip[0] in found.notes[0]


def test_conda_s_scikit_learn_brings_what_writes_its_models_too():
    wanted = Environment(packages=("scikit-learn=1.5",), pip=("azureml-mlflow",))
    found = read_packages(wanted, is_azureml=True)
    assert (found.conda, found.pip) == (("scikit-learn=1.5",), ("mlflow-skinny", "skops"))
