"""What the commands print: tables for people, tab-separated lines for pipes, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from runyard.protocol.wire import wire_float


UNCUT_WIDTH = 20


def say(text: str = "") -> None:
    """Print a line as it is, however wide the screen."""
    print(text)


def note(text: str) -> None:
    """Print a remark beside the output, on stderr."""
    print(text, file=sys.stderr)


def complain(text: str) -> None:
    """Print what went wrong, on stderr."""
    Console(stderr=True).print(f"[bold red]error:[/] {escape(text)}", highlight=False, soft_wrap=True)


def print_json(content: Any) -> None:
    """Print JSON that every parser takes: NaN and infinities are words, as on the wire."""
    print(json.dumps(_for_json(content), indent=2, ensure_ascii=False, allow_nan=False))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows below a header: as a table on a screen, with tabs in a pipe.

    On a screen each row keeps to one line, of which the last column is cut first and the first one, which is
    what one copies, never.
    """
    rows = [[one_line(cell) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for row in (columns, *rows):
            print("\t".join(row))
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for index, column in enumerate(columns):
        longest = max((cell_len(row[index]) for row in rows), default=0)
        kept = 0 if index == len(columns) - 1 else min(longest, UNCUT_WIDTH)
        table.add_column(column, no_wrap=True, min_width=kept if index else longest)
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    Console().print(table)


def print_pairs(pairs: Mapping[str, str], indent: str = "") -> None:
    """Print names and values below one another; a value with several lines keeps to its column."""
    width = max((len(name) for name in pairs), default=0)
    for name, value in pairs.items():
        print(f"{indent}{name:<{width}}  {one_line(value)}")


def number_text(value: float) -> str:
    """Return a number as a person reads it, six digits at most."""
    return f"{value:.6g}"


def time_text(epoch_ms: int | None) -> str:
    """Return a time in this machine's zone, to the second."""
    if epoch_ms is None:
        return "-"
    moment = datetime.fromtimestamp(epoch_ms / 1000, tz=timezone.utc).astimezone()
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def duration_text(started_ms: int | None, ended_ms: int | None) -> str:
    """Return how long something took, in the two units that matter."""
    if started_ms is None or ended_ms is None:
        return "-"
    milliseconds = max(0, ended_ms - started_ms)
    if milliseconds < 60_000:
        return f"{milliseconds / 1000:.1f} s"
    minutes, seconds = divmod(milliseconds // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"


def one_line(text: str) -> str:
    """Return text without what would break a line, a column or a terminal."""
    return "".join(character if character.isprintable() else " " for character in text)


def _for_json(content: Any) -> Any:
    if isinstance(content, float):
        return wire_float(content)
    if isinstance(content, Mapping):
        return {str(name): _for_json(value) for name, value in content.items()}
    if isinstance(content, list | tuple):
        return [_for_json(value) for value in content]
    return content
