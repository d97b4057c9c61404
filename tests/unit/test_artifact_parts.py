"""Signatures of S3's addresses, against Amazon's own example, and what is said of parts that can't be."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest

from runyard.errors import InvalidParameter
from runyard.stores.artifacts.parts import MAX_PARTS, AzureParts, S3Parts, checked_numbers, signed_anew

# From "Authenticating Requests: Using Query Parameters" of Amazon's documentation.
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
SIGNATURE = "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
UNSIGNED = (
    "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"
    "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
    "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
)


def test_an_address_is_signed_as_in_amazons_example():
    assert signed_anew(UNSIGNED, "GET", {}, SECRET) == f"{UNSIGNED}&X-Amz-Signature={SIGNATURE}"


def test_an_old_signature_counts_for_nothing():
    signed = signed_anew(f"{UNSIGNED}&X-Amz-Signature=00", "GET", {}, SECRET)
    assert signed == f"{UNSIGNED}&X-Amz-Signature={SIGNATURE}"


def test_what_is_added_is_signed_too():
    signed = {signed_anew(UNSIGNED, "PUT", {"partNumber": str(number)}, SECRET) for number in (1, 2)}
    asked = [dict(parse_qsl(urlsplit(url).query)) for url in sorted(signed)]
    assert [each["partNumber"] for each in asked] == ["1", "2"]
    assert asked[0]["X-Amz-Signature"] != asked[1]["X-Amz-Signature"]


def test_only_the_secret_of_the_key_signs():
    url = signed_anew(UNSIGNED, "PUT", {}, SECRET)
    assert S3Parts(url, SECRET).can_sign
    assert not S3Parts(url, "of another").can_sign
    assert not S3Parts(url, "").can_sign


def test_azure_can_not_sign_a_name_that_is_escaped():
    assert AzureParts("https://a.blob.core.windows.net/c/x?sig=1", "").can_sign
    assert not AzureParts("https://a.blob.core.windows.net/c/x%20y?sig=1", "").can_sign


@pytest.mark.parametrize("numbers", [[], [0], [2], [1, 3], [1, 1], list(range(1, MAX_PARTS + 2))])
def test_parts_without_order_are_refused(numbers):
    with pytest.raises(InvalidParameter, match="numbered from 1"):
        checked_numbers(numbers)


def test_parts_may_be_told_in_any_order():
    checked_numbers([3, 1, 2])
    checked_numbers(range(1, MAX_PARTS + 1))
