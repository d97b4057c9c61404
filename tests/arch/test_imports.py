"""Imports point down: the table below is the architecture."""

import ast
import graphlib
import sys

import pytest

from tests.arch.source_tree import imports_of, module_name, modules, room_of, tree_of

WORDS = {"errors", "entities", "settings", "_version", "decoding"}
BELOW_SERVICES = WORDS | {"protocol", "stores", "auth", "compute", "serving", "drift"}

# Room -> the rooms whose modules it may import; its own are always allowed.
MAY_IMPORT = {
    "_version": set(),
    "errors": set(),
    "decoding": set(),
    "entities": {"errors"},
    "settings": {"errors"},
    "protocol": WORDS,
    "stores": WORDS | {"protocol"},
    "auth": WORDS,
    "agent": set(),  # it is sent to machines where nothing else of Runyard is
    "compute": WORDS | {"agent"},
    "sdk": WORDS | {"protocol"},
    "azureml": WORDS | {"sdk"},
    "serving": WORDS | {"compute"},
    "drift": WORDS,
    "services": BELOW_SERVICES,
    "server": WORDS | {"services", "protocol", "auth", "stores"},  # of the stores their contracts: see below
    "app": BELOW_SERVICES | {"services", "server"},
    "cli": WORDS | {"sdk", "protocol"},
    "testing": BELOW_SERVICES | {"services"},
    "__init__": {"sdk", "errors", "entities", "_version"},
    "__main__": {"cli"},
}
# The command line is a client of the SDK like any other program, but for the commands that are the server.
SERVER_COMMANDS = {
    "runyard.cli.up",
    "runyard.cli.serve",
    "runyard.cli.admin",
    "runyard.cli.azureml_key",
    "runyard.cli.backup",
    "runyard.cli.check",
}
# What a store may know of the wire: the tree of a filter, the patterns in it, how pages are cut; but
# not the messages.
WIRE_FOR_STORES = {
    "runyard.protocol.filter_tree",
    "runyard.protocol.filters",
    "runyard.protocol.ordering",
    "runyard.protocol.paging",
    "runyard.protocol.patterns",
}
# `runyard/__init__.py` hands out the SDK on first use; the command line loads a command when it is called;
# Alembic, which takes long to import, is loaded when there is something to migrate; what sends spans when a
# setting asks for it; what answers GraphQL, if its library is there, when a page of MLflow's asks; protobuf,
# which only OpenTelemetry's spans are read with, when the first of these come; what makes an API key where
# the home is, and needs the server's libraries; the names of Azure's first SDK, which a script asks for one
# by one; MLflow, whose runs a script has to bring.
MAY_IMPORT_LAZILY = {
    "runyard",
    "runyard.app",
    "runyard.azureml.alias",
    "runyard.azureml.tracking",
    "runyard.cli",
    "runyard.cli.azureml_env",
    "runyard.compute.ssh_machine",
    "runyard.compute.kubernetes_access",
    "runyard.compute.kubernetes_cluster",
    "runyard.protocol.otlp",
    "runyard.sdk.compute",  # a target is of the class of its kind, which derives from what all are
    "runyard.sdk.optional_libraries",
    "runyard.sdk.run_context",  # a workspace hands out runs, and a run's context has to find a workspace
    "runyard.server.routes.graphql",
    "runyard.services.sweep_sampling",  # Optuna, which few servers need
    "runyard.stores.schema_version",
}


@pytest.mark.parametrize("module", modules())
def test_imports_point_down(module: str):
    room = room_of(module)
    allowed = MAY_IMPORT[room] | {room}
    if module in SERVER_COMMANDS:
        allowed = allowed | {"app"}
    wrong = {name for name in imports_of(module) if room_of(name) not in allowed}
    assert not wrong, f"{module} ({room}) may import {sorted(allowed)}"


@pytest.mark.parametrize("module", [name for name in modules() if room_of(name) == "agent"])
def test_an_agent_needs_nothing_but_python(module: str):
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree_of(modules()[module]))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [each.name for each in node.names] if isinstance(node, ast.Import) else [node.module or ""]
        )
    }
    assert imported - set(sys.stdlib_module_names) <= {"runyard"}


@pytest.mark.parametrize("module", [name for name in modules() if room_of(name) == "stores"])
def test_stores_know_the_filter_tree_and_not_the_messages(module: str):
    wire = {name for name in imports_of(module) if room_of(name) == "protocol"}
    assert wire <= WIRE_FOR_STORES


@pytest.mark.parametrize("module", [name for name in modules() if room_of(name) == "server"])
def test_the_server_hands_stores_on_and_knows_none_of_their_engines(module: str):
    stores = {name for name in imports_of(module) if room_of(name) == "stores"}
    assert {name for name in stores if not name.endswith((".base", ".opening"))} == set()


def test_no_two_modules_import_one_another():
    graph = {module: imports_of(module) for module in modules()}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        pytest.fail("a cycle: " + " -> ".join(error.args[1]))


def test_only_the_lazy_modules_import_inside_functions():
    lazy = {
        module_name(path)
        for path in modules().values()
        for function in ast.walk(tree_of(path))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
        or (isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "import_module")
    }
    assert lazy <= MAY_IMPORT_LAZILY
