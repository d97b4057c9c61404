"""Stores of datastores that stay open for the next request: to connect anew costs more than a small file."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final

from runyard.stores.artifacts.base import ArtifactStore

MOST: Final = 64


class OpenedStores:
    """The stores that were asked for last; safe to use from threads."""

    def __init__(self) -> None:
        self._stores: OrderedDict[Hashable, ArtifactStore] = OrderedDict()
        self._changing = threading.Lock()

    def get(self, key: Hashable, open_it: Callable[[], ArtifactStore]) -> ArtifactStore:
        """Return the store of a key, opened by ``open_it`` if nobody has lately."""
        with self._changing:
            found = self._stores.get(key)
            if found is not None:
                self._stores.move_to_end(key)
                return found
        opened = open_it()
        with self._changing:
            self._stores[key] = opened
            while len(self._stores) > MOST:
                self._stores.popitem(last=False)
        return opened
