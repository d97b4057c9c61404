"""Writes what the code itself can tell into the pages of docs/reference/, between two markers."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import MISSING, fields
from enum import Enum
from pathlib import Path

from cyclopts import App

from runyard.auth.permissions import Open
from runyard.cli.commands import app
from runyard.server.routes import ROUTES
from runyard.server.routing import Route
from runyard.settings import Settings
from scripts.mlflow_endpoints import mlflow_table

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "reference"
BEGIN = "<!-- from here made by `make reference` from the code -->\n"
END = "<!-- to here -->\n"


def main() -> int:
    """Write the pages, or with `--check` tell whether they are as the code says."""
    tables = {
        "cli.md": cli_table(),
        "settings.md": settings_table(),
        "rest.md": rest_table(),
        "mlflow.md": mlflow_table(),
    }
    pages = {name: _with_table((FOLDER / name).read_text(), table) for name, table in tables.items()}
    stale = [name for name, text in pages.items() if (FOLDER / name).read_text() != text]
    if "--check" in sys.argv:
        print(
            f"Not as the code says (run `make reference`): {', '.join(stale)}" if stale else "All is current."
        )
        return 1 if stale else 0
    for name in stale:
        (FOLDER / name).write_text(pages[name])
        print(f"wrote docs/reference/{name}")
    return 0


def cli_table() -> str:
    """Describe every command with its arguments and options."""
    sections = [_command_section(words, command) for words, command in commands(app)]
    return "".join(sections)


def commands(parent: App, words: tuple[str, ...] = ("runyard",)) -> Iterator[tuple[tuple[str, ...], App]]:
    """Yield every command that does something, with the words that call it."""
    for name in parent:
        if name.startswith("-"):
            continue
        command = parent[name]
        below = list(commands(command, (*words, name)))
        if below:
            if command.default_command is not None:
                yield (*words, name), command
            yield from below
        else:
            yield (*words, name), command


def _command_section(words: tuple[str, ...], command: App) -> str:
    arguments = [argument for argument in command.assemble_argument_collection() if argument.show]
    rows = []
    for argument in arguments:
        names = [name for name in argument.names if not name.startswith(("--no-", "--empty-"))]
        if argument.field_info.is_positional:
            names = [argument.field_info.name.upper().replace("_", "-")]
        required = " (required)" if argument.required else ""
        shown = ", ".join(f"`{name}`" for name in names)
        rows.append(f"| {shown} | {_cell(argument.parameter.help or '')}{required} |\n")
    table = "\n| option | what it does |\n|---|---|\n" + "".join(rows) if rows else ""
    summary = " ".join((command.help or "").split("\n\n")[0].split())
    return f"\n## {' '.join(words)}\n\n{summary}\n{table}"


def settings_table() -> str:
    """Describe every setting of the server."""
    rows = []
    for setting in fields(Settings):
        if setting.name == "mode":
            continue
        flag = f"--{setting.name.replace('_', '-')}"
        default = setting.default if setting.default is not MISSING else ""
        default = default.value if isinstance(default, Enum) else default
        shown = (
            ""
            if default in (None, ())
            else f"`{default}`".lower()
            if isinstance(default, bool)
            else f"`{default}`"
        )
        cells = (
            f"`RUNYARD_{setting.name.upper()}`",
            f"`{flag}`",
            f"`{setting.name}`",
            shown,
            _cell(setting.metadata["help"]),
        )
        rows.append(f"| {' | '.join(cells)} |\n")
    return (
        "\n| variable | flag | key | default | what it does |\n|---|---|---|---|---|\n" + "".join(rows) + "\n"
    )


def rest_table() -> str:
    """List every route, by the module that answers."""
    nouns: dict[str, list[Route]] = {}
    for route in ROUTES:
        if not route.path.startswith("/ajax-api/") and not route.refusal:
            nouns.setdefault(route.handler.__module__.rpartition(".")[2], []).append(route)
    head = "\n| method | path | right | what it does |\n|---|---|---|---|\n"
    sections = [
        f"\n## {noun.replace('_', ' ').capitalize()}\n{head}" + "".join(_route_row(route) for route in routes)
        for noun, routes in nouns.items()
    ]
    return "".join(sections)


def _route_row(route: Route) -> str:
    right = "open" if isinstance(route.permits, Open) else route.permits.name.lower().replace("_", " ")
    return f"| {route.method} | `{route.path}` | {right} | {_cell(route.summary)} |\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _with_table(page: str, table: str) -> str:
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + table + END + after


if __name__ == "__main__":
    sys.exit(main())
