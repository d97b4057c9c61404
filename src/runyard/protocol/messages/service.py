"""Messages about the server itself."""

from __future__ import annotations

from runyard.protocol.messages.common import Wire


class WireFault(Wire):
    """Something in the stores that is not as it should be."""

    where: str
    what: str
    advice: str


class CheckAnswer(Wire):
    """Answer of ``check``."""

    is_whole: bool
    faults: list[WireFault]
    looked_at: dict[str, int]
