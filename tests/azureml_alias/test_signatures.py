"""Each name of Azure ML's first SDK is there with its parameters, or says what to use in its place."""

from __future__ import annotations

import importlib
import inspect
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from runyard import Environment, RunConfiguration
from runyard.azureml.names import ABSENT, ABSENT_MODULES, HOMES
from runyard.errors import NotImplementedHere

TABLE = Path(__file__).with_name("v1_signatures.txt")
_LINE = re.compile(r"(?P<path>[\w.]+?)(?:\((?P<parameters>.*)\))?")
# What objects have from the beginning, and their classes have not.
EXAMPLES = {"Environment": Environment("tried"), "RunConfiguration": RunConfiguration()}
# What differs, each with why; one that differs no more is an error.
DIFFERENT = {
    "azureml.core.ScriptRun": "one class for all runs; `directory` is taken by its name",
    "azureml.core.compute.ComputeTarget.wait_for_completion": "the order is that of AmlCompute's",
    "azureml.core.compute.AmlCompute.provisioning_configuration": "what rents machines is taken by its name",
    "azureml.core.compute.RemoteCompute.attach": "the third is the username, or a configuration",
    "azureml.core.compute.RemoteCompute.attach_configuration": "what finds a host in Azure is refused",
}


@dataclass(frozen=True)
class Signature:
    """A name of Azure's SDK.

    Args:
        path: Where it is: ``azureml.core.Run.log``.
        parameters: What it takes; None for a property or an attribute.
    """

    path: str
    parameters: tuple[str, ...] | None

    @property
    def home(self) -> str:
        """The name that modules have: a class, or a function."""
        parts = self.path.split(".")
        first = next((index for index, part in enumerate(parts) if part[0].isupper()), len(parts) - 1)
        return ".".join(parts[: first + 1])

    @property
    def member(self) -> str:
        """The name in the class; empty for the class itself."""
        return self.path[len(self.home) + 1 :]


def signatures() -> list[Signature]:
    lines = [line for line in TABLE.read_text().splitlines() if not line.startswith("#")]
    matched = [_LINE.fullmatch(line) for line in lines]
    return [
        Signature(found["path"], None if found["parameters"] is None else _words(found["parameters"]))
        for found in matched
        if found is not None
    ]


def _words(parameters: str) -> tuple[str, ...]:
    return tuple(word for word in parameters.split(", ") if word and not word.startswith("*"))


def counterpart(path: str) -> Any:
    """Return what a name means here, as the alias finds it; None where it only says what to use."""
    module, _, name = path.rpartition(".")
    if name in HOMES.get(module, {}):
        home, _, attribute = HOMES[module][name].partition(":")
        return getattr(importlib.import_module(home), attribute)
    advice = ABSENT.get(module, {}).get(name) or next(
        (said for each, said in ABSENT_MODULES.items() if f"{module}.".startswith(f"{each}.")), None
    )
    assert len((advice or "").split()) > 3, f"nothing stands for {path}"
    return None


def differences(known: Any, parameters: tuple[str, ...]) -> list[str]:
    """Return the parameters that a callable does not take by name, or has at another place."""
    taken = inspect.signature(known).parameters
    names = [name for name in taken if name != "self"]
    in_order = [
        name
        for name in names
        if taken[name].kind in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    ]
    takes_any = {each.kind for each in taken.values()}
    missing = [each for each in parameters if each not in names]
    if inspect.Parameter.VAR_KEYWORD in takes_any:
        missing = []
    if inspect.Parameter.VAR_POSITIONAL in takes_any:
        return missing
    return missing + [
        f"{wanted} at the place of {given}"
        for wanted, given in zip(parameters, in_order, strict=False)
        if wanted != given
    ]


def is_refused(home: Any, member: str) -> bool:
    """Whether a class, or an object of it, says of a member what to use in its place."""
    is_whole = inspect.isclass(home) and not inspect.isabstract(home)
    return _says(home, member) or (is_whole and _says(object.__new__(home), member))


def _says(owner: Any, member: str) -> bool:
    try:
        getattr(owner, member)
    except NotImplementedHere as said:
        return len(str(said).split()) > 5
    except AttributeError:
        pass
    return False


def test_the_table_is_whole():
    found = signatures()
    assert len(found) == len(set(found)) == 294
    assert len({each.home for each in found}) > 35


@pytest.mark.parametrize("signature", signatures(), ids=lambda each: each.path)
def test_a_name_is_there_with_its_parameters_or_says_what_to_use(signature: Signature):
    home, member = counterpart(signature.home), signature.member
    if home is None:
        return
    try:
        known = home if not member else inspect.getattr_static(home, member)
    except AttributeError:
        is_there = member in vars(EXAMPLES.get(home.__name__, type))
        assert is_there or is_refused(home, member), f"{signature.path} is missing"
        return
    if signature.parameters is None or (member and is_refused(home, member)):
        return
    bound = getattr(home, member) if isinstance(known, staticmethod | classmethod) else known
    found = differences(bound, signature.parameters)
    assert bool(found) == (signature.path in DIFFERENT), found


def test_what_differs_is_in_the_table():
    assert set(DIFFERENT) <= {each.path for each in signatures()}
