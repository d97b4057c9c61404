"""The configuration file: one TOML table whose keys are the names of settings."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Mapping
from dataclasses import Field, dataclass
from pathlib import Path
from typing import Any

from runyard.errors import InvalidParameter
from runyard.settings.parsing import parse_toml

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True, slots=True)
class Written:
    """What a file says of one setting, and where: ``file:line``."""

    value: Any
    place: str


def read_file(path: Path, known: Mapping[str, Field[Any]]) -> dict[str, Written]:
    """Return what a file says of each setting that it names; its paths begin at its folder.

    Raises:
        InvalidParameter: It is not there or no TOML, names what is no setting, or has a value of another
            kind.
    """
    text = _text(path)
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidParameter(f"{path} is no TOML: {error}.") from None
    found = {}
    for name, value in table.items():
        place = f"{path}:{_line(text, name)}"
        if name not in known:
            raise InvalidParameter(f"{place}: {_unknown(name, known)}")
        found[name] = Written(parse_toml(f"{place}: {name}", value, known[name].default, path.parent), place)
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise InvalidParameter(f"The configuration file {path} can't be read: {why}.") from None


def _line(text: str, name: str) -> int:
    """The line that a key of the file stands in; the parser does not tell."""
    found = re.search(rf"^[ \t]*\[?[ \t]*[\"']?{re.escape(name)}\b", text, re.MULTILINE)
    return text.count("\n", 0, found.end()) + 1 if found else 1


def _unknown(name: str, known: Mapping[str, Any]) -> str:
    likely = difflib.get_close_matches(name, known, n=1, cutoff=0)
    return f"there is no setting {name!r}. Did you mean {likely[0]!r}?"
