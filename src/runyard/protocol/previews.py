"""The beginning of what was asked and answered in a trace, as MLflow shows it in lists."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

MAX_LENGTH = 1_000


def preview_of(value: Any, role: str) -> str | None:
    """Return the preview of a root span's inputs or outputs; ``None`` if there are none.

    Of a chat it is the last message of ``role``.

    Args:
        value: What the span's attribute holds.
        role: Whose messages count.
    """
    if not value:
        return None
    text = _of_message(value, role) or json.dumps(value, ensure_ascii=False)
    text = text.replace("\0", "")
    return text if len(text) <= MAX_LENGTH else text[: MAX_LENGTH - 3] + "..."


def _of_message(value: Any, role: str) -> str | None:
    said = [each for each in _messages(value) if isinstance(each, Mapping) and "content" in each]
    if not said:
        return None
    message = next((each for each in reversed(said) if each.get("role") == role), said[-1])
    content = message["content"]
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = (part.get("text") for part in parts if isinstance(part, Mapping) and part.get("type") == "text")
    return next((text for text in texts if isinstance(text, str)), None)


def _messages(value: Any) -> Sequence[Any]:
    """Return the messages of a chat, in one of the forms that OpenAI's clients send and get."""
    if not isinstance(value, Mapping):
        return ()
    for name in ("messages", "input", "output"):
        if isinstance(value.get(name), list):
            found: list[Any] = value[name]
            return found
    choices = value.get("choices")
    if isinstance(choices, list) and choices and isinstance(choices[0], Mapping):
        return [choices[0].get("message")]
    request = value.get("request")
    return _messages(request) if isinstance(request, Mapping) else ()
