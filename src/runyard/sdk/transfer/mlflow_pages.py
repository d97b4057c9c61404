"""Lists that a server of MLflow's answers a page at a time, as plain JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any


def answers(
    ask: Callable[[dict[str, Any]], dict[str, Any]], asked: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """Yield the answers that make up a list, as they are needed.

    Args:
        ask: Returns the answer to a query or a body.
        asked: What the first one is asked with; the others name a page besides.
    """
    token = ""
    while True:
        answer = ask({**asked, "page_token": token} if token else dict(asked))
        yield answer
        token = answer.get("next_page_token") or ""
        if not token:
            return
