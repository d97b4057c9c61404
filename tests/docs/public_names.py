"""The public names of the SDK: what `runyard` exports, their members, and the classes that these lead to."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import runyard

_WORD = re.compile(r"\w+")
# For the other objects of the SDK: a user meets them in no result that is theirs to ask anything.
INSIDE = {"Connection", "DownloadProgress", "JobData"}


@dataclass(frozen=True)
class PublicName:
    """A class, or a public member of one.

    Args:
        name: As a user writes it: ``Run.log``.
        documented: What has the docstring: the class or the function.
        kind: ``class``, ``method`` or ``property``.
    """

    name: str
    documented: Any
    kind: str

    @property
    def doc(self) -> str:
        """Its docstring, without indentation."""
        return inspect.getdoc(self.documented) or ""

    @property
    def unwritten_types(self) -> list[str]:
        """The parameters that have no annotation, and ``return``."""
        function = self.documented.__init__ if self.kind == "class" else self.documented
        if not inspect.isfunction(function):
            return []  # a class that is made as its parent is
        signature = inspect.signature(function)
        missing = [
            parameter.name
            for index, parameter in enumerate(signature.parameters.values())
            if parameter.annotation is parameter.empty and not (index == 0 and parameter.name in _RECEIVERS)
        ]
        return missing + ["return"] * (signature.return_annotation is signature.empty)


_RECEIVERS = ("self", "cls")


def public_names() -> list[PublicName]:
    """Return all public names, each under the first class that has it."""
    found: dict[int, PublicName] = {}
    for cls in public_classes():
        found.setdefault(id(cls), PublicName(cls.__name__, cls, "class"))
        for member, documented, kind in members(cls):
            found.setdefault(id(documented), PublicName(f"{cls.__name__}.{member}", documented, kind))
    return list(found.values())


def public_classes() -> list[type]:
    """Return what `runyard` exports, and each class of the SDK that a public signature of these names."""
    exported = [each for name in runyard.__all__ if inspect.isclass(each := getattr(runyard, name))]
    known = dict(_classes_of_the_sdk())
    waiting = exported
    found: list[type] = []
    while waiting:
        cls = waiting.pop(0)
        if cls in found:
            continue
        found.append(cls)
        waiting += [each for name, each in vars(cls).items() if inspect.isclass(each) and name[0] != "_"]
        waiting += [
            known[word]
            for _, documented, _ in members(cls)
            for annotation in documented.__annotations__.values()
            for word in _WORD.findall(str(annotation))
            if word in known and word not in INSIDE
        ]
    return found


def members(cls: type) -> Iterator[tuple[str, Callable[..., Any], str]]:
    """Yield the public members of a class that are of Runyard, each with what has its docstring."""
    for name in dir(cls):
        owner = next((each for each in cls.__mro__ if name in each.__dict__), None)
        if name.startswith("_") or owner is None or not owner.__module__.startswith("runyard."):
            continue
        raw = inspect.getattr_static(cls, name)
        if isinstance(raw, property):
            assert raw.fget is not None
            yield name, raw.fget, "property"
        elif inspect.isfunction(function := getattr(raw, "__func__", raw)):
            yield name, function, "method"


def _classes_of_the_sdk() -> Iterator[tuple[str, type]]:
    for module in [name for name in sys.modules if name.startswith("runyard.sdk.")]:
        for name, each in vars(sys.modules[module]).items():
            if inspect.isclass(each) and each.__module__ == module and not name.startswith("_"):
                yield name, each
