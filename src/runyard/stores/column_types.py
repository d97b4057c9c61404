"""What columns hold, such that both engines compare and sort it alike."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Integer, Text
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
