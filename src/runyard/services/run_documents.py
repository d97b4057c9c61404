"""What a search shows of runs, as JSON: from kept documents, made anew for runs that have changed since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from runyard.entities.run import Run, RunContents
from runyard.protocol import wire
from runyard.protocol.messages.runs import WireRun, wire_run
from runyard.stores.metadata.base import RunsFound
from runyard.stores.metadata.packed_documents import is_current, pack_documents, unpack_documents
from runyard.stores.opening import Stores

_RUNS_AT_FIRST = 25
_METRICS_AT_ONCE = 20_000
"""How many metrics are held at a time, beyond those of one run: a run may have some, or thousands."""


def read_documents(stores: Stores, found: RunsFound) -> tuple[list[WireRun], dict[int, tuple[int, bytes]]]:
    """Return runs as the wire shows them, encoded already, and the documents of those that had none.

    They must come from one state of the stores: call it within :meth:`Stores.snapshot`, and
    :func:`keep_documents` after it.
    """
    # A document that could not be made invalid, as the disk is full, is not to be shown.
    kept = {} if stores.metrics.is_behind else stores.metadata.documents.read(found)
    bodies = dict(unpack_documents([each for each in kept.items() if is_current(each[1])]))
    missing = [number for number in found.run_numbers if number not in bodies]
    made = _make(stores, missing) if missing else {}
    bodies.update(made)
    revisions = dict(zip(found.run_numbers, found.revisions, strict=True))
    new = {number: (revisions[number], packed) for number, packed in pack_documents(made.items())}
    shown = [wire.encoded(WireRun, bodies[number]) for number in found.run_numbers if number in bodies]
    return shown, new


def keep_documents(stores: Stores, documents: dict[int, tuple[int, bytes]], wait: bool = False) -> None:
    """Keep documents for those who read the runs next; with ``wait`` also if somebody is writing just now."""
    if documents:
        stores.metadata.documents.keep(documents, wait)


def _make(stores: Stores, run_numbers: Sequence[int]) -> dict[int, bytes]:
    made: dict[int, bytes] = {}
    first, count = 0, _RUNS_AT_FIRST
    while part := run_numbers[first : first + count]:
        runs = stores.metadata.runs.read_runs(part)
        contents = contents_of(stores, runs)
        for number, run in zip(part, runs, strict=True):
            made[number] = wire.encode(wire_run(run, contents[run.run_id]))
        first += count
        held = sum(len(each.metrics) for each in contents.values())
        count = max(1, min(2 * count, _METRICS_AT_ONCE * len(part) // max(1, held)))
    return made


def contents_of(stores: Stores, runs: Sequence[Run]) -> dict[str, RunContents]:
    """Return what hangs on runs, latest metrics included, by the ids of the runs."""
    run_ids = [run.run_id for run in runs]
    contents = stores.metadata.runs.read_contents(run_ids)
    latest = stores.metrics.read_latest(run_ids)
    return {run_id: replace(contents[run_id], metrics=latest[run_id]) for run_id in run_ids}
