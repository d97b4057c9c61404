"""Periods of time: which rows are in one, and which files can have such rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from runyard.protocol.messages.data_assets import WireReading
from runyard.sdk.data_partitions import PartitionFormat
from runyard.sdk.data_sources import DataFile
from runyard.sdk.optional_libraries import optional_library


@dataclass(frozen=True)
class Period:
    """From when to when; None for from the beginning, or to the end.

    Args:
        start: The first moment.
        end: The last moment.
        include_boundary: Whether these two belong to it.
    """

    start: datetime | None = None
    end: datetime | None = None
    include_boundary: bool = True

    def rows_of(self, frame: Any, column: str) -> Any:
        """Return the rows of a DataFrame whose moment, in a column, is in the period.

        Moments without a time zone are taken as UTC's where the others have one.
        """
        if column not in frame:
            return frame  # of files without a row, and so without columns
        moments = frame[column]
        kept = moments.notna()
        if self.start is not None:
            start = _like(moments, self.start)
            kept &= (moments >= start) if self.include_boundary else (moments > start)
        if self.end is not None:
            end = _like(moments, self.end)
            kept &= (moments <= end) if self.include_boundary else (moments < end)
        return frame[kept].reset_index(drop=True)

    def has(self, moment: datetime) -> bool:
        """Return whether a moment of UTC's, without a time zone, is in the period."""
        if moment in (_utc(self.start), _utc(self.end)):
            return self.include_boundary and self.meets(moment, datetime.max)
        return self.meets(moment, moment)

    def meets(self, first: datetime, behind: datetime) -> bool:
        """Return whether a moment from the first one on, and before the one behind, can be in the period."""
        start, end = _utc(self.start), _utc(self.end)
        if start is not None and behind <= start:
            return False
        return end is None or first < end or (first == end and self.include_boundary)


def files_of_periods(
    files: Iterable[DataFile], reading: WireReading | None, periods: Iterable[Period]
) -> list[DataFile]:
    """Return the files that can have rows of all periods, by the moments that their paths say.

    Args:
        files: The files of a dataset.
        reading: How they are read, and which columns say when a row was.
        periods: What is asked for.

    Raises:
        InvalidParameter: A path does not end as ``partition_format`` says.
    """
    if reading is None or not reading.partition_format:
        return list(files)
    partitions, asked = PartitionFormat(reading.partition_format), list(periods)
    return [file for file in files if _can_have(file.name, reading, partitions, asked)]


def _can_have(name: str, reading: WireReading, partitions: PartitionFormat, periods: list[Period]) -> bool:
    exact = reading.timestamp_column or reading.partition_timestamp_column
    span = partitions.span_of(name, exact)
    if span is not None:
        return all(period.has(span[0]) for period in periods)
    rough = partitions.span_of(name, reading.partition_timestamp_column)
    return rough is None or all(period.meets(*rough) for period in periods)


def _utc(bound: datetime | None) -> datetime | None:
    if bound is None or bound.tzinfo is None:
        return bound
    return bound.astimezone(timezone.utc).replace(tzinfo=None)


def _like(moments: Any, bound: datetime) -> Any:
    """Return a moment that those of a column can be compared with."""
    pandas = optional_library("pandas", "A DataFrame", "pandas")
    moment = pandas.Timestamp(bound)
    if moments.dt.tz is None:
        return moment if moment.tz is None else moment.tz_convert("UTC").tz_localize(None)
    return moment.tz_localize("UTC") if moment.tz is None else moment
