"""The benchmark of a script's logging calls runs, and its table has all of it."""

import pytest

from benchmarks import logging_calls

pytestmark = pytest.mark.slow


def test_each_call_is_measured_in_each_situation(capsys):
    assert logging_calls.main(["--calls", "100"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert (
        lines[0]
        == "| µs | plugin, server up | plugin, server down | MLflow's own part | without the plugin |"
    )
    assert [line.split(" | ")[0] for line in lines[2:-4]] == [
        f"| {name}, {mark}" for name in logging_calls.CALLS for mark in logging_calls.MARKS
    ]
    assert [line.split(" that logs")[0] for line in lines[-4::2]] == [
        "| a loop of 1 ms steps",
        "| a loop of 50 ms steps",
    ]
    assert [line.split(" | ")[0].endswith(", own") for line in lines[-4:]] == [False, True, False, True]
    assert all(line.count("|") == 6 for line in lines)
