"""`runyard quota`: how much a workspace may hold at most."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

from runyard.cli.options import HERE, Json, Place
from runyard.cli.printing import bytes_text, print_json, print_table, say
from runyard.errors import InvalidParameter
from runyard.protocol.messages.quotas import QuotaAnswer

app = App(name="quota", help="Show, set and clear what a workspace may hold at most.")

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?) ?([kmgt]?)b?", re.IGNORECASE)
_NAMES = {
    "max_experiments": "experiments",
    "max_runs": "runs",
    "max_metric_points": "points of metrics",
    "max_artifact_bytes": "artifacts",
}

Amount = Annotated[str | None, Parameter(help="A number, as 5000, 20k or 1.5G; 0 for no limit.")]


@app.command
def show(*, place: Place = HERE, json: Json = False) -> None:
    """Show the quota of a workspace and how much is used; what is in its trash counts."""
    _print(place.open().quota.show(), as_json=json)


@app.command(name="set")
def set_quota(
    *,
    max_runs: Amount = None,
    max_experiments: Amount = None,
    max_artifact_bytes: Amount = None,
    max_metric_points: Amount = None,
    place: Place = HERE,
    json: Json = False,
) -> None:
    """Change the limits that are named; needs an administrator."""
    wanted = {
        "max_runs": max_runs,
        "max_experiments": max_experiments,
        "max_artifact_bytes": max_artifact_bytes,
        "max_metric_points": max_metric_points,
    }
    limits = {name: parse_amount(name, text) for name, text in wanted.items() if text is not None}
    if not limits:
        raise InvalidParameter(
            "Say what to limit: --max-runs, --max-experiments, --max-artifact-bytes or --max-metric-points."
        )
    _print(place.open().quota.set(**limits), as_json=json)


@app.command
def clear(*, place: Place = HERE, json: Json = False) -> None:
    """Let the server's own settings hold again; needs an administrator."""
    _print(place.open().quota.clear(), as_json=json)


def parse_amount(name: str, text: str) -> int:
    """Return the number that an option says.

    Raises:
        InvalidParameter: It says none.
    """
    found = _AMOUNT.fullmatch(text.strip())
    if found is None:
        raise InvalidParameter(f"--{name.replace('_', '-')} is a number as 5000, 20k or 1.5G, not {text!r}.")
    return int(Decimal(found[1]) * _UNITS[found[2].lower()])


def _print(answer: QuotaAnswer, *, as_json: bool) -> None:
    if as_json:
        print_json(msgspec.to_builtins(answer))
        return
    own = msgspec.structs.asdict(answer.quota)
    say(f"Workspace {answer.workspace}, with what is in its trash:")
    print_table(
        ("WHAT", "USED", "AT MOST", "SAID BY"),
        (
            (
                noun,
                _amount(name, answer.used[name]),
                _amount(name, answer.limits[name]) if name in answer.limits else "any",
                "the server's settings" if own[name] is None else "its quota",
            )
            for name, noun in _NAMES.items()
        ),
    )


def _amount(name: str, count: int) -> str:
    return bytes_text(count) if name == "max_artifact_bytes" else f"{count:,}"
