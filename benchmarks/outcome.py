"""What a run of the benchmarks found, as it is kept in results.json."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from benchmarks.ceilings import Ceiling
from benchmarks.figures import FIGURES, Result

RUNYARD = {"sqlite": "runyard-sqlite", "postgres": "runyard-postgres"}
FASTTRACKML = {"sqlite": "fasttrackml-sqlite", "postgres": "fasttrackml-postgres"}
FAIR_MLFLOW = "mlflow-sqlite"
FAILED = "failed: "


@dataclass
class Measurement:
    """All figures of one contestant."""

    title: str
    engine: str
    version: str
    is_runyard: bool = False
    took_s: float = 0.0
    slowest_spin: float = 1.0
    figures: dict[str, Result] = field(default_factory=dict)


@dataclass
class Outcome:
    """A whole run."""

    day: str
    machine: dict[str, str]
    scale: float
    repeats: int
    seed_s: float
    versions: dict[str, str] = field(default_factory=dict)
    ceilings: list[Ceiling] = field(default_factory=list)
    measurements: dict[str, Measurement] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """Whether every contestant ran, and no workload broke off."""
        results = (result for one in self.measurements.values() for result in one.figures.values())
        return not self.problems and not any(result.note.startswith(FAILED) for result in results)

    def value(self, contestant: str, key: str) -> float | None:
        """Return a figure of a contestant, if there is one."""
        measured = self.measurements.get(contestant)
        result = measured.figures.get(key) if measured else None
        return result.value if result else None

    def best_peer(self, key: str, engine: str) -> tuple[str, float] | None:
        """Return the best of the peers: of all of them for SQLite, of those on PostgreSQL for PostgreSQL."""
        figure = FIGURES[key]
        best: tuple[str, float] | None = None
        for name, measured in self.measurements.items():
            value = self.value(name, key)
            if measured.is_runyard or value is None or (engine == "postgres" and measured.engine != engine):
                continue
            if best is None or figure.times(value, best[1]) > 1:
                best = (name, value)
        return best

    def save(self, path: Path) -> None:
        """Write it as JSON."""
        path.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n")


def load(path: Path) -> Outcome:
    """Read what ``save`` wrote."""
    return msgspec.json.decode(path.read_bytes(), type=Outcome)


@dataclass(frozen=True)
class Claim:
    """A target, and whether Runyard reaches it."""

    text: str
    is_reached: bool


def claims(outcome: Outcome, key: str, engine: str) -> list[Claim]:
    """Return the targets of a figure on an engine, those left out whose other side was not measured."""
    figure, value = FIGURES[key], outcome.value(RUNYARD[engine], key)
    if value is None:
        return []
    found = []
    if engine == "sqlite":
        is_reached = figure.reaches(value)
        if is_reached is not None and figure.target is not None:
            sign = "≥" if figure.is_more_better else "≤"
            found.append(Claim(f"{sign} {number(figure.target)}", is_reached))
        multiples = [(figure.times_fasttrackml, FASTTRACKML["sqlite"], "FastTrackML")]
        multiples.append((figure.times_mlflow, FAIR_MLFLOW, "MLflow"))
    else:
        multiples = [(figure.times_on_postgres, FASTTRACKML["postgres"], "FastTrackML")]
    for times, peer, title in multiples:
        other = outcome.value(peer, key)
        if times is not None and other is not None:
            found.append(Claim(f"≥ {times:g}× {title}", figure.times(value, other) >= times))
    return found


def number(value: float) -> str:
    """Write a number with three figures that matter."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    digits = 2 if abs(value) < 1 else 1
    return f"{value:.{digits + 1 if abs(value) < 0.1 else digits}f}"
