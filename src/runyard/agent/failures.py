"""What an installer says of its failure: the lines that tell what failed, out of all that it printed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

REMEMBERED_BYTES = 65_536

_ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_BEGINS = re.compile(r" {0,2}(?:error:|ERROR:|×)\s+(.*)")
# uv draws a tree or names its causes, by its version.
_CAUSE = re.compile(r"\s*(?:[├╰]─[▶>]|cause:|Caused by:)\s+(.*)")
_GOES_ON = re.compile(r"(?:\s|│)+(.*)")
_HINT = re.compile(r"\s*(?:hint|help|note):")
_OUTPUT = re.compile(r"(?:\s|[╰─>])*\[(?:stdout|stderr|\d+ lines? of output)\]")
_CONFLICT = re.compile(r"\.?\n\s*\nThe conflict is caused by:\n((?: {4}.*\n)+)")
# Errors of pip that say less than those before them.
_NO_WORDS = re.compile(
    r"\s*(?:error: [a-z]+(?:-[a-z]+)+$|ERROR: ResolutionImpossible|× Encountered error while )"
)
_BROKEN = re.compile(r"connection broken by .*?: ([^'\"]+)['\"]\)")
_MARKS = re.compile(r"[\s^~│]*|\s*\[end of output\]")


class LastPrinted:
    """The end of what a program prints, as much as a failed build may need to say why."""

    def __init__(self) -> None:
        self._content = b""

    def take(self, content: bytes) -> None:
        """Keep what came."""
        self._content = (self._content + content)[-REMEMBERED_BYTES:]

    @property
    def reason(self) -> str:
        """Why the program has failed, as far as it said so."""
        return said_of_failure(self._content.decode("utf-8", "replace"))


def said_of_failure(printed: str) -> str:
    r"""Return what uv or pip say of their failure, in one line; of other programs the last line they printed.

    Example:
        >>> said_of_failure("Resolving\nerror: No solution found\n  cause: there is no thing==9\n")
        'No solution found: there is no thing==9'
    """
    text = _CONFLICT.sub(_on_one_line, _ESCAPES.sub("", printed))
    lines = [line.rstrip() for line in text.splitlines()]
    outputs = [number for number, line in enumerate(lines) if _OUTPUT.fullmatch(line)]
    begin = _begin(lines[: outputs[-1]] if outputs else lines)
    if begin is None:
        return _last_of(lines)
    said = _joined(_whole(lines[begin:]))
    if outputs:
        return f"{said}: {_last_of(_until_hint(lines[outputs[-1] + 1 :]))}"
    broken = _BROKEN.findall(text)
    return f"{said}: {broken[-1]}" if broken else said


def _on_one_line(found: re.Match[str]) -> str:
    return ": " + ", ".join(line.strip() for line in found[1].splitlines()) + "\n"


def _begin(lines: Sequence[str]) -> int | None:
    """Return the first line of the last error; pip says one thing in several that follow each other."""
    found = None
    for number in reversed(range(len(lines))):
        says = _BEGINS.match(lines[number])
        if found is not None and not says:
            break
        if says and not _NO_WORDS.match(lines[number]):
            found = number
    return found


def _whole(lines: Sequence[str]) -> Iterable[tuple[str, str]]:
    """Yield the parts of an error, each with what is put before it."""
    first = _BEGINS.match(lines[0])
    yield "", first[1] if first else lines[0]
    for line in _until_hint(lines[1:]):
        if _OUTPUT.fullmatch(line):
            return
        if cause := _CAUSE.match(line):
            yield ": ", cause[1]
        elif goes_on := _GOES_ON.fullmatch(line):
            if not _MARKS.fullmatch(line):
                yield " ", goes_on[1]
        elif line:
            return


def _joined(parts: Iterable[tuple[str, str]]) -> str:
    said = ""
    for before, part in parts:
        said = (said.removesuffix(":") if before == ": " else said) + before + part
    return said.strip()


def _until_hint(lines: Sequence[str]) -> Sequence[str]:
    return lines[: next((number for number, line in enumerate(lines) if _HINT.match(line)), len(lines))]


def _last_of(lines: Sequence[str]) -> str:
    return next((line.strip() for line in reversed(lines) if not _MARKS.fullmatch(line)), "")
