"""Imports that are killed, run twice, meet a source that changes, or read a store that means harm."""

import os
import shutil
import signal
import sqlite3
import uuid
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.running_server import RunningServer
from tests.transfer.importing import all_runs, begin, complete_import, end, freeze_when, history, run_import

pytestmark = pytest.mark.clients

RUNS, POINTS = 60, 4000


@pytest.fixture
def large(filled: Callable[[str], Path], tmp_path: Path) -> Path:
    """A database of the oldest client with enough in it that an import can be met in the middle."""
    database = tmp_path / "large.db"
    shutil.copyfile(filled("1.30-database"), database)
    with sqlite3.connect(database) as opened:
        opened.execute("DELETE FROM metrics")
        opened.execute("DELETE FROM latest_metrics")
        opened.execute("UPDATE runs SET status = 'FINISHED', artifact_uri = 'large/' || run_uuid")
        ids = [row[0] for row in opened.execute("SELECT run_uuid FROM runs LIMIT ?", [RUNS])]
        for run_id in ids:
            rows = [("m", step / 3, step, step, run_id) for step in range(POINTS)]
            columns = "key, value, timestamp, step, run_uuid, is_nan"
            opened.executemany(f"INSERT INTO metrics ({columns}) VALUES (?, ?, ?, ?, ?, 0)", rows)
    return database


def _points(server: RunningServer) -> int:
    ids = list(all_runs(server))
    counted = httpx.post(
        f"{server.url}/api/v1/import/counts", json={"run_ids": ids, "with_files": False}, timeout=60
    )
    return int(counted.json()["points"])


def test_a_killed_import_goes_on_and_nothing_comes_twice(large: Path, server: RunningServer):
    met = 0
    for wait_points in (1, RUNS * POINTS // 3, RUNS * POINTS // 2):
        process = begin(large, to=server)
        freeze_when(process, lambda wanted=wait_points: _points(server) > wanted)  # type: ignore[misc]
        process.kill()
        process.communicate()
        met += 0 < _points(server) < RUNS * POINTS
    assert met, "no import was met in the middle"
    report = complete_import(large, to=server)
    assert report["kept"]["points"] == _points(server) == RUNS * POINTS


def test_an_import_goes_on_after_the_server_was_killed(large: Path, server: RunningServer):
    process = begin(large, to=server)
    freeze_when(process, lambda: _points(server) > POINTS)
    server.kill9()
    process.send_signal(signal.SIGCONT)
    code, _, err = end(process)
    assert code == 5, err
    server.start()
    assert complete_import(large, to=server)["kept"]["points"] == RUNS * POINTS


def test_two_imports_at_once_bring_everything_once(large: Path, server: RunningServer):
    both = [begin(large, to=server) for _ in range(2)]
    ends = [end(each) for each in both]
    assert [(code, report["problems"]) for code, report, _ in ends] == [(0, []), (0, [])]
    assert _points(server) == RUNS * POINTS


def test_a_source_that_grew_is_said_and_its_new_runs_come(large: Path, server: RunningServer):
    complete_import(large, to=server)
    new = uuid.uuid4().hex
    with sqlite3.connect(large) as opened:
        grown = opened.execute("SELECT run_uuid FROM metrics LIMIT 1").fetchone()[0]
        opened.execute("INSERT INTO metrics VALUES ('late', 1.0, 5, ?, 0, 0)", [grown])
        opened.execute(
            "INSERT INTO runs (run_uuid, name, user_id, status, start_time, lifecycle_stage, artifact_uri,"
            " experiment_id) VALUES (?, 'new', 'ann', 'FINISHED', 3, 'active', 'large/new', 0)",
            [new],
        )
    code, report, _ = run_import(large, to=server)
    assert code == 1
    assert [grown in problem for problem in report["problems"]] == [True]
    assert new in all_runs(server)


def test_a_run_that_was_open_is_taken_whole_once_it_has_ended(store: Path, server: RunningServer):
    assert complete_import(store, to=server)["open_runs"] == 1
    run = next(run for run in all_runs(server).values() if run["info"]["status"] == "RUNNING")
    (meta,) = [path for path in store.rglob("meta.yaml") if path.parent.name == run["info"]["run_id"]]
    (meta.parent / "metrics").mkdir(exist_ok=True)
    (meta.parent / "metrics" / "late").write_text("77 0.5 3\n")
    meta.write_text(
        meta.read_text().replace("status: 1", "status: 3").replace("end_time: null", "end_time: 99")
    )
    assert complete_import(store, to=server)["open_runs"] == 0
    ended = all_runs(server)[run["info"]["run_id"]]
    assert (ended["info"]["status"], ended["info"]["end_time"]) == ("FINISHED", 99)
    assert history(server, run["info"]["run_id"], "late") == [(77, 3, "0.5")]


def _a_run(store: Path) -> Path:
    """Return the folder of a finished run with files."""
    return next(path.parent for path in store.rglob("artifacts") if list(path.iterdir()))


def _set(meta: Path, **values: str) -> None:
    lines = [line for line in meta.read_text().splitlines() if line.partition(":")[0] not in values]
    meta.write_text("\n".join([*lines, *(f"{key}: {value}" for key, value in values.items())]) + "\n")


def _refused(store: Path, server: RunningServer, told: str) -> None:
    """Import a store with one broken thing in it: that is said, and the rest comes."""
    code, report, err = run_import(store, to=server)
    assert code == 1, err
    assert [problem for problem in report["problems"] if told in problem], report["problems"]
    assert len(all_runs(server)) >= 63


@pytest.mark.parametrize(
    "uri", ["file:///etc", "/etc", "../../../../../../../etc", "mlflow-artifacts:/../.."]
)
def test_files_outside_of_the_store_are_never_read(uri: str, store: Path, server: RunningServer):
    _set(_a_run(store) / "meta.yaml", artifact_uri=uri)
    _refused(store, server, "outside of what may be read")


def test_links_are_not_followed_out_of_the_store(store: Path, server: RunningServer, tmp_path: Path):
    (tmp_path / "secret").write_text("secret")
    run = _a_run(store)
    (run / "artifacts" / "link").symlink_to(tmp_path / "secret")
    (run / "artifacts" / "folder").symlink_to(tmp_path)
    (run / "params" / "stolen").symlink_to(tmp_path / "secret")
    _refused(store, server, "outside of what may be read")
    kept = all_runs(server)[run.name]["data"]["params"]
    assert "stolen" not in {each["key"] for each in kept}


def test_names_that_are_no_utf8_are_told_and_all_else_of_their_run_comes(store: Path, server: RunningServer):
    run, odd = _a_run(store), os.fsdecode(b"\xe9t\xe9.txt")
    (run / "artifacts" / odd).write_text("summer")
    (run / "artifacts" / odd.removesuffix(".txt")).mkdir()
    (run / "artifacts" / odd.removesuffix(".txt") / "inside").write_text("summer")
    for kind in ("params", "tags", "metrics"):
        (run / kind).mkdir(exist_ok=True)
        (run / kind / odd).write_text("5 0.5 0\n")
        (run / kind / ".DS_Store").write_bytes(b"\x00\x00\x00\x01Bud1\xff")  # macOS leaves it where one looks
    code, report, err = run_import(store, to=server)
    assert code == 1, err
    told = [problem.removeprefix(f"{run}/") for problem in report["problems"]]
    names = [f"{kind}/\\udce9t\\udce9.txt" for kind in ("params", "tags", "metrics", "artifacts")]
    names.append("artifacts/\\udce9t\\udce9/inside")
    assert sorted(told) == sorted(
        f"{name} has a name that is no text of UTF-8; it is left out." for name in names
    )
    kept = all_runs(server)
    assert len(kept) >= 64
    data = kept[run.name]["data"]
    assert "runyard.import" in {each["key"] for each in data["tags"]}
    assert ".DS_Store" not in {each["key"] for kind in data.values() for each in kind}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("a: [", "no YAML"),
        ("[" * 5000, "no YAML"),
        ("!!python/object/apply:os.system ['true']", "no YAML"),
        ("- a list", "not what MLflow writes"),
        ("run_id: ../../etc\n", "not of its folder"),
        ("\x00\x01", "no YAML"),
    ],
)
def test_a_run_whose_description_is_broken_is_left_out(
    content: str, told: str, store: Path, server: RunningServer
):
    (_a_run(store) / "meta.yaml").write_text(content)
    _refused(store, server, told)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("5 " + "1" * 100_000 + " 3\n", "a line of more than"),
        ("not a point\n", "no point"),
        ("5\n", "no point"),
        ("5 1.0 99999999999999999999999\n", "step"),
        ("-5 1.0 1\n", "imestamp"),
    ],
)
def test_a_run_with_a_broken_history_is_said_and_not_called_complete(
    line: str, told: str, store: Path, server: RunningServer
):
    run = _a_run(store)
    (run / "metrics" / "broken").write_text(line)
    _refused(store, server, told)
    tags = {each["key"] for each in all_runs(server)[run.name]["data"]["tags"]}
    assert "runyard.import" not in tags
    (run / "metrics" / "broken").unlink()
    complete_import(store, to=server)


def test_a_hostile_experiment_does_not_stop_the_others(store: Path, server: RunningServer):
    (store / "hostile").mkdir()
    (store / "hostile" / "meta.yaml").write_text("a: [")
    _refused(store, server, "no YAML")


def test_a_server_that_is_no_mlflow_is_said(server: RunningServer, tmp_path: Path):
    code, _, err = run_import(f"{server.url}/nothing", to=server)
    assert (code, "no MLflow server" in err) == (1, True), err
