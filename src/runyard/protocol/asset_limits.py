"""What names, descriptions and tags of environments and data assets may be."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from runyard.errors import InvalidParameter
from runyard.protocol.limits import check_length
from runyard.protocol.wire import invalid

MAX_NAME_LENGTH = 255
MAX_DESCRIPTION_LENGTH = 5_000
MAX_TAGS = 100
MAX_TAG_KEY_LENGTH = 250
MAX_TAG_VALUE_LENGTH = 5_000

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
# What names a file of the machine that it was written on; another one has none there.
_OF_THIS_MACHINE = re.compile(
    r"(?:-[rce]|--(?:requirement|constraint|editable))\b|\.{0,2}/|file:", re.IGNORECASE
)
_DATA_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_. -]*[A-Za-z0-9_-])?")


def check_environment_name(name: str) -> None:
    """Refuse a name that no environment can have."""
    check_length(name, MAX_NAME_LENGTH, "name")
    if _NAME.fullmatch(name) is None:
        raise invalid("name", name, "Letters, digits, '_', '-' and '.', the first one a letter or a digit.")


def check_data_name(name: str) -> None:
    """Refuse a name that no data asset can have; those of Azure's may have spaces."""
    check_length(name, MAX_NAME_LENGTH, "name")
    if _DATA_NAME.fullmatch(name) is None:
        raise invalid(
            "name", name, "Letters, digits, spaces, '_', '-' and '.', the first one a letter or a digit."
        )


def check_description(description: str) -> None:
    """Refuse a description that is too long."""
    check_length(description, MAX_DESCRIPTION_LENGTH, "description")


def check_described(description: str | None, tags: Mapping[str, str] | None) -> None:
    """Refuse a description or tags, where they are said, that are too long or too many."""
    check_description(description or "")
    check_asset_tags(tags or {})


def check_asset_tags(tags: Mapping[str, str]) -> None:
    """Refuse tags that are too many or too long."""
    check_count(tags, MAX_TAGS, "tags")
    for key, value in tags.items():
        if not key or not key.isprintable():
            raise invalid("tags", key, "A key of a tag is a printable text.")
        check_length(key, MAX_TAG_KEY_LENGTH, "tags.key")
        check_length(value, MAX_TAG_VALUE_LENGTH, "tags.value")


def check_count(items: Sequence[object] | Mapping[str, object], limit: int, field: str) -> None:
    """Refuse what has more than ``limit`` entries."""
    if len(items) > limit:
        raise InvalidParameter(f"'{field}' has {len(items)} entries; at most {limit} are allowed.")


def check_line(text: str, limit: int, field: str) -> None:
    """Refuse a text that is empty, longer than ``limit``, or not one printable line."""
    check_length(text, limit, field)
    if not text.strip() or not text.isprintable():
        raise invalid(field, text, "One line of printable text is expected.")


def check_requirement(line: str, field: str) -> None:
    """Refuse a line for pip that names a file, which the machine of a run has not."""
    if _OF_THIS_MACHINE.match(line.strip()):
        raise invalid(field, line, "It names a file, which the machine of a run has not.")
