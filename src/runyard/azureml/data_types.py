"""Types of columns, as ``set_column_types`` of a tabular dataset takes them."""

from __future__ import annotations

from enum import IntEnum
from typing import Any


class DataType:
    """Types in the words of Azure's SDK, each as the word that pandas has for it.

    Example:
        >>> DataType.to_float()
        'float64'
    """

    @staticmethod
    def to_bool() -> str:
        """Return the type of True and False.

        Example:
            >>> DataType.to_bool()
            'boolean'
        """
        return "boolean"

    @staticmethod
    def to_datetime(formats: Any = None) -> str:
        """Return the type of moments.

        Args:
            formats: Taken for Azure's scripts; no effect, as pandas finds out how moments are written.

        Example:
            >>> DataType.to_datetime()
            'datetime64[ns]'
        """
        return "datetime64[ns]"

    @staticmethod
    def to_float(decimal_mark: str = ".") -> str:
        """Return the type of numbers.

        Args:
            decimal_mark: Taken for Azure's scripts; no effect.

        Example:
            >>> DataType.to_float()
            'float64'
        """
        return "float64"

    @staticmethod
    def to_long() -> str:
        """Return the type of whole numbers, some of which may be missing.

        Example:
            >>> DataType.to_long()
            'Int64'
        """
        return "Int64"

    @staticmethod
    def to_string() -> str:
        """Return the type of texts.

        Example:
            >>> DataType.to_string()
            'string'
        """
        return "string"


class PromoteHeadersBehavior(IntEnum):
    """Which files have a first line of names, as ``header=`` of a dataset takes it.

    Example:
        >>> bool(PromoteHeadersBehavior.NO_HEADERS)
        False
    """

    NO_HEADERS = 0
    ONLY_FIRST_FILE_HAS_HEADERS = 1
    COMBINE_ALL_FILES_HEADERS = 2
    ALL_FILES_HAVE_SAME_HEADERS = 3
