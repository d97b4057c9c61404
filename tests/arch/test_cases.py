"""The known attacks and faults have numbers: each has tests that bear its number, where the table says."""

from __future__ import annotations

import functools
import re
from collections import defaultdict

import pytest

from tests.arch.source_tree import ROOT

TABLE = ROOT / "design" / "cases.md"
NUMBERS = [f"S{number:02}" for number in range(1, 33)] + [f"R{number:02}" for number in range(1, 21)]
IN_PYTHON = re.compile(r"^ *(?:async )?def test_([sr]\d\d)_", re.MULTILINE)
IN_THE_STUDIO = re.compile(r'\bit\("([SR]\d\d): ')
# A figure in seconds is measured; the tests assert no times.
MEASURED = re.compile(r'"""(R14), ')
BEARING = {"tests/**/test_*.py": IN_PYTHON, "studio/src/**/*.test.ts": IN_THE_STUDIO}
BEARING |= {"benchmarks/workloads/*.py": MEASURED}


@functools.cache
def borne() -> dict[str, set[str]]:
    """Number -> the files with tests that bear it."""
    found: dict[str, set[str]] = defaultdict(set)
    for pattern, number in BEARING.items():
        for path in ROOT.glob(pattern):
            for each in number.findall(path.read_text(encoding="utf-8")):
                found[each.upper()].add(path.relative_to(ROOT).as_posix())
    return found


@functools.cache
def told() -> dict[str, set[str]]:
    """Number -> the files that the table names."""
    rows = [line.strip("| ").split(" | ") for line in TABLE.read_text().splitlines()]
    return {row[0]: set(re.findall(r"`([^`]+)`", row[2])) for row in rows if row[0] in NUMBERS}


@pytest.mark.parametrize("number", NUMBERS)
def test_a_case_has_tests_of_its_number_where_the_table_says(number: str):
    assert borne()[number], f"no test bears the number {number}"
    assert told().get(number) == borne()[number]


def test_no_test_bears_a_number_that_is_none():
    assert sorted(borne()) == sorted(NUMBERS)
    assert sorted(told()) == sorted(NUMBERS)
