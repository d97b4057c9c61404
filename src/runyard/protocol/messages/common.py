"""The base of all messages and the pieces that several nouns share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated

import msgspec

from runyard.entities.experiment import View
from runyard.protocol.wire import invalid

Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""A number that fits the store's integer columns; steps and milliseconds are of this type."""

_VIEWS: dict[str, View] = {
    "1": View.ACTIVE_ONLY,
    "2": View.DELETED_ONLY,
    "3": View.ALL,
    **{view.value: view for view in View},
}


class Wire(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A message: fields that were not set are left out of the JSON."""


class KeyValue(Wire, omit_defaults=False):
    """A tag or a param."""

    key: str = ""
    value: str = ""


class Empty(Wire):
    """An answer without content: ``{}``."""


def key_values(pairs: Mapping[str, str]) -> list[KeyValue]:
    """Return a mapping as the list of pairs that MLflow's messages carry."""
    return [KeyValue(key=key, value=value) for key, value in pairs.items()]


def mapping(pairs: Iterable[KeyValue]) -> dict[str, str]:
    """Return MLflow's list of pairs as a mapping; of equal keys the last one counts."""
    return {pair.key: pair.value for pair in pairs}


def view_of(text: str | int | None, field: str) -> View:
    """Return the view that a request names by word or by MLflow's number; active ones when unset."""
    if text is None or text == "":
        return View.ACTIVE_ONLY
    view = _VIEWS.get(str(text).upper())
    if view is None:
        raise invalid(field, text, "Expected ACTIVE_ONLY, DELETED_ONLY or ALL.")
    return view
