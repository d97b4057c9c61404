"""An exchange that takes too long is cut, however its bytes come."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from runyard.compute.cutting import cut_after

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_what_waits_for_a_byte_is_woken_when_the_time_is_over(pair: Pair):
    ours, _ = pair
    with cut_after(0.1, ours) as cut:
        assert ours.recv(1) == b""
        assert cut.is_done


def test_what_ends_in_time_is_left_as_it_is(pair: Pair):
    ours, theirs = pair
    before = set(threading.enumerate())
    with cut_after(60, ours) as cut:
        pass
    assert not cut.is_done
    theirs.sendall(b"x")
    assert ours.recv(1) == b"x"
    assert set(threading.enumerate()) <= before


def test_a_connection_that_is_made_too_late_is_cut_at_once(pair: Pair):
    ours, _ = pair
    with cut_after(0) as cut:
        while not cut.is_done:
            threading.Event().wait(0.01)
        cut.watch(ours)
        assert ours.recv(1) == b""


def test_another_thread_may_cut_it_before_and_after_its_end(pair: Pair):
    ours, _ = pair
    with cut_after(60, ours) as cut:
        threading.Timer(0.05, cut.now).start()
        assert ours.recv(1) == b""
    cut.now()


def test_the_end_of_a_fault_lets_go_of_all(pair: Pair):
    ours, theirs = pair
    before = set(threading.enumerate())
    with pytest.raises(ValueError, match="fault"), cut_after(60, ours):
        raise ValueError("fault")
    assert set(threading.enumerate()) <= before
    ours.close()
    # Nothing else holds the connection open.
    assert theirs.recv(1) == b""
