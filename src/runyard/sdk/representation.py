"""How the SDK's objects look in a notebook: small tables, escaped, with links that can't run code."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from runyard.protocol.timestamps import moment_of


class Markup(str):
    """HTML that is escaped already."""

    __slots__ = ()


def link(url: str, text: str) -> Markup:
    """Return a link that opens in a new tab."""
    return Markup(f'<a href="{escape(url)}" target="_blank" rel="noopener">{escape(text)}</a>')


def html_table(rows: Iterable[tuple[str, str]]) -> str:
    """Return rows of a name and a value as a table; a value is escaped unless it is :class:`Markup`."""
    body = "".join(
        f'<tr><th style="text-align:left">{escape(name)}</th>'
        f'<td style="text-align:left">{value if isinstance(value, Markup) else escape(value)}</td></tr>'
        for name, value in rows
        if value
    )
    return f"<table><tbody>{body}</tbody></table>"


def utc_text(epoch_ms: int | None) -> str | None:
    """Return a time as Azure's SDK writes it, ``2026-11-23T09:30:00.000000Z``."""
    if epoch_ms is None:
        return None
    return moment_of(epoch_ms).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
