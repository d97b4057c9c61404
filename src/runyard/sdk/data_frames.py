"""Rows of files as a pandas DataFrame."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from runyard.errors import InvalidParameter
from runyard.protocol.messages.data_assets import WireReading
from runyard.sdk.data_partitions import PartitionFormat
from runyard.sdk.optional_libraries import optional_library

PATH_COLUMN = "Path"


def read_frame(reading: WireReading, files: Iterable[tuple[str, Path]], limit: int | None = None) -> Any:
    """Return the rows of files, one file after the other.

    Args:
        reading: How they are read.
        files: Names in the dataset, and where they lie.
        limit: How many rows at most.

    Raises:
        InvalidParameter: pandas is not installed, or a file is something else.
    """
    pandas = optional_library("pandas", "A DataFrame", "pandas")
    frames: list[Any] = []
    left = limit
    for name, path in () if limit == 0 else files:
        try:
            frame = _with_types(pandas, _read(pandas, reading, path, left), reading)
            frame = _with_partitions(frame, reading, name)
            frame = _with_moments(pandas, frame, reading, name)
        except (ValueError, LookupError, TypeError, UnicodeError) as error:
            raise InvalidParameter(f"{name!r} can't be read as {reading.format}: {error}") from error
        if reading.include_path:
            frame.insert(0, PATH_COLUMN, f"/{name}")
        if left is not None:
            frame = frame.head(left)
            left -= len(frame)
        frames.append(frame)
        if left == 0:
            break  # before the next file is fetched
    return pandas.concat(frames, ignore_index=True) if frames else pandas.DataFrame()


def _read(pandas: Any, reading: WireReading, path: Path, limit: int | None) -> Any:
    if reading.format == "parquet":
        optional_library("pyarrow", "Reading Parquet files", "pyarrow")
        return pandas.read_parquet(path)
    if reading.format == "json_lines":
        source = _good_lines(path, reading.encoding) if reading.drops_invalid_lines else path
        return pandas.read_json(source, lines=True, encoding=reading.encoding, nrows=limit)
    try:
        frame = pandas.read_csv(
            path,
            sep=reading.separator,
            header=0 if reading.header else None,
            encoding=reading.encoding,
            dtype={column: word for column, word in reading.column_types.items() if not _is_time(word)},
            nrows=limit,
            on_bad_lines="skip" if reading.drops_invalid_lines else "error",
            engine="c" if len(reading.separator) == 1 else "python",
        )
    except pandas.errors.EmptyDataError:
        return pandas.DataFrame()
    if not reading.header:
        frame.columns = [f"Column{number}" for number in range(1, len(frame.columns) + 1)]
    return frame


def _with_types(pandas: Any, frame: Any, reading: WireReading) -> Any:
    for column, word in reading.column_types.items():
        if column in frame:
            column_of = frame[column]
            frame[column] = pandas.to_datetime(column_of) if _is_time(word) else column_of.astype(word)
    return frame


def _with_partitions(frame: Any, reading: WireReading, name: str) -> Any:
    if reading.partition_format:
        values = PartitionFormat(reading.partition_format).values_of(name)
        for place, (column, value) in enumerate(values.items()):
            if column in frame:
                raise InvalidParameter(f"partition_format names a column {column!r}, which {name!r} has too.")
            frame.insert(place, column, value)
    return frame


def _with_moments(pandas: Any, frame: Any, reading: WireReading, name: str) -> Any:
    for column in (reading.timestamp_column, reading.partition_timestamp_column):
        if column and column not in frame and len(frame.columns):
            raise InvalidParameter(f"{name!r} has no column {column!r}; it has {', '.join(map(str, frame))}.")
        if column in frame and not hasattr(frame[column], "dt"):
            frame[column] = pandas.to_datetime(frame[column])
    return frame


def _is_time(word: str) -> bool:
    return word.startswith("datetime")


def _good_lines(path: Path, encoding: str) -> io.StringIO:
    kept = io.StringIO()
    with path.open(encoding=encoding, errors="replace") as opened:
        for line in opened:
            if _is_object(line):
                kept.write(f"{line.rstrip()}\n")
    kept.seek(0)
    return kept


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False
