"""Names of things as segments of an address, as the SDK asks a server for them."""

from __future__ import annotations

import pytest

from runyard.errors import InvalidParameter, NotFound
from runyard.sdk.addresses import named_segment


@pytest.mark.parametrize(
    ("name", "segment"), [("gpu", "gpu"), ("a b", "a%20b"), ("50%", "50%25"), ("é?#", "%C3%A9%3F%23")]
)
def test_a_name_is_one_segment(name: str, segment: str):
    assert named_segment(name, "compute target") == segment


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_a_name_that_would_lead_elsewhere_is_refused(name: str):
    with pytest.raises(InvalidParameter, match="for 'name': a name is needed"):
        named_segment(name, "compute target")


def test_what_has_a_slash_is_not_there():
    with pytest.raises(NotFound, match="There is no compute target 'a/b': no name of one has a '/'"):
        named_segment("a/b", "compute target")
