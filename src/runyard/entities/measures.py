"""Numbers that a trace's metadata or a span's attributes tell of: tokens that were used, and their cost."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from runyard.entities.trace import COST_KEY, TOKENS_KEY

TOKENS = (
    "input_tokens",
    "output_tokens",
    "total_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "cache_creation_input_tokens_above_1hr",
)
ALWAYS_TOLD = TOKENS[:3]
COSTS = ("input_cost", "output_cost", "total_cost")
TOLD_BY = {TOKENS_KEY: TOKENS, COST_KEY: COSTS}
"""The numbers that each key of a trace's metadata tells of."""


@dataclass(frozen=True, slots=True)
class Node:
    """A span with what it tells of its use, or with nothing; its parents' tell of its own use too."""

    span_id: str
    parent_id: str | None
    use: Mapping[str, Any] | None


def measures_in(metadata: Mapping[str, str]) -> dict[str, float]:
    """Return the numbers that the metadata of a trace tells of, by name."""
    found: dict[str, float] = {}
    for key, names in TOLD_BY.items():
        found |= numbers(object_in(metadata.get(key)), names)
    return found


def added_up(nodes: Iterable[Node], names: tuple[str, ...], always: tuple[str, ...]) -> dict[str, float]:
    """Return what the spans of a trace used together; nothing if none of them tells of any use.

    A span that tells of its use speaks for all below it: frameworks write the sum of a call's parts on it.
    """
    by_id = {node.span_id: node for node in nodes}
    speaking = [node for node in by_id.values() if node.use and not _is_spoken_for(node, by_id)]
    if not speaking:
        return {}
    total = dict.fromkeys(always, 0.0)
    for node in speaking:
        for name, value in numbers(node.use or {}, names).items():
            total[name] = total.get(name, 0.0) + value
    return total


def _is_spoken_for(node: Node, by_id: Mapping[str, Node]) -> bool:
    seen = {node.span_id}
    above = by_id.get(node.parent_id or "")
    while above is not None and above.span_id not in seen:
        if above.use:
            return True
        seen.add(above.span_id)
        above = by_id.get(above.parent_id or "")
    return False


def numbers(said: Mapping[str, Any], names: Iterable[str]) -> dict[str, float]:
    """Return those of the named values that are finite numbers."""
    found = {}
    for name in names:
        value = said.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300:
            found[name] = float(value)
    return {name: value for name, value in found.items() if math.isfinite(value)}


def object_in(said: Any) -> Mapping[str, Any]:
    """Return a JSON object that may have come as text; an empty one if it is something else."""
    if isinstance(said, str):
        try:
            said = json.loads(said)
        except (ValueError, RecursionError):
            return {}
    return said if isinstance(said, Mapping) else {}
