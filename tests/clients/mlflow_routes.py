"""Writes the endpoints of MLflow's own server, its app for basic authentication included, one a line.

To be run by the interpreter of a client's environment, in a folder that may be filled.
"""

import re
import sys
from collections.abc import Iterator
from typing import Any

from mlflow.server import app as flask_app
from mlflow.server.auth import create_app
from mlflow.server.fastapi_app import create_fastapi_app

Pair = tuple[str, str]
NOT_ASKED_FOR = {"HEAD", "OPTIONS"}


def of_flask(app: Any) -> Iterator[Pair]:
    """Yield what a Flask application answers."""
    for rule in app.url_map.iter_rules():
        for method in rule.methods - NOT_ASKED_FOR:
            yield method, re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule)


def of_starlette(routes: Any, prefix: str = "") -> Iterator[Pair]:
    """Yield what routes and the routers among them answer; what is mounted is asked by itself."""
    for route in routes:
        if getattr(route, "methods", None):
            for method in route.methods - NOT_ASKED_FOR:
                yield method, prefix + route.path.replace(":path}", "}")
        elif hasattr(route, "original_router"):
            below = prefix + (route.include_context.prefix or "")
            yield from of_starlette(route.original_router.routes, below)


def main() -> None:
    """Write them, a twin below /ajax-api/ left out."""
    pairs = {*of_flask(flask_app), *of_starlette(create_fastapi_app(flask_app).routes)}
    pairs |= set(of_flask(create_app(flask_app)))
    for method, path in sorted(pairs):
        plain = path.replace("/ajax-api/", "/api/")
        if path == plain or (method, plain) not in pairs:
            sys.stdout.write(f"{method} {path}\n")


if __name__ == "__main__":
    main()
