"""Columns that are in the paths of files: what ``partition_format`` of a tabular dataset says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Final

from runyard.errors import InvalidParameter
from runyard.sdk.arguments import text

_PARTS: Final = {
    "yyyy": r"\d{4}",
    "MM": r"\d{2}",
    "dd": r"\d{2}",
    "HH": r"\d{2}",
    "mm": r"\d{2}",
    "ss": r"\d{2}",
}
_LONG: Final = {
    "dd": timedelta(days=1),
    "HH": timedelta(hours=1),
    "mm": timedelta(minutes=1),
    "ss": timedelta(seconds=1),
}
_KEY: Final = re.compile(r"\{([^{}:]+)(?::([^{}]+))?\}")
_PART: Final = re.compile("|".join(_PARTS))


@dataclass(frozen=True)
class PartitionFormat:
    """What the end of a file's path says of all its rows.

    Args:
        text: The path from the first column on, with columns in braces: ``{team}`` is text, and
            ``{when:yyyy/MM/dd/HH/mm/ss}``, or a beginning of that, is a moment.

    Raises:
        InvalidParameter: It is no such format; the message says why.

    Example:
        >>> PartitionFormat("/{team}/{when:yyyy/MM}/data.csv").values_of("robots/2026/11/data.csv")
        {'team': 'robots', 'when': datetime.datetime(2026, 11, 1, 0, 0)}
    """

    text: str

    def __post_init__(self) -> None:
        columns = [found[1].strip() for found in _KEY.finditer(text(self.text, "partition_format"))]
        if not columns or "{" in _KEY.sub("", self.text) or "}" in _KEY.sub("", self.text):
            raise InvalidParameter(f"{_SAID}, as '/{{team}}/{{when:yyyy/MM}}/data.csv', not {self.text!r}.")
        if len(set(columns)) < len(columns):
            raise InvalidParameter(f"partition_format={self.text!r} has one column twice.")
        for found in _KEY.finditer(self.text):
            if found[2] is not None and not found[2].startswith("yyyy"):
                raise InvalidParameter(
                    f"partition_format={self.text!r}: {found[0]} must begin with the year, yyyy; "
                    "MM, dd, HH, mm and ss may follow."
                )

    def values_of(self, name: str) -> dict[str, str | datetime]:
        """Return the values of the columns for a file.

        Args:
            name: Its path in the dataset.

        Raises:
            InvalidParameter: The path does not end as the format says, or has no such day.
        """
        found = self._pattern.search(f"/{name}")
        if found is None:
            raise InvalidParameter(f"The path '/{name}' does not end as partition_format={self.text!r} says.")
        values: dict[str, str | datetime] = {}
        for index, key in enumerate(_KEY.finditer(self.text)):
            column, parts = key[1].strip(), key[2]
            values[column] = found[f"c{index}"] if parts is None else self._moment(index, parts, found, name)
        return values

    def span_of(self, name: str, column: str) -> tuple[datetime, datetime] | None:
        """Return the first moment that a column says of a file, and the first one behind; None for text.

        Args:
            name: Its path in the dataset.
            column: The column's name; one that the format does not make says nothing.

        Raises:
            InvalidParameter: As :meth:`values_of` does.

        Example:
            >>> PartitionFormat("/{when:yyyy/MM}/data.csv").span_of("2026/12/data.csv", "when")
            (datetime.datetime(2026, 12, 1, 0, 0), datetime.datetime(2027, 1, 1, 0, 0))
        """
        moment = self.values_of(name).get(column)
        if not isinstance(moment, datetime):
            return None
        said = next(key[2] for key in _KEY.finditer(self.text) if key[1].strip() == column)
        return moment, _behind(moment, [part for part in _PARTS if part in said][-1])

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        written, behind = "", 0
        for index, key in enumerate(_KEY.finditer(self.text)):
            written += re.escape(self.text[behind : key.start()]) + _group(index, key[2])
            behind = key.end()
        return re.compile(f"{written}{re.escape(self.text[behind:])}$")

    def _moment(self, index: int, parts: str, found: re.Match[str], name: str) -> datetime:
        said = {part: int(found[f"c{index}{part}"]) for part in _PART.findall(parts)}
        year, month, day = said["yyyy"], said.get("MM", 1), said.get("dd", 1)
        try:
            return datetime(year, month, day, said.get("HH", 0), said.get("mm", 0), said.get("ss", 0))
        except ValueError as error:
            raise InvalidParameter(f"The path '/{name}' has no moment as {parts!r}: {error}.") from None


_SAID: Final = "partition_format must have columns in braces"


def _group(index: int, parts: str | None) -> str:
    if parts is None:
        return f"(?P<c{index}>[^/]+)"
    written, behind = "", 0
    for part in _PART.finditer(parts):
        written += f"{re.escape(parts[behind : part.start()])}(?P<c{index}{part[0]}>{_PARTS[part[0]]})"
        behind = part.end()
    return written + re.escape(parts[behind:])


def _behind(moment: datetime, finest: str) -> datetime:
    """Return the first moment that is not of a moment's year, month, day or less any more."""
    try:
        if finest == "yyyy":
            return moment.replace(year=moment.year + 1)
        if finest == "MM":
            return (moment + timedelta(days=31)).replace(day=1)
        return moment + _LONG[finest]
    except (ValueError, OverflowError):
        return datetime.max
