"""Work for several threads, read no further ahead than they work, and what is wrong with one piece of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import TypeVar

from runyard.errors import AlreadyExists, InvalidParameter, InvalidState, NotFound, TooLarge
from runyard.sdk.transfer.source import Unreadable

Item = TypeVar("Item")

WORKERS = 4

# What is wrong with one thing; whatever else goes wrong is wrong with all, and ends the import.
REFUSED = (InvalidParameter, InvalidState, AlreadyExists, NotFound, TooLarge, Unreadable, OSError)


def groups(items: Iterator[Item], size: int) -> Iterator[list[Item]]:
    """Yield the items in groups of a size; only the last may be smaller."""
    while group := list(islice(items, size)):
        yield group


def spread(pool: ThreadPoolExecutor, items: Iterable[object], work: Callable[..., None]) -> None:
    """Do the work for each item, a few at a time and no more of them read than are worked on."""
    working: set[Future[None]] = set()
    try:
        for item in items:
            if len(working) == WORKERS:
                ended, working = wait(working, return_when=FIRST_COMPLETED)
                _raise_first(ended)
            working.add(pool.submit(work, item))
        _raise_first(wait(working).done)
    except BaseException:
        wait(working)
        raise


def _raise_first(ended: Iterable[Future[None]]) -> None:
    for each in ended:
        each.result()
