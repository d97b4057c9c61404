"""Beats of an agent, and what it takes of the answers as orders."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runyard.agent.assignment import Assignment, read_assignment
from runyard.agent.orders import Heart, Orders
from runyard.agent.server import Server, rest
from tests.agent.job_folder import JobFolder
from tests.agent.job_server import KEY, Answer, JobServer, refusal
from tests.waiting import until


@pytest.fixture
def assignment(job: JobFolder) -> Assignment:
    return read_assignment(job.assign({"train.py": ""}, beat_s=0.01).path)


@pytest.fixture
def orders() -> Orders:
    return Orders()


@pytest.fixture
def heart(assignment: Assignment, job_server: JobServer, orders: Orders) -> Iterator[Heart]:
    beating = Heart(Server(job_server.url, KEY), assignment, "agent", orders)
    beating.start()
    yield beating
    beating.stop()


def reports(server: JobServer) -> int:
    return sum(path.endswith("/report") for _, path in server.requests)


def test_a_heart_beats_and_counts_the_answers(heart: Heart, job_server: JobServer, orders: Orders):
    until(lambda: orders.count_answers() >= 3)
    assert set(job_server.job.statuses) == {"preparing"}
    assert not orders.is_to_stop


def test_another_status_is_reported_at_once(assignment: Assignment, job_server: JobServer, orders: Orders):
    slow = Heart(Server(job_server.url, KEY), assignment_with_beat(assignment, 600.0), "agent", orders)
    slow.start()
    until(lambda: job_server.job.statuses == ["preparing"])
    slow.says("running")
    until(lambda: job_server.job.statuses == ["preparing", "running"])
    slow.stop()


def assignment_with_beat(assignment: Assignment, beat_s: float) -> Assignment:
    changed = {name: getattr(assignment, name) for name in assignment.__slots__}
    return Assignment(**{**changed, "beat_s": beat_s})


def test_what_somebody_asked_for_is_an_order(heart: Heart, job_server: JobServer, orders: Orders):
    job_server.job.is_cancel_requested = True
    until(lambda: orders.is_canceled)
    assert orders.is_to_stop
    # What there is may be sent still.
    assert not orders.is_over


def test_a_refusal_is_the_last_answer(heart: Heart, job_server: JobServer, orders: Orders):
    job_server.fault = lambda method, path: refusal(400, "INVALID_STATE", "another has it")
    until(lambda: orders.is_dismissed)
    assert orders.dismissal == "another has it"
    assert orders.is_over
    count = reports(job_server)
    time.sleep(0.1)
    assert reports(job_server) == count


def test_a_heart_goes_on_while_the_server_is_away(heart: Heart, job_server: JobServer, orders: Orders):
    answers = [Answer(0), Answer(503), Answer(200, b"<html>"), Answer(404, b"<html>")]
    job_server.fault = lambda method, path: answers.pop() if answers else None
    until(lambda: not answers)
    count = orders.count_answers()
    until(lambda: orders.count_answers() > count)
    assert not orders.is_to_stop


def test_after_the_end_no_answer_counts(heart: Heart, job_server: JobServer, orders: Orders):
    is_asked, is_let_go = threading.Event(), threading.Event()

    def fault(method: str, path: str) -> Answer:
        is_asked.set()
        is_let_go.wait(60)
        return refusal(400, "INVALID_STATE", "it is over")

    job_server.fault = fault
    assert is_asked.wait(60)
    heart.stop()
    is_let_go.set()
    until(lambda: not heart._thread.is_alive())
    assert not orders.is_dismissed


def test_a_signal_is_an_order_and_leaves_time_for_last_words(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("runyard.agent.orders.time.monotonic", lambda: now[0])
    orders = Orders(stops_within_s=20.0)
    orders._stop(signal.SIGTERM, None)
    now[0] += 15.0
    # Who sends it again gets no more time.
    orders._stop(signal.SIGINT, None)
    assert (orders.stopped_by, orders.is_to_stop, orders.is_over) == ("SIGTERM", True, False)
    now[0] += 6.0
    assert orders.is_over


def test_a_rest_ends_when_somebody_is_answered_or_there_is_no_need():
    answers = iter([1, 1, 2])
    began = time.monotonic()
    rest(600.0, lambda: False, lambda: next(answers))
    rest(600.0, lambda: True)
    assert time.monotonic() - began < 60.0


ADOPTS = """
import os, subprocess, sys, time
from runyard.agent.orphans import adopt_orphans, bury_orphans, end_orphans
adopt_orphans()
told = subprocess.run(
    ["sh", "-c", "setsid sh -c 'sleep 600 & echo $!; exec sleep 600' &"],
    stdout=open(sys.argv[1], "w"),
)
while not (said := open(sys.argv[1]).read()).endswith("\\n"):
    time.sleep(0.01)
other = int(said)
state = lambda: open(f"/proc/{other}/stat").read().rpartition(")")[2].split()[0]
print(state() in "RSD")
end_orphans()
print(os.path.exists(f"/proc/{other}"))
"""


def test_orphans_are_adopted_and_ended(tmp_path: Path):
    command = [sys.executable, "-c", ADOPTS, str(tmp_path / "told")]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert printed == "True\nFalse\n"


def test_a_script_that_ignores_everything_is_ended_within_the_grace(job: JobFolder):
    code = (
        "import signal, time\n"
        "for number in (1, 2, 15): signal.signal(number, signal.SIG_IGN)\n"
        "print('begun')\n"
        "time.sleep(600)\n"
    )
    agent = job.assign({"train.py": code}, stop_grace_s=0.2).start()
    job.until_printed(b"begun\n")
    agent.send_signal(signal.SIGHUP)
    assert job.ended(agent) == 0
    assert job.end["exit_code"] == 137
    script = json.loads((job.path / "script.json").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(script["pid"], 0)
