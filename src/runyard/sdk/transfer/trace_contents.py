"""What hangs on a trace: its spans, and the files that these name as attached to it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qs

ATTACHMENTS = "attachments"
ATTACHED = "mlflow-attachment://"

_NAMED = re.compile(
    ATTACHED.encode() + rb"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\?([\w%.~*=&+-]*)", re.ASCII
)


@dataclass(slots=True)
class TraceContents:
    """How many spans a trace has, and what is attached to it.

    Args:
        spans: How many.
        attachments: The length of each attachment by its id; None where the span doesn't tell.
    """

    spans: int = 0
    attachments: dict[str, int | None] = field(default_factory=dict)

    def look_into(self, trace_id: str, encoded: bytes) -> None:
        """Note the attachments of a trace that its spans name, of which these are one or more as JSON."""
        for attachment_id, query in _NAMED.findall(encoded):
            told = parse_qs(query.decode())
            # A span may hold what another trace answered: that file is the other's.
            if told.get("trace_id") == [trace_id]:
                size = told.get("size", [""])[0]
                self.attachments[attachment_id.decode()] = int(size) if size.isdecimal() else None
