"""The SHA-256 of a file as HTTP headers say it: what a sender declares, and what goes out with a download."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping

from runyard.errors import InvalidParameter

DIGEST_HEADER = "Repr-Digest"

_SHA256_BYTES = 32
# RFC 9530's two, which mean the same for a body that is sent as it is; the older RFC 3230; Amazon's.
_FIELD = re.compile(r"(?:^|[,\s])sha-256\s*=\s*:([^:,]*):", re.IGNORECASE)
_OLD_FIELD = re.compile(r"(?:^|[,\s])sha-256\s*=\s*([^,\s]*)", re.IGNORECASE)
_PLAIN = re.compile(r"(.*)", re.DOTALL)
_HEADERS = {
    "repr-digest": _FIELD,
    "content-digest": _FIELD,
    "digest": _OLD_FIELD,
    "x-amz-checksum-sha256": _PLAIN,
}


def declared_sha256(headers: Mapping[str, str]) -> str | None:
    """Return the SHA-256 that a request declares of its body, in hexadecimal; other digests are not read.

    Raises:
        InvalidParameter: A header has none that can be, or two contradict each other.
    """
    declared = {
        _as_hex(name, found[1].strip())
        for name, pattern in _HEADERS.items()
        if name in headers and (found := pattern.search(headers[name])) is not None
    }
    if len(declared) > 1:
        raise InvalidParameter("The request's headers declare two different SHA-256 of one body.")
    return declared.pop() if declared else None


def digest_field(sha256: str) -> str:
    """Return a SHA-256 as the value of ``Repr-Digest``."""
    return f"sha-256=:{base64.b64encode(bytes.fromhex(sha256)).decode()}:"


def _as_hex(name: str, text: str) -> str:
    try:
        digest = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != _SHA256_BYTES:
        raise InvalidParameter(f"{name} has no SHA-256 in base64 (32 bytes): {text[:100]!r}.")
    return digest.hex()
