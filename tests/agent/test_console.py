"""What is printed, in pieces on disk until the server has them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runyard.agent import console
from runyard.agent.console import Console, StreamLog
from runyard.agent.courier import Courier
from runyard.agent.orders import Orders
from runyard.agent.server import Server
from tests.agent.job_server import KEY, Answer, JobServer, refusal
from tests.waiting import until


def sent(log: StreamLog, now_s: float, *, is_last: bool = False) -> dict[str, bytes]:
    """Send all that is due and return it by name."""
    found: dict[str, bytes] = {}
    while (piece := log.due(now_s, is_last=is_last)) is not None:
        found[piece.path.name] = piece.path.read_bytes()[: piece.size_bytes]
        log.sent(piece, now_s)
    return found


def test_a_first_line_is_due_at_once_and_the_next_after_a_second(tmp_path: Path):
    log = StreamLog("stdout", tmp_path)
    assert log.due(0.0) is None
    log.take(b"one\n")
    assert sent(log, 100.0) == {"stdout.000001.log": b"one\n"}
    log.take(b"two\n")
    assert sent(log, 100.9) == {}
    assert sent(log, 101.0) == {"stdout.000001.log": b"one\ntwo\n"}
    assert sent(log, 200.0) == {}


@given(
    parts=st.lists(st.sampled_from([KEY, KEY[:9], KEY[9:], KEY[:-1], "ryj", "\n", "ä"]), max_size=12),
    cuts=st.lists(st.integers(0, 400), max_size=6),
)
def test_the_key_of_a_job_is_nowhere_in_what_it_prints_however_that_comes(
    tmp_path_factory: pytest.TempPathFactory, parts: list[str], cuts: list[int]
):
    log = StreamLog("stdout", tmp_path_factory.mktemp("log"), secret=KEY.encode())
    printed = "".join(parts).encode()
    # Where its first letters come alone, they are not held back.
    whole = [
        at for at in cuts if not any(printed[at - each :].startswith(KEY.encode()) for each in (1, 2, 3))
    ]
    at = 0
    for cut in sorted(whole):
        log.take(printed[at:cut] if cut > at else b"")
        at = max(at, cut)
    log.take(printed[at:])
    kept = sent(log, 0.0, is_last=True).get("stdout.000001.log", b"")
    assert kept == printed.replace(KEY.encode(), b"***")


def test_what_is_no_key_is_not_held_back(tmp_path: Path):
    log = StreamLog("stdout", tmp_path, secret=b"ryj_0123")
    log.take(b"Your answer, or")
    assert sent(log, 0.0) == {"stdout.000001.log": b"Your answer, or"}
    log.take(b" ryj_01")
    assert sent(log, 10.0) == {"stdout.000001.log": b"Your answer, or "}
    log.take(b"2")
    log.take(b"4")
    assert sent(log, 20.0) == {"stdout.000001.log": b"Your answer, or ryj_0124"}
    log.take(b"\nryj_0123")
    assert (sent(log, 30.0)["stdout.000001.log"][-4:], log.last_line) == (b"\n***", "***")


def test_a_larger_piece_is_sent_again_less_often(tmp_path: Path):
    log = StreamLog("stdout", tmp_path)
    log.take(b"x" * 750_000)
    sent(log, 100.0)
    log.take(b"y")
    assert sent(log, 102.9) == {}
    assert len(sent(log, 103.0)["stdout.000001.log"]) == 750_001


def test_at_the_end_nothing_is_waited_for(tmp_path: Path):
    log = StreamLog("stdout", tmp_path)
    log.take(b"one\n")
    sent(log, 100.0)
    log.take(b"two\n")
    assert sent(log, 100.0, is_last=True) == {"stdout.000001.log": b"one\ntwo\n"}


def test_a_full_piece_is_due_at_once_and_leaves_the_disk_when_it_is_sent(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(console, "PIECE_BYTES", 10)
    log = StreamLog("stdout", tmp_path)
    for part in (b"12345678", b"abcd", b"x" * 25):
        log.take(part)
    assert len(list(tmp_path.iterdir())) == 5
    found = sent(log, 0.0)
    assert b"".join(found[name] for name in sorted(found)) == b"12345678abcd" + b"x" * 25
    assert all(len(content) <= 10 for content in found.values())
    assert [path.name for path in tmp_path.iterdir()] == ["stdout.000005.log"]


def test_what_an_agent_that_died_has_left_is_sent_and_continued(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(console, "PIECE_BYTES", 10)
    log = StreamLog("setup", tmp_path)
    log.take(b"12345678")
    log.take(b"abcd")
    log = StreamLog("setup", tmp_path)
    log.say("é\ud800")
    assert sent(log, 0.0) == {
        "setup.000001.log": b"12345678",
        "setup.000002.log": b"abcd",
        "setup.000003.log": b"\xc3\xa9\\ud800\n",
    }


def test_what_nobody_takes_does_not_fill_the_disk(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(console, "PIECE_BYTES", 10)
    monkeypatch.setattr(console, "MAX_WAITING_BYTES", 30)
    log = StreamLog("stdout", tmp_path)
    for _ in range(20):
        log.take(b"0123456789")
    assert len(list(tmp_path.iterdir())) == 4
    sent(log, 0.0)
    log.take(b"later\n")
    assert b"[160 bytes are left out here]" in b"".join(sent(log, 10.0).values())


def test_no_disk_stops_nothing(tmp_path: Path, caplog):
    log = StreamLog("stdout", tmp_path / "missing")
    log.take(b"one\n")
    log.take(b"two\n")
    assert log.due(0.0) is None
    assert log.last_line == "two"
    assert caplog.text.count("not kept any more") == 1


@given(st.lists(st.one_of(st.binary(max_size=40), st.none()), max_size=30))
def test_the_pieces_together_are_what_was_printed(tmp_path_factory, parts: list[bytes | None]):
    # None is a moment at which all that is due is sent.
    folder = tmp_path_factory.mktemp("console")
    kept: dict[str, bytes] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(console, "PIECE_BYTES", 16)
        log = StreamLog("stdout", folder)
        for number, part in enumerate(parts):
            if part is None:
                kept |= sent(log, float(number * 10))
            else:
                log.take(part)
        kept |= sent(log, 0.0, is_last=True)
    assert b"".join(kept[name] for name in sorted(kept)) == b"".join(part for part in parts if part)


@pytest.fixture
def courier(tmp_path: Path, job_server: JobServer) -> tuple[Courier, Console, Orders]:
    streams, orders = Console(tmp_path / "out"), Orders()
    made = Courier(Server(job_server.url, KEY), streams, "0/run/artifacts/console", orders)
    made.start()
    return made, streams, orders


def test_a_courier_brings_all_streams(courier, job_server: JobServer):
    made, streams, _ = courier
    for log in (streams.setup, streams.stdout, streams.stderr):
        log.say("a line")
    until(lambda: len(job_server.artifacts) == 3)
    streams.stdout.say("another")
    made.finish()
    assert job_server.console("stdout") == b"a line\nanother\n"


def test_a_courier_waits_for_a_server_that_is_away(courier, job_server: JobServer):
    made, streams, _ = courier
    left = [Answer(0), Answer(503)]
    job_server.fault = lambda method, path: left.pop() if left else None
    streams.stdout.say("a line")
    made.finish()
    assert job_server.console("stdout") == b"a line\n"
    assert left == []


def test_a_piece_that_is_refused_is_not_sent_for_ever(courier, job_server: JobServer):
    made, streams, _ = courier
    job_server.fault = lambda method, path: refusal(403, "QUOTA_EXCEEDED")
    streams.stdout.say("a line")
    made.finish()
    assert len(job_server.requests) == 1


def test_a_courier_goes_when_the_job_is_another_agents(courier, job_server: JobServer):
    made, streams, orders = courier
    job_server.fault = lambda method, path: Answer(0)
    streams.stdout.say("a line")
    until(lambda: bool(job_server.requests))
    orders.dismiss("not yours")
    made.finish()
    assert job_server.artifacts == {}
