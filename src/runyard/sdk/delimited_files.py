"""How files of rows are read, as a caller may say it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runyard.errors import InvalidParameter, NotImplementedHere
from runyard.sdk.arguments import pairs, text


def checked_separator(said: str) -> str:
    """Return what stands between the values of a line.

    Raises:
        InvalidParameter: It is no text, empty, or what ends lines.
    """
    if not text(said, "separator"):
        raise InvalidParameter("separator must not be empty: it stands between values, as ','.")
    if not said.strip("\r\n"):
        raise InvalidParameter(
            f"separator={said!r} ends lines; it stands between the values of one, as ','. Read whole lines "
            "from the files whose paths download() returns."
        )
    return said


def has_header(said: bool | int) -> bool:
    """Tell whether the first line of each file names the columns.

    Args:
        said: That itself, or a word of Azure's ``PromoteHeadersBehavior``.

    Raises:
        NotImplementedHere: It is to be so in the first file alone.
    """
    if getattr(said, "name", "") == "ONLY_FIRST_FILE_HAS_HEADERS":
        raise NotImplementedHere(
            "header=ONLY_FIRST_FILE_HAS_HEADERS is not done. Give header=False, and drop the row of names of "
            "the DataFrame."
        )
    return bool(said)


def checked_types(given: Mapping[Any, Any] | None) -> dict[str, str]:
    """Return types of columns, by pandas' words.

    Raises:
        InvalidParameter: One is no word.
    """
    types = dict(pairs(given or {}, "set_column_types"))
    for column, word in types.items():
        if not all(isinstance(each, str) for each in (column, word)):
            raise InvalidParameter(
                f"set_column_types has types by pandas' words, as {{'age': 'float64'}}, not {word!r}."
            )
    return types
