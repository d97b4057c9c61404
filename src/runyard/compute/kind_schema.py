"""What a kind of compute targets says of its settings, as a JSON Schema that forms are made of.

The struct of a kind is the one place where its settings stand: their types and bounds are its fields', and
what each is for is said by the section ``Args`` of its docstring, and by those of the structs it extends.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from runyard.compute.base import TargetKind

_ARGUMENT = re.compile(r"^    (\w+): ")
_ROLE = re.compile(r"``(.*?)``")


def schema_of(kind: TargetKind) -> dict[str, Any]:
    """Return the JSON Schema of the settings of a kind, in their order, each with a description."""
    schema = msgspec.json.schema(kind.settings)
    for struct in _structs_of(kind.settings):
        told = schema["$defs"][struct.__name__]
        said = _said_of(struct)
        told["description"] = inspect.cleandoc(struct.__doc__ or "").partition("\n")[0]
        for name, each in told["properties"].items():
            told["properties"][name] = {**each, "description": said.get(name, "")}
    return schema


def _structs_of(struct: type[msgspec.Struct]) -> Iterator[type[msgspec.Struct]]:
    """Yield a struct and all that its fields hold, each once."""
    pending: list[Any] = [struct]
    seen: set[type[msgspec.Struct]] = set()
    while pending:
        each = pending.pop()
        if isinstance(each, type) and issubclass(each, msgspec.Struct):
            if each not in seen:
                seen.add(each)
                yield each
                pending += [field.type for field in msgspec.structs.fields(each)]
        else:
            pending += getattr(each, "__args__", ())


def _said_of(struct: type[msgspec.Struct]) -> dict[str, str]:
    """Return what the docstrings of a struct and of those it extends say of each field."""
    found: dict[str, str] = {}
    for each in reversed(struct.__mro__):
        if each is not msgspec.Struct and issubclass(each, msgspec.Struct):
            found |= _arguments(inspect.cleandoc(each.__doc__ or ""))
    return found


def _arguments(docstring: str) -> dict[str, str]:
    section = docstring.partition("Args:\n")[2].split("\n\n")[0]
    found: dict[str, str] = {}
    name = ""
    for line in section.splitlines():
        begun = _ARGUMENT.match(line)
        if begun is not None:
            name = begun[1]
            found[name] = line[begun.end() :].strip()
        elif name:
            found[name] += f" {line.strip()}"
    return {each: _ROLE.sub(r"\1", text) for each, text in found.items()}
