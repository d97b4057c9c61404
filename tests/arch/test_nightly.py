"""`make nightly` asks for more of what tests do, and nothing that it asks for is out of date."""

from __future__ import annotations

import re

from tests.arch.source_tree import ROOT

ASKED = re.compile(r"\b(RUNYARD_[A-Z_]+)=\d+")
READ = re.compile(r'os\.environ\.get\("(RUNYARD_[A-Z_]+)", "\d+"\)')
MARKED = re.compile(r"pytest\.mark\.(?:scaled|nightly)\b")
# An hour by itself; which random cases there are, not how many.
NOT_ASKED = {"RUNYARD_SOAK_S", "RUNYARD_FUZZ_SEED"}


def test_each_figure_of_a_night_is_read_by_a_test_that_runs_in_it_and_no_figure_is_left_out():
    asked = set(ASKED.findall((ROOT / "Makefile").read_text()))
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")]
    read = {name for text in texts if MARKED.search(text) for name in READ.findall(text)}
    anywhere = {name for text in texts for name in READ.findall(text)}
    assert asked
    assert asked == read - NOT_ASKED
    assert read == anywhere, "its tests do not run at night: they need a mark"
