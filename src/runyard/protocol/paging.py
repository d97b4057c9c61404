"""Pages of a longer answer, and the tokens by which clients of MLflow ask for the next one."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from runyard.errors import InvalidParameter
from runyard.protocol.filter_tokens import shortened

MAX_OFFSET = 2**62

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Some of the items of an answer, and the token that asks for those after them."""

    items: Sequence[Item]
    next_token: str | None


def page_of(
    items: Sequence[Item], limit: int, offset: int, search: Mapping[str, Any] | None = None
) -> Page[Item]:
    """Return the page that ``items``, of which one more than ``limit`` was asked for, hold.

    Args:
        items: What was found from ``offset`` on.
        limit: How many items a page has at most.
        offset: How many items lie before these.
        search: What was searched for, where the token is to be good for that search only.
    """
    if len(items) <= limit:
        return Page(items, None)
    return Page(items[:limit], page_token(offset + limit, search))


def page_token(offset: int, search: Mapping[str, Any] | None = None) -> str:
    """Return the token of the page that begins at ``offset``.

    Args:
        offset: How many results lie before the page.
        search: What was searched for, where the token is to be good for that search only.
    """
    return base64.b64encode(json.dumps({**(search or {}), "offset": offset}).encode()).decode()


def parse_page_token(token: str | None, search: Mapping[str, Any] | None = None) -> int:
    """Return where the page of a token begins; no token is the first page.

    Args:
        token: What :func:`page_token` gave to the client.
        search: What is searched for now; a token of another search is refused.

    Raises:
        InvalidParameter: The token was not made here, or for another search.
    """
    if not token:
        return 0
    parsed = _decoded(token)
    for field, wanted in (search or {}).items():
        if parsed.get(field) != wanted:
            name = field.replace("_", " ").capitalize().replace("Experiment ids", "Experiment IDs")
            raise InvalidParameter(
                f"{name} in the page token {'do' if name.endswith('s') else 'does'} not match the requested "
                f"{name[0].lower()}{name[1:]}. Expected: {shortened(str(wanted))}. "
                f"Found: {shortened(str(parsed.get(field)))}"
            )
    offset = parsed.get("offset")
    if isinstance(offset, str) and offset.isascii() and offset.isdigit() and len(offset) < 20:
        offset = int(offset)
    if not isinstance(offset, int) or isinstance(offset, bool) or not 0 < offset <= MAX_OFFSET:
        raise InvalidParameter(f"Invalid page token, parsed value={shortened(str(parsed))}")
    return offset


def position_token(position: Sequence[Any], search: Sequence[Any]) -> str:
    """Return the token of the page behind ``position``, a place in the order that stays where it is.

    Args:
        position: Plain values.
        search: What was searched for, as plain values; the token is good for that search only.
    """
    return base64.b64encode(json.dumps({"after": position, "of": _digest(search)}).encode()).decode()


def parse_position_token(token: str | None, search: Sequence[Any]) -> list[Any] | None:
    """Return the position behind which the page of a token begins; None is the first page.

    Args:
        token: What :func:`position_token` gave to the client.
        search: What is searched for now.

    Raises:
        InvalidParameter: The token was not made here, or for another search.
    """
    if not token:
        return None
    parsed = _decoded(token)
    position = parsed.get("after")
    if not isinstance(position, list) or not isinstance(parsed.get("of"), str):
        raise InvalidParameter(f"Invalid page token, parsed value={shortened(str(parsed))}")
    if parsed["of"] != _digest(search):
        raise InvalidParameter(
            "The page token is of another search: experiment_ids, filter, run_view_type and order_by must be "
            "those of the first page."
        )
    return position


def _digest(search: Sequence[Any]) -> str:
    return hashlib.sha256(json.dumps(search).encode()).hexdigest()[:16]


def _decoded(token: str) -> dict[str, Any]:
    try:
        text = base64.b64decode(token)
    except (binascii.Error, ValueError):
        raise InvalidParameter("Invalid page token, could not base64-decode") from None
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidParameter(f"Invalid page token, decoded value={shortened(str(text))}") from None
    if not isinstance(parsed, dict):
        raise InvalidParameter(f"Invalid page token, parsed value={shortened(str(parsed))}")
    return parsed
