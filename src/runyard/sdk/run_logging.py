"""Logging to a run: nothing here waits for the network, or raises because of it."""

from __future__ import annotations

import json
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from runyard.errors import InvalidParameter
from runyard.protocol.limits import MAX_VALUE_LENGTH, check_key, check_length
from runyard.sdk import charts, logged_values
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.arguments import listed, pairs, text
from runyard.sdk.artifact_uploads import checked_name
from runyard.sdk.logged_columns import cell_of, columns_of, number_of
from runyard.sdk.logged_values import MARK_PREFIX, MLFLOW_TABLES_TAG, Mark
from runyard.sdk.pictures import png_of
from runyard.sdk.run_sinks import RunSink, in_records
from runyard.sdk.spool.records import Point, point_value

Number = float


@names_arguments
class RunLogging(ABC):
    """What can be logged to a run. What it was given is kept when a call returns, and sent behind it.

    It is for one thread, as Azure's SDK has it: the steps of a metric are counted here.
    """

    @property
    @abstractmethod
    def id(self) -> str:
        """The run's id."""

    @abstractmethod
    def _open_sink(self) -> RunSink:
        """Return where to log to."""

    @abstractmethod
    def _known_tags(self) -> Mapping[str, str]:
        """Return all tags that the run is known to have."""

    @abstractmethod
    def _last_step(self, key: str) -> int:
        """Return the last step of a metric that is known, or -1."""

    def _begin_logging(self) -> None:
        self._next_steps: dict[str, int] = {}
        self._marks: dict[str, Mark] | None = None
        self._tables: dict[str, dict[str, list[Any]]] = {}
        self._texts: dict[str, list[str]] = {}

    def log(self, name: str, value: float | str, description: str = "", step: int | None = None) -> None:
        """Log one value of a metric.

        Args:
            name: The metric. Slashes group metrics in the Studio, as in ``val/loss``.
            value: A number, NaN and infinities included; or a text, which has no curve.
            description: What it is; kept with texts.
            step: Its place on the x axis. Left out, it is one more than the metric's last one, from 0.

        Raises:
            InvalidParameter: It is neither number nor text, or no metric can have this name or step.

        Example:
            >>> run.log("val/loss", 0.42)
            >>> run.log("val/loss", 0.40, step=10)
            >>> run.get_metrics("val/loss")
            {'val/loss': [0.42, 0.4]}
        """
        check_key(text(name, "name"), "name")
        if isinstance(value, str):
            check_length(value, MAX_VALUE_LENGTH, "value")
            texts = [*self._texts.get(name, ()), value]
            path = f"values/{checked_name(name)}.json"
            self._keep_bytes(path, json.dumps(texts, ensure_ascii=False).encode())
            self._texts[name] = texts
            self._mark(name, Mark(logged_values.TEXTS, paths=[path], description=description))
            return
        self._log_points([(name, number_of(value, "value"), step)])

    def log_list(self, name: str, value: Sequence[float], description: str = "") -> None:
        """Log several values of a metric, each at a step of its own.

        Args:
            name: The metric.
            value: Its values.
            description: Taken for Azure's scripts; no effect.

        Raises:
            InvalidParameter: One of them is no number, there are none, or no metric can have this name.

        Example:
            >>> run.log_list("accuracies", [0.6, 0.7, 0.87])
            >>> run.get_metrics()
            {'accuracies': [0.6, 0.7, 0.87]}
        """
        check_key(text(name, "name"), "name")
        values = list(listed(value, "value"))
        if not values:
            raise InvalidParameter(f"value of {name!r} is an empty list.")
        if all(isinstance(each, str) for each in values):
            for each in values:
                self.log(name, each, description)
            return
        self._log_points([(name, number_of(each, "value"), None) for each in values])

    def log_row(self, name: str, description: str | None = None, **columns: float | str) -> None:
        """Log a row with named columns; each call adds one.

        A column of numbers is the metric ``name/column``, with a curve. If a row has texts, the rows are kept
        as a table too.

        Args:
            name: What the rows are called.
            description: What they are.
            **columns: The values.

        Raises:
            InvalidParameter: A value is neither number nor text, or a name can't be.

        Example:
            >>> run.log_row("circle", sine=0.0, cosine=1.0)
            >>> run.log_row("circle", sine=1.0, cosine=0.0)
            >>> run.get_metrics()
            {'circle': {'sine': [0.0, 1.0], 'cosine': [1.0, 0.0]}}
        """
        check_key(text(name, "name"), "name")
        if not columns:
            raise InvalidParameter(f"The row of {name!r} has no columns: give them as column=value.")
        numbers = {key: value for key, value in columns.items() if not isinstance(value, str)}
        for key in columns:
            check_key(f"{name}/{key}", "column")
        self._log_points([(f"{name}/{key}", number_of(value, key), None) for key, value in numbers.items()])
        known = self._known_marks().get(name)
        all_columns = [*dict.fromkeys([*(known.columns if known else []), *numbers])]
        if len(numbers) < len(columns) or name in self._tables:
            self._add_to_table(name, columns)
            mark = Mark(logged_values.TABLE, all_columns, [_table_path(name)], description or "")
        else:
            mark = Mark(logged_values.ROW, all_columns, description=description or "")
        self._mark(name, mark)

    def log_table(self, name: str, value: Mapping[str, Any], description: str = "") -> None:
        """Log a table, as a file that ``mlflow.load_table`` reads too.

        Args:
            name: What the table is called; its file is ``tables/name.json``.
            value: Its columns: each a list of values, all of one length, or one value.
            description: What it is.

        Raises:
            InvalidParameter: Columns differ in length, or hold what JSON has no word for.

        Example:
            >>> run.log_table("circle", {"angle": [0, 90], "sine": [0.0, 1.0]})
            >>> run.get_metrics()
            {'circle': {'angle': [0, 90], 'sine': [0.0, 1.0]}}
        """
        check_key(text(name, "name"), "name")
        columns = columns_of(name, value)
        path = _table_path(name)
        self._keep_bytes(path, logged_values.table_file(columns))
        self._note_table(path)
        self._mark(name, Mark(logged_values.TABLE, paths=[path], description=description))

    def log_image(self, name: str, path: str | None = None, plot: Any = None, description: str = "") -> None:
        """Log a picture; a second one of the same name is kept beside the first.

        Args:
            name: What it is called; its file is ``images/name.png``.
            path: A file of this machine; or
            plot: a matplotlib figure, ``pyplot`` itself, an array or a Pillow image.
            description: What it shows.

        Raises:
            InvalidParameter: Not just one of the two was given, or it is no picture.
            FileNotFoundError: There is no such file.

        Example:
            >>> run.log_image("roc", path="photos/1.png")
            >>> run.get_metrics()
            {'roc': 'images/roc.png'}
        """
        check_key(text(name, "name"), "name")
        if (path is None) == (plot is None):
            raise InvalidParameter("log_image takes either path= or plot=.")
        known = self._known_marks().get(name)
        paths = list(known.paths) if known is not None and known.type == logged_values.IMAGE else []
        suffix = ".png" if path is None else Path(path).suffix or ".png"
        number = f"_{len(paths) + 1}" if paths else ""
        stem = checked_name(name).removesuffix(suffix)
        target = f"images/{stem}{number}{suffix}"
        if path is not None:
            self._open_sink().keep_file(Path(path), target)
        else:
            self._keep_bytes(target, png_of(plot))
        self._mark(name, Mark(logged_values.IMAGE, paths=[*paths, target], description=description))

    def log_confusion_matrix(self, name: str, value: str | Mapping[str, Any], description: str = "") -> None:
        """Log a confusion matrix: ``class_labels``, and a ``matrix`` with a row for each.

        Args:
            name: What it is called; its file is ``charts/name.json``.
            value: The chart, or its JSON, as Azure's first SDK has it.
            description: What it is.

        Raises:
            InvalidParameter: It is no such chart; the message names the field.

        Example:
            >>> data = {"class_labels": ["cat", "dog"], "matrix": [[9, 1], [2, 8]]}
            >>> chart = {"schema_type": "confusion_matrix", "schema_version": "v1", "data": data}
            >>> run.log_confusion_matrix("animals", chart)
            >>> run.get_metrics()
            {'animals': 'charts/animals.json'}
        """
        self._log_chart(name, charts.CONFUSION_MATRIX, value, description)

    def log_accuracy_table(self, name: str, value: str | Mapping[str, Any], description: str = "") -> None:
        """Log true and false positives and negatives over thresholds; see :meth:`log_confusion_matrix`.

        Example:
            >>> data = {
            ...     "probability_tables": [[[1, 0, 1, 0], [0, 1, 0, 1]]],
            ...     "percentile_tables": [[[1, 0, 1, 0], [0, 1, 0, 1]]],
            ...     "class_labels": ["cat"],
            ...     "probability_thresholds": [0.2, 0.8],
            ...     "percentile_thresholds": [0.2, 0.8],
            ... }
            >>> chart = {"schema_type": "accuracy_table", "schema_version": "v1", "data": data}
            >>> run.log_accuracy_table("animals", chart)
            >>> run.get_metrics()
            {'animals': 'charts/animals.json'}
        """
        self._log_chart(name, charts.ACCURACY_TABLE, value, description)

    def log_residuals(self, name: str, value: str | Mapping[str, Any], description: str = "") -> None:
        """Log ``bin_edges`` and ``bin_counts`` of residuals; see :meth:`log_confusion_matrix`.

        Example:
            >>> data = {"bin_edges": [-1, 0, 1], "bin_counts": [4, 6]}
            >>> chart = {"schema_type": "residuals", "schema_version": "v1", "data": data}
            >>> run.log_residuals("errors", chart)
            >>> run.get_metrics()
            {'errors': 'charts/errors.json'}
        """
        self._log_chart(name, charts.RESIDUALS, value, description)

    def log_predictions(self, name: str, value: str | Mapping[str, Any], description: str = "") -> None:
        """Log predicted over true values in bins; see :meth:`log_confusion_matrix`.

        Example:
            >>> data = {
            ...     "bin_averages": [0.2, 0.7],
            ...     "bin_errors": [0.0, 0.1],
            ...     "bin_counts": [4, 6],
            ...     "bin_edges": [0, 0.5, 1],
            ... }
            >>> chart = {"schema_type": "predictions", "schema_version": "v1", "data": data}
            >>> run.log_predictions("fit", chart)
            >>> run.get_metrics()
            {'fit': 'charts/fit.json'}
        """
        self._log_chart(name, charts.PREDICTIONS, value, description)

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Log params, which MLflow keeps as text and lets nobody change.

        Raises:
            InvalidParameter: No param can have such a name, or a value is too long.

        Example:
            >>> run.log_params({"alpha": 0.1, "layers": 3})
            >>> run.get_params()
            {'alpha': '0.1', 'layers': '3'}
        """
        for key, value in pairs(params, "params").items():
            check_key(text(key, "params"), "params")
            check_length(str(value), MAX_VALUE_LENGTH, f"params[{key!r}]")
        for record in in_records(self.id, params={key: str(value) for key, value in params.items()}):
            self._open_sink().log(record)

    def _log_chart(
        self, name: str, schema_type: str, value: str | Mapping[str, Any], description: str
    ) -> None:
        check_key(text(name, "name"), "name")
        chart = charts.checked_chart(schema_type, value)
        path = f"charts/{checked_name(name)}.json"
        self._keep_bytes(path, json.dumps(chart, ensure_ascii=False).encode())
        self._mark(name, Mark(schema_type, paths=[path], description=description))

    def _log_points(self, logged: Sequence[tuple[str, float, int | None]]) -> None:
        now_ms = time.time_ns() // 1_000_000
        points = [
            Point(key, point_value(value), now_ms, self._step(key, step)) for key, value, step in logged
        ]
        for record in in_records(self.id, points):
            self._open_sink().log(record)

    def _step(self, key: str, step: int | None) -> int:
        if step is None:
            step = self._next_steps[key] if key in self._next_steps else self._last_step(key) + 1
        elif isinstance(step, bool) or not hasattr(step, "__index__"):
            raise InvalidParameter(f"step={step!r} is no whole number.")
        self._next_steps[key] = max(self._next_steps.get(key, 0), int(step) + 1)
        return int(step)

    def _add_to_table(self, name: str, row: Mapping[str, Any]) -> None:
        table = self._tables.setdefault(name, {})
        height = max((len(values) for values in table.values()), default=0)
        for column in [*dict.fromkeys([*table, *row])]:
            table.setdefault(column, [None] * height).append(cell_of(row.get(column), column))
        self._keep_bytes(_table_path(name), logged_values.table_file(table))
        self._note_table(_table_path(name))

    def _note_table(self, path: str) -> None:
        """Tell MLflow's client of a table, as it does itself."""
        tables = [
            *dict.fromkeys([*logged_values.mlflow_tables(self._known_tags()), *self._own_tables(), path])
        ]
        for record in in_records(self.id, tags={MLFLOW_TABLES_TAG: logged_values.mlflow_tables_tag(tables)}):
            self._open_sink().log(record)

    def _own_tables(self) -> list[str]:
        return [
            path
            for mark in self._known_marks().values()
            if mark.type == logged_values.TABLE
            for path in mark.paths
        ]

    def _mark(self, name: str, mark: Mark) -> None:
        marks = self._known_marks()
        if marks.get(name) == mark:
            return
        marks[name] = mark
        tags = {f"{MARK_PREFIX}{name}": msgspec.json.encode(mark).decode()}
        check_key(next(iter(tags)), "name")
        for record in in_records(self.id, tags=tags):
            self._open_sink().log(record)

    def _known_marks(self) -> dict[str, Mark]:
        if self._marks is None:
            self._marks = logged_values.marks_of(self._known_tags())
        return self._marks

    def _keep_bytes(self, path: str, content: bytes) -> None:
        with tempfile.TemporaryDirectory(prefix="runyard-") as folder:
            local = Path(folder) / "content"
            local.write_bytes(content)
            self._open_sink().keep_file(local, path)


def _table_path(name: str) -> str:
    return f"tables/{checked_name(name)}.json"
