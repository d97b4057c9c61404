"""The message that carries the description of all the others."""

from __future__ import annotations

from typing import Any

from runyard.protocol.messages.common import Wire


class OpenApiAnswer(Wire, omit_defaults=False):
    """An OpenAPI 3.1 document."""

    openapi: str
    info: dict[str, Any]
    paths: dict[str, Any]
    components: dict[str, Any]
