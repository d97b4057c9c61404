"""Who is wrong again and again waits longer each time, and nobody else does."""

from __future__ import annotations

import pytest

from runyard.errors import TooManyRequests
from runyard.services.guesses import FORGOTTEN_AFTER_S, FREE, LONGEST_S, MAX_CLIENTS, Guesses


class Clock:
    now_s = 1_000.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def guesses(clock):
    return Guesses(clock)


def waits(guesses, client="192.0.2.1"):
    try:
        guesses.check(client)
    except TooManyRequests:
        return True
    return False


def test_some_may_be_wrong(guesses):
    for _ in range(FREE - 1):
        guesses.note_wrong("192.0.2.1")
        assert not waits(guesses)
    guesses.note_wrong("192.0.2.1")
    assert waits(guesses)
    assert not waits(guesses, "192.0.2.2")


def test_each_further_one_doubles_the_wait_up_to_a_minute(guesses, clock):
    for _ in range(FREE):
        guesses.note_wrong("192.0.2.1")
    for wait_s in (1, 2, 4, 8, 16, 32, LONGEST_S, LONGEST_S):
        clock.now_s += wait_s - 0.01
        assert waits(guesses)
        clock.now_s += 0.01
        assert not waits(guesses)
        guesses.note_wrong("192.0.2.1")


def test_after_a_while_it_is_forgotten(guesses, clock):
    for _ in range(FREE + 5):
        guesses.note_wrong("192.0.2.1")
    clock.now_s += FORGOTTEN_AFTER_S + 1
    guesses.note_wrong("192.0.2.1")
    assert not waits(guesses)


def test_what_is_remembered_is_bounded(guesses):
    for number in range(MAX_CLIENTS * 2):
        guesses.note_wrong(str(number))
    assert len(guesses._clients) <= MAX_CLIENTS
