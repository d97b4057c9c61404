"""The chart of a run: how many times faster than a base line each contestant is, on a logarithmic scale."""

from __future__ import annotations

import math
from html import escape

from benchmarks.figures import FIGURES, Figure
from benchmarks.outcome import FAIR_MLFLOW, FASTTRACKML, RUNYARD, Outcome

COLOURS = {
    "runyard-sqlite": "#c2410c",
    "runyard-postgres": "#f59e0b",
    "mlflow-shipped": "#94a3b8",
    "mlflow-sqlite": "#475569",
    "mlflow-postgres": "#cbd5e1",
    "fasttrackml-sqlite": "#0f766e",
    "fasttrackml-postgres": "#5eead4",
}
ROW = 22
LABEL = 390
PLOT = 560
TOP = 58
BAR = 44


def base_line(outcome: Outcome) -> str | None:
    """Return who counts as 1: the fair MLflow, else the next best known, else nobody."""
    names = (FAIR_MLFLOW, "mlflow-shipped", FASTTRACKML["sqlite"], FASTTRACKML["postgres"], RUNYARD["sqlite"])
    return next((name for name in names if name in outcome.measurements), None)


def compared(outcome: Outcome) -> list[tuple[Figure, dict[str, float]]]:
    """Return for each figure that the base line has how many times better each contestant is."""
    base = base_line(outcome)
    rows = []
    for key, figure in FIGURES.items():
        one = outcome.value(base, key) if base else None
        if one is None:
            continue
        values = {name: outcome.value(name, key) for name in outcome.measurements}
        times = {name: figure.times(value, one) for name, value in values.items() if value}
        rows.append((figure, times))
    return rows


def bars(outcome: Outcome) -> str:
    """Return bars for a terminal, their length the logarithm of the multiple."""
    rows, base = compared(outcome), base_line(outcome)
    if not rows or base is None:
        return ""
    most = max(2.0, *(value for _, times in rows for value in times.values()))
    lines = [f"times faster (or smaller) than {outcome.measurements[base].title}, logarithmic"]
    for figure, times in rows:
        lines.append(f"\n{figure.workload} {figure.title}")
        for name, value in times.items():
            length = round(BAR * math.log(max(1.0, value)) / math.log(most))
            lines.append(f"  {outcome.measurements[name].title:<24} {'█' * length or '▏'} {value:.3g}×")
    return "\n".join(lines) + "\n"


def svg(outcome: Outcome) -> str:
    """Return one row a figure and one dot a contestant."""
    rows, base = compared(outcome), base_line(outcome)
    if not rows or base is None:
        return ""
    exponents = [math.log10(value) for _, times in rows for value in times.values() if value > 0]
    low, high = min(0, math.floor(min(exponents))), max(1, math.ceil(max(exponents)))
    height = TOP + ROW * len(rows) + 34
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LABEL + PLOT + 30} {height}" '
        'font-family="system-ui, sans-serif" font-size="12" fill="#1e293b">',
        '<rect width="100%" height="100%" fill="#fff"/>',
        *_legend(outcome),
        *_scale(low, high, height),
    ]
    for place, (figure, times) in enumerate(rows):
        y = TOP + ROW * place + ROW // 2
        parts.append(f'<text x="{LABEL - 12}" y="{y + 4}" text-anchor="end">{escape(figure.title)}</text>')
        for name, value in times.items():
            x = _x(math.log10(value), low, high) if value > 0 else LABEL
            title = f"{outcome.measurements[name].title}: {value:.3g} times"
            colour = COLOURS.get(name, "#000")
            parts.append(
                f'<circle cx="{x:.1f}" cy="{y}" r="5" fill="{colour}"><title>{escape(title)}</title></circle>'
            )
    caption = f"times faster (or smaller) than {outcome.measurements[base].title} on the same machine"
    parts.append(f'<text x="{LABEL}" y="{height - 8}">{escape(caption)}</text></svg>')
    return "\n".join(parts) + "\n"


def _legend(outcome: Outcome) -> list[str]:
    parts, x = [], 16
    for name, measured in outcome.measurements.items():
        parts.append(f'<circle cx="{x}" cy="18" r="5" fill="{COLOURS.get(name, "#000")}"/>')
        parts.append(f'<text x="{x + 10}" y="22">{escape(measured.title)}</text>')
        x += 34 + 7 * len(measured.title)
    return parts


def _scale(low: int, high: int, height: int) -> list[str]:
    parts = []
    for exponent in range(low, high + 1):
        x = _x(exponent, low, high)
        colour = "#475569" if exponent == 0 else "#e2e8f0"
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 6}" y2="{height - 26}" stroke="{colour}"/>')
        parts.append(f'<text x="{x:.1f}" y="{TOP - 12}" text-anchor="middle">{10**exponent:g}×</text>')
    return parts


def _x(exponent: float, low: int, high: int) -> float:
    return LABEL + PLOT * (exponent - low) / (high - low)
