"""The data that is logged: the same for every contestant, made from fixed seeds."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

EPOCH_MS = 1_700_000_000_000
MAX_METRICS = 1000
MAX_PARAMS = 100


def points(count: int, keys: Sequence[str], first: int = 0, seed: int = 7) -> list[dict[str, Any]]:
    """Return points, one step of all keys after the other, from the one numbered ``first`` on.

    Their values are noise, the worst there is for a store, and their clock jitters.
    """
    source = random.Random(seed * 1_000_003 + first)
    made = []
    for number in range(first, first + count):
        step, place = divmod(number, len(keys))
        clock_ms = EPOCH_MS + step * 100 + source.randrange(20)
        made.append({"key": keys[place], "value": source.random(), "timestamp": clock_ms, "step": step})
    return made


def batch(run_id: str, metrics: bytes) -> bytes:
    """Return the body of a log-batch with metrics that are encoded already: encoding is no server's work."""
    return b'{"run_id":"%s","metrics":%s}' % (run_id.encode(), metrics)


def batches(count: int, keys: Sequence[str], size: int = MAX_METRICS, seed: int = 7) -> Iterator[bytes]:
    """Yield the encoded metrics of batches that continue one another."""
    for number in range(count):
        yield encoded(size, keys, number * size, seed)


def encoded(count: int, keys: Sequence[str], first: int = 0, seed: int = 7) -> bytes:
    """Return the encoded metrics of one batch."""
    return msgspec.json.encode(points(count, keys, first, seed))


def names(prefix: str, count: int) -> list[str]:
    """Return m0, m1, m2, …"""
    return [f"{prefix}{number}" for number in range(count)]


def pairs(prefix: str, count: int) -> list[dict[str, str]]:
    """Return params or tags."""
    return [{"key": f"{prefix}{number}", "value": f"value {number}"} for number in range(count)]


def new_run(experiment_id: str, name: str, tags: Sequence[dict[str, str]] = ()) -> dict[str, Any]:
    """Return the message that creates a run."""
    return {
        "experiment_id": experiment_id,
        "user_id": "bench",
        "start_time": int(time.time() * 1000),
        "run_name": name,
        "tags": list(tags),
    }


def searched_tags(number: int) -> list[dict[str, str]]:
    """Return the tags of one of the runs that are searched."""
    return [{"key": f"t{place}", "value": f"tag {(number + place) % 7}"} for place in range(5)]


def searched_content(number: int) -> dict[str, Any]:
    """Return what one of the runs that are searched logs; m3 falls as m2 rises."""
    source = random.Random(number)
    values = [source.random() for _ in range(20)]
    values[3] = 1 - values[2]
    clock_ms = EPOCH_MS + number
    return {
        "metrics": [
            {"key": f"m{place}", "value": value, "timestamp": clock_ms, "step": 0}
            for place, value in enumerate(values)
        ],
        "params": [
            {
                "key": f"p{place}",
                "value": "x" if place == 1 and number % 4 == 0 else f"v{(number * 7 + place) % 13}",
            }
            for place in range(20)
        ],
    }


def cut(pieces: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """Cut a list into parts of a size."""
    return (pieces[start : start + size] for start in range(0, len(pieces), size))
