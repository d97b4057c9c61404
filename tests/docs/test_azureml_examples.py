"""The alias's own classes and functions have types, docstrings, and examples that run."""

from __future__ import annotations

import doctest
import importlib
import inspect
import os
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from runyard import Workspace
from runyard.azureml.hyperdrive import (
    GridParameterSampling,
    HyperDriveConfig,
    PrimaryMetricGoal,
)
from runyard.azureml.submitting import Experiment, ScriptRunConfig
from tests.docs.example_runs import OPTIONS, PARSER
from tests.docs.public_names import PublicName, members
from tests.running_server import RunningServer

MODULES = tuple(
    importlib.import_module(f"runyard.azureml.{name}")
    for name in (
        "authentication", "data_types", "environments", "estimators", "hyperdrive", "models",
        "parameter_expressions", "policies", "resources", "submitting", "tensorboard", "tracking", "widgets",
    )
)  # fmt: skip
INSIDE = {"stand_in_for"}  # no name of Azure's
SCRIPT = (
    "import sys\nfrom azureml.core import Run\n\nif '--alpha' in sys.argv:\n"
    "    Run.get_context().log('loss', float(sys.argv[sys.argv.index('--alpha') + 1]))\n"
)


def own_names() -> list[tuple[ModuleType, PublicName]]:
    found = []
    for module in MODULES:
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
ALL_NAMES = {public.name: public.documented for _, public in OWN if "." not in public.name}
"""What a notebook has after the imports that Azure's begin with."""


def shown(each: tuple[ModuleType, PublicName]) -> str:
    return f"{each[0].__name__.rpartition('.')[2]}.{each[1].name}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The working directory of all examples, with the code that they submit."""
    made = tmp_path_factory.mktemp("examples")
    (made / "code").mkdir()
    (made / "code" / "train.py").write_text(SCRIPT)
    before = Path.cwd()
    os.chdir(made)
    yield made
    os.chdir(before)


@pytest.fixture(scope="module")
def at_a_server(server: RunningServer, folder: Path) -> dict[str, Any]:
    """What examples find on a server: a workspace, a run that goes on, and a sweep that has ended."""
    ws = Workspace.get("default", url=server.url)
    experiment = Experiment(ws, "examples")
    alphas = GridParameterSampling({"--alpha": [0.1, 0.2]})
    code = ScriptRunConfig("code", "train.py")
    wanted = HyperDriveConfig(alphas, "loss", PrimaryMetricGoal.MINIMIZE, run_config=code)
    sweep = experiment.submit(wanted)
    sweep.wait_for_completion()
    run = experiment.start_logging(display_name="ridge")
    return {"ws": ws, "experiment": experiment, "sweep": sweep, "run": run, "Path": Path}


def test_the_names_are_found():
    assert len(OWN) > 50
    wanted = {"choice", "BanditPolicy", "DataType.to_long", "HyperDriveRun.get_metrics", "Experiment.submit"}
    assert {name.name for _, name in OWN} > wanted


@pytest.mark.parametrize("each", OWN, ids=shown)
def test_a_name_of_the_alias_says_its_types_and_what_its_caller_gets(each: tuple[ModuleType, PublicName]):
    _, public = each
    is_enum = inspect.isclass(public.documented) and hasattr(public.documented, "__members__")
    assert is_enum or public.unwritten_types == []
    first = public.doc.partition("\n")[0]
    assert len(first.split()) > 2
    assert first.endswith(".")


@pytest.mark.parametrize("each", OWN, ids=shown)
def test_a_name_of_the_alias_has_an_example_that_runs(
    each: tuple[ModuleType, PublicName], at_a_server: dict[str, Any]
):
    _, public = each
    assert PARSER.get_examples(public.doc), f"{public.name} has no example"
    said: list[str] = []
    example = PARSER.get_doctest(public.doc, {**ALL_NAMES, **at_a_server}, public.name, None, None)
    doctest.DocTestRunner(verbose=False, optionflags=OPTIONS).run(example, out=said.append)
    assert "".join(said) == ""
