"""The alias's own classes and functions have types and docstrings; those that ask no server have examples."""

from __future__ import annotations

import doctest
import importlib
import inspect
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.docs.public_names import PublicName, members

MODULES = (
    "authentication", "data_types", "environments", "estimators", "hyperdrive", "models", "submitting",
    "widgets",
)  # fmt: skip
# What needs a server with a run: tests/azureml_alias has scripts that use all of it.
AT_A_SERVER = {
    "Environment", "Experiment", "HyperDriveConfig", "HyperDriveRun", "Model", "RunDetails",
    "ScriptRunConfig",
}  # fmt: skip
INSIDE = {"stand_in_for"}  # no name of Azure's
PARSER = doctest.DocTestParser()


def own_names() -> list[tuple[ModuleType, PublicName]]:
    found = []
    for module in [importlib.import_module(f"runyard.azureml.{name}") for name in MODULES]:
        for name, each in vars(module).items():
            if name.startswith("_") or name in INSIDE or getattr(each, "__module__", None) != module.__name__:
                continue
            if inspect.isclass(each):
                found.append((module, PublicName(name, each, "class")))
                found += [
                    (module, PublicName(f"{name}.{member}", documented, kind))
                    for member, documented, kind in members(each)
                    if documented.__module__ == module.__name__
                ]
            elif inspect.isfunction(each):
                found.append((module, PublicName(name, each, "function")))
    return found


OWN = own_names()


def shown(each: tuple[ModuleType, PublicName]) -> str:
    return f"{each[0].__name__.rpartition('.')[2]}.{each[1].name}"


def test_the_names_are_found():
    assert len(OWN) > 50
    assert {name.name for _, name in OWN} > AT_A_SERVER | {"choice", "BanditPolicy", "DataType.to_long"}


@pytest.mark.parametrize("each", OWN, ids=shown)
def test_a_name_of_the_alias_says_its_types_and_what_its_caller_gets(each: tuple[ModuleType, PublicName]):
    _, public = each
    is_enum = inspect.isclass(public.documented) and hasattr(public.documented, "__members__")
    assert is_enum or public.unwritten_types == []
    first = public.doc.partition("\n")[0]
    assert len(first.split()) > 2
    assert first.endswith(".")


@pytest.mark.parametrize(
    "each", [each for each in OWN if each[1].name.partition(".")[0] not in AT_A_SERVER], ids=shown
)
def test_a_name_of_the_alias_has_an_example_that_runs(
    each: tuple[ModuleType, PublicName], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    module, public = each
    monkeypatch.chdir(tmp_path)
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "train.py").touch()
    assert PARSER.get_examples(public.doc), f"{public.name} has no example"
    globs: dict[str, Any] = dict(vars(module))
    said: list[str] = []
    example = PARSER.get_doctest(public.doc, globs, public.name, None, None)
    doctest.DocTestRunner(verbose=False).run(example, out=said.append)
    assert "".join(said) == ""
