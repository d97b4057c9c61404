"""Secrets that the database keeps are read by nobody without the file in the home."""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runyard.errors import Unavailable
from runyard.services.sealing import KEY_FILE, Sealer
from runyard.settings import Settings

KEY = base64.urlsafe_b64encode(b"k" * 32)


def sealer(home: Path) -> Sealer:
    return Sealer(Settings(home=home))


def test_what_is_sealed_opens_for_its_owner_alone(tmp_path: Path):
    sealed = sealer(tmp_path).seal("a secret", "wh_1")
    assert "secret" not in sealed.removeprefix("sealed:")
    assert sealer(tmp_path).open(sealed, "wh_1") == "a secret"
    with pytest.raises(Unavailable):
        sealer(tmp_path).open(sealed, "wh_2")


def test_the_same_secret_is_never_sealed_alike(tmp_path: Path):
    assert len({sealer(tmp_path).seal("a secret", "wh_1") for _ in range(10)}) == 10


@given(st.text(min_size=1, max_size=200))
def test_each_secret_comes_back_as_it_was(tmp_path_factory, secret: str):
    home = tmp_path_factory.getbasetemp()
    assert sealer(home).open(sealer(home).seal(secret, "wh_1"), "wh_1") == secret


def test_what_is_not_sealed_is_as_it_is(tmp_path: Path):
    assert sealer(tmp_path).open("whsec_plain", "wh_1") == "whsec_plain"
    assert sealer(tmp_path).seal("", "wh_1") == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "change", [lambda text: text[:-2], lambda text: text[:-6] + "AAAAAA", lambda text: "sealed:"]
)
def test_what_was_changed_does_not_open(tmp_path: Path, change):
    sealed = sealer(tmp_path).seal("a secret", "wh_1")
    with pytest.raises(Unavailable, match="another key"):
        sealer(tmp_path).open(change(sealed), "wh_1")


def test_another_key_does_not_open_it(tmp_path: Path):
    sealed = sealer(tmp_path).seal("a secret", "wh_1")
    (tmp_path / KEY_FILE).write_bytes(KEY)
    with pytest.raises(Unavailable, match="another key"):
        sealer(tmp_path).open(sealed, "wh_1")


@pytest.mark.parametrize("content", [b"", b"short", b"\xff" * 44])
def test_a_file_that_is_no_key_is_no_key(tmp_path: Path, content: bytes):
    (tmp_path / KEY_FILE).write_bytes(content)
    with pytest.raises(Unavailable):
        sealer(tmp_path).seal("a secret", "wh_1")


def test_a_home_that_cannot_be_written_says_so(tmp_path: Path):
    with pytest.raises(Unavailable, match="can't be made or read"):
        sealer(tmp_path / "none").seal("a secret", "wh_1")


def test_of_many_that_make_the_key_at_once_one_wins(tmp_path: Path):
    with ThreadPoolExecutor(8) as pool:
        sealed = list(pool.map(lambda number: sealer(tmp_path).seal(str(number), "wh_1"), range(32)))
    assert [sealer(tmp_path).open(each, "wh_1") for each in sealed] == [str(number) for number in range(32)]
    assert [path.name for path in tmp_path.iterdir()] == [KEY_FILE]
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o777 == 0o600
