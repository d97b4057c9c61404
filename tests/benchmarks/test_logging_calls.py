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
    assert [line.split(" | ")[0] for line in lines[2:-1]] == [
        f"| {name}, {mark}" for name in logging_calls.CALLS for mark in ("p50", "p99", "max")
    ]
    assert lines[-1].startswith("| a loop of 1 ms steps")
    assert all(line.count("|") == 6 for line in lines)
