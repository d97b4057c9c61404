"""Regular expressions of a search (``RLIKE``) that take time in proportion to the text, whatever they say.

Python's own engine goes back and tries again: ``(a+)+$`` stops a server for hours. Here a pattern is read
into a small program whose possible states are all followed at once (Thompson's construction), and remembered
as they are met. So there are no references back and no looking around, which is what such an engine can't do;
the rest reads as in Python, but that ``$`` is the end of the text and nothing before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from runyard.errors import InvalidFilter

MAX_PATTERN_LENGTH = 1_000
MAX_STEPS = 500
MAX_GROUPS_DEEP = 50
_MAX_REMEMBERED = 20_000

_CLASSES = "dDwWsS"
_SIGNS = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v"}


@dataclass(frozen=True, slots=True)
class _One:
    """One character, by a class as ``re`` writes it."""

    written: str


@dataclass(frozen=True, slots=True)
class _At:
    """A place: ``^``, ``$``, ``b`` or ``B``."""

    place: str


@dataclass(frozen=True, slots=True)
class _All:
    """One part behind the other."""

    parts: tuple[_Node, ...]


@dataclass(frozen=True, slots=True)
class _Any:
    """One of the parts."""

    parts: tuple[_Node, ...]


@dataclass(frozen=True, slots=True)
class _Times:
    """A part several times; ``most`` of ``None`` is without end."""

    part: _Node
    least: int
    most: int | None


_Node: TypeAlias = _One | _At | _All | _Any | _Times


class Pattern:
    """A pattern that was read and can be looked for.

    Args:
        text: As it was written.

    Raises:
        InvalidFilter: It can't be read, is too long, or needs what this engine does not do.
    """

    def __init__(self, text: str) -> None:
        if len(text) > MAX_PATTERN_LENGTH:
            raise InvalidFilter(
                f"The pattern of RLIKE is {len(text)} characters long; "
                f"at most {MAX_PATTERN_LENGTH} are allowed."
            )
        self.ignores_case = text.startswith("(?i)")
        self._root = _Reader(text.removeprefix("(?i)"), text).whole()
        self._steps = _Steps(self._root, text, re.IGNORECASE if self.ignores_case else 0)

    def is_in(self, text: str) -> bool:
        """Whether some part of ``text`` is what the pattern says."""
        return self._steps.are_met_in(text)

    @property
    def for_postgres(self) -> str:
        """The same pattern as PostgreSQL writes it."""
        return ("(?i)" if self.ignores_case else "") + _written(self._root)


@lru_cache(128)
def pattern_of(text: str) -> Pattern:
    """Return the pattern, read once."""
    return Pattern(text)


class _Reader:
    def __init__(self, text: str, whole: str) -> None:
        self._text = text
        self._whole = whole
        self._at = 0
        self._depth = 0

    def whole(self) -> _Node:
        node = self._either()
        if self._at < len(self._text):
            raise self._unread(f"unbalanced {self._text[self._at]!r}")
        return node

    def _either(self) -> _Node:
        parts = [self._sequence()]
        while self._next() == "|":
            self._at += 1
            parts.append(self._sequence())
        return parts[0] if len(parts) == 1 else _Any(tuple(parts))

    def _sequence(self) -> _Node:
        parts: list[_Node] = []
        while self._next() not in ("", "|", ")"):
            parts.append(self._repeated(self._atom()))
        return _All(tuple(parts))

    def _repeated(self, part: _Node) -> _Node:
        times = self._times()
        if times is None:
            return part
        if self._next() == "?":  # as few as possible: the answer is the same
            self._at += 1
        if isinstance(part, _At) or self._next() in ("*", "+"):
            raise self._unread("nothing that can be repeated")
        return _Times(part, *times)

    def _times(self) -> tuple[int, int | None] | None:
        sign = self._next()
        if sign in ("*", "+", "?") and sign:
            self._at += 1
            return (1 if sign == "+" else 0), (1 if sign == "?" else None)
        counted = re.compile(r"\{(\d{0,4})(,?)(\d{0,4})\}", re.ASCII).match(self._text, self._at)
        if counted is None or counted.group(1, 3) == ("", ""):
            return None
        self._at = counted.end()
        least = int(counted[1] or 0)
        most = least if not counted[2] else int(counted[3]) if counted[3] else None
        if most is not None and most < least:
            raise self._unread("the least number of times is over the most")
        return least, most

    def _atom(self) -> _Node:
        sign = self._next()
        self._at += 1
        if sign == "(":
            return self._group()
        if sign == "[":
            return self._class()
        if sign == "\\":
            return self._escaped()
        if sign == ".":
            return _One(r"[^\n]")
        if sign in "^$":
            return _At(sign)
        if sign in "*+?":
            raise self._unread(f"nothing to repeat by {sign!r}")
        return _One(_literal(sign))

    def _group(self) -> _Node:
        if self._text.startswith("?:", self._at):
            self._at += 2
        elif self._next() == "?":
            raise self._unread(
                "groups that look around, have a name or change how is compared are not supported"
            )
        self._depth += 1
        if self._depth > MAX_GROUPS_DEEP:
            raise self._unread(f"groups are nested deeper than {MAX_GROUPS_DEEP} levels")
        node = self._either()
        if self._next() != ")":
            raise self._unread("a group has no end")
        self._at += 1
        self._depth -= 1
        return node

    def _class(self) -> _Node:
        """Read up to the end of a class of characters; what may stand there is ``re``'s to say."""
        first = self._at
        if self._next() == "^":
            self._at += 1
        written = "[^" if self._at > first else "["
        is_first = True
        while is_first or self._next() != "]":
            written += self._member()
            is_first = False
        self._at += 1
        return _One(self._compiles(written + "]"))

    def _member(self) -> str:
        sign = self._next()
        self._at += 1
        if sign == "\\":
            node = self._escaped()
            if not isinstance(node, _One):
                raise self._unread("a place can't be in a class of characters")
            return node.written.strip("[]") if node.written.startswith("[") else node.written
        if sign == "":
            raise self._unread("a class of characters has no end")
        return sign if sign == "-" else _literal(sign)

    def _escaped(self) -> _Node:
        sign = self._next()
        self._at += 1
        if sign and sign in _CLASSES:
            return _One(f"\\{sign}")
        if sign in ("b", "B"):
            return _At(sign)
        if sign in _SIGNS:
            return _One(_literal(_SIGNS[sign]))
        if sign == "" or (sign.isascii() and sign.isalnum()):
            raise self._unread(f"'\\{sign}' is not supported")
        return _One(_literal(sign))

    def _compiles(self, written: str) -> str:
        try:
            re.compile(written)
        except re.error as error:
            raise self._unread(error.msg) from None
        return written

    def _next(self) -> str:
        return self._text[self._at : self._at + 1]

    def _unread(self, why: str) -> InvalidFilter:
        return InvalidFilter(f"Invalid regular expression {self._whole[:200]!r}: {why}.")


def _literal(sign: str) -> str:
    """Return a character such that it stands for itself within and without a class, for both engines."""
    if sign.isalnum() or sign == "_" or not sign.isascii():
        return sign
    named = next((name for name, meant in _SIGNS.items() if meant == sign), None)
    return f"\\{named or sign}"


class _Steps:
    """The program of a pattern: what each step looks for, and which steps come behind it."""

    def __init__(self, root: _Node, text: str, flags: int) -> None:
        self._text = text
        self._flags = flags
        self._looks_for: list[re.Pattern[str] | str | None] = []
        self._behind: list[tuple[int, ...]] = []
        self._end = self._add(None, ())
        self._start = self._before(root, self._end)
        self._has_bounds = any(each in ("b", "B") for each in self._looks_for)
        self._moves: dict[tuple[frozenset[int], int, str], tuple[bool, frozenset[int]]] = {}

    def are_met_in(self, text: str) -> bool:
        now = frozenset((self._start,))
        last = len(text)
        was_word = False
        for at in range(last + 1):
            sign = text[at] if at < last else ""
            is_word = self._has_bounds and _is_word(sign)
            where = (at == 0) | (at == last) << 1 | was_word << 2 | is_word << 3
            key = (now, where, sign)
            move = self._moves.get(key)
            if move is None:
                move = self._move(key)
            is_met, now = move
            if is_met:
                return True
            was_word = is_word
        return False

    def _move(self, key: tuple[frozenset[int], int, str]) -> tuple[bool, frozenset[int]]:
        now, where, sign = key
        reached = self._reached(now, where)
        behind = {self._start}
        for step in reached:
            wanted = self._looks_for[step]
            if isinstance(wanted, re.Pattern) and sign and wanted.match(sign):
                behind.update(self._behind[step])
        if len(self._moves) >= _MAX_REMEMBERED:
            self._moves.clear()
        move = (self._end in reached, frozenset(behind))
        self._moves[key] = move
        return move

    def _reached(self, now: frozenset[int], where: int) -> set[int]:
        """Return the steps that these lead to without another character."""
        reached: set[int] = set()
        waiting = list(now)
        while waiting:
            step = waiting.pop()
            if step in reached:
                continue
            reached.add(step)
            wanted = self._looks_for[step]
            if wanted is None or (isinstance(wanted, str) and _is_there(wanted, where)):
                waiting += self._behind[step]
        return reached

    def _add(self, looks_for: re.Pattern[str] | str | None, behind: tuple[int, ...]) -> int:
        if len(self._looks_for) >= MAX_STEPS:
            raise InvalidFilter(
                f"The regular expression {self._text[:200]!r} is too large: written out it has over "
                f"{MAX_STEPS} steps."
            )
        self._looks_for.append(looks_for)
        self._behind.append(behind)
        return len(self._behind) - 1

    def _before(self, node: _Node, then: int) -> int:
        """Add the steps of ``node`` in front of the step ``then``, and return the first of them."""
        if isinstance(node, _One):
            return self._add(re.compile(node.written, self._flags), (then,))
        if isinstance(node, _At):
            return self._add(node.place, (then,))
        if isinstance(node, _All):
            for part in reversed(node.parts):
                then = self._before(part, then)
            return then
        if isinstance(node, _Any):
            return self._add(None, tuple(self._before(part, then) for part in node.parts))
        return self._repeated(node, then)

    def _repeated(self, node: _Times, then: int) -> int:
        if node.most is None:
            loop = self._add(None, ())
            self._behind[loop] = (self._before(node.part, loop), then)
            then = loop
        else:
            leave = then
            for _ in range(node.most - node.least):
                then = self._add(None, (self._before(node.part, then), leave))
        for _ in range(node.least):
            then = self._before(node.part, then)
        return then


def _is_word(sign: str) -> bool:
    return sign.isalnum() or sign == "_"


def _is_there(place: str, where: int) -> bool:
    if place == "^":
        return bool(where & 1)
    if place == "$":
        return bool(where & 2)
    is_bound = bool(where & 4) != bool(where & 8)
    return is_bound if place == "b" else not is_bound


def _written(node: _Node) -> str:
    """Return a part of a pattern in PostgreSQL's words."""
    if isinstance(node, _One):
        return node.written
    if isinstance(node, _At):
        return {"b": r"\y", "B": r"\Y"}.get(node.place, node.place)
    if isinstance(node, _All):
        return "".join(_grouped(part) for part in node.parts)
    if isinstance(node, _Any):
        return "|".join(_written(part) for part in node.parts)
    return "".join(_counted(node))


def _grouped(node: _Node) -> str:
    return f"(?:{_written(node)})" if isinstance(node, _Any | _All) else _written(node)


def _counted(node: _Times) -> Iterator[str]:
    yield f"(?:{_written(node.part)})"
    if node.most is None:
        yield {0: "*", 1: "+"}.get(node.least) or f"{{{node.least},}}"
    else:
        yield f"{{{node.least},{node.most}}}"
