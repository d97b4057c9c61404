"""Lists and mappings of plain text as YAML, written by hand and read by the safe loader of PyYAML."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from runyard.errors import InvalidParameter, NotFound
from runyard.sdk.optional_libraries import optional_library

MAX_BYTES = 1_000_000
"""More than any file has that is written by hand."""

_PLAIN = re.compile(r"[A-Za-z][\w.\-=<>!~,+\[\]/]*", re.ASCII)
_HIGHEST_SHORT = 0xFFFF
_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})


def read_small_file(path: str | os.PathLike[str]) -> str:
    """Return the text of a file that a person wrote.

    Raises:
        NotFound: It is not there.
        InvalidParameter: It is no text, or too large to be one.
    """
    file = Path(path)
    if not file.is_file():
        raise NotFound(f"There is no file {str(file)!r}.")
    with file.open("rb") as opened:
        content = opened.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise InvalidParameter(f"{str(file)!r} is larger than {MAX_BYTES} bytes.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidParameter(f"{str(file)!r} is no text in UTF-8.") from None


def parse_yaml(text: str, what: str) -> dict[str, Any]:
    """Return the mapping that a YAML text is.

    Args:
        text: The text.
        what: What it is, for errors.

    Raises:
        InvalidParameter: It is no YAML, no mapping, or PyYAML is not installed.
    """
    yaml = optional_library("yaml", f"Reading {what}", "pyyaml")
    if len(text) > MAX_BYTES:
        raise InvalidParameter(f"{what} is larger than {MAX_BYTES} bytes.")
    try:
        content = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise InvalidParameter(f"{what} is no YAML: {' '.join(str(error).split())}.") from None
    if not isinstance(content, dict):
        raise InvalidParameter(f"{what} is no mapping of names to values, as YAML has it.")
    return content


def texts(value: Any, what: str) -> list[str]:
    """Return a list of texts that was read from YAML; a number, as a version may be, is its text.

    Raises:
        InvalidParameter: It is something else.
    """
    if value is None:
        return []
    if not isinstance(value, list) or any(
        isinstance(item, dict | list | bool) or item is None for item in value
    ):
        raise InvalidParameter(f"{what} must be a list of texts.")
    return [str(item) for item in value]


def yaml_lines(content: Mapping[str, Any], indent: str = "") -> list[str]:
    """Return the lines of a mapping whose values are texts, mappings, and lists of texts and mappings."""
    lines: list[str] = []
    for name, value in content.items():
        if isinstance(value, str):
            lines.append(f"{indent}{_scalar(name)}: {_scalar(value)}")
        elif not value:
            lines.append(f"{indent}{_scalar(name)}: {'{}' if isinstance(value, Mapping) else '[]'}")
        elif isinstance(value, Mapping):
            lines += [f"{indent}{_scalar(name)}:", *yaml_lines(value, f"{indent}  ")]
        else:
            lines += [f"{indent}{_scalar(name)}:", *_items(value, f"{indent}  ")]
    return lines


def _items(items: Sequence[Any], indent: str) -> list[str]:
    lines: list[str] = []
    for item in items:
        if isinstance(item, str):
            lines.append(f"{indent}- {_scalar(item)}")
        else:
            first, *others = yaml_lines(item, f"{indent}  ")
            lines += [f"{indent}- {first.lstrip()}", *others]
    return lines


def _scalar(text: str) -> str:
    """Return a text such that YAML reads it as that text: in JSON's quotes unless it is a plain word."""
    is_plain = _PLAIN.fullmatch(text) is not None and text.lower() not in _WORDS
    return text if is_plain else f'"{"".join(map(_escaped, text))}"'


def _escaped(character: str) -> str:
    """Return a character as it stands in quotes; JSON's pairs of halves would be two characters in YAML."""
    code = ord(character)
    return json.dumps(character)[1:-1] if code <= _HIGHEST_SHORT else f"\\U{code:08x}"
