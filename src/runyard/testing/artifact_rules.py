"""The rules that every artifact store must pass."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test

from runyard.errors import InvalidParameter, NotFound, Unavailable
from runyard.stores.artifacts.base import ArtifactStore
from runyard.stores.artifacts.paths import ROOT
from runyard.stores.artifacts.walking import walk_files
from runyard.testing.artifact_files import at, get, names, put
from runyard.testing.artifact_machine import StoreBesideDictionary

LARGE_BYTES = 9 * 1024 * 1024 + 7  # more than any store sends in one piece


CLOCK_SLACK_MS = 2000  # stores that keep whole seconds


ODD_NAMES = (
    "a b",
    "ü",
    "日本語.png",
    "loss#1",
    "50%",
    "a%20b",
    'say "hi"',
    "x?y",
    "[z]*",
    "-rf",
    "~",
    "n" * 255,
)


class ArtifactStoreRules(ABC):
    """Inherit, and implement the hooks, to hold an artifact store to its contract."""

    forgets_directories_at_once = True
    """Whether a directory is gone with its last file, and not only some seconds later."""

    @pytest.fixture
    @abstractmethod
    def store(self) -> ArtifactStore:
        """Return an empty store."""

    @abstractmethod
    def contents(self, store: ArtifactStore) -> dict[str, bytes]:
        """Return all files by path, read past the store, so that it can't vouch for itself."""

    @abstractmethod
    def emptied(self, store: ArtifactStore) -> ArtifactStore:
        """Return a store without any file, for the next example of a property."""

    def test_all_files_below_a_path_are_walked_with_their_lengths(self, store: ArtifactStore) -> None:
        """However deep they lie, and none beside it."""
        for number, name in enumerate(("a/b/c.bin", "a/d.bin", "a.bin", "ab/e.bin", "a/b/deep/er/f.bin")):
            put(store, name, b"x" * number)
        walked = sorted((str(path), size_bytes) for path, size_bytes in walk_files(store, at("a")))
        assert walked == [("a/b/c.bin", 0), ("a/b/deep/er/f.bin", 4), ("a/d.bin", 1)]
        assert len(list(walk_files(store))) == 5
        assert list(walk_files(store, at("nothing"))) == []

    @pytest.mark.parametrize("size_bytes", [0, 1, 70_000, LARGE_BYTES])
    def test_a_file_comes_back_as_it_was_written(self, store: ArtifactStore, size_bytes: int) -> None:
        """Whatever its size, the same bytes lie in the store and come out of it."""
        content = bytes(range(256)) * (size_bytes // 256 + 1)
        put(store, "run/model.bin", content[:size_bytes])
        assert self.contents(store) == {"run/model.bin": content[:size_bytes]}
        assert get(store, "run/model.bin") == content[:size_bytes]

    def test_pieces_are_joined_in_their_order(self, store: ArtifactStore) -> None:
        """The pieces may have any size, none included, and be views of other memory."""
        with store.create(at("f")) as upload:
            for piece in (b"a", b"", memoryview(b"xbcx")[1:3], b"d" * LARGE_BYTES, b"e"):
                upload.write(piece)
            file = upload.commit()
        expected = b"abc" + b"d" * LARGE_BYTES + b"e"
        assert self.contents(store) == {"f": expected}
        assert file.size_bytes == len(expected)

    @pytest.mark.parametrize(
        ("offset", "length", "expected"),
        [(0, 3, b"012"), (4, 2, b"45"), (8, 100, b"89"), (10, 1, b""), (99, 5, b""), (0, 0, b"")],
    )
    def test_any_part_of_a_file_can_be_read(
        self, store: ArtifactStore, offset: int, length: int, expected: bytes
    ) -> None:
        """A part ends where the file ends; past that there is nothing."""
        put(store, "digits", b"0123456789")
        with store.open(at("digits")) as download:
            assert download.read(offset, length) == expected
            assert download.read(0, 10) == b"0123456789"

    def test_what_is_not_there_is_not_found(self, store: ArtifactStore) -> None:
        """Neither to read nor to describe; nor is it there afterwards."""
        put(store, "a/file", b"1")
        for text in ("nope", "a/nope", "a/file/below", "a/fil", "nope/nope"):
            with pytest.raises(NotFound):
                store.open(at(text))
            with pytest.raises(NotFound):
                store.stat(at(text))
        assert self.contents(store) == {"a/file": b"1"}

    def test_a_directory_is_not_a_file(self, store: ArtifactStore) -> None:
        """To read or describe one is a mistake of the caller's; the root is one too."""
        put(store, "a/b/file", b"1")
        for text in ("a", "a/b", ""):
            with pytest.raises(InvalidParameter, match="directory"):
                store.open(at(text))
            with pytest.raises(InvalidParameter, match="directory"):
                store.stat(at(text))
        with pytest.raises(InvalidParameter):
            store.create(ROOT)

    def test_nothing_is_seen_before_the_commit(self, store: ArtifactStore) -> None:
        """Neither the file nor the directories above it."""
        with store.create(at("a/b/file")) as upload:
            upload.write(b"x" * LARGE_BYTES)
            assert names(store, "") == []
            with pytest.raises(NotFound):
                store.open(at("a/b/file"))
            upload.commit()
        assert names(store, "a/b") == ["file"]

    def test_an_upload_that_is_dropped_leaves_nothing(self, store: ArtifactStore) -> None:
        """Whether it was closed or an error ended it, early or late."""
        for size_bytes in (0, 10, LARGE_BYTES):
            with store.create(at("a/b/file")) as upload:
                upload.write(b"x" * size_bytes)
            with pytest.raises(ZeroDivisionError):
                _fail_after(store, "a/c", size_bytes)
        assert self.contents(store) == {}
        assert names(store, "") == []

    def test_an_upload_that_is_dropped_spares_what_was_there(self, store: ArtifactStore) -> None:
        """The old file stays as it was."""
        put(store, "a/file", b"old")
        with store.create(at("a/file")) as upload:
            upload.write(b"new")
        assert self.contents(store) == {"a/file": b"old"}

    def test_an_upload_ends_once(self, store: ArtifactStore) -> None:
        """After its end it takes no more, and closing it again does no harm."""
        with store.create(at("file")) as upload:
            upload.write(b"1")
            upload.commit()
            with pytest.raises(ValueError, match="over"):
                upload.write(b"2")
            with pytest.raises(ValueError, match="over"):
                upload.commit()
        upload.close()
        download = store.open(at("file"))
        download.close()
        download.close()
        with pytest.raises(ValueError, match="over"):
            download.read(0, 1)
        assert self.contents(store) == {"file": b"1"}

    def test_the_last_commit_counts(self, store: ArtifactStore) -> None:
        """Of two uploads to one path the one that was committed later stays, whichever began first."""
        put(store, "file", b"first")
        with store.create(at("file")) as early, store.create(at("file")) as late:
            early.write(b"early")
            late.write(b"late")
            late.commit()
            early.commit()
        assert self.contents(store) == {"file": b"early"}

    @pytest.mark.parametrize("is_deleted", [False, True])
    def test_a_reader_never_gets_a_mixture(self, store: ArtifactStore, is_deleted: bool) -> None:
        """A file that is replaced or deleted while it is read yields the old bytes, or an error."""
        put(store, "file", b"o" * 1000)
        with store.open(at("file")) as download:
            assert download.read(0, 10) == b"o" * 10
            if is_deleted:
                store.delete(at("file"))
            else:
                put(store, "file", b"n" * 1000)
            try:
                assert download.read(10, 990) == b"o" * 990
            except Unavailable:
                assert not is_deleted or not self.contents(store)

    def test_a_directory_lists_what_lies_directly_in_it(self, store: ArtifactStore) -> None:
        """Sorted, files with their size, directories without; look-alike neighbours don't mix."""
        for text in ("m/b/2", "m/b/1", "m/a.txt", "m/c", "m/b.x/1", "mm/z", "z"):
            put(store, text, b"x" * len(text))
        entries = store.list(at("m"))
        assert [(entry.name, entry.size_bytes) for entry in entries] == [
            ("a.txt", 7), ("b", None), ("b.x", None), ("c", 3),
        ]  # fmt: skip
        assert names(store, "") == ["m/", "mm/", "z"]
        assert names(store, "m/b") == ["1", "2"]

    def test_what_is_no_directory_lists_nothing(self, store: ArtifactStore) -> None:
        """Neither a file nor what is missing, nor an empty store."""
        assert names(store, "") == []
        put(store, "a/file", b"1")
        assert [names(store, text) for text in ("a/file", "nope", "a/nope", "a/file/x")] == [[], [], [], []]

    @pytest.mark.parametrize("name", ODD_NAMES)
    def test_odd_names_are_names_like_others(self, store: ArtifactStore, name: str) -> None:
        """As a file and as a directory."""
        put(store, f"files/{name}", b"1")
        put(store, f"directories/{name}/inside", b"2")
        assert self.contents(store) == {f"files/{name}": b"1", f"directories/{name}/inside": b"2"}
        assert names(store, "files") == [name]
        assert names(store, "directories") == [f"{name}/"]
        assert get(store, f"directories/{name}/inside") == b"2"
        store.delete(at(f"files/{name}"))
        store.delete(at(f"directories/{name}"))
        assert self.contents(store) == {}

    def test_a_file_is_deleted_and_its_neighbours_stay(self, store: ArtifactStore) -> None:
        """Also those whose name only begins with its name."""
        for text in ("a/b", "a/bc", "a/b.txt", "a/c/b"):
            put(store, text, b"1")
        store.delete(at("a/b"))
        assert sorted(self.contents(store)) == ["a/b.txt", "a/bc", "a/c/b"]

    def test_a_directory_is_deleted_with_all_in_it(self, store: ArtifactStore) -> None:
        """At any depth; look-alikes stay."""
        for text in ("a/b/1", "a/b/c/d/2", "a/b2/3", "b/1"):
            put(store, text, b"1")
        store.delete(at("a/b"))
        assert sorted(self.contents(store)) == ["a/b2/3", "b/1"]
        if self.forgets_directories_at_once:
            assert names(store, "a") == ["b2/"]

    def test_a_directory_goes_with_its_last_file(self, store: ArtifactStore) -> None:
        """And so do those above it that it leaves empty."""
        put(store, "a/b/c/file", b"1")
        put(store, "a/other", b"1")
        store.delete(at("a/b/c/file"))
        if self.forgets_directories_at_once:
            assert names(store, "a") == ["other"]
        store.delete(at("a/other"))
        if self.forgets_directories_at_once:
            assert names(store, "") == []
        assert self.contents(store) == {}

    def test_to_delete_what_is_not_there_does_nothing(self, store: ArtifactStore) -> None:
        """The caller wanted it gone, and so it is."""
        put(store, "a/file", b"1")
        for text in ("nope", "a/nope", "a/file/below", "a/fil"):
            store.delete(at(text))
        assert self.contents(store) == {"a/file": b"1"}

    def test_the_root_is_emptied_and_stays(self, store: ArtifactStore) -> None:
        """The store goes on working."""
        put(store, "a/b/file", b"1")
        put(store, "file", b"1")
        store.delete(ROOT)
        assert self.contents(store) == {}
        put(store, "a/file", b"2")
        assert self.contents(store) == {"a/file": b"2"}

    def test_a_file_and_a_directory_of_one_path(self, store: ArtifactStore) -> None:
        """Where a store has directories the second is refused and leaves nothing; elsewhere both are kept."""
        put(store, "a/file", b"1")
        twins = ("a", "a/file/below", "a/file/below/deeper")
        if store.has_directories:
            for text in twins:
                with pytest.raises(InvalidParameter):
                    put(store, text, b"2")
            assert self.contents(store) == {"a/file": b"1"}
            assert names(store, "a") == ["file"]
        else:
            for text in twins:
                put(store, text, b"2")
            assert self.contents(store) == {"a/file": b"1"} | dict.fromkeys(twins, b"2")

    def test_the_tag_changes_with_the_content(self, store: ArtifactStore) -> None:
        """Also when the size does not; it stays while the file stays, and fits into a header."""
        put(store, "file", b"one")
        first = store.stat(at("file"))
        assert store.stat(at("file")) == first
        put(store, "file", b"two")
        second = store.stat(at("file"))
        assert second.etag != first.etag
        assert second.etag.isascii()
        assert second.etag.isprintable()
        assert '"' not in second.etag

    def test_all_ways_to_a_file_describe_it_alike(self, store: ArtifactStore) -> None:
        """The commit, the open file and the description agree on size, tag and time."""
        before_ms = time.time() * 1000
        with store.create(at("file")) as upload:
            upload.write(b"12345")
            committed = upload.commit()
        after_ms = time.time() * 1000
        with store.open(at("file")) as download:
            assert committed == download.file == store.stat(at("file"))
        assert committed.size_bytes == 5
        assert before_ms - CLOCK_SLACK_MS <= committed.modified_ms <= after_ms + CLOCK_SLACK_MS

    def test_of_many_writers_at_once_one_wins_whole(self, store: ArtifactStore) -> None:
        """The file is one of the versions, never parts of several."""

        def write(number: int) -> None:
            with store.create(at("a/file")) as upload:
                for _ in range(50):
                    upload.write(bytes([number]) * 1000)
                upload.commit()

        with ThreadPoolExecutor(8) as threads:
            list(threads.map(write, range(8)))
        content = self.contents(store)["a/file"]
        assert len(content) == 50_000
        assert len(set(content)) == 1

    def test_writers_and_deleters_do_not_trip_over_one_another(self, store: ArtifactStore) -> None:
        """An upload lands although the directory that it goes to is being deleted."""

        def write(number: int) -> None:
            put(store, f"a/b/{number}", b"1")
            store.delete(at(f"a/b/{number}"))
            put(store, f"a/b/kept-{number}", b"2")

        with ThreadPoolExecutor(8) as threads:
            list(threads.map(write, range(100)))
        assert sorted(self.contents(store)) == sorted(f"a/b/kept-{number}" for number in range(100))

    def test_it_behaves_as_a_dictionary_does(self, store: ArtifactStore) -> None:
        """Any sequence of writes, reads, lists and deletions has the answers that a dictionary gives."""
        suite = self

        class Machine(StoreBesideDictionary):
            def __init__(self) -> None:
                super().__init__(suite.emptied(store), suite.contents, suite.forgets_directories_at_once)

        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=25,
                stateful_step_count=25,
                deadline=None,
                suppress_health_check=[HealthCheck.too_slow],
            ),
        )

    def test_any_content_in_any_pieces_comes_back(self, store: ArtifactStore) -> None:
        """However a file is cut when it is written and when it is read."""

        @given(st.lists(st.binary(max_size=50), max_size=8), st.integers(0, 60), st.integers(0, 400))
        @settings(max_examples=50, deadline=None)
        def holds(pieces: list[bytes], offset: int, length: int) -> None:
            with store.create(at("file")) as upload:
                for piece in pieces:
                    upload.write(piece)
                upload.commit()
            whole = b"".join(pieces)
            with store.open(at("file")) as download:
                assert download.read(offset, length) == whole[offset : offset + length]
            assert self.contents(store) == {"file": whole}

        holds()


def _fail_after(store: ArtifactStore, text: str, size_bytes: int) -> None:
    with store.create(at(text)) as upload:
        upload.write(b"x" * size_bytes)
        raise ZeroDivisionError
