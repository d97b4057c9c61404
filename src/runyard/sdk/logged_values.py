"""What a run logs beside numbers: rows, tables, pictures and charts, each found again by its name.

A number is a point of a metric, as for any MLflow client. For the rest a tag of the run says what a name
means and which metrics or file of the run have it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

import msgspec

from runyard.decoding import learnt
from runyard.errors import InternalError, NotFound
from runyard.sdk.connection import Connection

MARK_PREFIX = "runyard.logged."
PROPERTY_PREFIX = "runyard.property."
MLFLOW_TABLES_TAG = "mlflow.loggedArtifacts"

ROW, TABLE, TEXTS, IMAGE = "row", "table", "texts", "image"


class Mark(msgspec.Struct, omit_defaults=True):
    """What a name means.

    Args:
        type: ``row``, ``table``, ``texts``, ``image``, or the schema of a chart.
        columns: Of a row: each has the metric ``name/column``.
        paths: The files of the run that have it.
        description: What a person said of it.
    """

    type: str
    columns: list[str] = []
    paths: list[str] = []
    description: str = ""


def marks_of(tags: Mapping[str, str]) -> dict[str, Mark]:
    """Return what names mean, by a run's tags; a table that MLflow's client logged goes by its path."""
    found = {
        PurePosixPath(path).with_suffix("").as_posix(): Mark(TABLE, paths=[path])
        for path in mlflow_tables(tags)
    }
    for key, value in tags.items():
        if key.startswith(MARK_PREFIX):
            try:
                mark = msgspec.json.decode(value, type=learnt(Mark))
            except msgspec.MsgspecError:  # anybody may write a tag
                continue
            found = {name: other for name, other in found.items() if other.paths != mark.paths}
            found[key.removeprefix(MARK_PREFIX)] = mark
    return found


def mlflow_tables(tags: Mapping[str, str]) -> list[str]:
    """Return the paths of the tables that MLflow's tag names; anybody may have written it."""
    try:
        listed = json.loads(tags.get(MLFLOW_TABLES_TAG, "[]"))
    except (ValueError, RecursionError):
        return []
    return [
        item["path"]
        for item in (listed if isinstance(listed, list) else [])
        if isinstance(item, dict) and item.get("type") == TABLE and isinstance(item.get("path"), str)
    ]


def mlflow_tables_tag(paths: Iterable[str]) -> str:
    """Return MLflow's tag for some tables."""
    return json.dumps([{"path": path, "type": TABLE} for path in paths])


def is_hidden(key: str) -> bool:
    """Tell whether a tag is the SDK's own bookkeeping."""
    return key.startswith((MARK_PREFIX, PROPERTY_PREFIX))


def table_file(columns: Mapping[str, Sequence[Any]]) -> bytes:
    """Return a table as MLflow's ``log_table`` writes it: columns, and rows of values."""
    rows = [list(row) for row in zip(*columns.values(), strict=True)]
    return json.dumps({"columns": list(columns), "data": rows}, ensure_ascii=False).encode()


def read_marked(
    connection: Connection,
    run_id: str,
    marks: Mapping[str, Mark],
    metrics: dict[str, Any],
    *,
    populate: bool,
) -> dict[str, Any]:
    """Return metrics with what the marks add: rows are put together, files are read or named.

    Args:
        connection: Reaches the workspace.
        run_id: The run.
        marks: What names mean.
        metrics: The numbers that were read.
        populate: Whether charts are read too, and not only named.
    """
    values = dict(metrics)
    for name, mark in marks.items():
        if mark.type == ROW:
            parts = {column: values.pop(f"{name}/{column}", None) for column in mark.columns}
            row = {column: value for column, value in parts.items() if value is not None}
            if row:
                values[name] = row
        elif mark.paths and mark.type in (TABLE, TEXTS):
            for column in mark.columns:
                values.pop(f"{name}/{column}", None)
            content = _read(connection, run_id, mark.paths[-1])
            if content is not None:
                values[name] = _columns(content) if mark.type == TABLE else _one_or_all(content)
        elif mark.paths and populate and mark.type != IMAGE:
            values[name] = _read(connection, run_id, mark.paths[-1])
        elif mark.paths:
            values[name] = _one_or_all(list(mark.paths))
    return values


def metric_keys(marks: Mapping[str, Mark], name: str) -> list[str]:
    """Return the metrics that a name means: itself, or the columns of its rows."""
    mark = marks.get(name)
    return [f"{name}/{column}" for column in mark.columns] if mark and mark.columns else [name]


def _read(connection: Connection, run_id: str, path: str) -> Any:
    try:
        with connection.open("/get-artifact", (("run_uuid", run_id), ("path", path))) as answer:
            return json.loads(answer.read())
    except NotFound:  # removed meanwhile, or still on its way from another process
        return None
    except (ValueError, RecursionError) as error:
        raise InternalError(f"The file {path!r} of run {run_id!r} is no JSON any more: {error}") from None


def _columns(table: Any) -> Any:
    """Return a table by its columns; one of another shape stays as it is."""
    if not isinstance(table, dict) or not isinstance(table.get("columns"), list):
        return table
    rows = table.get("data", [])
    return {
        str(column): _one_or_all([row[number] for row in rows])
        for number, column in enumerate(table["columns"])
    }


def _one_or_all(values: Any) -> Any:
    return values[0] if isinstance(values, list) and len(values) == 1 else values
