"""R04, the client's half: a disk that is really full holds up no training and loses nothing that was kept."""

from __future__ import annotations

import logging
import os
import resource
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from runyard.sdk.spool.folder import Position, Progress, SpoolFolder
from runyard.sdk.spool.records import FileLogged, Logged, Record
from runyard.sdk.spool.writer import SpoolWriter
from tests.durability.test_full_disk import small_disk
from tests.durability.test_lost_answers import history, tags_of
from tests.durability.test_spool import TRAINING, WITHIN_S, Client, at
from tests.running_server import free_port
from tests.waiting import until

pytestmark = pytest.mark.slow

LEFT_BYTES = 200_000
RUN = "a" * 32
LAST = Logged(RUN, tags={"last": "yes"})


def fill(disk: Path, left_bytes: int = 0) -> Path:
    """Fill a disk up, but for so many bytes; return the file to remove to make room again."""
    ballast = disk / "ballast"
    with ballast.open("ab", buffering=0) as opened:
        state = os.statvfs(disk)
        opened.write(bytes(state.f_bavail * state.f_frsize - left_bytes))
    return ballast


def test_r04_what_a_full_disk_does_not_take_waits_and_is_written_in_its_order(tmp_path: Path, caplog):
    caplog.set_level(logging.WARNING)
    with small_disk(tmp_path / "disk") as disk:
        writer = SpoolWriter(disk / "spools", "http://127.0.0.1:5000", 10**12)
        logged = _log_until_full(writer, fill_at=disk)
        folder = writer.folder
        assert folder is not None
        on_disk = [record for record, _ in folder.read(Position())]
        assert on_disk == logged[: len(on_disk)]
        assert 0 < len(on_disk) < len(logged)
        large = disk.parent / "large"
        large.write_bytes(bytes(1_000_000))
        assert not writer.add_file(large, FileLogged("f", "large", ""))
        assert list((folder.path / "files").iterdir()) == []
        for _ in range(2):
            (disk / "ballast").unlink()
            until(partial(_is_written, writer))
            assert [record for record, _ in folder.read(Position())] == logged
            logged += _log_until_full(writer, fill_at=disk)
        (disk / "ballast").unlink()
        until(partial(_is_written, writer))
        assert writer.add(LAST)
        assert [record for record, _ in folder.read(Position())] == [*logged, LAST]
        assert caplog.text.count("takes no more") == 1
        assert (writer.dropped, writer.added) == (1, len(logged) + 1)  # the file
        writer.close()


def test_r04_how_far_a_spool_was_sent_is_kept_on_a_disk_that_is_full_again_and_again(tmp_path: Path):
    with small_disk(tmp_path / "disk") as disk:
        folder, lock = SpoolFolder.make(disk / "spools", "http://127.0.0.1:5000")
        for offset in range(3):
            ballast = fill(disk)
            for step in range(4):
                progress = Progress(Position(1, 10 * offset + step), batch_id="x" * 5_000)
                folder.keep_progress(progress, is_synced=True)
                assert folder.progress() == progress
            ballast.unlink()
            folder.keep_progress(progress)
        # Where even the reserve's room is taken, what is said is that the disk is full.
        fill(disk)
        (folder.path / ".reserve").unlink()
        fill(disk / "spools")
        with pytest.raises(OSError, match="No space left"):
            folder.keep_progress(Progress(batch_id="x" * 5_000))
        lock.release()


def test_r04_what_memory_may_not_hold_is_lost_and_counted(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("runyard.sdk.spool.writer.HELD_BYTES", 30_000)
    with small_disk(tmp_path / "disk") as disk:
        writer = SpoolWriter(disk / "spools", "http://127.0.0.1:5000", 10**12)
        logged = _log_until_full(writer, fill_at=disk)
        assert writer.folder is not None
        kept = len(list(writer.folder.read(Position())))
        assert 0 < writer.dropped < len(logged) - kept
        assert writer.is_holding
        writer.give_up()
        assert _is_written(writer)
        # Small ones may still have fitted.
        read = [record for record, _ in writer.folder.read(Position())]
        assert read[:kept] == logged[:kept]
        assert len(read) + writer.dropped == len(logged)
        writer.close()


def _is_written(writer: SpoolWriter) -> bool:
    writer.try_again()
    return not writer.is_holding


def _log_until_full(writer: SpoolWriter, fill_at: Path) -> list[Record]:
    """Log records of many sizes until the disk is full, and some more; return all of them."""
    logged: list[Record] = [Logged(RUN)]
    assert writer.add(Logged(RUN))
    fill(fill_at, LEFT_BYTES)
    refused = number = 0
    while refused < 20:
        record = Logged(RUN, tags={"number": str(number), "text": "x" * (number * 7919 % 9000)})
        number += 1
        logged.append(record)
        refused += not writer.add(record)
    return logged


def test_r04_a_training_on_a_full_disk_goes_on_and_what_was_kept_arrives(start_server, tmp_path: Path):
    """The disk stays full while it is sent: sending alone makes room."""
    port = free_port()
    with small_disk(tmp_path / "disk") as disk:
        choices = {
            "RUNYARD_SPOOL": "on",
            "RUNYARD_SPOOL_EXIT_WAIT_S": "0",
            "RUNYARD_SPOOL_DIR": str(disk / "s"),
        }
        client = Client(tmp_path / "client", f"http://127.0.0.1:{port}", **choices)
        with client.start(TRAINING, "full", 2000) as process:
            assert process.stdout is not None
            run_id = process.stdout.readline().strip()
            assert process.stdout.readline() == "0\n"
            fill(disk, LEFT_BYTES)
            assert process.stdout.read().splitlines()[-1] == "ended"
            assert process.wait(WITHIN_S) == 0, client.stderr
        assert client.stderr.count("takes no more") == 1
        assert "calls were dropped and are lost" in client.stderr
        assert "Traceback" not in client.stderr
        fill(disk)
        server = start_server(port=port)
        (sent,) = client.command("sync")
        assert (sent["is_sent"], sent["refused"]) == (True, 0)
        assert [path.name for path in (disk / "s").iterdir() if path.is_dir()] == []
        with at(server) as http:
            steps = sorted(step for _, step, _ in history(http, run_id, "loss"))
            last = int(tags_of(http, run_id)["last"])
    # Small records still fit where larger ones no longer did, so there may be gaps at the very end.
    assert len(set(steps)) == len(steps)
    assert steps[:last] == list(range(last))
    assert 0 < len(steps) < 2000


def test_r04_a_limit_on_the_size_of_files_raises_nothing_either(tmp_path: Path):
    script = (
        "import mlflow\nmlflow.start_run()\n"
        "for step in range(2000):\n    mlflow.log_metric('loss', step, step=step)\n"
        "mlflow.end_run()\nprint('ended')\n"
    )
    choices = {"RUNYARD_SPOOL": "on", "RUNYARD_SPOOL_EXIT_WAIT_S": "0"}
    client = Client(tmp_path / "client", f"http://127.0.0.1:{free_port()}", **choices)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        env=client.environment,
        cwd=client.folder,
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000)),
    )
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "ended"), done.stderr
    assert done.stderr.count("takes no more") == 1
    (waiting,) = client.command("spool", "list")
    assert 100 < waiting["waiting"] < 2000
