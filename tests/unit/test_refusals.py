"""What was refused is counted in bounded memory, and each kind of it told of in time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from runyard.entities.audit import AuditEvent, Outcome
from runyard.services.refusals import MAX_KINDS, TOGETHER_S, Refusals

EVENT = AuditEvent(1, "runs.delete_run", Outcome.REFUSED, client="192.0.2.1")


class Clock:
    now_s = 0.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def refusals(clock):
    return Refusals(clock)


def test_the_first_is_due_at_once_and_those_that_follow_after_a_minute(refusals, clock):
    refusals.note(EVENT)
    assert refusals.due() == [EVENT]
    for at in (2, 3, 4):
        refusals.note(replace(EVENT, at_ms=at))
    assert refusals.due() == []
    clock.now_s += TOGETHER_S
    assert refusals.due() == [replace(EVENT, at_ms=2, count=3)]
    clock.now_s += TOGETHER_S
    assert refusals.due() == []
    refusals.note(EVENT)
    assert refusals.due() == [EVENT]


@pytest.mark.parametrize(
    "other",
    [{"client": "192.0.2.2"}, {"principal_id": "p"}, {"workspace": "w"}, {"action": "a"}, {"target": "t"}],
)
def test_what_differs_is_told_apart(refusals, other):
    events = [EVENT, replace(EVENT, **other)]
    for event in events:
        refusals.note(event)
    assert refusals.due() == events


def test_more_kinds_than_are_told_apart_are_counted_together(refusals):
    for number in range(MAX_KINDS + 500):
        refusals.note(replace(EVENT, target=f"run_id={number}"))
    events = refusals.due()
    assert len(events) == MAX_KINDS + 1
    assert events[-1] == replace(EVENT, action="many", count=500)


def test_what_could_not_be_written_is_due_again(refusals, clock):
    refusals.note(EVENT)
    refusals.give_back(refusals.due())
    clock.now_s += TOGETHER_S
    assert refusals.due() == [EVENT]


def test_at_the_end_all_is_due(refusals):
    refusals.note(EVENT)
    refusals.due()
    refusals.note(EVENT)
    assert refusals.due(is_ending=True) == [EVENT]
