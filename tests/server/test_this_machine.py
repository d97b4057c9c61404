"""Whose turn it is to look after the jobs of a machine: one server's of a home, and then the next one's."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from runyard.errors import Unavailable
from runyard.services.this_machine import MachineTurn

HOLDS = """
import sys, time
from pathlib import Path
from runyard.services.this_machine import MachineTurn
print(MachineTurn(Path(sys.argv[1])).is_mine() and "mine", flush=True)
time.sleep(600)
"""


def test_one_of_two_servers_has_it_until_it_ends(tmp_path: Path):
    first, second = MachineTurn(tmp_path), MachineTurn(tmp_path)
    assert first.is_mine()
    assert [second.is_mine(), first.is_mine(), second.is_mine()] == [False, True, False]
    first.close()
    first.close()
    assert second.is_mine()
    assert not first.is_mine()
    second.close()


def test_homes_and_machines_have_one_each(tmp_path: Path):
    other_home = tmp_path / "other"
    other_home.mkdir()
    here, there = MachineTurn(tmp_path), MachineTurn(other_home)
    elsewhere = MachineTurn(tmp_path, "another-machine")
    assert [here.is_mine(), there.is_mine(), elsewhere.is_mine()] == [True, True, True]
    for each in (here, there, elsewhere):
        each.close()


def test_a_server_that_is_killed_passes_it_on(tmp_path: Path):
    turn = MachineTurn(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "mine\n"
        assert not turn.is_mine()
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        assert turn.is_mine()
    turn.close()


def test_a_home_that_is_not_there_is_no_turn(tmp_path: Path):
    with pytest.raises(Unavailable, match="can't be used"):
        MachineTurn(tmp_path / "nowhere").is_mine()
