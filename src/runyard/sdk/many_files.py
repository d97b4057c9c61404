"""Many files on their way to a server, or from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from runyard.sdk.downloads import DownloadProgress

AT_ONCE = 4

_File = TypeVar("_File")
_Result = TypeVar("_Result")


def transfer_all(
    transfer: Callable[[_File, DownloadProgress], _Result], files: Iterable[_File], *, is_shown: bool = True
) -> list[_Result]:
    """Transfer several files at a time, and return what came of each.

    The first failure ends it: those that were begun end first, and no other begins.

    Args:
        transfer: Transfers one, and shows how far it is.
        files: What it is called with.
        is_shown: Whether to show bars, where a person watches.
    """
    with DownloadProgress(is_shown=is_shown) as progress, ThreadPoolExecutor(AT_ONCE) as pool:
        pending = [pool.submit(transfer, file, progress) for file in files]
        try:
            return [one.result() for one in pending]
        finally:
            pool.shutdown(cancel_futures=True)
