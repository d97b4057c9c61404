"""The widgets' content as plain HTML, for where no widget can live: escaped, without a script."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any
from urllib.parse import urlsplit

from runyard.sdk.representation import Markup, link, utc_text
from runyard.sdk.widgets.content import Content

_LEFT = ' style="text-align:left"'


def as_html(content: Content) -> str:
    """Return content as tables."""
    tables = {"run": _run, "runs": _runs, "compare": _compare}[content["kind"]](content)
    return f"<div>{''.join(tables)}</div>"


def _run(content: Content) -> list[str]:
    run = content["run"]
    facts = [["Run", _linked(run)], ["Status", run["status"]], ["Started", utc_text(run["started_ms"])]]
    facts += content["facts"]
    return [
        _table((), [fact for fact in facts if fact[1]]),
        _table(("Metric", "Latest"), content["metrics"]),
        _table(("Param", "Value"), content["params"]),
        _left_out(content),
    ]


def _runs(content: Content) -> list[str]:
    columns = ("Run", "Status", "Started", *content["params"], *content["metrics"])
    rows = [
        [_linked(row), row["status"], utc_text(row["started_ms"]), *row["params"], *row["metrics"]]
        for row in content["rows"]
    ]
    more = "<p>There are more runs.</p>" if content["has_more"] else ""
    return [f"<p>{escape(content['title'])}: {len(rows)} runs</p>", _table(columns, rows), more]


def _compare(content: Content) -> list[str]:
    heads = [_linked(run) for run in content["runs"]]
    return [
        _table(("", *heads), [["Status", *(run["status"] for run in content["runs"])]]),
        _table(("Param that differs", *heads), [[key, *values] for key, values in content["params"]]),
        _table(("Metric", *heads), [[key, *values] for key, values in content["metrics"]]),
        _left_out(content),
    ]


def _left_out(content: Content) -> str:
    return f"<p>{content['left_out']} more are in the Studio.</p>" if content["left_out"] else ""


def _linked(run: Content) -> str:
    is_web = urlsplit(run["url"]).scheme in ("http", "https")
    return link(run["url"], run["name"]) if is_web else run["name"]


def _table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = [f"<tr>{''.join(f'<td{_LEFT}>{_cell(value)}</td>' for value in row)}</tr>" for row in rows]
    if not lines:
        return ""
    head = "".join(f"<th{_LEFT}>{_cell(column)}</th>" for column in columns)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Markup):
        return value
    return f"{value:.6g}" if isinstance(value, float) else escape(str(value))
