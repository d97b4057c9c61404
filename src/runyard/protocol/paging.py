"""Page tokens: where the next page begins, as clients of MLflow carry it."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from runyard.errors import InvalidParameter
from runyard.protocol.filter_tokens import shortened

MAX_OFFSET = 2**62


def next_token(offset: int, search: Mapping[str, Any] | None = None) -> str:
    """Return the token of the page that begins at ``offset``.

    Args:
        offset: How many results lie before the page.
        search: What was searched for, where the token is to be good for that search only.
    """
    return base64.b64encode(json.dumps({**(search or {}), "offset": offset}).encode()).decode()


def offset_of(token: str | None, search: Mapping[str, Any] | None = None) -> int:
    """Return where the page of a token begins; no token is the first page.

    Args:
        token: What :func:`next_token` gave to the client.
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
