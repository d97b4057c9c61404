"""What columns hold, such that both engines compare and sort it alike."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Boolean, Integer, Text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

AUTO_ID = BigInteger().with_variant(Integer(), "sqlite")
TEXT = Text().with_variant(Text(collation="C"), "postgresql")
"""Text in the order of its bytes, whatever language the database was made for."""


class lowered(GenericFunction[str]):
    """A text in lower case by the rules of Unicode, in whatever language the database was made for."""

    type = Text()
    inherit_cache = True


@compiles(lowered)
def _lowered(function: lowered, compiler: SQLCompiler, **options: Any) -> str:
    return f"lower({compiler.process(function.clauses, **options)})"


@compiles(lowered, "postgresql")
def _lowered_by_icu(function: lowered, compiler: SQLCompiler, **options: Any) -> str:
    return f'lower(({compiler.process(function.clauses, **options)}) COLLATE "und-x-icu")'


class matched(GenericFunction[bool]):
    """Whether a regular expression, which was read by ``protocol/patterns.py``, is met somewhere in a text.

    SQLite is given the pattern as it was written and a function to look for it, PostgreSQL its own words.
    """

    type = Boolean()
    inherit_cache = True


@compiles(matched)
def _matched(function: matched, compiler: SQLCompiler, **options: Any) -> str:
    return f"matched({compiler.process(function.clauses, **options)})"


@compiles(matched, "postgresql")
def _matched_by_icu(function: matched, compiler: SQLCompiler, **options: Any) -> str:
    column, _, written = function.clauses
    text, pattern = compiler.process(column, **options), compiler.process(written, **options)
    return f'(({text}) COLLATE "und-x-icu" ~ {pattern})'


class attribute_text(GenericFunction[str]):
    """The text of an attribute in a span's content, where it is JSON within JSON; NULL if it is not there."""

    type = Text()
    inherit_cache = True


@compiles(attribute_text)
def _attribute_text(function: attribute_text, compiler: SQLCompiler, **options: Any) -> str:
    content, key = (compiler.process(clause, **options) for clause in function.clauses)
    said = """CASE WHEN each.value LIKE '"%' THEN json_extract(each.value, '$') ELSE each.value END"""
    return f"(SELECT {said} FROM json_each({content}, '$.attributes') AS each WHERE each.key = {key})"


@compiles(attribute_text, "postgresql")
def _attribute_text_on_postgres(function: attribute_text, compiler: SQLCompiler, **options: Any) -> str:
    content, key = (compiler.process(clause, **options) for clause in function.clauses)
    # A text with NUL in it, which PostgreSQL keeps in none, is compared as it is written.
    is_text = r"""dumped LIKE '"%%' AND strpos(dumped, '\u0000') = 0"""
    said = f"CASE WHEN {is_text} THEN dumped::jsonb #>> '{{}}' ELSE dumped END"
    found = f"{content}::jsonb -> 'attributes' ->> CAST({key} AS TEXT)"
    return f"(SELECT {said} FROM (SELECT {found} AS dumped) AS each)"
