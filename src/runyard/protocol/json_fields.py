"""Fields that hold JSON as a text, as MLflow's messages about evaluation have them."""

from __future__ import annotations

import json
from typing import Any

from runyard.errors import InvalidParameter
from runyard.protocol.wire import MAX_DEPTH


def json_value(text: str, field: str) -> Any:
    """Return the value that a field's text says.

    Raises:
        InvalidParameter: It is no JSON, too deep, or holds what no database keeps.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidParameter(f"'{field}' is not valid JSON.") from None
    # Few texts have an escape that could stand for what is refused.
    _check(value, field, 0, may_be_bad="\\u" in text)
    return value


def json_object(text: str, field: str) -> dict[str, Any]:
    """Return the object that a field's text says.

    Raises:
        InvalidParameter: It is something else, or can't be read.
    """
    value = json_value(text, field)
    if not isinstance(value, dict):
        raise InvalidParameter(f"'{field}' must be a JSON object.")
    return value


def json_list(text: str, field: str) -> list[Any]:
    """Return the list that a field's text says.

    Raises:
        InvalidParameter: It is something else, or can't be read.
    """
    value = json_value(text, field)
    if not isinstance(value, list):
        raise InvalidParameter(f"'{field}' must be a JSON list.")
    return value


def _check(value: Any, field: str, depth: int, may_be_bad: bool) -> None:
    if depth > MAX_DEPTH:
        raise InvalidParameter(f"'{field}' is nested deeper than {MAX_DEPTH} levels.")
    if isinstance(value, dict):
        for key, inner in value.items():
            _check(key, field, depth + 1, may_be_bad)
            _check(inner, field, depth + 1, may_be_bad)
    elif isinstance(value, list):
        for inner in value:
            _check(inner, field, depth + 1, may_be_bad)
    elif may_be_bad and isinstance(value, str) and not value.isprintable():
        _check_text(value, field)


def _check_text(text: str, field: str) -> None:
    if "\0" in text:
        raise InvalidParameter(f"'{field}' holds the character NUL, which no text may.")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidParameter(f"'{field}' holds half of a surrogate pair, which is no character.") from None
