"""What an evaluation dataset's records have been made of: its schema, as MLflow's store infers it."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from runyard.errors import InvalidParameter

MAX_FIELDS = 10_000
_EMPTY: dict[str, Any] = {"inputs": {}, "outputs": {}, "expectations": {}, "version": "1.0"}
# In this order: a boolean is an integer too.
_WORDS: tuple[tuple[type, str], ...] = (
    (bool, "boolean"),
    (int, "integer"),
    (float, "float"),
    (str, "string"),
    (list, "array"),
    (dict, "object"),
)


def grown_schema(
    schema: Mapping[str, Any] | None, records: Sequence[Mapping[str, Any]]
) -> dict[str, Any] | None:
    """Return a schema with the fields that records have and it has not; a field's first type stays.

    Raises:
        InvalidParameter: The dataset would have too many fields.
    """
    if schema is None and not records:
        return None
    grown = copy.deepcopy(dict(schema or _EMPTY))
    for record in records:
        for part in ("inputs", "expectations"):
            _add(grown[part], record.get(part) or {})
        _add_outputs(grown, record.get("outputs"))
    count = sum(len(grown[part]) for part in ("inputs", "outputs", "expectations"))
    if count > MAX_FIELDS:
        raise InvalidParameter(f"The records of a dataset have at most {MAX_FIELDS} fields, these {count}.")
    return grown


def _add(fields: dict[str, str], values: Mapping[str, Any]) -> None:
    for key, value in values.items():
        fields.setdefault(key, _type_of(value))


def _add_outputs(grown: dict[str, Any], outputs: Any) -> None:
    """Outputs are fields or one value; what they were first, they stay in the schema."""
    if isinstance(outputs, dict):
        if isinstance(grown["outputs"], dict):
            _add(grown["outputs"], outputs)
    elif outputs is not None and not grown["outputs"]:
        grown["outputs"] = _type_of(outputs)


def _type_of(value: Any) -> str:
    return next((word for kind, word in _WORDS if isinstance(value, kind)), "null")
