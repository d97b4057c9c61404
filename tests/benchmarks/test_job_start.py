"""The benchmark of how soon a job prints runs, on a server of its own and on one that is there."""

import json
import sys

import pytest

from benchmarks import job_start

pytestmark = pytest.mark.slow


def test_a_job_is_measured_beside_what_its_engine_needs(capsys):
    assert job_start.main(["--repeats", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "| s | median | least | most |"
    assert [line.split(" | ")[0] for line in lines[2:]] == [
        "| Runyard, the first",
        "| Runyard",
        "| the engine alone",
    ]
    for line in lines[2:]:
        median, least, most = (float(cell) for cell in line.strip("| ").split(" | ")[1:])
        assert 0 <= least <= median <= most


def test_a_server_that_is_there_is_asked(server, capsys):
    beside = f"{sys.executable} -c 'print(1)'"
    assert job_start.main(["--url", server.url, "--repeats", "1", "--beside", beside, "--json"]) == 0
    found = json.loads(capsys.readouterr().out.split("\n", 0)[0])
    assert {name: len(taken_s) for name, taken_s in found.items()} == {
        job_start.FIRST: 1,
        job_start.OURS: 1,
        job_start.ENGINE: 1,
    }


def test_a_command_that_prints_nothing_is_no_measure():
    with pytest.raises(ValueError, match="printed no line"):
        job_start.until_first_line(["true"])
