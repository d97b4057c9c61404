"""A spool survives being cut anywhere, every later Runyard reads it, and it is sent once however often."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runyard.errors import InvalidParameter, InvalidState, Unavailable
from runyard.protocol import limits
from runyard.sdk.connection import Connection
from runyard.sdk.spool import writer as writing
from runyard.sdk.spool.choices import read_choices
from runyard.sdk.spool.folder import UNFINISHED_FOR_S, Position, SpoolFolder
from runyard.sdk.spool.records import (
    FileLogged,
    Logged,
    Point,
    Posted,
    Record,
    RunBegun,
    RunUpdated,
    decode,
    encode,
)
from runyard.sdk.spool.replay import Replay
from runyard.sdk.spool.segments import FRAME_BYTES, HEADER_BYTES, framed, header, read_records
from runyard.sdk.spool.writer import SpoolWriter
from runyard.sdk.transport import Answer, Request, Transport

TEXTS = st.text(max_size=20)
IDS = st.sampled_from(["a" * 32, "b" * 32])
VALUES = st.floats(allow_nan=False) | st.sampled_from(["NaN", "Infinity"])
STEPS = st.integers(-(2**63), 2**63 - 1)
POINTS = st.builds(Point, key=TEXTS, value=VALUES, timestamp=STEPS, step=STEPS, model_id=TEXTS)
PAIRS = st.dictionaries(TEXTS, TEXTS, max_size=3)
RECORDS: st.SearchStrategy[Record] = st.one_of(
    st.builds(RunBegun, run_id=IDS, experiment_id=TEXTS, name=TEXTS, started_ms=STEPS, tags=PAIRS),
    st.builds(Logged, run_id=IDS, metrics=st.lists(POINTS, max_size=3), params=PAIRS, tags=PAIRS),
    st.builds(RunUpdated, run_id=IDS, status=st.none() | TEXTS, ended_ms=st.none() | STEPS),
    st.builds(Posted, path=TEXTS, body=TEXTS),
    st.builds(FileLogged, folder=TEXTS, path=TEXTS, content=TEXTS, size_bytes=STEPS),
)
MUCH = 10**12


@pytest.fixture
def root() -> Iterator[Path]:
    """A folder for one example; pytest's own is one for all of them."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def written(root: Path, records: list[Record]) -> SpoolFolder:
    """A spool with these records whose writer is gone."""
    spool = SpoolWriter(root, "http://127.0.0.1:5000", MUCH)
    for record in records:
        assert spool.add(record)
    folder = spool.folder
    assert folder is not None
    spool.close()
    return folder


def content_of(spool: SpoolFolder) -> list[Record]:
    return [record for record, _ in spool.read(Position())]


@given(record=RECORDS)
def test_a_record_is_read_as_it_was_written(record: Record):
    assert decode(encode(record)) == record


@given(contents=st.lists(st.binary(max_size=40), min_size=1, max_size=5), junk=st.binary(max_size=20))
@settings(max_examples=25)
def test_a_segment_cut_at_any_byte_gives_all_that_was_whole_before_the_cut(
    contents: list[bytes], junk: bytes
):
    whole = header() + b"".join(framed(content) for content in contents)
    ends = [HEADER_BYTES]
    for content in contents:
        ends.append(ends[-1] + FRAME_BYTES + len(content))
    with tempfile.TemporaryDirectory() as folder:
        segment = Path(folder) / "000001.log"
        for cut in range(len(whole) + 1):
            segment.write_bytes(whole[:cut])
            kept = sum(end <= cut for end in ends[1:])
            assert list(read_records(segment)) == list(zip(contents[:kept], ends[1:], strict=False))
        segment.write_bytes(whole + junk)
        assert [content for content, _ in read_records(segment)][: len(contents)] == contents


@given(contents=st.lists(st.binary(min_size=1, max_size=40), min_size=2, max_size=5), data=st.data())
def test_a_byte_that_changed_is_never_read_as_a_record(contents: list[bytes], data: st.DataObject):
    whole = bytearray(header() + b"".join(framed(content) for content in contents))
    place = data.draw(st.integers(HEADER_BYTES, len(whole) - 1))
    whole[place] ^= data.draw(st.integers(1, 255))
    with tempfile.TemporaryDirectory() as folder:
        segment = Path(folder) / "000001.log"
        segment.write_bytes(whole)
        found = [content for content, _ in read_records(segment)]
    assert found == contents[: len(found)]
    assert len(found) < len(contents)


def test_a_spool_of_the_first_version_is_read(root: Path):
    """The bytes are written out: whatever becomes of the code, they were written by a released Runyard."""
    spool = root / "20261125T200000-1-00000000"
    spool.mkdir()
    (spool / "spool.json").write_text(
        '{"version":1,"tracking_uri":"http://lab:5000","host":"node","pid":1,"created_ms":5}'
    )
    begun = "83a474797065a372756ea672756e5f6964a16da46e616d65a16e"
    logged = (
        "83a474797065a36c6f67a672756e5f6964a16da76d6574726963739183a36b6579a16ba576616c7565cb3ff8000000000000"
        "a974696d657374616d7007"
    )
    segment = bytes.fromhex("525953504f4f4c0001000000")
    for content in (bytes.fromhex(begun), bytes.fromhex(logged)):
        segment += framed(content)
    (spool / "000001.log").write_bytes(segment)
    assert content_of(SpoolFolder(spool)) == [
        RunBegun("m", name="n"),
        Logged("m", metrics=[Point("k", 1.5, 7)]),
    ]


@pytest.mark.parametrize("begin", [b"RYSPOOL\0\x63\0\0\0", b"something else"])
def test_a_segment_of_a_newer_runyard_or_of_nobody_is_refused(root: Path, begin: bytes):
    (root / "000001.log").write_bytes(begin)
    with pytest.raises(InvalidState, match=r"newer Runyard|no segment"):
        list(read_records(root / "000001.log"))


@given(records=st.lists(RECORDS, max_size=8), size=st.integers(20, 400))
@settings(max_examples=30)
def test_records_are_read_in_their_order_over_all_segments(records: list[Record], size: int):
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(writing, "SEGMENT_BYTES", size)
        assert not records or content_of(written(Path(folder), records)) == records


class Unreliable(Transport):
    """A server that loses answers by a script, and that remembers what it was asked to do."""

    def __init__(self, script: list[str]) -> None:
        self._script = iter(script)
        self._seen: set[str] = set()
        self.points: Counter[tuple[str, int]] = Counter()
        self.tags: dict[str, str] = {}

    def send(self, request: Request) -> Answer:
        fate = next(self._script, "ok")
        if fate == "away":
            raise Unavailable("Nobody answers.")
        assert isinstance(request.body, bytes)
        body = json.loads(request.body)
        if any(point["key"] == "bad" for point in body["metrics"]):
            raise InvalidParameter("A bad key.")
        if body["batch_id"] not in self._seen:
            self._seen.add(body["batch_id"])
            self.points.update((point["key"], point.get("step", 0)) for point in body["metrics"])
            self.tags.update((tag["key"], tag["value"]) for tag in body["tags"])
        if fate == "lost":
            raise Unavailable("The answer was lost.")
        return Answer(200, {}, iter([b"{}"]))


FATES = st.lists(st.sampled_from(["ok", "away", "lost"]), max_size=30)


@given(script=FATES, bad=st.sets(st.integers(0, 39)), added=st.lists(st.integers(0, 9), max_size=4))
@settings(max_examples=100)
def test_each_record_is_sent_once_whatever_is_lost_and_however_often_the_sender_dies(
    script: list[str], bad: set[int], added: list[int]
):
    """After each failure another sender goes on, as after a crash; meanwhile the writer goes on as well."""
    server, step = Unreliable(script), 0
    with tempfile.TemporaryDirectory() as folder:
        spool = SpoolWriter(Path(folder), "http://127.0.0.1:5000", MUCH)
        for count in [*added, 0]:
            for _ in range(count):
                key = "bad" if step in bad else "loss"
                spool.add(Logged("a" * 32, [Point(key, 1.0, 1, step or 0)], tags={"last": str(step)}))
                step += 1
            if spool.folder is not None:
                _send_some(spool.folder, server)
        if spool.folder is None:
            return
        while spool.folder.is_waiting():
            _send_some(spool.folder, server)
        assert spool.folder.refused_count() == len([each for each in bad if each < step])
        spool.close()
    good = [each for each in range(step) if each not in bad]
    assert dict.fromkeys(server.points, 1) == dict(server.points)
    assert sorted(place[1] for place in server.points) == good
    assert server.tags.get("last") == (str(good[-1]) if good else None)


def _send_some(spool: SpoolFolder, server: Unreliable) -> None:
    replay = Replay(spool, Connection(server))
    try:
        while replay.send_next():
            pass
    except Unavailable:
        return


def test_what_is_refused_is_kept_with_the_reason_and_blocks_nothing(root: Path):
    keys = ["good", "bad", "better"]
    spool = written(root, [Logged("a" * 32, [Point(key, 1.0, 1, 1)]) for key in keys])
    server = Unreliable([])
    _send_some(spool, server)
    assert {key for key, _ in server.points} == {"good", "better"}
    refused = msgspec.json.decode((spool.path / "refused.jsonl").read_bytes())
    assert refused["reason"] == "A bad key."
    assert refused["record"]["metrics"][0]["key"] == "bad"
    assert not spool.remove_if_settled()


def test_as_much_goes_into_a_call_as_the_server_takes(root: Path):
    records: list[Record] = [
        Logged(
            "a" * 32, [Point("loss", 1.0, 1, step)], {f"p{step}": ""} if step < 300 else {}, {f"t{step}": ""}
        )
        for step in range(1500)
    ]
    sizes: list[tuple[int, int, int]] = []

    class Counting(Unreliable):
        def send(self, request: Request) -> Answer:
            assert isinstance(request.body, bytes)
            body = json.loads(request.body)
            counts = (len(body["metrics"]), len(body["params"]), len(body["tags"]))
            limits.check_batch(*counts)
            sizes.append(counts)
            return super().send(request)

    spool = written(root, records)
    _send_some(spool, Counting([]))
    assert [sum(column) for column in zip(*sizes, strict=True)] == [1500, 300, 1500]
    assert max(sizes) == (100, 100, 100)
    assert len(sizes) == 15


def test_with_fsync_always_the_disk_has_it_before_the_call_returns(root: Path, monkeypatch):
    synced: list[str] = []
    really = os.fsync

    def fsync(descriptor: int) -> None:
        really(descriptor)
        synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))

    monkeypatch.setattr(os, "fsync", fsync)
    local = root / "weights"
    local.write_text("w")
    lazy = SpoolWriter(root / "lazy", "http://127.0.0.1:5000", MUCH)
    assert lazy.add(Logged("a" * 32))
    assert lazy.add_file(local, FileLogged("f", "p", ""))
    lazy.close()
    assert synced == []
    writer = SpoolWriter(root / "safe", "http://127.0.0.1:5000", MUCH, is_synced=True)
    assert writer.add(Logged("a" * 32))
    folder = writer.folder
    assert folder is not None
    segment = str(folder.segment(1))
    assert synced == [str(folder.path), str(root / "safe"), segment]
    synced.clear()
    assert writer.add_file(local, FileLogged("f", "p", ""))
    (content,) = (folder.path / "files").iterdir()
    assert synced == [str(content), str(content.parent), segment]
    writer.close()


@pytest.mark.parametrize(("name", "word"), [("RUNYARD_SPOOL_FSYNC", "never"), ("RUNYARD_SPOOL", "maybe")])
def test_a_setting_that_can_t_be_is_refused(name: str, word: str, monkeypatch):
    monkeypatch.setenv(name, word)
    with pytest.raises(InvalidParameter, match=f"{name}='{word}' is none of"):
        read_choices()
    monkeypatch.setenv("RUNYARD_SPOOL", "on")
    monkeypatch.setenv("RUNYARD_SPOOL_FSYNC", "always")
    assert (read_choices().mode, read_choices().is_synced) == ("on", True)


def test_what_a_process_left_that_died_over_making_a_spool_is_removed_once_it_is_old(root: Path):
    for name in (".20200101T000000-77-0a0b0c0d", ".20200101T000000-78-0a0b0c0d", ".of-somebody-else"):
        (root / name / "files").mkdir(parents=True)
    for name in (".20200101T000000-77-0a0b0c0d", ".of-somebody-else"):
        long_ago_s = time.time() - UNFINISHED_FOR_S - 60
        os.utime(root / name, (long_ago_s, long_ago_s))
    spool, lock = SpoolFolder.make(root, "http://127.0.0.1:1")
    lock.release()
    assert {path.name for path in root.iterdir()} == {
        spool.path.name,
        ".20200101T000000-78-0a0b0c0d",
        ".of-somebody-else",
    }


def test_what_can_not_be_removed_keeps_nobody_from_making_a_spool(root: Path):
    left = root / ".20200101T000000-77-0a0b0c0d"
    left.write_text("no folder")
    os.utime(left, (0, 0))
    spool, lock = SpoolFolder.make(root, "http://127.0.0.1:1")
    lock.release()
    assert {path.name for path in root.iterdir()} == {spool.path.name, left.name}
