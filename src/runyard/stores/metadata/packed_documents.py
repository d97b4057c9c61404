"""A kept document of a run as bytes: what it is compressed with, and the format that says so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import zstandard

from runyard.stores.database import chunks

FORMAT = b"\x02"
"""Stands before each document. Count it up when ``wire_run`` writes a run in another way."""
EARLIER = (b"\x01",)
"""Formats of earlier versions: whoever reads the run next makes its document anew."""
UNPACKED_AT_ONCE = 100
LEVEL = -1
"""Read at twice the speed of level 1."""
SMALLER_LEVEL = 1
WASTEFUL_BYTES = range(1_000, 4_000)
"""Of documents of so many bytes a page of SQLite's holds one to three, and up to half of it is left empty."""
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


def is_current(packed: bytes) -> bool:
    """Whether this version has packed a document."""
    return packed[:1] == FORMAT


def pack_documents(bodies: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
    """Yield documents as they are kept, by their number."""
    quick, small = (
        zstandard.ZstdCompressor(level, dict_data=_USUAL, write_dict_id=False).compress
        for level in (LEVEL, SMALLER_LEVEL)
    )
    for number, body in bodies:
        packed = quick(body)
        yield number, FORMAT + (small(body) if len(packed) in WASTEFUL_BYTES else packed)


def unpack_documents(documents: Sequence[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
    """Yield documents by their number.

    Each call gives the interpreter up, and where requests are answered beside it waits for it afterwards.

    Raises:
        zstandard.ZstdError: One of them is not what :func:`pack_documents` has packed.
    """
    decompress = zstandard.ZstdDecompressor(dict_data=_USUAL).multi_decompress_to_buffer
    for part in chunks(documents, UNPACKED_AT_ONCE):
        bodies = decompress([memoryview(packed)[1:] for _, packed in part])
        yield from ((number, bodies[at].tobytes()) for at, (number, _) in enumerate(part))
