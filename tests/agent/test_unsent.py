"""What a script could not send: sent before the end is told, or said."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from runyard.agent import unsent
from runyard.agent.assignment import read_assignment
from runyard.agent.orders import Orders
from runyard.agent.unsent import FOLDER, PYTHON, REFUSALS, Unsent

# Stands for an interpreter with the SDK: does what the test has written down, one line a call.
PROGRAM = """#!/bin/sh
echo "$@" >> {calls}
echo "$RUNYARD_TOKEN $RUNYARD_URL $RUNYARD_SECRET" >> {calls}.variables
line=$(sed -n "$(grep -c . {calls})p" {plan})
echo "${{line#* }}"
exit "${{line%% *}}"
"""


class Job:
    """The folder of a job whose script has ended, with something in its spool."""

    def __init__(self, job, folder: Path, plan: list[str]) -> None:
        self.folder = job.assign(code={"train.py": ""}).path
        self.calls = folder / "calls"
        (folder / "plan").write_text("".join(f"{line}\n" for line in plan))
        program = folder / "python"
        program.write_text(PROGRAM.format(calls=self.calls, plan=folder / "plan"))
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        (self.folder / PYTHON).write_text(str(program))
        (self.folder / FOLDER / "20261126-1").mkdir(parents=True)
        self.orders = Orders()
        self.said: list[str] = []
        self.unsent = Unsent(self.folder, read_assignment(self.folder), self.orders, self.said.append)

    @property
    def words(self) -> list[str]:
        return self.calls.read_text().splitlines() if self.calls.exists() else []


@pytest.fixture
def make(job, tmp_path, monkeypatch):
    monkeypatch.setattr(unsent, "FIRST_REST_S", 0.01)
    return lambda *plan: Job(job, tmp_path, list(plan))


def test_what_waits_is_sent_with_the_jobs_own_key(make):
    job = make("0 Sent")
    assert job.unsent.send() == ""
    assert job.words == [f"-m runyard sync {job.folder / FOLDER}"]
    token, url = job.calls.with_suffix(".variables").read_text().split()
    told = json.loads((job.folder / "assignment.json").read_text())
    assert token == told["key"]
    assert told["url"].startswith(url)


@pytest.mark.parametrize("left", ["no spool", "no interpreter", "what is known of the server alone"])
def test_where_nothing_waits_nothing_is_started(make, left):
    job = make("1 never asked")
    (job.folder / FOLDER / "20261126-1").rmdir()
    if left == "no spool":
        (job.folder / FOLDER).rmdir()
    elif left == "no interpreter":
        (job.folder / PYTHON).unlink()
    else:
        (job.folder / FOLDER / "known.json").write_text("{}")
    assert job.unsent.send() == ""
    assert job.words == []


def test_a_server_that_is_away_is_tried_again_and_again(make):
    job = make("1 No server answers", "1 No server answers", "1 No", "1 No", "0 Sent")
    assert job.unsent.send() == ""
    assert len(job.words) == 5
    assert job.said == []


def test_what_a_server_that_is_there_does_not_take_is_said(make, monkeypatch):
    job = make(*["1 the spool is broken"] * 9)
    # A beat is answered during each try.
    monkeypatch.setattr(Orders, "count_answers", lambda self: len(job.words))
    assert job.unsent.send() == "not all that was logged could be sent: the spool is broken"
    assert len(job.words) == REFUSALS
    assert job.said == ["Not all that was logged could be sent: the spool is broken"]


def test_who_is_dismissed_sends_nothing_more(make):
    job = make("0 Sent")
    job.orders.dismiss("another has it")
    assert job.unsent.send() == ""
    assert job.words == []
