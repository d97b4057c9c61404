"""Some of the columns of a tabular dataset."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from runyard.errors import InvalidParameter
from runyard.sdk.argument_errors import names_arguments

Self = TypeVar("Self", bound="HasColumns")


@dataclass(frozen=True)
class Choice:
    """Columns that are kept, or that are dropped.

    Args:
        columns: Their names.
        keeps: Whether they are kept, and all others dropped.
    """

    columns: tuple[str, ...]
    keeps: bool

    def of(self, frame: Any) -> Any:
        """Return the chosen columns of a DataFrame.

        Raises:
            InvalidParameter: It has not all that are named.
        """
        if not len(frame.columns):  # nothing was read, so nobody knows which there are
            return frame
        missing = [column for column in self.columns if column not in frame]
        if missing:
            raise InvalidParameter(
                f"columns: {missing[0]!r} is no column; there are {', '.join(map(str, frame.columns))}."
            )
        chosen = list(self.columns)
        return frame[chosen] if self.keeps else frame.drop(columns=chosen)


@names_arguments
class HasColumns(ABC):
    """What a tabular dataset has about its columns."""

    _choices: tuple[Choice, ...]

    @abstractmethod
    def _changed(self: Self, **parts: Any) -> Self:
        """Return a copy with other parts."""

    @abstractmethod
    def _columns(self) -> Collection[str]:
        """Return the names of the columns, as the first row has them."""

    def keep_columns(self: Self, columns: str | Sequence[str], validate: bool = False) -> Self:
        """Return the same rows with these columns alone, in this order.

        Args:
            columns: A name, or several.
            validate: Whether to look at once if there are such columns, and not only when rows are read.

        Raises:
            InvalidParameter: ``columns`` has no names of columns.

        Example:
            >>> dataset.keep_columns(["age", "name"]).to_pandas_dataframe().columns.tolist()
            ['age', 'name']
        """
        return self._chosen(Choice(_names(columns), keeps=True), validate)

    def drop_columns(self: Self, columns: str | Sequence[str]) -> Self:
        """Return the same rows without these columns.

        Args:
            columns: A name, or several.

        Raises:
            InvalidParameter: ``columns`` has no names of columns.

        Example:
            >>> dataset.drop_columns("age").to_pandas_dataframe().shape
            (3, 2)
        """
        return self._chosen(Choice(_names(columns), keeps=False), validate=False)

    def _chosen(self: Self, choice: Choice, validate: bool) -> Self:
        if validate:
            known = self._columns()
            for column in choice.columns:
                if column not in known:
                    raise InvalidParameter(f"columns: {column!r} is no column; there are {', '.join(known)}.")
        return self._changed(_choices=(*self._choices, choice))


def _names(said: object) -> tuple[str, ...]:
    names = (said,) if isinstance(said, str) else said
    if not isinstance(names, Sequence) or not names or not all(isinstance(each, str) for each in names):
        raise InvalidParameter(f"columns must be names of columns, as ['age', 'name'], not {said!r}.")
    return tuple(names)
