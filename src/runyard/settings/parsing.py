"""Reads a setting's value from text or from TOML; what it should be is told by the kind of its default."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Any

from runyard.errors import InvalidParameter


def parse(variable: str, text: str, default: Any) -> Any:
    """Return the value that a variable's text means.

    Raises:
        InvalidParameter: It means none of that kind.
    """
    if isinstance(default, Enum):
        return parse_enum(variable, text.strip().lower(), default)
    if isinstance(default, bool):
        return _parse_bool(variable, text)
    if isinstance(default, int):
        if not text.strip().isdecimal():
            raise InvalidParameter(f"{variable} must be a whole number, not {text!r}.")
        return int(text)
    if isinstance(default, tuple):
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if isinstance(default, Path) or default is None:
        return Path(text)
    return text


def parse_enum(name: str, text: str, default: Enum) -> Enum:
    """Return the member that a word means.

    Raises:
        InvalidParameter: There is none of that name.
    """
    try:
        return type(default)(text)
    except ValueError:
        words = " or ".join(str(each.value) for each in type(default))
        raise InvalidParameter(f"{name} must be {words}, not {text!r}.") from None


def parse_toml(place: str, value: Any, default: Any, folder: Path) -> Any:
    """Return the value that a line of a TOML file means; its paths begin at ``folder``.

    Raises:
        InvalidParameter: It is of another kind; ``place`` says where it stands.
    """
    if isinstance(default, bool):
        return _checked(place, value, isinstance(value, bool), "true or false")
    if isinstance(default, int):
        is_number = isinstance(value, int) and not isinstance(value, bool) and value >= 0
        return _checked(place, value, is_number, "a whole number")
    if isinstance(default, tuple):
        is_list = isinstance(value, list) and all(isinstance(each, str) for each in value)
        return tuple(_checked(place, value, is_list, "a list of texts"))
    text: str = _checked(place, value, isinstance(value, str), "a text")
    if isinstance(default, Enum):
        return parse_enum(place, text, default)
    if isinstance(default, Path) or default is None:
        return folder / Path(text).expanduser()
    return text


def _checked(place: str, value: Any, is_of_its_kind: bool, kind: str) -> Any:
    if not is_of_its_kind:
        raise InvalidParameter(f"{place} must be {kind}.")
    return value


def _parse_bool(variable: str, text: str) -> bool:
    word = text.strip().lower()
    if word in ("1", "true", "yes", "on"):
        return True
    if word in ("0", "false", "no", "off"):
        return False
    raise InvalidParameter(f"{variable} must be true or false, not {text!r}.")
