"""Arrays of a queue: each has a folder with a link for each element, which leads to its agent's folder.

An array has one script and one set of words for all of its elements; each finds by its number what is its
own. The links are what tells later which job an element is. They lie there for as long as a queue may have
the element, even where the agent's folder is gone. For each there is one that leads back to it, by the name
of the agent: to look through all of them takes seconds where the folder is on a file system of a cluster.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

_TOKEN = re.compile(r"[0-9a-f]{16}")
_TO_FOLDER = re.compile(r"\.\./\.\./([0-9a-f]{32}/[0-9]{1,6})")


class Arrays:
    """Keeps the folders of arrays.

    Args:
        folder: Where they lie, beside the folders of the agents' runs.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._back = folder.with_name(f"{folder.name}-of")

    def add(self, token: str, handles: Sequence[str]) -> Path:
        """Make the folder of an array whose elements are these agents, in this order, and return it.

        Raises:
            ValueError: No array has such a token.
            OSError: It can't be made.
        """
        if not _TOKEN.fullmatch(token):
            raise ValueError(f"{token!r} is no token of an array")
        place = self._folder / token
        self._make_back()
        place.mkdir(mode=0o700, parents=True)
        try:
            for task, handle in enumerate(handles):
                self._lead_back(place / str(task), handle)
                (place / str(task)).symlink_to(f"../../{handle}")
        except OSError:  # not every file system has links
            shutil.rmtree(place, ignore_errors=True)
            raise
        return place

    def read(self) -> dict[str, dict[str, str]]:
        """Return the handles of all elements, by their numbers as text, by the tokens of their arrays."""
        found: dict[str, dict[str, str]] = {}
        for link, handle in self._links():
            found.setdefault(link.parent.name, {})[link.name] = handle
        return found

    def release(self, handles: Collection[str]) -> None:
        """Let no element lead to these agents' folders any more."""
        if self._folder.exists():
            self._make_back()
        for handle in handles:
            back = self._back / _name_of(handle)
            try:
                link = self._folder / Path(os.readlink(back))
            except OSError:  # it is no element
                continue
            link.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                link.parent.rmdir()
            back.unlink(missing_ok=True)

    def _make_back(self) -> None:
        """Make the folder of what leads back, for the arrays too that an agent before this one made."""
        if not self._back.exists():
            self._back.mkdir(mode=0o700, parents=True, exist_ok=True)
            for link, handle in list(self._links()):
                self._lead_back(link, handle)

    def _lead_back(self, link: Path, handle: str) -> None:
        back = self._back / _name_of(handle)
        back.unlink(missing_ok=True)
        back.symlink_to(f"{link.parent.name}/{link.name}")

    def _links(self) -> Iterator[tuple[Path, str]]:
        for link in self._folder.glob("*/*"):
            try:
                named = _TO_FOLDER.fullmatch(os.readlink(link))
            except OSError:  # it is none, or was removed meanwhile
                continue
            if named is not None:
                yield link, named[1]


def _name_of(handle: str) -> str:
    return handle.replace("/", "-")
