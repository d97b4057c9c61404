"""A thread that does something again and again, whatever goes wrong."""

import logging
import threading
from collections.abc import Callable, Iterator

import pytest

from runyard.errors import Unavailable
from runyard.services import periodic
from runyard.services.periodic import Periodic
from tests.waiting import until

Start = Callable[[Callable[[], object]], Periodic]


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    monkeypatch.setattr(periodic, "AFTER_FAULT_S", 0.0)
    running: list[Periodic] = []

    def begin(work: Callable[[], object]) -> Periodic:
        running.append(Periodic("work", 0.001, work))
        running[-1].start()
        return running[-1]

    yield begin
    for each in running:
        each.close()


def test_it_is_done_again_and_again_until_the_end(start: Start):
    done: list[int] = []
    working = start(lambda: done.append(1))
    until(lambda: len(done) > 3)
    working.close()
    count = len(done)
    assert not any(thread.name == "runyard-work" for thread in threading.enumerate())
    assert len(done) == count


def test_a_fault_ends_nothing_and_one_that_lasts_is_told_once(start: Start, caplog: pytest.LogCaptureFixture):
    faults = [Unavailable("away"), Unavailable("away"), ValueError("odd"), Unavailable("away")]
    done: list[int] = []

    def work() -> None:
        if faults:
            raise faults.pop(0)
        done.append(1)

    with caplog.at_level(logging.DEBUG, logger="runyard.upkeep"):
        start(work)
        until(lambda: bool(done))
    levels = [record.levelname for record in caplog.records]
    assert levels == ["WARNING", "DEBUG", "ERROR", "DEBUG"]


def test_a_rest_within_the_work_ends_with_it(start: Start):
    has_begun = threading.Event()
    parts: list[Periodic] = []

    def work() -> None:
        has_begun.set()
        parts[0].rest(60)

    parts.append(Periodic("resting", 60, work))
    parts[0].start()
    assert has_begun.wait(60)
    parts[0].close()
    assert not any(thread.name == "runyard-resting" for thread in threading.enumerate())


def test_what_was_never_started_can_be_closed():
    Periodic("idle", 60, lambda: None).close()
