"""The tables of a run, as Markdown that is as readable in a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.figures import FIGURES, Figure, Result
from benchmarks.outcome import RUNYARD, Outcome, claims, number

NOISY = 1.3


def render(outcome: Outcome) -> str:
    """Return the whole report."""
    parts = [
        _heading(outcome),
        _figures(outcome),
        _targets(outcome),
        _costs(outcome),
        _ceilings(outcome),
        _notes(outcome),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return rows, the first one the head, as a table of Markdown; all but the first column lean right."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = [
        "| "
        + " | ".join(
            _aligned(text, width, place) for place, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        + " |"
        for row in rows
    ]
    rule = ["-" * width if place == 0 else "-" * (width - 1) + ":" for place, width in enumerate(widths)]
    return "\n".join([lines[0], "| " + " | ".join(rule) + " |", *lines[1:]])


def _aligned(text: str, width: int, place: int) -> str:
    return text.ljust(width) if place == 0 else text.rjust(width)


def _heading(outcome: Outcome) -> str:
    machine = ", ".join(f"{name} {value}" for name, value in outcome.machine.items())
    versions = ", ".join(f"{name} {value}" for name, value in outcome.versions.items())
    extent = f"scale {outcome.scale:g}, median of {outcome.repeats}, data sets within {outcome.seed_s:g} s"
    return f"{outcome.day} · {machine}\n\n{versions}\n\n{extent}"


def _present(outcome: Outcome) -> list[Figure]:
    return [
        figure
        for key, figure in FIGURES.items()
        if any(outcome.value(name, key) is not None for name in outcome.measurements)
    ]


def _figures(outcome: Outcome) -> str:
    ours = [engine for engine, name in RUNYARD.items() if name in outcome.measurements]
    head = ["workload", "unit", *(measured.title for measured in outcome.measurements.values())]
    head += [f"× best peer{'' if engine == 'sqlite' else ', PostgreSQL'}" for engine in ours]
    rows = [head]
    for figure in _present(outcome):
        cells = [_cell(measured.figures.get(figure.key)) for measured in outcome.measurements.values()]
        ratios = [_ratio(outcome, figure, engine) for engine in ours]
        rows.append([f"{figure.workload} · {figure.title}", figure.unit, *cells, *ratios])
    return table(rows)


def _cell(result: Result | None) -> str:
    if result is None:
        return ""
    if result.value is None:
        return "–"
    return number(result.value) + ("*" if result.note else "")


def _ratio(outcome: Outcome, figure: Figure, engine: str) -> str:
    value, best = outcome.value(RUNYARD[engine], figure.key), outcome.best_peer(figure.key, engine)
    return f"{figure.times(value, best[1]):.3g}" if value is not None and best else ""


def _targets(outcome: Outcome) -> str:
    rows = [["target", "asked for", "measured", "reached"]]
    for figure in _present(outcome):
        for engine, name in RUNYARD.items():
            value = outcome.value(name, figure.key)
            rows += [
                [
                    f"{figure.workload} · {figure.title}{'' if engine == 'sqlite' else ' (PostgreSQL)'}",
                    claim.text,
                    f"{number(value)} {figure.unit}",
                    "yes" if claim.is_reached else "NO",
                ]
                for claim in claims(outcome, figure.key, engine)
                if value is not None
            ]
    if len(rows) == 1:
        return ""
    reached = sum(row[-1] == "yes" for row in rows[1:])
    return f"{reached} of {len(rows) - 1} targets reached.\n\n{table(rows)}"


def _costs(outcome: Outcome) -> str:
    """CPU time of the server's processes: far steadier than wall time where others use the machine too."""
    rows = [["server's CPU ms an answer", *(measured.title for measured in outcome.measurements.values())]]
    for figure in _present(outcome):
        costs = [
            measured.figures.get(figure.key, Result()).cpu_ms for measured in outcome.measurements.values()
        ]
        if any(cost is not None for cost in costs):
            texts = ["" if cost is None else number(cost) for cost in costs]
            rows.append([f"{figure.workload} · {figure.title}", *texts])
    return table(rows) if len(rows) > 1 else ""


def _ceilings(outcome: Outcome) -> str:
    if not outcome.ceilings:
        return ""
    rows = [["ceiling of this machine", "", ""]]
    rows += [[one.title, number(one.value), one.unit] for one in outcome.ceilings]
    limits = {one.key: one.value for one in outcome.ceilings}
    value = outcome.value(RUNYARD["sqlite"], "one_metric_8")
    share = ""
    if value is not None and limits.get("noop_8"):
        part = value / limits["noop_8"]
        share = f"\n\nOne metric a call by 8 clients: {part:.0%} of the no-op server (asked: 35 %)."
    return table(rows) + share


def _notes(outcome: Outcome) -> str:
    lines = list(_remarks(outcome))
    return "Notes (*, –):\n\n" + "\n".join(f"- {line}" for line in lines) if lines else ""


def _remarks(outcome: Outcome) -> Iterator[str]:
    yield from outcome.problems
    for measured in outcome.measurements.values():
        if measured.slowest_spin > NOISY:
            slowed = f"{measured.slowest_spin:.1f} times"
            yield f"{measured.title}: others slowed the machine down by up to {slowed}"
        by_note: dict[str, list[str]] = {}
        for key, result in measured.figures.items():
            if result.note:
                by_note.setdefault(result.note, []).append(f"{FIGURES[key].workload} · {FIGURES[key].title}")
        for note, titles in by_note.items():
            yield f"{measured.title}: {note} ({'; '.join(titles)})"
