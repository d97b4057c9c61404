"""Cuts a search filter into tokens and comparisons, in time linear in its length.

The shapes are those that MLflow's grammar takes from SQL: ``entity.key OPERATOR value`` with keys
in plain words, ``"double quotes"``, ```backticks``` or, behind the dot, ``'single quotes'``; joined by
``AND``; and beyond MLflow ``OR``, ``NOT`` and brackets. As MLflow does, a missing or a spare ``AND`` is
forgiven, but only in a filter that MLflow could read: where there is an ``OR`` it would be a guess.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple, TypeAlias

from runyard.errors import InvalidFilter

MAX_FILTER_LENGTH = 100_000
MAX_COMPARISONS = 500
MAX_NESTING = 16


class Kind(Enum):
    """What a token is."""

    NAME = "name"
    NUMBER = "number"
    STRING = "string"
    LIST = "list"
    OPERATION = "operation"
    OPERATOR = "operator"
    KEYWORD = "keyword"
    SIGN = "sign"
    OTHER = "other"


class Token(NamedTuple):
    """One piece of a filter as it was written; a pair of brackets is one piece with others ``inside``."""

    kind: Kind
    text: str
    start: int
    inside: tuple[Token, ...] = ()

    @property
    def end(self) -> int:
        """Where the text after this token begins."""
        return self.start + len(self.text)


@dataclass(frozen=True, slots=True)
class Clause:
    """One comparison; ``operator`` is in upper case with single spaces, ``right`` is None for ``IS NULL``."""

    left: Token
    operator: str
    right: Token | None


@dataclass(frozen=True, slots=True)
class Joined:
    """What ``word``, which is AND, OR or NOT, makes of other parts of a filter."""

    word: str
    terms: tuple[Part, ...]


Part: TypeAlias = Clause | Joined


@dataclass(frozen=True, slots=True)
class Reading:
    """A filter cut into comparisons, and what could not be made part of one.

    Args:
        root: The whole of it; None if it says nothing.
        leftovers: What has no place in the grammar, in the order in which it stands.
        is_single: Whether it is one expression, and not several with semicolons between.
    """

    root: Part | None
    leftovers: tuple[Token, ...]
    is_single: bool


# A quote is written inside its own quotes doubled or, but for backticks, after a backslash.
_QUOTED_NAME = r'`(?:``|[^`])*`|"(?:""|\\"|[^"])*"'
_PART = rf"(?:\w+|{_QUOTED_NAME})"
_STRING = r"'(?:''|\\'|[^'])*'"

_TOKENS = re.compile(
    rf"""
      (?P<space>\s+)
    | (?P<string>{_STRING})
    | (?P<number>-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?(?!\w))
    | (?P<like>(?:not\s+)?(?:like|ilike|rlike|regexp)\b(?!\s*\.))
    | (?P<keyword>(?:and|or|not|in|is|null)\b(?!\s*\.))
    | (?P<name>{_PART}(?:\.+(?:{_PART}|{_STRING}))*\.*)
    | (?P<compare>[<>=~!]+)
    | (?P<sign>[-+/*@\#%^&|]+)
    | (?P<other>.)
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)

_KINDS = {
    "string": Kind.STRING,
    "number": Kind.NUMBER,
    "like": Kind.OPERATOR,
    "keyword": Kind.KEYWORD,
    "name": Kind.NAME,
    "compare": Kind.OPERATOR,
    "sign": Kind.SIGN,
    "other": Kind.OTHER,
}

_OPERANDS = (Kind.NAME, Kind.NUMBER, Kind.STRING, Kind.LIST)


def tokens_of(text: str) -> list[Token]:
    """Return the tokens of ``text`` without white space; brackets are tokens of their own."""
    return [
        Token(_KINDS[match.lastgroup], match.group(), match.start())
        for match in _TOKENS.finditer(text)
        if match.lastgroup is not None and match.lastgroup != "space"
    ]


def read(text: str) -> Reading:
    """Return the comparisons of a filter and how they are joined.

    Raises:
        InvalidFilter: The filter is too long, is nested too deep or has too many comparisons.
    """
    if len(text) > MAX_FILTER_LENGTH:
        raise InvalidFilter(
            f"The filter is {len(text)} characters long; at most {MAX_FILTER_LENGTH} are allowed."
        )
    if "\0" in text:
        raise InvalidFilter("The filter has a NUL character in it, which no value can have.")
    tokens = _with_lists(text, tokens_of(text))
    ends = [at for at, token in enumerate(tokens) if token.text == ";"]
    found = _Findings()
    root = _Reader(text, tokens, found).expression()
    if found.comparison_count > MAX_COMPARISONS:
        raise InvalidFilter(
            f"The filter has {found.comparison_count} comparisons; at most {MAX_COMPARISONS} are allowed."
        )
    is_single = not ends or ends[0] == len(tokens) - 1
    return Reading(root, found.in_order(), is_single)


def _with_lists(text: str, tokens: list[Token]) -> list[Token]:
    """Fold each pair of brackets into one token; a bracket without its partner stays alone."""
    folded: list[Token] = []
    open_at: list[int] = []
    for token in tokens:
        folded.append(token)
        if token.text == "(":
            open_at.append(len(folded) - 1)
            if len(open_at) > MAX_NESTING:
                raise InvalidFilter(
                    f"The brackets of the filter are nested deeper than {MAX_NESTING} levels."
                )
        elif token.text == ")" and open_at:
            first = open_at.pop()
            start, inside = folded[first].start, tuple(folded[first + 1 : -1])
            del folded[first:]
            folded.append(Token(Kind.LIST, text[start : token.end], start, inside))
    return folded


@dataclass(slots=True)
class _Findings:
    """What the readers of a filter and of its brackets find together."""

    comparison_count: int = 0
    is_beyond_mlflow: bool = False
    leftovers: list[Token] = field(default_factory=list)
    forgiven: list[Token] = field(default_factory=list)

    def in_order(self) -> tuple[Token, ...]:
        wrong = self.leftovers or (self.forgiven if self.is_beyond_mlflow else [])
        return tuple(sorted(dict.fromkeys(wrong), key=lambda token: token.start))


class _Reader:
    def __init__(self, text: str, tokens: Sequence[Token], found: _Findings) -> None:
        self._text = text
        self._tokens = tokens
        self._found = found
        self._at = 0

    def expression(self) -> Part | None:
        """Read all tokens; AND binds tighter than OR."""
        terms = [self._conjunction()]
        while self._at < len(self._tokens):
            self._found.is_beyond_mlflow = True
            either = self._tokens[self._at]
            self._at += 1
            terms.append(self._conjunction())
            if terms[-1] is None or terms[-2] is None:
                self._found.leftovers.append(either)
        return _joined("OR", [term for term in terms if term is not None])

    def _conjunction(self) -> Part | None:
        """Read up to an OR or the end."""
        terms: list[Part] = []
        is_due = True
        while self._at < len(self._tokens) and not self._is_keyword("OR"):
            is_and = self._is_keyword("AND")
            if is_and == is_due:
                self._found.forgiven.append(self._tokens[self._at])
            is_due = is_and
            if is_and:
                self._at += 1
                continue
            term = self._term()
            if term is not None:
                terms.append(term)
        if is_due and self._at > 0:
            self._found.forgiven.append(self._tokens[self._at - 1])
        return _joined("AND", terms)

    def _term(self) -> Part | None:
        first = self._at
        while self._is_keyword("NOT"):
            self._found.is_beyond_mlflow = True
            self._at += 1
        is_negated = (self._at - first) % 2 == 1
        if self._kind() is Kind.LIST:
            term = self._group()
        elif self._kind() in _OPERANDS:
            term = self._clause()
        else:
            term = None
            if self._kind() is not None and not self._is_keyword("AND") and not self._is_keyword("OR"):
                self._at += 1
            self._found.leftovers.append(self._tokens[self._at - 1])
        return Joined("NOT", (term,)) if is_negated and term is not None else term

    def _group(self) -> Part | None:
        group = self._tokens[self._at]
        self._at += 1
        self._found.is_beyond_mlflow = True
        term = _Reader(self._text, group.inside, self._found).expression()
        if term is None and not self._found.leftovers:
            self._found.leftovers.append(group)
        return term

    def _clause(self) -> Clause | None:
        left = self._operand()
        clause = self._compared(left)
        if clause is None and left.kind is Kind.NAME:
            clause = self._within_list(left) or self._nullness(left)
        if clause is None:
            self._found.leftovers.append(left)
        else:
            self._found.comparison_count += 1
        return clause

    def _operand(self) -> Token:
        """Take one operand; several joined by signs, as in ``a/b``, count as one."""
        first = last = self._tokens[self._at]
        self._at += 1
        while self._kind() is Kind.SIGN and self._kind(1) in _OPERANDS:
            last = self._tokens[self._at + 1]
            self._at += 2
        if last is first:
            return first
        return Token(Kind.OPERATION, self._text[first.start : last.end], first.start)

    def _compared(self, left: Token) -> Clause | None:
        if self._kind() is not Kind.OPERATOR:
            return None
        operator = " ".join(self._tokens[self._at].text.upper().split())
        if self._kind(1) in _OPERANDS:
            self._at += 1
            return Clause(left, operator, self._operand())
        if self._is_keyword("NULL", ahead=1):
            self._at += 2
            return Clause(left, operator, self._tokens[self._at - 1])
        return None

    def _within_list(self, left: Token) -> Clause | None:
        negated = self._is_keyword("NOT")
        if self._is_keyword("IN", ahead=int(negated)) and self._kind(1 + negated) is Kind.LIST:
            self._at += 2 + negated
            return Clause(left, "NOT IN" if negated else "IN", self._tokens[self._at - 1])
        return None

    def _nullness(self, left: Token) -> Clause | None:
        negated = self._is_keyword("NOT", ahead=1)
        if self._is_keyword("IS") and self._is_keyword("NULL", ahead=1 + negated):
            self._at += 2 + negated
            return Clause(left, "IS NOT NULL" if negated else "IS NULL", None)
        return None

    def _kind(self, ahead: int = 0) -> Kind | None:
        at = self._at + ahead
        return self._tokens[at].kind if at < len(self._tokens) else None

    def _is_keyword(self, word: str, ahead: int = 0) -> bool:
        at = self._at + ahead
        if at >= len(self._tokens):
            return False
        token = self._tokens[at]
        return token.kind is Kind.KEYWORD and token.text.upper() == word


def _joined(word: str, terms: list[Part]) -> Part | None:
    """Join terms; those that the same word joins already become terms of the whole."""
    flat: list[Part] = []
    for term in terms:
        flat += term.terms if isinstance(term, Joined) and term.word == word else (term,)
    if len(flat) > 1:
        return Joined(word, tuple(flat))
    return flat[0] if flat else None


def strings_in(bracketed: Token) -> tuple[str, ...]:
    """Return the quoted strings of a bracketed list.

    Raises:
        InvalidFilter: The list is empty, has something else than quoted strings in it, or lacks a comma.
    """
    error = "While parsing a list in the query,"
    tokens = tokens_of(bracketed.text)[1:-1]
    if not tokens:
        raise InvalidFilter(f"{error} expected a non-empty list of string values, but got empty list")
    items, commas = tokens[::2], tokens[1::2]
    if any(comma.text != "," for comma in commas) or any(item.text == "," for item in items):
        raise InvalidFilter(f"{error} expected a non-empty list of string values, but got ill-formed list.")
    if not all(is_quoted(item.text) for item in items):
        raise InvalidFilter(
            f"{error} expected string value, punctuation, or whitespace, "
            f"but got different type in list: {shortened(bracketed.text)}"
        )
    return tuple(item.text[1:-1] for item in items)


def is_quoted(text: str) -> bool:
    """Whether the text stands between single or double quotes."""
    return len(text) >= 2 and text[0] == text[-1] and text[0] in "'\""


def shortened(text: str) -> str:
    """Return ``text``, cut so that an error message stays readable."""
    return text if len(text) <= 500 else f"{text[:500]}..."
