"""What a spool remembers: one record for each call that the client need not wait for."""

from __future__ import annotations

import math

import msgspec

from runyard.decoding import learnt
from runyard.protocol.wire import wire_float


class Point(msgspec.Struct, omit_defaults=True, gc=False):
    """One point of a metric, in the words of the wire: it is sent as it is kept."""

    key: str
    value: float | str
    timestamp: int
    step: int = 0
    model_id: str = ""
    dataset_name: str = ""
    dataset_digest: str = ""


class RunBegun(msgspec.Struct, tag="run", omit_defaults=True):
    """A run that the client began under an id of its own.

    Args:
        run_id: The client's id.
        experiment_id: Where; empty if the client only knows the experiment's name.
        experiment_name: That name; the experiment is made if it is not there.
        user_id: Who began it.
        name: What it is called.
        started_ms: When, by the client's clock.
        tags: Its first tags.
    """

    run_id: str
    experiment_id: str = ""
    experiment_name: str = ""
    user_id: str = ""
    name: str = ""
    started_ms: int = 0
    tags: dict[str, str] = {}


class Logged(msgspec.Struct, tag="log", omit_defaults=True):
    """Points, params and tags of one run."""

    run_id: str
    metrics: list[Point] = []
    params: dict[str, str] = {}
    tags: dict[str, str] = {}


class RunUpdated(msgspec.Struct, tag="update", omit_defaults=True):
    """A new status, end or name of a run."""

    run_id: str
    status: str | None = None
    ended_ms: int | None = None
    name: str | None = None


class Posted(msgspec.Struct, tag="post", omit_defaults=True):
    """Any other call that does no harm when it is sent twice."""

    path: str
    body: str


class ModelBegun(msgspec.Struct, tag="model", omit_defaults=True):
    """A logged model that the client began under an id of its own; since version 2.

    Args:
        model_id: The client's id.
        experiment_id: Where; empty if the client only knows the experiment's name.
        experiment_name: That name.
        name: What it is called.
        model_type: What MLflow says that it is.
        source_run_id: The run that it comes from.
        params: Its first params.
        tags: Its first tags.
    """

    model_id: str
    experiment_id: str = ""
    experiment_name: str = ""
    name: str = ""
    model_type: str = ""
    source_run_id: str = ""
    params: dict[str, str] = {}
    tags: dict[str, str] = {}


class ModelUpdated(msgspec.Struct, tag="model_update", omit_defaults=True):
    """Params, tags or a new status of a logged model; since version 2."""

    model_id: str
    status: str = ""
    params: dict[str, str] = {}
    tags: dict[str, str] = {}


class FileLogged(msgspec.Struct, tag="file", omit_defaults=True):
    """A file that lies in the spool until it is uploaded.

    Args:
        folder: Where artifacts go, below the workspace: ``{experiment}/{run}/artifacts``.
        path: The file's path in there.
        content: Its name among the spool's own files.
        size_bytes: How large it is.
        run_id: The run that it belongs to, if it does; the server then says what its folder is.
        model_id: The same for a logged model.
    """

    folder: str
    path: str
    content: str
    size_bytes: int = 0
    run_id: str = ""
    model_id: str = ""


Record = RunBegun | Logged | RunUpdated | Posted | FileLogged | ModelBegun | ModelUpdated

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Record] = msgspec.msgpack.Decoder(learnt(Record))


def encode(record: Record) -> bytes:
    """Return a record as the bytes that a spool keeps."""
    return _encoder.encode(record)


def decode(content: bytes) -> Record:
    """Return the record that :func:`encode` wrote.

    Raises:
        msgspec.MsgspecError: It is none.
    """
    return _decoder.decode(content)


def point_value(value: float) -> float | str:
    """Return a value as the wire has it: NaN and infinities are words."""
    return value if math.isfinite(value) else str(wire_float(value))
