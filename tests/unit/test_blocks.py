"""Lists of blocks, as Azure's clients send them at the end of an upload."""

from __future__ import annotations

import pytest

from runyard.errors import InvalidParameter
from runyard.services.blocks import MAX_BLOCKS, read_block_list

HEAD = b'<?xml version="1.0" encoding="utf-8"?>\n<BlockList>'


@pytest.mark.parametrize(
    ("listed", "ids"),
    [
        (b"<Latest>MDA=</Latest><Latest>MDE=</Latest>", ["MDA=", "MDE="]),
        (b"<Committed>b</Committed><Uncommitted>a</Uncommitted>", ["b", "a"]),
        (b"\n  <Latest>\n    MDA=\n  </Latest>\n", ["MDA="]),
        (b"<Latest>a&amp;b&lt;</Latest>", ["a&b<"]),
        (b"<Latest> two words </Latest>", ["two words"]),
        (b"<Latest></Latest>", [""]),
        (b"<Latest>a</Committed><Latest>b", []),
        (b"", []),
    ],
)
def test_ids_come_in_their_order_and_without_what_stands_around_them(listed, ids):
    assert read_block_list(HEAD + listed + b"</BlockList>") == ids
    assert read_block_list(b"\xef\xbb\xbf" + HEAD + listed) == ids


@pytest.mark.parametrize("body", [b"", b"<Latest>a</Latest>", b"{}", HEAD + b"<Latest>\xff</Latest>"])
def test_what_is_no_list_is_refused(body):
    with pytest.raises(InvalidParameter):
        read_block_list(body)


def test_a_list_has_so_many_ids_and_no_more():
    listed = HEAD + b"<Latest>a</Latest>" * MAX_BLOCKS
    assert len(read_block_list(listed)) == MAX_BLOCKS
    with pytest.raises(InvalidParameter, match="at most 50000 blocks"):
        read_block_list(listed + b"<Latest>a</Latest>")


@pytest.mark.parametrize("piece", [b" ", b"<Latest>", b"<Latest> ", b"<Latest", b"</", b"&amp;"])
def test_s27_a_list_that_never_ends_is_read_once(piece):
    """Five thousand blanks after one opened id once held the whole server for minutes."""
    assert read_block_list(HEAD + b"<Latest>" + piece * 100_000) == []
