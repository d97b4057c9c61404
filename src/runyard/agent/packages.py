"""What an environment asks for, in pip's words: conda's part translated where there is no conda."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from runyard.agent.assignment import Environment
from runyard.agent.steps import CannotPrepare

# Names that are others with pip; those that are pip's own name are passed on.
_OTHER_NAMES = {
    "dask-core": "dask",
    "matplotlib-base": "matplotlib",
    "py-opencv": "opencv-python-headless",
    "py-xgboost": "xgboost",
    "pytables": "tables",
    "pytorch": "torch",
}
# No packages of Python's: what pip installs brings them itself, or it chooses how conda does it.
_NOT_FOR_PIP = frozenset({"blas", "cpuonly", "cudatoolkit", "cudnn", "mkl", "nomkl", "pytorch-cuda"})
# What a package of Microsoft's brings that a script imports.
_BROUGHT = {
    "azureml-dataprep": "pandas",
    "azureml-dataset-runtime": "pandas",
    "azureml-mlflow": "mlflow-skinny",
}
# What has that in it already.
_WITH_IT = {"mlflow-skinny": ("mlflow",)}
# What MLflow writes scikit-learn's models with, which MLflow whole brings and the client alone does not.
_SKLEARN, _SKLEARN_WRITER = "scikit-learn", "skops"

_PACKAGE = re.compile(r"(?:\S+::)?([A-Za-z0-9_][A-Za-z0-9._-]*)\s*(.*)", re.DOTALL)
_ONE_VERSION = re.compile(r"(={0,2})\s*([0-9][^=<>!~,|\s\[]*)(?:\s*=\s*|\s+)?([^=<>!~,|\s\[]*)")
_CLAUSE = re.compile(r"\s*(>=|<=|==|!=|~=|>|<|=)\s*([0-9][^=<>!~,|\s\[]*)\s*")
_MINOR = re.compile(r"^==(\d+(?:\.\d+)?)$")
_NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")


@dataclass(frozen=True, slots=True)
class Packages:
    """What is to be installed.

    Args:
        python: Which Python, as ``==3.11.*``; empty for any.
        conda: What conda would install beside it, in conda's words.
        pip: Lines as in a file of requirements.
        notes: What is to be said about them.
    """

    python: str
    conda: tuple[str, ...]
    pip: tuple[str, ...]
    notes: tuple[str, ...]


def read_packages(environment: Environment, *, is_azureml: bool) -> Packages:
    """Return what an environment asks for.

    Args:
        environment: The environment.
        is_azureml: Whether the names of Microsoft's packages are Runyard's SDK, so theirs must not be there.

    Raises:
        CannotPrepare: A line can't be read.
    """
    python, conda, notes = "", [], []
    for package in environment.packages:
        name, version = _parts(package)
        if name == "python":
            # `3.11` alone is each 3.11, as everybody means it.
            python = _MINOR.sub(r"==\1.*", _specifier(version, package))
        elif name != "pip":
            conda.append(package)
    pip = []
    names = _names(environment.pip) | {_parts(package)[0] for package in conda}
    for line in environment.pip:
        name = _normal(found[1]) if (found := _NAME.match(line)) else ""
        if is_azureml and name.startswith("azureml"):
            notes.append(f"{line.strip()} is left out: the script's `azureml` is Runyard's SDK.")
            pip += _in_place_of(name, names, notes)
        else:
            pip.append(line)
    return Packages(python, tuple(conda), tuple(pip), tuple(notes))


def translated(packages: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return what pip would install for packages of conda's, and what is to be said about it.

    Raises:
        CannotPrepare: A line has no counterpart.
    """
    lines, notes = [], []
    for package in packages:
        name, version = _parts(package)
        if name in _NOT_FOR_PIP:
            notes.append(f"{package} is left out: it is no package of Python's, and there is no conda here.")
            continue
        line = f"{_OTHER_NAMES.get(name, name)}{_specifier(version, package)}"
        notes.append(f"{package} comes from pip, as {line}: there is no conda here.")
        lines.append(line)
    return lines, notes


def admits(specifier: str, version: str) -> bool:
    """Tell whether a version of Python is one of those that a specifier names; the empty one names all."""
    own = _numbers(version)
    return all(_is_met(clause, own) for clause in specifier.split(",") if clause)


def _parts(package: str) -> tuple[str, str]:
    found = _PACKAGE.fullmatch(package.strip())
    if found is None:
        raise CannotPrepare(f"{package!r} is no package of conda's.")
    return _normal(found[1]), found[2].strip()


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _names(lines: Iterable[str]) -> set[str]:
    return {_normal(found[1]) for line in lines if (found := _NAME.match(line))}


def _in_place_of(name: str, names: set[str], notes: list[str]) -> list[str]:
    brought = _BROUGHT.get(name)
    if brought is None or names & {brought, *_WITH_IT.get(brought, ())}:
        return []
    notes.append(f"{brought}, which it brings, is installed in its place.")
    if brought != "mlflow-skinny" or _SKLEARN not in names or _SKLEARN_WRITER in names:
        return [brought]
    notes.append(f"{_SKLEARN_WRITER} is installed too: MLflow writes models of {_SKLEARN} with it.")
    return [brought, _SKLEARN_WRITER]


def _specifier(version: str, package: str) -> str:
    """Return conda's version as pip writes it: ``=1.26`` is each that begins so."""
    if version in ("", "*"):
        return ""
    one = _ONE_VERSION.fullmatch(version)
    if one is not None:
        is_exact = one[1] == "==" or bool(one[3]) or (not one[1] and not one[2].endswith("*"))
        return f"=={one[2]}" if is_exact else f"=={_as_prefix(one[2])}"
    clauses = [_CLAUSE.fullmatch(each) for each in version.split(",")]
    found = [clause for clause in clauses if clause is not None]
    if len(found) != len(clauses):
        raise CannotPrepare(
            f"{package!r} can't be translated for pip, and there is no conda on the machine of the job. "
            "Write it as `name=1.2` or `name>=1,<2`, or install micromamba there."
        )
    return ",".join(f"=={_as_prefix(each[2])}" if each[1] == "=" else f"{each[1]}{each[2]}" for each in found)


def _as_prefix(version: str) -> str:
    return f"{version.removesuffix('*').removesuffix('.')}.*"


def _is_met(clause: str, own: tuple[int, ...]) -> bool:
    found = re.fullmatch(r"(>=|<=|==|!=|~=|>|<)(.+)", clause)
    if found is None:
        return False
    sign, wanted = found[1], _numbers(found[2].removesuffix(".*"))
    begins_so = own[: len(wanted)] == wanted
    padded = wanted + (0,) * (len(own) - len(wanted))
    if sign == "~=":
        return own >= padded and own[: len(wanted) - 1] == wanted[:-1]
    answers = {"==": begins_so, "!=": not begins_so, ">=": own >= padded, "<": own < padded}
    return answers.get(sign, own <= padded or begins_so if sign == "<=" else own > padded and not begins_so)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(each) for each in re.findall(r"\d+", version)[:3])
