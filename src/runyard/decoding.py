"""What msgspec reads by, learnt by one thread at a time: two that learn a type at once crash the process."""

from __future__ import annotations

import threading
from typing import Any, TypeVar

import msgspec

Kind = TypeVar("Kind")

_learning = threading.Lock()
_known: set[Any] = set()


def learnt(kind: Kind) -> Kind:
    """Return a type, to decode or convert to, once msgspec knows it and all that it is made of.

    msgspec keeps what it learns of a class at the class, where another thread finds it half done: it reads
    what is not there yet, and the process ends with a segmentation fault. So whatever is decoded, in any
    thread, is decoded by a type that was handed out here.
    """
    if kind not in _known:
        with _learning:
            msgspec.json.Decoder(kind)
            _known.add(kind)
    return kind
