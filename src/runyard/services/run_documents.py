"""What a search shows of runs, as JSON: from kept documents, made anew for runs that have changed since."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import zstandard

from runyard.entities.run import Run, RunContents
from runyard.protocol import wire
from runyard.protocol.messages.runs import WireRun, wire_run
from runyard.stores.database import chunks
from runyard.stores.metadata.base import RunsFound
from runyard.stores.opening import Stores

FORMAT = b"\x02"
"""Stands before each document. Count it up when :func:`wire_run` writes a run in another way."""
UNPACKED_AT_ONCE = 100
LEVEL = -1
"""Read at twice the speed of level 1; with what is usual in them, documents are no larger for it."""
_USUAL = zstandard.ZstdCompressionDict(
    b'"},{"key":"mlflow.source.name","value":"train.py"},{"key":"mlflow.source.type","value":"LOCAL"'
    b'},{"key":"mlflow.source.git.commit","value":"0"},{"key":"mlflow.user","value":"root"},{"key":"lr","value":"0.001"'
    b'},{"key":"loss","value":0.1,"timestamp":1700000000000,"step":0}],"params":[{"key":"epochs","value":"10"}],'
    b'"tags":[]},"inputs":{},"outputs":{}}'
    b'{"info":{"run_id":"0","run_uuid":"0","experiment_id":"1","run_name":"run","user_id":"root",'
    b'"status":"FINISHED","artifact_uri":"mlflow-artifacts:/1/0/artifacts","lifecycle_stage":"active",'
    b'"start_time":1700000000000,"end_time":1700000000000},"data":{"metrics":[{"key":"accuracy","value":0.9,'
    b'"timestamp":1700000000000,"step":0}],"params":[{"key":"batch_size","value":"32"}],"tags":'
    b'[{"key":"mlflow.runName","value":"run"},{"key":"',
    dict_type=zstandard.DICT_TYPE_RAWCONTENT,
)
"""What is in most documents, so that each need not say it."""


def read_documents(stores: Stores, found: RunsFound) -> tuple[list[WireRun], dict[int, tuple[int, bytes]]]:
    """Return runs as the wire shows them, encoded already, and the documents of those that had none.

    They must come from one state of the stores: call it within :meth:`Stores.snapshot`, and
    :func:`keep_documents` after it.
    """
    # A document that could not be made invalid, as the disk is full, is not to be shown.
    kept = {} if stores.metrics.is_behind else stores.metadata.documents.read(found)
    bodies = dict(_unpacked([(number, packed) for number, packed in kept.items() if packed[:1] == FORMAT]))
    missing = [number for number in found.run_numbers if number not in bodies]
    made = _make(stores, missing) if missing else {}
    bodies.update(made)
    revisions = dict(zip(found.run_numbers, found.revisions, strict=True))
    compress = _compressor().compress
    new = {number: (revisions[number], FORMAT + compress(body)) for number, body in made.items()}
    shown = [wire.encoded(WireRun, bodies[number]) for number in found.run_numbers if number in bodies]
    return shown, new


def keep_documents(stores: Stores, documents: dict[int, tuple[int, bytes]], wait: bool = False) -> None:
    """Keep documents for those who read the runs next; with ``wait`` also if somebody is writing just now."""
    if documents:
        stores.metadata.documents.keep(documents, wait)


def _unpacked(documents: Sequence[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
    """Yield documents by their number.

    Each call gives the interpreter up, and where requests are answered beside it waits for it afterwards.
    """
    decompress = zstandard.ZstdDecompressor(dict_data=_USUAL).multi_decompress_to_buffer
    for part in chunks(documents, UNPACKED_AT_ONCE):
        bodies = decompress([memoryview(packed)[1:] for _, packed in part])
        yield from ((number, bodies[at].tobytes()) for at, (number, _) in enumerate(part))


def _compressor() -> zstandard.ZstdCompressor:
    return zstandard.ZstdCompressor(LEVEL, dict_data=_USUAL, write_dict_id=False)


def _make(stores: Stores, run_numbers: Sequence[int]) -> dict[int, bytes]:
    runs = stores.metadata.runs.read_runs(run_numbers)
    contents = contents_of(stores, runs)
    return {
        number: wire.encode(wire_run(run, contents[run.run_id]))
        for number, run in zip(run_numbers, runs, strict=True)
    }


def contents_of(stores: Stores, runs: Sequence[Run]) -> dict[str, RunContents]:
    """Return what hangs on runs, latest metrics included, by the ids of the runs."""
    run_ids = [run.run_id for run in runs]
    contents = stores.metadata.runs.read_contents(run_ids)
    latest = stores.metrics.read_latest(run_ids)
    return {run_id: replace(contents[run_id], metrics=latest[run_id]) for run_id in run_ids}
