"""The SHA-256 that a request declares of its body."""

import base64
import hashlib

import pytest
from starlette.datastructures import Headers

from runyard.errors import InvalidParameter
from runyard.server.digests import declared_sha256, digest_field

DIGEST = hashlib.sha256(b"runyard").digest()
TEXT = base64.b64encode(DIGEST).decode()
OTHER = base64.b64encode(hashlib.sha256(b"other").digest()).decode()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Repr-Digest", f"sha-256=:{TEXT}:"),
        ("Content-Digest", f"sha-512=:AAAA:, sha-256=:{TEXT}:"),
        ("Digest", f"md5=AAAA,SHA-256={TEXT}"),
        ("x-amz-checksum-sha256", TEXT),
        ("x-amz-checksum-sha256", f"\t{TEXT} "),
        ("repr-digest", digest_field(DIGEST.hex())),
    ],
)
def test_a_declared_checksum_is_read(name, value):
    assert declared_sha256(Headers({name: value})) == DIGEST.hex()


@pytest.mark.parametrize(
    "headers", [{}, {"Repr-Digest": "sha-512=:AAAA:"}, {"Digest": "md5=AAAA"}, {"Content-MD5": "AAAA"}]
)
def test_what_declares_no_sha256_declares_nothing(headers):
    assert declared_sha256(Headers(headers)) is None


@pytest.mark.parametrize("text", ["", "AAAA", TEXT[:-4], TEXT + "AAAA", "?" * 44, DIGEST.hex()])
def test_what_is_no_sha256_is_refused_by_name(text):
    for name, value in (("Repr-Digest", f"sha-256=:{text}:"), ("x-amz-checksum-sha256", text)):
        with pytest.raises(InvalidParameter, match=f"(?i){name}"):
            declared_sha256(Headers({name: value}))


@pytest.mark.parametrize("text", [f"{TEXT} {TEXT}", "\xa0" * 60_000 + "x y"])
def test_s27_what_has_blanks_in_it_is_refused_and_read_once(text):
    with pytest.raises(InvalidParameter, match="x-amz-checksum-sha256"):
        declared_sha256(Headers({"x-amz-checksum-sha256": text}))


def test_two_checksums_of_one_body_are_refused():
    same = {"Repr-Digest": f"sha-256=:{TEXT}:", "Digest": f"sha-256={TEXT}"}
    assert declared_sha256(Headers(same)) == DIGEST.hex()
    with pytest.raises(InvalidParameter, match="two different"):
        declared_sha256(Headers(same | {"Digest": f"sha-256={OTHER}"}))
