"""Writes the last results into the README of this folder."""

from __future__ import annotations

from pathlib import Path

from benchmarks import chart, report
from benchmarks.outcome import Outcome

FOLDER = Path(__file__).resolve().parent
BEGIN, END = "<!-- results -->", "<!-- end of results -->"


def publish(outcome: Outcome, folder: Path = FOLDER) -> None:
    """Replace the results in README.md, and results.json and chart.svg beside it."""
    readme = folder / "README.md"
    before, _, rest = readme.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    shown = (
        f"{BEGIN}\n\n![How many times faster each server is](chart.svg)\n\n{report.render(outcome)}\n{END}"
    )
    readme.write_text(before + shown + after)
    (folder / "chart.svg").write_text(chart.svg(outcome))
    outcome.save(folder / "results.json")
