"""MLflow's endpoints beside Runyard's: which of them are answered, and why the others are not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from runyard.server.routes import ROUTES
from runyard.server.routing import Route

LIST = Path(__file__).with_name("mlflow_endpoints.txt")
NOT_BUILT = "Not built yet."
# What is answered by no route of the table.
BESIDE_THE_TABLE = {
    ("GET", "/"): ("yes", "Runyard's own Studio."),
    ("GET", "/build/{}"): (
        "no",
        "A part of the page at `/` of MLflow's server; here that page is at `/mlflow/`.",
    ),
    ("GET", "/static-files/{}"): ("no", "As above: these files of MLflow's page are below `/mlflow/`."),
}


class Endpoint(NamedTuple):
    """One of MLflow's endpoints, with the group that it stands in."""

    group: str
    method: str
    path: str

    @property
    def shape(self) -> tuple[str, str]:
        """The endpoint, whatever its parameters are called."""
        return self.method, shape_of(self.path)


def shape_of(path: str) -> str:
    """Return a path without the names of its parameters."""
    return re.sub(r"\{[^}]+\}", "{}", path)


def endpoints() -> Iterator[Endpoint]:
    """Yield all of MLflow's endpoints, in the order of the list."""
    group = ""
    for line in LIST.read_text().splitlines():
        if line.startswith("["):
            group = line.strip("[]")
        elif line and not line.startswith("#"):
            method, path = line.split(" ", 1)
            yield Endpoint(group, method, path)


def answers() -> dict[Endpoint, tuple[str, str]]:
    """Return what becomes of each endpoint here: yes or no, and a sentence."""
    routes = {(route.method, shape_of(route.path)): route for route in ROUTES}
    return {each: _answer(routes.get(each.shape), each) for each in endpoints()}


def _answer(route: Route | None, endpoint: Endpoint) -> tuple[str, str]:
    if route is None:
        return BESIDE_THE_TABLE.get(endpoint.shape, ("no", NOT_BUILT))
    return ("no", route.refusal) if route.refusal else ("yes", route.summary)


def mlflow_table() -> str:
    """List MLflow's endpoints by group, with what becomes of each here."""
    told = answers()
    count = sum(is_there == "yes" for is_there, _ in told.values())
    parts = [f"\nOf MLflow's {len(told)} endpoints {count} are answered.\n"]
    group = ""
    for endpoint, (is_there, why) in told.items():
        if endpoint.group != group:
            group = endpoint.group
            parts.append(
                f"\n## {group}\n\n| method | path | here | what it does, or why not |\n|---|---|---|---|\n"
            )
        parts.append(f"| {endpoint.method} | `{endpoint.path}` | {is_there} | {' '.join(why.split())} |\n")
    return "".join(parts)
