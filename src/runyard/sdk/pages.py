"""Lists that a server answers a page at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar

from msgspec import UnsetType


class Page(Protocol):
    """An answer that says how the next one is asked for."""

    @property
    def next_page_token(self) -> str | UnsetType | None:
        """The token of the next page; None, an empty text or nothing at all says that there is none."""


_Page = TypeVar("_Page", bound=Page)


def pages(ask: Callable[[str | None], _Page]) -> Iterator[_Page]:
    """Yield the pages of a list as they are needed.

    Args:
        ask: Returns the page of a token, and for None the first.
    """
    token: str | None = None
    while True:
        page = ask(token)
        yield page
        token = page.next_page_token or None
        if token is None:
            return
