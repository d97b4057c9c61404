"""An artifact store beside the dictionary of paths that it must behave as."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from runyard.errors import InvalidParameter, NotFound
from runyard.stores.artifacts.base import ArtifactStore
from runyard.testing.artifact_files import at, get, names, put


class StoreBesideDictionary(RuleBasedStateMachine):
    """Drives a store and a dictionary of paths side by side."""

    paths: Bundle[str] = Bundle("paths")

    def __init__(
        self,
        store: ArtifactStore,
        contents: Callable[[ArtifactStore], dict[str, bytes]],
        forgets_directories_at_once: bool,
    ) -> None:
        super().__init__()
        self.store = store
        self.contents = contents
        self.forgets_directories_at_once = forgets_directories_at_once
        self.files: dict[str, bytes] = {}

    @rule(target=paths, segments=st.lists(st.sampled_from(["a", "b", "ab", "a b"]), min_size=1, max_size=4))
    def name(self, segments: list[str]) -> str:
        """Make a path for the other rules."""
        return "/".join(segments)

    @rule(path=paths, content=st.binary(max_size=20))
    def write(self, path: str, content: bytes) -> None:
        """Write a file, unless that makes a file of a directory."""
        above = [path.rsplit("/", count)[0] for count in range(1, path.count("/") + 1)]
        if any(name in self.files for name in above) or self._below(path):
            return  # stores differ in what they say to this
        put(self.store, path, content)
        self.files[path] = content

    @rule(path=paths)
    def read(self, path: str) -> None:
        """Read what the dictionary holds, and nothing else."""
        if path in self.files:
            assert get(self.store, path) == self.files[path]
            assert self.store.stat(at(path)).size_bytes == len(self.files[path])
        else:
            expected = {InvalidParameter if self._below(path) else NotFound}
            if not self.forgets_directories_at_once:
                expected.add(InvalidParameter)
            with pytest.raises(tuple(expected)):
                self.store.open(at(path))

    @rule(path=paths)
    def look_into(self, path: str) -> None:
        """List what lies directly below a path."""
        below = [name[len(path) + 1 :] for name in self._below(path)]
        expected = sorted({(name.split("/")[0], "/" in name) for name in below})
        found = names(self.store, path)
        if not self.forgets_directories_at_once:
            found = [name for name in found if not name.endswith("/") or (name[:-1], True) in expected]
        assert found == [name + "/" * is_directory for name, is_directory in expected]

    @rule(path=paths)
    def delete(self, path: str) -> None:
        """Delete a file or all below a directory."""
        self.store.delete(at(path))
        for name in [path, *self._below(path)]:
            self.files.pop(name, None)

    @invariant()
    def all_files_are_there_and_no_others(self) -> None:
        """Hold the files, read past the store, against the dictionary."""
        assert self.contents(self.store) == self.files

    def _below(self, path: str) -> list[str]:
        return [name for name in self.files if name.startswith(path + "/")]
