"""Prints the longest files, functions, classes and signatures beside their budgets; fails on a breach."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "src" / "runyard"
BENCHMARKS = ROOT / "benchmarks"
# The user's own surface: a call with many optional keywords is how Python libraries are read.
MANY_PARAMETERS = ("sdk", "cli", "azureml")
# A migration is a list of statements, written once and never grown: splitting it would only hide its order.
MIGRATIONS = SOURCES / "stores" / "metadata" / "migrations" / "versions"
# Methods of a shipped suite are tests, not a surface that anybody has to know.
NOT_A_SURFACE = ("_", "test_")


@dataclass(frozen=True)
class Budget:
    """A limit on one kind of size; tails are what make code unreadable, so limits are on tails."""

    kind: str
    aimed_at: int
    most: int


@dataclass(frozen=True)
class Size:
    """One thing measured."""

    budget: Budget
    name: str
    value: int

    @property
    def is_breach(self) -> bool:
        """Whether it is over the hard limit."""
        return self.value > self.budget.most


FILE = Budget("lines of a file", 400, 400)
FUNCTION = Budget("lines of a function", 25, 60)
CLASS = Budget("public methods of a class", 20, 20)
PARAMETERS = Budget("parameters", 6, 6)
BUDGETS = (FILE, FUNCTION, CLASS, PARAMETERS)

Function = ast.FunctionDef | ast.AsyncFunctionDef


def sizes_of(path: Path) -> Iterator[Size]:
    """Measure a file and all that is defined in it."""
    source = path.read_text()
    root = SOURCES if path.is_relative_to(SOURCES) else BENCHMARKS
    name = path.relative_to(root.parent).as_posix()
    yield Size(FILE, name, len(source.splitlines()))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, Function):
            where = f"{name}:{node.lineno} {node.name}"
            yield Size(FUNCTION, where, _length(node))
            if path.relative_to(root).parts[0] not in MANY_PARAMETERS:
                yield Size(PARAMETERS, where, _parameters(node))
        elif isinstance(node, ast.ClassDef):
            public = [
                child
                for child in node.body
                if isinstance(child, Function) and not child.name.startswith(NOT_A_SURFACE)
            ]
            yield Size(CLASS, f"{name}:{node.lineno} {node.name}", len(public))


def _length(function: Function) -> int:
    first = function.body[0]
    has_docstring = ast.get_docstring(function) is not None
    docstring = (first.end_lineno or first.lineno) - first.lineno + 1 if has_docstring else 0
    return (function.end_lineno or function.lineno) - function.lineno + 1 - docstring


def _parameters(function: Function) -> int:
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return len([argument for argument in named if argument.arg not in {"self", "cls"}])


def all_sizes() -> list[Size]:
    """Measure the whole package and the benchmarks."""
    paths = [*sorted(SOURCES.rglob("*.py")), *sorted(BENCHMARKS.rglob("*.py"))]
    return [size for path in paths if path.parent != MIGRATIONS for size in sizes_of(path)]


def main() -> int:
    """Print each budget with its three largest and every breach; return 1 when there is one."""
    sizes = all_sizes()
    for budget in BUDGETS:
        of_kind = sorted((size for size in sizes if size.budget == budget), key=lambda size: -size.value)
        over_aim = sum(size.value > budget.aimed_at for size in of_kind)
        print(f"{budget.kind} (most {budget.most}): {over_aim} of {len(of_kind)} over {budget.aimed_at}")
        for size in of_kind[:3]:
            print(f"  {size.value:4} {size.name}")
    breaches = [size for size in sizes if size.is_breach]
    for size in breaches:
        print(f"over budget: {size.value} {size.budget.kind} (most {size.budget.most}): {size.name}")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
