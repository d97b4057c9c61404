"""Notebooks run by a real kernel, as a person's Jupyter would."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

from tests.running_server import scrubbed

CELL_WITHIN_S = 300


def run_notebook(notebook: Any, folder: Path, environment: Mapping[str, str] | None = None) -> Any:
    """Run all cells of a notebook in a folder, by a kernel of this very Python, and return it with outputs.

    Raises:
        CellExecutionError: A cell raised something.
    """
    client = NotebookClient(
        notebook,
        timeout=CELL_WITHIN_S,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        # What is displayed and taken away again is to be seen by the tests.
        coalesce_streams=True,
    )
    # Not by `execute`, which leaves an event loop behind that is never closed.
    asyncio.run(client.async_execute(env=scrubbed(os.environ) | dict(environment or {})))
    return notebook


def cells(*sources: str) -> Any:
    """Return a notebook of these cells."""
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])


def outputs(notebook: Any) -> list[Any]:
    """Return what the cells put out, in their order."""
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def printed(notebook: Any) -> str:
    """Return what the cells printed on standard output."""
    return "".join(
        output.text
        for output in outputs(notebook)
        if output.output_type == "stream" and output.name == "stdout"
    )
