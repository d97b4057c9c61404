"""Hashes of what spans have as attributes: a search that asks for one reads the spans of few traces alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

_BITS = 64
_NUL = r"\u0000"


def attribute_hash(key: str, text: str) -> int:
    """Return the hash of an attribute and its text, as a number that a column holds."""
    said = f"{len(key)} {key}{text}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(said, digest_size=_BITS // 8).digest(), "big", signed=True)


def attribute_hashes(content: str) -> Iterator[int]:
    """Yield the hash of each attribute of a span, of the text that `attribute_text` makes of it in SQL."""
    for key, dumped in json.loads(content)["attributes"].items():
        yield attribute_hash(key, _text(dumped))


def _text(dumped: str) -> str:
    is_text = dumped.startswith('"') and _NUL not in dumped
    return str(json.loads(dumped)) if is_text else dumped
