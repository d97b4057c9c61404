"""The genuine MLflow clients, each in an environment of its own, against the real server."""

import ast
import functools
import json
import os
import subprocess
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.running_server import RunningServer, scrubbed

pytestmark = pytest.mark.clients

ROOT = Path(__file__).resolve().parents[2]
SCENARIOS = Path(__file__).parent / "scenarios"
ALL_SCENARIOS_WITHIN_S = 900

# Client -> the files of scenarios that it can run: what it knows, and what is installed beside it.
CLIENTS = {
    "mlflow-3.17": (
        "experiments",
        "runs",
        "run_search",
        "deletion",
        "artifacts",
        "models",
        "newer",
        "tables",
        "logged_models",
        "evaluation",
        "evaluation_datasets",
        "scorers",
        "judging",
        "workspaces",
        "workspace_header",
        "workspace_calls",
        "users",
        "webhooks",
        "registry",
        "aliases",
        "registered_models",
        "prompts",
        "traces",
    ),
    "skinny-3.17": (
        "experiments",
        "runs",
        "run_search",
        "deletion",
        "artifacts",
        "newer",
        "logged_models",
        "workspaces",
        "workspace_header",
        "workspace_calls",
        "webhooks",
        "registry",
        "aliases",
        "prompts",
    ),
    "mlflow-2.22": (
        "experiments",
        "runs",
        "run_search",
        "deletion",
        "artifacts",
        "models",
        "newer",
        "tables",
        "workspaces",
        "registry",
        "aliases",
        "registered_models",
        "traces_v2",
    ),
    "mlflow-1.30": (
        "experiments",
        "runs",
        "run_search",
        "deletion",
        "artifacts",
        "models",
        "workspaces",
        "registry",
        "registered_models",
    ),
    "frameworks-3.17": ("autologging", "programs"),
    "mlflow-3.0": (
        "experiments",
        "runs",
        "run_search",
        "deletion",
        "artifacts",
        "models",
        "newer",
        "tables",
        "logged_models",
        "registry",
        "aliases",
    ),
    "mlflow-2.0": (
        "experiments",
        "runs",
        "run_search",
        "deletion",
        "artifacts",
        "models",
        "workspaces",
        "registry",
        "registered_models",
    ),
}

Outcome = dict[str, Any]


def _scenarios_of(module: str) -> list[str]:
    tree = ast.parse((SCENARIOS / f"{module}.py").read_text())
    return [
        f"{module}.{node.name}"
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    ]


# The engine changes what is behind the store's contracts, so one client says whether it is to be seen.
ENGINES = {"sqlite": tuple(CLIENTS), "postgres": ("skinny-3.17",)}
CASES = [
    (engine, client, scenario)
    for engine, clients in ENGINES.items()
    for client in clients
    for module in CLIENTS[client]
    for scenario in _scenarios_of(module)
]


def test_r20_what_each_client_passes_is_frozen():
    """A scenario that a client is not asked any more shows in the list, and with it why."""
    frozen = (Path(__file__).parent / "passes.txt").read_text().splitlines()
    assert (
        sorted(f"{client} {scenario}" for engine, client, scenario in CASES if engine == "sqlite") == frozen
    )


def _interpreter(client: str) -> Path:
    python = ROOT / ".envs" / client / "bin" / "python"
    if not python.exists():
        pytest.skip(f"no environment for the client {client}: `make test` builds it")
    return python


@pytest.fixture(scope="module")
def server_on(tmp_path_factory, request) -> Iterator[Callable[[str], RunningServer]]:
    """Return the server on an engine, started at the first question."""
    servers: list[RunningServer] = []

    @functools.cache
    def start(engine: str) -> RunningServer:
        environment = {"RUNYARD_OUTBOUND_ALLOW": "127.0.0.1"}  # where scenarios listen
        if engine == "postgres":
            cluster = request.getfixturevalue("cluster")
            environment["RUNYARD_DATABASE"] = cluster.address(cluster.new_database())
        servers.append(RunningServer(tmp_path_factory.mktemp(engine) / "home", environment=environment))
        server = servers[-1].start()
        made = httpx.post(f"{server.url}/api/v1/workspaces", json={"name": "vision"}, timeout=60)
        assert made.status_code == httpx.codes.OK, made.text
        return server

    yield start
    for server in servers:
        server.close()


@pytest.fixture(scope="module")
def outcomes_of(server_on, tmp_path_factory) -> Callable[[str, str], dict[str, Outcome]]:
    """Return what became of every scenario of a client; they run in one process, at the first question."""

    @functools.cache
    def run(engine: str, client: str) -> dict[str, Outcome]:
        home = tmp_path_factory.mktemp(client)
        server = server_on(engine)
        environment = scrubbed(os.environ) | {"HOME": str(home), "MLFLOW_TRACKING_URI": server.url}
        environment |= {"KERAS_BACKEND": "torch"}  # it comes with none
        command = [str(_interpreter(client)), "-W", "ignore", str(SCENARIOS / "run.py"), *CLIENTS[client]]
        with (home / "stdout").open("w") as stdout, (home / "stderr").open("w") as stderr:
            ended = subprocess.run(
                command,
                cwd=home,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                timeout=ALL_SCENARIOS_WITHIN_S,
                check=False,
            )
        lines = (home / "stdout").read_text().splitlines()
        outcomes = [json.loads(line) for line in lines if line.startswith('{"scenario"')]
        died = (home / "stderr").read_text()[-3000:] if ended.returncode else "it was never run"
        return defaultdict(lambda: {"failure": died}, {outcome["scenario"]: outcome for outcome in outcomes})

    return run


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_has_no_runyard_beside_it(client: str):
    package = "mlflow-skinny" if client.startswith("skinny") else "mlflow"
    # Of what is installed: to import it takes each client seconds.
    code = (
        "import importlib.metadata, importlib.util;"
        f"print(importlib.metadata.version('{package}'), importlib.util.find_spec('runyard'))"
    )
    answer = subprocess.run(
        [_interpreter(client), "-W", "ignore", "-c", code],
        cwd=ROOT / "requirements",
        capture_output=True,
        text=True,
        check=True,
    )
    version, found = answer.stdout.split()
    assert version.startswith(client.rpartition("-")[2])
    assert found == "None"


@pytest.mark.parametrize(("engine", "client", "scenario"), CASES, ids=["-".join(case) for case in CASES])
def test_r20_a_genuine_client_is_served(engine: str, client: str, scenario: str, outcomes_of):
    outcome = outcomes_of(engine, client)[scenario]
    assert outcome["failure"] is None, outcome["failure"]
