"""What a module offers is listed, sorted, and there."""

import ast

import pytest

from tests.arch.source_tree import modules, tree_of


def _listed(tree: ast.Module) -> list[str] | None:
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(ast.unparse(target) == "__all__" for target in node.targets):
            return list(ast.literal_eval(node.value))
    return None


def _bound(tree: ast.Module) -> set[str]:
    """Return the names that exist at the top of a module, also those only the type checker imports."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names.update(alias.asname or alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names.update(ast.unparse(target) for target in node.targets)
        elif isinstance(node, ast.AnnAssign):
            names.add(ast.unparse(node.target))
    return names


LISTS = {name: listed for name, path in modules().items() if (listed := _listed(tree_of(path))) is not None}


@pytest.mark.parametrize("module", LISTS)
def test_all_is_sorted_without_repeats(module: str):
    assert LISTS[module] == sorted(set(LISTS[module]), key=_order)


def _order(name: str) -> tuple[int, str]:
    """Sort as ruff does: constants, then classes, then functions."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)


@pytest.mark.parametrize("module", LISTS)
def test_all_names_only_what_is_there(module: str):
    assert set(LISTS[module]) <= _bound(tree_of(modules()[module]))


def test_the_package_lists_what_it_offers():
    assert "runyard" in LISTS


def test_packages_list_every_public_name_that_they_re_export():
    unlisted = {
        f"{module}.{name}"
        for module, listed in LISTS.items()
        if modules()[module].name == "__init__.py"
        for name in _re_exported(tree_of(modules()[module])) - set(listed)
    }
    assert unlisted == set()


def _re_exported(tree: ast.Module) -> set[str]:
    return {
        name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("runyard")
        for alias in node.names
        if not (name := alias.asname or alias.name).startswith("_")
    }
