"""What a notebook shows of runs, as plain JSON: names, numbers and thinned curves, never a credential."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from runyard.protocol.messages.metrics import WireSeries
from runyard.protocol.wire import wire_float
from runyard.sdk.connection import Connection
from runyard.sdk.metric_values import KEYS_A_REQUEST, read_curves
from runyard.sdk.run_record import RunRecord

Content = dict[str, Any]
Address = Callable[[RunRecord], str]

CURVE_POINTS = 300
MAX_CHARTS = 24
MAX_ROWS = 200
"""As many params or metrics of a run are shown; the Studio shows all."""
MAX_COLUMNS = 12
"""As many params, and as many metrics, have a column in a table of runs."""
SYSTEM_METRICS = "system/"
_ACTIVE = ("Queued", "Running")


def is_going_on(record: RunRecord) -> bool:
    """Tell whether a run may still change by itself."""
    return record.status in _ACTIVE


def run_content(connection: Connection, record: RunRecord, address: Address) -> Content:
    """Return what is shown of one run."""
    params, metrics = sorted(record.params.items()), sorted(record.latest_metrics.items())
    return {
        "kind": "run",
        "run": _head(record, address),
        "facts": [
            ["Id", record.id],
            ["User", record.properties.get("mlflow.user", "")],
            ["Source", record.properties.get("mlflow.source.name", "")],
            ["Note", record.properties.get("mlflow.note.content", "")],
        ],
        "params": [[key, value] for key, value in params[:MAX_ROWS]],
        "metrics": [[key, wire_float(value)] for key, value in metrics[:MAX_ROWS]],
        "left_out": max(0, len(params) - MAX_ROWS) + max(0, len(metrics) - MAX_ROWS),
        "charts": _charts(connection, [record]),
    }


def runs_content(records: Sequence[RunRecord], address: Address, title: str, *, has_more: bool) -> Content:
    """Return a table of runs: each with its params and latest metrics, as far as there are columns."""
    params = _most_used(record.params for record in records)
    metrics = _most_used(record.latest_metrics for record in records)
    return {
        "kind": "runs",
        "title": title,
        "params": params,
        "metrics": metrics,
        "rows": [
            {
                **_head(record, address),
                "params": [record.params.get(key) for key in params],
                "metrics": _numbers(record, metrics),
            }
            for record in records
        ],
        "has_more": has_more,
    }


def compare_content(connection: Connection, records: Sequence[RunRecord], address: Address) -> Content:
    """Return runs side by side: the params that differ, the metrics, and the curves over one another."""
    params = {key: [record.params.get(key) for record in records] for key in _all_keys(records, "params")}
    differing = {key: values for key, values in params.items() if len(set(values)) > 1}
    metrics = _all_keys(records, "latest_metrics")
    return {
        "kind": "compare",
        "runs": [_head(record, address) for record in records],
        "params": [[key, values] for key, values in itertools.islice(differing.items(), MAX_ROWS)],
        "equal_params": len(params) - len(differing),
        "metrics": [[key, [_number(record, key) for record in records]] for key in metrics[:MAX_ROWS]],
        "left_out": max(0, len(differing) - MAX_ROWS) + max(0, len(metrics) - MAX_ROWS),
        "charts": _charts(connection, records),
    }


def _head(record: RunRecord, address: Address) -> Content:
    return {
        "id": record.id,
        "name": record.display_name,
        "url": address(record),
        "status": record.status,
        "is_active": is_going_on(record),
        "started_ms": record.started_ms,
        "ended_ms": record.ended_ms,
    }


def _charts(connection: Connection, records: Sequence[RunRecord]) -> list[Content]:
    """Return the courses of the metrics that have one, the machine's own metrics last."""
    keys = sorted(_all_keys(records, "latest_metrics"), key=lambda key: (key.startswith(SYSTEM_METRICS), key))
    if not keys:
        return []
    numbers = {record.id: number for number, record in enumerate(records)}
    lines: dict[str, list[Content]] = {}
    found = read_curves(connection, list(numbers), keys[:KEYS_A_REQUEST], CURVE_POINTS)
    for series in sorted(found, key=lambda series: numbers[series.run_id]):
        lines.setdefault(series.key, []).append(_line(series, numbers[series.run_id]))
    charted = [key for key in keys if any(len(line["x"]) > 1 for line in lines.get(key, ()))]
    return [{"key": key, "lines": lines[key]} for key in charted[:MAX_CHARTS]]


def _line(series: WireSeries, number: int) -> Content:
    # Which run it is, as its place among those that are shown.
    return {"run": number, "x": series.x, "y": list(series.mean or series.last)}


def _most_used(mappings: Iterable[Mapping[str, Any]]) -> list[str]:
    counted = Counter(key for mapping in mappings for key in mapping)
    chosen = sorted(counted, key=lambda key: (key.startswith(SYSTEM_METRICS), -counted[key], key))
    return chosen[:MAX_COLUMNS]


def _all_keys(records: Iterable[RunRecord], of: str) -> list[str]:
    return sorted({key for record in records for key in getattr(record, of)})


def _numbers(record: RunRecord, keys: Iterable[str]) -> list[float | str | None]:
    return [_number(record, key) for key in keys]


def _number(record: RunRecord, key: str) -> float | str | None:
    value = record.latest_metrics.get(key)
    return None if value is None else wire_float(value)
