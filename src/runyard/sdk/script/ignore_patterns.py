"""The patterns of an ignore file, with git's meaning of them, also where there is no git."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

MAX_FILE_BYTES = 1_000_000

_CLASSES = {
    b"alnum": rb"0-9A-Za-z",
    b"alpha": rb"A-Za-z",
    b"blank": rb" \t",
    b"cntrl": rb"\x00-\x1f\x7f",
    b"digit": rb"0-9",
    b"graph": rb"!-~",
    b"lower": rb"a-z",
    b"print": rb" -~",
    b"punct": rb"!-/:-@\[-`{-~",
    b"space": rb" \t\n\r\f\v",
    b"upper": rb"A-Z",
    b"xdigit": rb"0-9A-Fa-f",
}
_NOTHING = re.compile(rb"(?!)")


@dataclass(frozen=True, slots=True)
class IgnorePattern:
    """One line of an ignore file.

    Args:
        expression: What it matches: a path below the file's folder, or a name alone.
        is_name: Whether it is about names, at any depth.
        is_of_folders: Whether it means folders alone.
        is_negated: Whether it brings back what an earlier line leaves out.
    """

    expression: re.Pattern[bytes]
    is_name: bool
    is_of_folders: bool
    is_negated: bool

    def matches(self, path: bytes, *, is_folder: bool) -> bool:
        """Tell whether it is about a path, which has no slash at its ends."""
        if self.is_of_folders and not is_folder:
            return False
        return self.expression.fullmatch(path.rpartition(b"/")[2] if self.is_name else path) is not None


@dataclass(frozen=True, slots=True)
class IgnoreFile:
    """The lines of one ignore file, the last one first.

    Args:
        patterns: What its lines say.
    """

    patterns: tuple[IgnorePattern, ...] = ()

    @classmethod
    def read(cls, path: Path) -> IgnoreFile:
        """Return what a file says; nothing if it is not there.

        Raises:
            OSError: It is there and can't be read.
        """
        try:
            with path.open("rb") as opened:
                return cls.parsed(opened.read(MAX_FILE_BYTES))
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return cls()

    @classmethod
    def parsed(cls, content: bytes) -> IgnoreFile:
        """Return what a file of this content says."""
        lines = content.removeprefix(b"\xef\xbb\xbf").split(b"\n")
        found = [_pattern(line.removesuffix(b"\r")) for line in lines]
        return cls(tuple(pattern for pattern in reversed(found) if pattern is not None))

    def verdict(self, path: bytes, *, is_folder: bool) -> bool | None:
        """Return whether a path below the file's folder is left out; None if no line is about it.

        Of a path whose folder is left out nobody asks: no line brings it back.
        """
        for pattern in self.patterns:
            if pattern.matches(path, is_folder=is_folder):
                return not pattern.is_negated
        return None


def is_ignored(files: Sequence[tuple[bytes, IgnoreFile]], path: bytes, *, is_folder: bool) -> bool:
    """Tell whether a path is left out by ignore files of the folders above it.

    Args:
        files: The files with the folder of each, as ``b""`` or ``b"src/"``; the nearest one last.
        path: The path.
        is_folder: Whether it is a folder.
    """
    for folder, file in reversed(files):
        said = file.verdict(path[len(folder) :], is_folder=is_folder)
        if said is not None:
            return said
    return False


def _pattern(line: bytes) -> IgnorePattern | None:
    line = _without_trailing_spaces(line)
    if line.startswith(b"#"):
        return None
    is_negated = line.startswith(b"!")
    line = line[is_negated:]
    is_of_folders = line.endswith(b"/")
    line = line[: len(line) - is_of_folders]
    if not line:
        return None
    is_name = b"/" not in line
    try:
        expression = re.compile(_translated(line.removeprefix(b"/"), is_name=is_name), re.DOTALL)
    except (ValueError, re.error):  # which git takes for a line that matches nothing
        expression = _NOTHING
    return IgnorePattern(expression, is_name, is_of_folders, is_negated)


def _without_trailing_spaces(line: bytes) -> bytes:
    """Return a line without the spaces at its end, but for one behind a backslash."""
    kept, at = 0, 0
    while at < len(line):
        step = 2 if line[at : at + 1] == b"\\" else 1
        if line[at : at + 1] != b" ":
            kept = at + step
        at += step
    return line[:kept]


def _translated(pattern: bytes, *, is_name: bool) -> bytes:
    """Return a pattern as an expression.

    Raises:
        ValueError: It ends in the middle of something.
    """
    return b"".join(_pieces(pattern, is_name=is_name))


def _pieces(pattern: bytes, *, is_name: bool) -> Iterator[bytes]:
    at = 0
    while at < len(pattern):
        character = pattern[at : at + 1]
        if character == b"*":
            end = at
            while pattern[end : end + 1] == b"*":
                end += 1
            piece, at = _stars(pattern, at, end, is_name=is_name)
            yield piece
        elif character == b"?":
            yield b"[^/]"
            at += 1
        elif character == b"[":
            piece, at = _brackets(pattern, at)
            yield piece
        elif character == b"\\":
            if at + 1 == len(pattern):
                raise ValueError("a backslash at the end")
            yield re.escape(pattern[at + 1 : at + 2])
            at += 2
        else:
            yield re.escape(character)
            at += 1


def _stars(pattern: bytes, at: int, end: int, *, is_name: bool) -> tuple[bytes, int]:
    """Return the expression for stars, and where to go on."""
    begins = at == 0 or pattern[at - 1 : at] == b"/"
    behind = pattern[end:]
    if end - at < 2 or is_name or not begins or (behind and not behind.startswith((b"/", b"\\/"))):
        return b"[^/]*", end
    if not behind:
        return b".*", end
    return b"(?:.*/)?", end + behind.index(b"/") + 1


def _brackets(pattern: bytes, at: int) -> tuple[bytes, int]:
    """Return the expression for one character of a set, and where to go on."""
    at += 1
    is_negated = pattern[at : at + 1] in (b"!", b"^")
    at += is_negated
    members: list[bytes] = []
    previous: bytes | None = None
    first = at
    while at == first or pattern[at : at + 1] != b"]":
        if pattern[at : at + 2] == b"[:" and (end := pattern.find(b"]", at + 2)) > 0:
            name = pattern[at + 2 : end]
            if name.endswith(b":"):
                members.append(_CLASSES.get(name[:-1]) or _malformed())
                at, previous = end + 1, None
                continue
        character, at = _member(pattern, at)
        if (
            character == b"-"
            and pattern[at - 2 : at - 1] != b"\\"
            and previous is not None
            and pattern[at : at + 1] not in (b"]", b"")
        ):
            last, at = _member(pattern, at)
            if previous <= last:
                members.append(b"%s-%s" % (_escaped(previous), _escaped(last)))
            previous = None
        else:
            members.append(_escaped(character))
            previous = character
    at += 1
    inside = b"".join(members)
    return (b"(?!/)[^%s]" if is_negated else b"(?!/)[%s]") % inside, at


def _member(pattern: bytes, at: int) -> tuple[bytes, int]:
    at += pattern[at : at + 1] == b"\\"
    character = pattern[at : at + 1]
    if not character:
        raise ValueError("a set without an end")
    return character, at + 1


def _escaped(character: bytes) -> bytes:
    return b"\\x%02x" % character[0]


def _malformed() -> bytes:
    raise ValueError("no such class of characters")
