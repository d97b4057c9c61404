"""`python -m benchmarks`: measure, print the tables and the chart, keep the results.

Examples:
    python -m benchmarks                                          everything; some 20 minutes
    python -m benchmarks --only B,C --contestants runyard-sqlite  a part
    python -m benchmarks --contestants mlflow-sqlite --keep       add it to the results that are there
    python -m benchmarks --publish                                write the results into benchmarks/
    python -m benchmarks --render                                 the report of the results that are there
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks import chart, outcome, report
from benchmarks.contestants import CONTESTANTS, ROOT, USUAL
from benchmarks.publishing import publish
from benchmarks.runner import Plan, measure
from benchmarks.trial import Extent
from benchmarks.workloads import WORKLOADS

RESULTS = "results.json"
OTHERS = ("ceilings", "I", "memory")


def main(arguments: list[str] | None = None) -> int:
    """Do what the arguments say; return 1 when a workload failed."""
    given = _parser().parse_args(arguments)
    path = given.out / RESULTS
    given.out.mkdir(parents=True, exist_ok=True)
    if given.render:
        found = outcome.load(path)
    else:
        extent = Extent(given.scale, given.repeats, given.seed_s, given.large)
        plan = Plan(given.contestants, given.only, extent)
        found = measure(plan, outcome.load(path) if given.keep and path.exists() else None, path)
    text = report.render(found)
    (given.out / "report.md").write_text(text)
    (given.out / "chart.svg").write_text(chart.svg(found))
    if given.publish:
        publish(found)
    print(f"\n{chart.bars(found)}\n{text}")
    return 0 if found.is_whole else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names, workloads = [one.name for one in CONTESTANTS], [*OTHERS, *(one.name for one in WORKLOADS)]
    parser.add_argument(
        "--contestants", type=_some_of(names), default=list(USUAL), help=f"of {', '.join(names)}"
    )
    parser.add_argument(
        "--only", type=_some_of(workloads), default=workloads, help=f"of {', '.join(workloads)}"
    )
    parser.add_argument(
        "--scale", type=float, default=1.0, help="multiplies all sizes of data sets and loads"
    )
    parser.add_argument(
        "--repeats", type=int, default=3, help="readings of a figure, of which the median counts"
    )
    parser.add_argument(
        "--seed-s", type=float, default=Extent.seed_s, help="seconds that making a data set may take"
    )
    parser.add_argument("--large", action="store_true", help="Runyard alone: 20 × 10M points, ftml-860 whole")
    parser.add_argument(
        "--out", type=Path, default=ROOT / "build" / "benchmarks", help="folder of the results"
    )
    parser.add_argument("--keep", action="store_true", help="keep the other results that are in that folder")
    parser.add_argument(
        "--render", action="store_true", help="measure nothing, report what is in that folder"
    )
    parser.add_argument("--publish", action="store_true", help="write the results into benchmarks/README.md")
    return parser


def _some_of(known: list[str]):  # type: ignore[no-untyped-def]  # argparse's own notion of a type
    def parse(text: str) -> list[str]:
        asked = [part.strip() for part in text.split(",") if part.strip()]
        unknown = [part for part in asked if part not in known]
        if unknown or not asked:
            raise argparse.ArgumentTypeError(
                f"no {', '.join(unknown) or text!r}; there are {', '.join(known)}"
            )
        return [one for one in known if one in asked]

    return parse


if __name__ == "__main__":
    sys.exit(main())
