"""Whatever msgspec reads by was learnt by one thread at a time: see `runyard.decoding`."""

import ast

import pytest

from tests.arch.source_tree import modules, tree_of

BY = {"convert": 1, "Decoder": 0}
DECODES = "decode"


def types_read_by(tree: ast.AST) -> list[ast.expr]:
    """Return what stands where msgspec is told a type."""
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not ast.unparse(node.func).startswith("msgspec."):
            continue
        name = ast.unparse(node.func).rpartition(".")[2]
        if name in BY and len(node.args) > BY[name]:
            found.append(node.args[BY[name]])
        elif name in {*BY, DECODES}:
            found += [each.value for each in node.keywords if each.arg == "type"]
    return found


def is_learnt(kind: ast.expr) -> bool:
    return isinstance(kind, ast.Call) and ast.unparse(kind.func) == "learnt"


@pytest.mark.parametrize("module", [name for name in modules() if name != "runyard.decoding"])
def test_a_type_that_is_read_by_was_learnt(module: str):
    wrong = [ast.unparse(kind) for kind in types_read_by(tree_of(modules()[module])) if not is_learnt(kind)]
    assert wrong == [], "read by `learnt(...)` of these"


def test_the_rule_sees_what_breaks_it():
    lines = ("convert(a, B)", "json.decode(a, type=B)", "json.Decoder(B)", "json.decode(a)")
    kinds = types_read_by(ast.parse("\n".join(f"msgspec.{line}" for line in lines)))
    assert [ast.unparse(kind) for kind in kinds] == ["B", "B", "B"]
    assert not any(is_learnt(kind) for kind in kinds)
