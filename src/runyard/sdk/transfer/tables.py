"""The tables of an export: their columns, and Parquet files of them written and read batch by batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow
from pyarrow import parquet

ROWS_AT_ONCE = 20_000
PARTS = "metrics"
POINTS_IN_A_PART = 100_000

_TEXT, _INT, _FLOAT = pyarrow.string(), pyarrow.int64(), pyarrow.float64()
_RUN, _MODEL = ("run_id", _TEXT), ("model_id", _TEXT)
_PAIR = (("key", _TEXT), ("value", _TEXT))

TABLES: dict[str, tuple[tuple[str, Any], ...]] = {
    "runs": (
        _RUN,
        ("name", _TEXT),
        ("user_id", _TEXT),
        ("status", _TEXT),
        ("started_ms", _INT),
        ("ended_ms", _INT),
        ("is_deleted", _INT),
        ("deleted_ms", _INT),
        ("artifact_uri", _TEXT),
        ("first_part", _INT),
        ("last_part", _INT),
        ("point_count", _INT),
    ),
    "params": (_RUN, *_PAIR),
    "tags": (_RUN, *_PAIR),
    "datasets": (
        _RUN,
        ("name", _TEXT),
        ("digest", _TEXT),
        ("source_type", _TEXT),
        ("source", _TEXT),
        ("schema", _TEXT),
        ("profile", _TEXT),
        ("tags_json", _TEXT),
    ),
    "model_inputs": (_RUN, _MODEL),
    "model_outputs": (_RUN, _MODEL, ("step", _INT)),
    "models": (
        _MODEL,
        ("name", _TEXT),
        ("status", _TEXT),
        ("created_ms", _INT),
        ("updated_ms", _INT),
        ("model_type", _TEXT),
        ("source_run_id", _TEXT),
        ("artifact_uri", _TEXT),
    ),
    "model_params": (_MODEL, *_PAIR),
    "model_tags": (_MODEL, *_PAIR),
    "model_metrics": (
        _MODEL,
        ("key", _TEXT),
        ("value", _FLOAT),
        ("timestamp_ms", _INT),
        ("step", _INT),
        ("run_id", _TEXT),
        ("dataset_name", _TEXT),
        ("dataset_digest", _TEXT),
    ),
}
METRICS = (_RUN, ("key", _TEXT), ("step", _INT), ("timestamp_ms", _INT), ("value", _FLOAT))


class TableWriter:
    """Writes rows as a Parquet file, some of them in memory; the same rows are always the same bytes.

    Args:
        path: A file that is not there yet.
        columns: Names and types of the columns.
    """

    def __init__(self, path: Path, columns: Sequence[tuple[str, Any]]) -> None:
        self._schema = pyarrow.schema(list(columns))
        self._waiting: list[Sequence[Any]] = []
        self._file = path.open("xb")
        self._writer = parquet.ParquetWriter(self._file, self._schema, compression="zstd")
        self.count = 0

    def add(self, row: Sequence[Any]) -> None:
        """Write a row."""
        self._waiting.append(row)
        self.count += 1
        if len(self._waiting) == ROWS_AT_ONCE:
            self._flush()

    def close(self) -> None:
        """Write what waits, and end the file."""
        self._flush()
        self._writer.close()
        self._file.close()

    def abandon(self) -> None:
        """Let go of the file, whatever is in it."""
        self._file.close()

    def _flush(self) -> None:
        if self._waiting:
            columns = zip(zip(*self._waiting, strict=True), self._schema, strict=True)
            arrays = [pyarrow.array(values, field.type) for values, field in columns]
            self._writer.write_batch(pyarrow.record_batch(arrays, schema=self._schema))
            self._waiting = []


class TableWriters:
    """The tables of one export, and the points of its metrics in parts of a bounded length.

    Args:
        folder: Where they go.
    """

    def __init__(self, folder: Path) -> None:
        self._parts = folder / PARTS
        self._parts.mkdir()
        self._tables = {
            name: TableWriter(folder / f"{name}.parquet", columns) for name, columns in TABLES.items()
        }
        self._part: TableWriter | None = None
        self.points = 0

    def add(self, table: str, row: Sequence[Any]) -> None:
        """Write a row of a table."""
        self._tables[table].add(row)

    def add_point(self, row: Sequence[Any]) -> None:
        """Write a point."""
        if self.points % POINTS_IN_A_PART == 0:
            if self._part is not None:
                self._part.close()
            number = self.points // POINTS_IN_A_PART
            self._part = TableWriter(self._parts / f"{number:06}.parquet", METRICS)
        if self._part is not None:
            self._part.add(row)
        self.points += 1

    def close(self) -> None:
        """End all files."""
        for each in self._open():
            each.close()

    def abandon(self) -> None:
        """Let go of all files."""
        for each in self._open():
            each.abandon()

    def _open(self) -> list[TableWriter]:
        return [*self._tables.values(), *([self._part] if self._part else [])]


def read_table(path: Path, columns: Sequence[tuple[str, Any]]) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a Parquet file, a batch of them in memory.

    Raises:
        OSError: There is no such file.
        ValueError: It is no Parquet, or its columns are others.
    """
    with path.open("rb") as file:
        try:
            opened = parquet.ParquetFile(file)
            if opened.schema_arrow.remove_metadata() != pyarrow.schema(list(columns)):
                raise ValueError(f"{path} has other columns than an export of this version.")
            for batch in opened.iter_batches(ROWS_AT_ONCE):
                yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)
        except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
            raise ValueError(f"{path} can't be read as Parquet: {error}") from error
