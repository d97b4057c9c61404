"""Bars that say how far something has come: on a person's terminal or in their notebook, and nowhere else."""

from __future__ import annotations

import io
import os
import sys
import threading
import time
from types import TracebackType
from typing import Any, TextIO, TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TaskID, TextColumn

from runyard.sdk.optional_libraries import optional_library

PROGRESS_VARIABLE = "RUNYARD_PROGRESS"
OFF = "off"
NOTEBOOK_REFRESH_S = 0.2
_NOTEBOOK_COLUMNS = 100
_FRAME = '<pre style="margin:0;white-space:pre;overflow-x:auto">{code}</pre>'

Self = TypeVar("Self", bound="Bars")


def is_off() -> bool:
    """Tell whether somebody switched bars off, by ``RUNYARD_PROGRESS=off``."""
    return os.environ.get(PROGRESS_VARIABLE, "").lower() == OFF


def is_terminal_watched() -> bool:
    """Tell whether stderr is a terminal whose person wants bars."""
    return not is_off() and _is_terminal(sys.stderr)


def interactive_shell() -> Any | None:
    """Return IPython's shell, where this process is one; None elsewhere."""
    interactive = sys.modules.get("IPython")
    return interactive.get_ipython() if interactive is not None else None


def is_notebook() -> bool:
    """Tell whether this process is the kernel of a notebook."""
    return getattr(interactive_shell(), "kernel", None) is not None


class Bars:
    """Bars beside the output, gone when the block ends, however it ends; safe to use from threads.

    Args:
        columns: What a bar is made of; by default a text and a bar.
        is_shown: Whether they are wanted at all.

    Example:
        >>> with Bars() as bars:
        ...     task = bars.begin("Tables", 3)
        ...     bars.advance(task, 1)
    """

    def __init__(self, *columns: ProgressColumn | str, is_shown: bool = True) -> None:
        self._in_terminal = is_shown and is_terminal_watched()
        self._in_notebook = is_shown and not is_off() and not self._in_terminal and is_notebook()
        self._progress = Progress(
            *(columns or (TextColumn("{task.description}", markup=False), BarColumn())),
            # In a notebook rich would need ipywidgets, and say so where they are missing: that is done here.
            console=Console(stderr=True, force_jupyter=False),
            transient=True,
            # What a script prints belongs to its output, even while that is a file and the bars are seen.
            redirect_stdout=_is_terminal(sys.stdout),
            disable=not self._in_terminal,
        )
        self._cell = _Cell(self._progress) if self._in_notebook else None
        self._has_begun = False

    @property
    def is_shown(self) -> bool:
        """Whether anybody sees them."""
        return self._in_terminal or self._in_notebook

    def begin(self, name: str, total: float | None) -> TaskID:
        """Show a bar; without a total it only shows that something goes on."""
        task = self._progress.add_task(name, total=total)
        if not self._has_begun:
            self._has_begun = True
            self._progress.refresh()  # what takes no longer than a blink is seen too
        self._draw()
        return task

    def advance(self, task: TaskID, amount: float) -> None:
        """Move a bar on."""
        self._progress.advance(task, amount)
        self._draw()

    def update(self, task: TaskID, **changed: Any) -> None:
        """Change what a bar shows: its ``description``, ``completed`` or ``total``."""
        self._progress.update(task, **changed)
        self._draw()

    def end(self, task: TaskID) -> None:
        """Take a bar away."""
        self._progress.remove_task(task)

    def _draw(self) -> None:
        if self._cell is not None:
            self._cell.draw()

    def __enter__(self: Self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()
        if self._cell is not None:
            self._cell.clear()


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and not stream.closed and stream.isatty()


class _Cell:
    """The bars as HTML below a cell, drawn by whoever moves one, not more often than can be seen."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._lock = threading.Lock()
        self._handle: Any = None
        self._drawn_s = -NOTEBOOK_REFRESH_S

    def draw(self) -> None:
        """Draw the bars as they are, unless that was done just now."""
        now_s = time.monotonic()
        # One thread draws; the others have files to move.
        if now_s - self._drawn_s < NOTEBOOK_REFRESH_S or not self._lock.acquire(blocking=False):
            return
        try:
            self._drawn_s = now_s
            self._show(self._html())
        finally:
            self._lock.release()

    def clear(self) -> None:
        """Take the bars away."""
        with self._lock:
            if self._handle is not None:
                self._show("")

    def _html(self) -> str:
        paper = Console(
            record=True, file=io.StringIO(), width=_NOTEBOOK_COLUMNS, force_jupyter=False, force_terminal=True
        )
        paper.print(self._progress.get_renderable())
        return paper.export_html(inline_styles=True, code_format=_FRAME)

    def _show(self, html: str) -> None:
        shown = {"text/html": html, "text/plain": ""}
        if self._handle is None:
            notebook = optional_library("IPython.display", "A bar in a notebook", "ipython")
            self._handle = notebook.display(shown, raw=True, display_id=True)
        else:
            self._handle.update(shown, raw=True)
