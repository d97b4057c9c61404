"""Tabular datasets over time: which column says when, and the rows of a period."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from datetime import datetime, timedelta, timezone
from typing import Any, TypeVar

import msgspec

from runyard.errors import InvalidParameter
from runyard.protocol.messages.data_assets import WireReading
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.time_periods import Period

Self = TypeVar("Self", bound="TimeSeries")


@names_arguments
class TimeSeries(ABC):
    """What a tabular dataset has about time."""

    _reading: WireReading | None
    _periods: tuple[Period, ...]

    @abstractmethod
    def _changed(self: Self, **parts: Any) -> Self:
        """Return a copy with other parts."""

    @abstractmethod
    def _columns(self) -> Collection[str]:
        """Return the names of the columns, as the first row has them."""

    @property
    def timestamp_columns(self) -> tuple[str | None, str | None]:
        """The column that says when a row was, and the one of the path that says it roughly; None for none.

        Example:
            >>> dataset.with_timestamp_columns("boarded").timestamp_columns
            ('boarded', None)
        """
        reading = self._reading
        if reading is None:
            return None, None
        return reading.timestamp_column or None, reading.partition_timestamp_column or None

    def with_timestamp_columns(
        self: Self,
        timestamp: str | None = None,
        partition_timestamp: str | None = None,
        validate: bool = False,
        fine_grain_timestamp: str | None = None,
        coarse_grain_timestamp: str | None = None,
    ) -> Self:
        """Return the same data with the columns named that say when each row was; register it to keep that.

        Args:
            timestamp: The column of moments; what it holds is read as such.
            partition_timestamp: One that ``partition_format`` makes, which says it roughly; it counts
                where there is no ``timestamp``.
            validate: Whether to look if there are such columns.
            fine_grain_timestamp: The same as ``timestamp``, as Azure's first SDK once called it.
            coarse_grain_timestamp: The same as ``partition_timestamp``, as it once called that.

        Raises:
            InvalidParameter: There is no such column, or a rough one without the other under the old names.

        Example:
            >>> dataset.with_timestamp_columns("boarded").register(ws, "titanic", create_new_version=True)
            TabularDataset('titanic', version=2)
        """
        if self._reading is None:
            raise InvalidParameter("The dataset does not say how its rows are read.")
        if coarse_grain_timestamp is not None and fine_grain_timestamp is None:
            raise InvalidParameter("coarse_grain_timestamp needs fine_grain_timestamp beside it.")
        timestamp = timestamp or fine_grain_timestamp
        partition_timestamp = partition_timestamp or coarse_grain_timestamp
        named = {"timestamp": timestamp, "partition_timestamp": partition_timestamp}
        if validate:
            known = self._columns()
            for parameter, column in named.items():
                if column is not None and column not in known:
                    raise InvalidParameter(
                        f"{parameter}={column!r} is no column; there are {', '.join(known)}."
                    )
        reading = msgspec.structs.replace(
            self._reading,
            timestamp_column=timestamp or "",
            partition_timestamp_column=partition_timestamp or "",
        )
        return self._changed(_reading=reading, _record=None)

    def time_after(
        self: Self, start_time: datetime, include_boundary: bool = True, validate: bool = True
    ) -> Self:
        """Return the rows from a moment on.

        Args:
            start_time: The moment; without a time zone it is UTC's, where those of the rows have one.
            include_boundary: Whether rows of that very moment are among them.
            validate: Whether to look if there is a column of moments.

        Raises:
            InvalidParameter: No column says when, or ``start_time`` is no moment.

        Example:
            >>> from datetime import datetime
            >>> boarded = dataset.with_timestamp_columns("boarded")
            >>> boarded.time_after(datetime(1912, 4, 11)).to_pandas_dataframe().name.tolist()
            ['Clara']
        """
        start = _moment(start_time, "start_time")
        return self._within(Period(start, None, include_boundary), validate)

    def time_before(
        self: Self, end_time: datetime, include_boundary: bool = True, validate: bool = True
    ) -> Self:
        """Return the rows up to a moment; see :meth:`time_after`.

        Args:
            end_time: The moment.
            include_boundary: Whether rows of that very moment are among them.
            validate: Whether to look if there is a column of moments.

        Raises:
            InvalidParameter: No column says when, or ``end_time`` is no moment.

        Example:
            >>> from datetime import datetime
            >>> boarded = dataset.with_timestamp_columns("boarded")
            >>> boarded.time_before(datetime(1912, 4, 10)).to_pandas_dataframe().name.tolist()
            ['Anna', 'Ben']
        """
        end = _moment(end_time, "end_time")
        return self._within(Period(None, end, include_boundary), validate)

    def time_between(
        self: Self,
        start_time: datetime,
        end_time: datetime,
        include_boundary: bool = True,
        validate: bool = True,
    ) -> Self:
        """Return the rows between two moments; see :meth:`time_after`.

        Args:
            start_time: The first moment.
            end_time: The last moment.
            include_boundary: Whether rows of these very moments are among them.
            validate: Whether to look if there is a column of moments.

        Raises:
            InvalidParameter: No column says when, or one of the two is no moment.

        Example:
            >>> from datetime import datetime
            >>> boarded = dataset.with_timestamp_columns("boarded")
            >>> day = boarded.time_between(datetime(1912, 4, 10), datetime(1912, 4, 11), False)
            >>> len(day.to_pandas_dataframe())
            0
        """
        start, end = _moment(start_time, "start_time"), _moment(end_time, "end_time")
        return self._within(Period(start, end, include_boundary), validate)

    def time_recent(
        self: Self, time_delta: timedelta, include_boundary: bool = True, validate: bool = True
    ) -> Self:
        """Return the rows of the last hours or days before now, by UTC's clock; see :meth:`time_after`.

        Args:
            time_delta: For how long back.
            include_boundary: Whether rows of that very moment are among them.
            validate: Whether to look if there is a column of moments.

        Raises:
            InvalidParameter: No column says when, or ``time_delta`` is no time.

        Example:
            >>> from datetime import timedelta
            >>> boarded = dataset.with_timestamp_columns("boarded")
            >>> len(boarded.time_recent(timedelta(days=7)).to_pandas_dataframe())
            0
        """
        if not isinstance(time_delta, timedelta):
            raise InvalidParameter(f"time_delta must be a datetime.timedelta, not {time_delta!r}.")
        start = datetime.now(timezone.utc) - time_delta
        return self._within(Period(start, None, include_boundary), validate)

    def _within(self: Self, period: Period, validate: bool) -> Self:
        column = self._timestamp_column()
        if validate and column not in self._columns():
            raise InvalidParameter(f"{column!r} is no column; there are {', '.join(self._columns())}.")
        return self._changed(_periods=(*self._periods, period))

    def _timestamp_column(self) -> str:
        timestamp, rough = self.timestamp_columns
        column = timestamp or rough
        if column is None:
            raise InvalidParameter(
                "No column says when rows were: name it by with_timestamp_columns('when')."
            )
        return column


def _moment(said: object, parameter: str) -> datetime:
    if not isinstance(said, datetime):
        raise InvalidParameter(f"{parameter} must be a datetime.datetime, not {said!r}.")
    return said
