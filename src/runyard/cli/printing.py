"""What the commands print: tables for people, tab-separated lines for pipes, JSON for programs."""

from __future__ import annotations

import contextlib
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.filesize import decimal
from rich.markup import escape
from rich.progress import BarColumn, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from runyard.protocol.timestamps import moment_of
from runyard.protocol.wire import wire_float
from runyard.sdk.progress import Bars

NARROWEST = 8
GAP = 2
# Control characters, but for those that end lines and columns, and what turns the direction of writing.
_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def say(text: str = "") -> None:
    """Print a line, however wide the screen, at once: what waits for a server reads it in a pipe.

    It is as it is, but for what would steer a terminal: names in it may be anybody's.
    """
    print(_harmless(text), flush=True)


def note(text: str) -> None:
    """Print a remark beside the output, on stderr."""
    print(_harmless(text), file=sys.stderr)


def complain(text: str) -> None:
    """Print what went wrong, on stderr."""
    shown = escape(_harmless(text))
    Console(stderr=True).print(f"[bold red]error:[/] {shown}", highlight=False, soft_wrap=True)


def complain_in_json(content: Any) -> None:
    """Print what went wrong as a line of JSON, on stderr."""
    print(_json_text(content, indent=None), file=sys.stderr)


def print_json(content: Any) -> None:
    """Print JSON that every parser takes: NaN and infinities are words, as on the wire."""
    print(_json_text(content, indent=2))


def _json_text(content: Any, indent: int | None) -> str:
    text = json.dumps(_for_json(content), indent=indent, ensure_ascii=False, allow_nan=False)
    return _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows below a header: as a table on a screen, with tabs in a pipe.

    On a screen each row keeps to one line: what does not fit is cut at its right end, so the columns stand
    in the order of what matters.
    """
    rows = [[one_line(cell) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for row in (columns, *rows):
            print("\t".join(row))
        return
    screen = Console()
    widths = [max(map(cell_len, cells)) for cells in zip(columns, *rows, strict=True)]
    shown = fitted(widths, screen.width)
    screen.print(Text(_line(columns, shown), "bold"), no_wrap=True)
    for row in rows:
        screen.print(Text(_line(row, shown)), no_wrap=True)


def fitted(widths: Sequence[int], screen_width: int) -> list[int]:
    """Return the widths of the columns that a screen has room for; the last one of them may be cut."""
    shown: list[int] = []
    left = screen_width
    for width in widths:
        if min(width, NARROWEST) > left:
            break
        shown.append(min(width, left))
        left -= shown[-1] + GAP
    return shown


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    gap = " " * GAP
    return gap.join(
        set_cell_size(cell if cell_len(cell) <= width else set_cell_size(cell, width - 1) + "…", width)
        for cell, width in zip(cells, widths, strict=False)
    ).rstrip()


def print_pairs(pairs: Mapping[str, str], indent: str = "") -> None:
    """Print names and values below one another; a value with several lines keeps to its column."""
    width = max((len(name) for name in pairs), default=0)
    for name, value in ((one_line(name), value) for name, value in pairs.items()):
        print(f"{indent}{name:<{width}}  {one_line(value)}")


def print_parts(parts: Mapping[str, Mapping[str, str]], files: Sequence[str] = ()) -> None:
    """Print names and values under a title each, and a list of files; what is empty is left out."""
    for title, pairs in parts.items():
        if pairs:
            say(f"\n{title}")
            print_pairs(dict(sorted(pairs.items())), indent="  ")
    if files:
        say("\nFiles")
        for file in files:
            say(f"  {one_line(file)}")


@contextlib.contextmanager
def progress_bar() -> Iterator[Callable[[str, int, int], None]]:
    """Show on stderr, where that is a screen, how far the block has come: it calls with what, done, total."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
    )
    with Bars(*columns) as bars:
        known: dict[str, TaskID] = {}

        def show(what: str, done: int, total: int) -> None:
            if what not in known:
                known[what] = bars.begin(what, None)
            bars.update(known[what], completed=done, total=total or None)

        yield show


def size_text(size_bytes: int) -> str:
    """Return a size as a person reads it."""
    return decimal(size_bytes)


def number_text(value: float) -> str:
    """Return a number as a person reads it, six digits at most."""
    return f"{value:.6g}"


def bytes_text(count: int) -> str:
    """Return a length in the unit that a person reads best, as ``10.5 MB``; kilo is 1000."""
    size, units = float(count), ["bytes", "kB", "MB", "GB", "TB"]
    while size >= 1000 and len(units) > 1:
        size /= 1000
        units.pop(0)
    return count_text(count, "byte") if units[0] == "bytes" else f"{size:.1f} {units[0]}"


def count_text(count: int, noun: str) -> str:
    """Return how many there are of something, as ``1 run`` or ``3 runs``."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def time_text(epoch_ms: int | None) -> str:
    """Return a time in this machine's zone, to the second."""
    if epoch_ms is None:
        return "-"
    return moment_of(epoch_ms).astimezone().strftime("%Y-%m-%d %H:%M:%S")


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


def _harmless(text: str) -> str:
    return _STEERING.sub(" ", text)


def _for_json(content: Any) -> Any:
    if isinstance(content, float):
        return wire_float(content)
    if isinstance(content, Mapping):
        return {str(name): _for_json(value) for name, value in content.items()}
    if isinstance(content, list | tuple):
        return [_for_json(value) for value in content]
    return content
