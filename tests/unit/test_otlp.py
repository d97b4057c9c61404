"""Compressed bodies of OpenTelemetry's exporters: what comes out, and what only costs."""

from __future__ import annotations

import gzip
import zlib

import pytest

from runyard.errors import InvalidParameter, TooLarge
from runyard.protocol.otlp import MAX_MEMBERS, decompressed

LIMIT_BYTES = 10_000
TEXT = b"spans, and more spans" * 9


def bare(body: bytes) -> bytes:
    """Deflate without a head."""
    return zlib.compress(body)[2:-4]


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("", TEXT),
        ("identity", TEXT),
        ("gzip", gzip.compress(TEXT)),
        (" GZIP ", gzip.compress(TEXT[:9]) + gzip.compress(TEXT[9:])),
        ("deflate", zlib.compress(TEXT)),
        ("deflate", bare(TEXT)),
    ],
)
def test_a_body_comes_out_as_it_went_in(encoding, body):
    assert decompressed(body, encoding, LIMIT_BYTES) == TEXT


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_nothing_is_nothing(encoding):
    packed = gzip.compress(b"") if encoding == "gzip" else zlib.compress(b"")
    assert decompressed(packed, encoding, LIMIT_BYTES) == b""


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress, bare])
def test_s27_no_more_is_made_than_may_come_out(pack):
    encoding = "gzip" if pack is gzip.compress else "deflate"
    assert len(decompressed(pack(b"a" * LIMIT_BYTES), encoding, LIMIT_BYTES)) == LIMIT_BYTES
    with pytest.raises(TooLarge, match="max_body_bytes"):
        decompressed(pack(b"a" * (LIMIT_BYTES + 1)), encoding, LIMIT_BYTES)


def test_s27_members_add_up_to_the_limit():
    member = gzip.compress(b"a" * (LIMIT_BYTES // 2))
    assert len(decompressed(member * 2, "gzip", LIMIT_BYTES)) == LIMIT_BYTES
    with pytest.raises(TooLarge, match="max_body_bytes"):
        decompressed(member * 3, "gzip", LIMIT_BYTES)


@pytest.mark.parametrize(("pack", "encoding"), [(gzip.compress, "gzip"), (zlib.compress, "deflate")])
def test_s27_a_body_of_more_members_than_anybody_sends_is_refused(pack, encoding):
    """Of empty members half a million fit into a body, and each would have all that follows it copied."""
    assert decompressed(pack(b"a") * MAX_MEMBERS, encoding, LIMIT_BYTES) == b"a" * MAX_MEMBERS
    with pytest.raises(InvalidParameter, match=f"over {MAX_MEMBERS} members"):
        decompressed(pack(b"") * (MAX_MEMBERS + 1), encoding, LIMIT_BYTES)


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", TEXT),
        ("gzip", gzip.compress(TEXT)[:-5]),
        ("gzip", gzip.compress(TEXT) + b"\0"),
        ("deflate", gzip.compress(TEXT)),
        ("br", TEXT),
        ("zstd", TEXT),
        ("gzip, gzip", gzip.compress(gzip.compress(TEXT))),
    ],
)
def test_what_is_not_compressed_as_it_says_is_refused(encoding, body):
    with pytest.raises(InvalidParameter):
        decompressed(body, encoding, LIMIT_BYTES)
