"""API keys: their form, and what is kept of them."""

from __future__ import annotations

import hashlib
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runyard.auth.api_keys import new_api_key, read_api_key


def test_a_key_has_the_documented_form():
    assert re.fullmatch(r"ry_[0-9a-f]{12}_[A-Za-z0-9_-]{43}", new_api_key().text)


def test_a_key_is_read_back_as_it_was_shown():
    key = new_api_key()
    assert read_api_key(key.text) == key


def test_a_key_matches_its_own_digest_and_no_other():
    key, other = new_api_key(), new_api_key()
    assert key.matches(key.secret_sha256)
    assert not key.matches(other.secret_sha256)
    assert not key.matches("")


def test_what_is_kept_is_the_sha_256_of_the_secret():
    key = new_api_key()
    assert key.secret_sha256 == hashlib.sha256(key.secret.encode()).hexdigest()
    assert key.secret not in key.secret_sha256


def test_two_keys_differ_in_name_and_secret():
    keys = [new_api_key() for _ in range(200)]
    assert len({key.key_id for key in keys}) == len({key.secret for key in keys}) == 200


def test_the_repr_of_a_key_has_no_secret():
    key = new_api_key()
    assert key.secret not in repr(key)
    assert key.key_id in repr(key)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[:-1],
        lambda text: text + "A",
        lambda text: text + "\n",
        lambda text: " " + text,
        lambda text: text.upper(),
        lambda text: text.replace("ry_", "ey_"),
        lambda text: text[:-1] + "é",
        lambda text: text[:3] + "٣" + text[4:],
        lambda _: "",
    ],
)
def test_a_text_of_another_form_is_no_key(spoil):
    assert read_api_key(spoil(new_api_key().text)) is None


@given(st.text(max_size=80) | st.from_regex(r"ry_[0-9a-f]{12}_[A-Za-z0-9_-]{43}", fullmatch=True))
@example("ry_000000000000_" + "_" * 43)
def test_any_text_is_either_no_key_or_read_exactly(text):
    key = read_api_key(text)
    assert key is None or key.text == text
