"""Counting what was answered."""

from __future__ import annotations

from runyard.services.traffic import LATENCY_BOUNDS_S, Traffic


def test_a_request_is_counted_up_to_the_bound_that_it_kept():
    traffic = Traffic()
    for duration_s in (0.0, LATENCY_BOUNDS_S[0], 0.0011, LATENCY_BOUNDS_S[-1] + 1):
        traffic.note("/a", "GET", 204, duration_s)
    ((route, method, status, answered),) = traffic.answered()
    assert (route, method, status) == ("/a", "GET", "2xx")
    assert answered.counts == [2, 1, *[0] * (len(LATENCY_BOUNDS_S) - 2), 1]
    assert answered.total_s == 0.001 + 0.0011 + 31


def test_kinds_are_counted_apart_and_made_up_methods_together():
    traffic = Traffic()
    for method, status in (("GET", 200), ("GET", 404), ("HEAD", 200), ("X", 405), ("Y", 405), ("GET", 0)):
        traffic.note("/a", method, status, 0.1)
    found = {(method, status): sum(answered.counts) for _, method, status, answered in traffic.answered()}
    assert found == {
        ("GET", "2xx"): 1, ("GET", "4xx"): 1, ("HEAD", "2xx"): 1, ("other", "4xx"): 2, ("GET", "none"): 1,
    }  # fmt: skip
