"""`runyard import` of traces: the genuine client reads the same here as where they come from."""

import base64
import json
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.running_server import RunningServer
from tests.transfer.conftest import MADE, ROOT, environment
from tests.transfer.importing import all_runs, begin, complete_import, freeze_when, run_import

pytestmark = pytest.mark.clients

Filled = Callable[[str], Path]
Imported = Callable[[str], tuple[RunningServer, Any]]
WITH_TRACES = [name for name in MADE if not name.startswith("1.30")]
COUNTS = ("traces", "spans", "assessments", "attachments")
# Where spans are kept, and where an import came from, is of each server.
OF_A_SERVER = ("mlflow.artifactLocation", "mlflow.trace.spansLocation")
V3 = "/api/3.0/mlflow/traces"


def read_by_client(uri: str, run_id: str = "", name: str = "vision") -> tuple[dict[str, Any], list[str]]:
    """Return the traces of an experiment by their ids, and those that are linked to a run."""
    python = ROOT / ".envs" / "mlflow-3.17" / "bin" / "python"
    ended = subprocess.run(
        [python, "-W", "ignore", Path(__file__).with_name("read_traces.py"), uri, name, run_id],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    answer = json.loads(ended.stdout)
    return {each["info"]["trace_id"]: _comparable(each) for each in answer["traces"]}, answer["linked"]


def _comparable(trace: dict[str, Any]) -> dict[str, Any]:
    info = trace["info"]
    del info["trace_location"]
    for tag in OF_A_SERVER:
        info["tags"].pop(tag, None)
    info["trace_metadata"].pop("runyard.import", None)
    info.get("assessments", []).sort(key=lambda each: each["assessment_id"])
    for each in info.get("assessments", []):
        # A client that reads a database itself says it of expectations too.
        each.setdefault("valid", True)
    for span in trace["data"]["spans"]:
        # Written as JSON by each side in its way; they are compared as they are read.
        del span["attributes"]
    for attributes in trace["attributes"].values():
        # A client of MLflow 3 makes this one up from OpenTelemetry's; a trace of MLflow 2 has another.
        del attributes["mlflow.traceRequestId"]
    trace["data"]["spans"].sort(key=lambda each: each["span_id"])
    return trace


def _uri(store: Path) -> str:
    return str(store) if store.is_dir() else f"sqlite:///{store}"


def _brave(server: RunningServer) -> str:
    runs = all_runs(server).items()
    return next(run_id for run_id, run in runs if run["info"]["run_name"] == "brave")


def _infos(server: RunningServer) -> dict[str, Any]:
    found = httpx.get(
        f"{server.url}/api/2.0/mlflow/experiments/get-by-name",
        params={"experiment_name": "vision"},
        timeout=60,
    ).json()
    place = {
        "type": "MLFLOW_EXPERIMENT",
        "mlflow_experiment": {"experiment_id": found["experiment"]["experiment_id"]},
    }
    answer = httpx.post(f"{server.url}{V3}/search", json={"locations": [place]}, timeout=60).json()
    return {each["trace_id"]: each for each in answer.get("traces", [])}


def _told(server: RunningServer, method: str, path: str, **body: Any) -> None:
    answer = httpx.request(method, f"{server.url}{V3}{path}", json=body, timeout=60)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("name", WITH_TRACES)
def test_the_genuine_client_reads_what_it_logged(name: str, filled: Filled, imported: Imported):
    server, report = imported(name)
    run_id = _brave(server) if name.endswith("database") else ""
    there, linked_there = read_by_client(_uri(filled(name)), run_id)
    here, linked_here = read_by_client(server.url, run_id)
    assert here == there
    assert linked_here == linked_there == (sorted(here) if run_id else [])
    answer = next(each["info"] for each in here.values() if "env" in each["info"]["tags"])
    if name.startswith("3.17"):
        assert answer["client_request_id"] == "c-1"
        assert answer["trace_metadata"]["mlflow.trace.session"] == "s-1"
        assert json.loads(answer["trace_metadata"]["mlflow.trace.tokenUsage"])["total_tokens"] == 12
    kept = tuple(report["kept"][each] for each in COUNTS)
    assert kept == ((2, 3, 0, 0) if name.startswith("2.") else (2, 3, 5, 2))


def test_a_running_mlflow_server_gives_the_same_traces(
    serving_mlflow: str, server: RunningServer, tmp_path: Path
):
    lost, kept = sorted((tmp_path / "serving" / "art").rglob("attachments/*"))
    lost.unlink()
    report = run_import(serving_mlflow, to=server)[1]
    assert tuple(report["kept"][each] for each in COUNTS) == (2, 3, 5, 1)
    told, compared = (each for each in report["problems"] if "race" in each)
    assert f"attachment {lost.name} is left out" in told
    assert "1 attachments of 2" in compared
    assert kept.name not in told + compared
    run_id = _brave(server)
    here = read_by_client(server.url, run_id)
    assert here == read_by_client(serving_mlflow, run_id)
    assert len(here[1]) == 2


def test_what_was_done_here_since_stays(filled: Filled, server: RunningServer):
    store = filled("3.17-database")
    complete_import(store, to=server)
    first, second = sorted(_infos(server).items(), key=lambda each: each[1]["request_time"])
    _told(server, "PATCH", f"/{first[0]}/tags", key="env", value="live")
    given = first[1]["assessments"][0]["assessment_id"]
    _told(server, "DELETE", f"/{first[0]}/assessments/{given}")
    experiment_id = first[1]["trace_location"]["mlflow_experiment"]["experiment_id"]
    _told(server, "POST", "/delete-traces", experiment_id=experiment_id, request_ids=[second[0]])
    before = _infos(server)
    code, report, _ = run_import(store, to=server)
    assert _infos(server) == before
    assert (code, len(report["problems"])) == (1, 2)
    assert any(first[0] in each and "4 assessments of 4" not in each for each in report["problems"])
    assert any(second[0] in each and "0 traces of 1" in each for each in report["problems"])


def test_a_dry_run_counts_traces_too(filled: Filled, server: RunningServer):
    code, report, _ = run_import(filled("3.17-folder"), "--dry-run", to=server)
    assert (code, tuple(report["read"][each] for each in COUNTS)) == (0, (2, 3, 5, 2))


@pytest.fixture
def database(filled: Filled, tmp_path: Path) -> Path:
    """A copy of the newest database, without files, which a test may change."""
    return Path(shutil.copyfile(filled("3.17-database"), tmp_path / "copied.db"))


def _ids(database: Path) -> list[str]:
    with sqlite3.connect(database) as opened:
        return [row[0] for row in opened.execute("SELECT request_id FROM trace_info ORDER BY timestamp_ms")]


def test_spans_that_lie_in_a_file_come_from_there(
    database: Path, filled: Filled, server: RunningServer, tmp_path: Path
):
    first, second = _ids(database)
    folder = tmp_path / "files" / first
    (attached,) = filled("3.17-database").parent.rglob(f"{first}/**/attachments")
    shutil.copytree(attached, folder / "attachments")
    with sqlite3.connect(database) as opened:
        rows = opened.execute("SELECT content FROM spans WHERE trace_id = ?", [first]).fetchall()
        spans = [json.loads(row[0]) for row in rows]
        (folder / "traces.json").write_text(json.dumps({"spans": spans, "request": "r"}))
        opened.execute("DELETE FROM spans")
        opened.execute("DELETE FROM trace_tags WHERE key = 'mlflow.trace.spansLocation'")
        where = "WHERE key = 'mlflow.artifactLocation' AND request_id = ?"
        opened.execute(f"UPDATE trace_tags SET value = 'files/{first}' {where}", [first])
        opened.execute(f"UPDATE trace_tags SET value = 's3://bucket/x' {where}", [second])
    complete = complete_import(database, "-e", "vision", "--artifacts", tmp_path, *_files(filled), to=server)
    assert (complete["kept"]["spans"], complete["remote_owners"]) == (2, 1)
    here, _ = read_by_client_of(server, first)
    there, _ = read_by_client(_uri(filled("3.17-database")))
    assert here == there[first]
    assert _infos(server)[second]["tags"]["mlflow.artifactLocation"] == "s3://bucket/x"


def _files(filled: Filled) -> tuple[object, ...]:
    return ("--artifacts", filled("3.17-database").parent)


def read_by_client_of(server: RunningServer, trace_id: str) -> tuple[dict[str, Any], None]:
    """Return one trace as the genuine client has it."""
    script = (
        "import json, sys, mlflow\n"
        "sys.path.insert(0, sys.argv[3])\n"
        "from read_traces import _described\n"
        "mlflow.set_tracking_uri(sys.argv[1])\n"
        "print(json.dumps(_described(mlflow.get_trace(sys.argv[2]))))\n"
    )
    python = ROOT / ".envs" / "mlflow-3.17" / "bin" / "python"
    ended = subprocess.run(
        [python, "-W", "ignore", "-c", script, server.url, trace_id, str(Path(__file__).parent)],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    return _comparable(json.loads(ended.stdout)), None


MANY, SPANS = 300, 40


@pytest.fixture
def many(database: Path) -> tuple[Path, list[str]]:
    """A database with so many traces that an import can be met in the middle, and their ids."""
    with sqlite3.connect(database) as opened:
        opened.execute("DELETE FROM trace_info")
        opened.execute("DELETE FROM spans")
        opened.execute("DELETE FROM assessments")
        columns = "request_id, experiment_id, timestamp_ms, execution_time_ms, status"
        ids = [f"tr-{number:032x}" for number in range(1, MANY + 1)]
        (vision,) = opened.execute("SELECT experiment_id FROM experiments WHERE name = 'vision'").fetchone()
        rows = [(trace_id, vision, number, 5, "OK") for number, trace_id in enumerate(ids)]
        opened.executemany(f"INSERT INTO trace_info ({columns}) VALUES (?, ?, ?, ?, ?)", rows)
        names = "trace_id, experiment_id, span_id, name, status, start_time_unix_nano, content"
        for trace_id in ids:
            spans = [
                (trace_id, vision, f"{span:016x}", "s", "OK", 1, _content(trace_id, span))
                for span in range(1, SPANS + 1)
            ]
            opened.executemany(f"INSERT INTO spans ({names}) VALUES (?, ?, ?, ?, ?, ?, ?)", spans)
    return database, ids


def _content(trace_id: str, span: int) -> str:
    return json.dumps(
        {
            "trace_id": base64.b64encode(bytes.fromhex(trace_id[3:])).decode(),
            "span_id": base64.b64encode(span.to_bytes(8, "big")).decode(),
            "parent_span_id": None,
            "name": "s",
            "start_time_unix_nano": span,
            "end_time_unix_nano": span + 1,
            "events": [],
            "status": {"code": "STATUS_CODE_OK", "message": ""},
            "attributes": {"mlflow.traceRequestId": json.dumps(trace_id), "text": json.dumps("x" * 500)},
            "links": [],
        }
    )


def _stored(server: RunningServer, ids: list[str]) -> tuple[int, int]:
    body = {"trace_ids": ids}
    counts = httpx.post(f"{server.url}/api/v1/import/counts", json=body, timeout=60).json()
    return counts["traces"], counts["spans"]


def test_a_killed_import_goes_on_and_no_span_comes_twice(
    many: tuple[Path, list[str]], filled: Filled, server: RunningServer
):
    database, ids = many
    met = 0
    for least in (0, MANY * SPANS // 2):
        process = begin(database, "-e", "vision", *_files(filled), to=server)
        freeze_when(process, lambda wanted=least: _stored(server, ids)[1] > wanted)  # type: ignore[misc]
        process.kill()
        process.communicate()
        met += 0 < _stored(server, ids)[1] < MANY * SPANS
    assert met, "no import was met in the middle"
    report = complete_import(database, "-e", "vision", *_files(filled), to=server)
    assert (report["kept"]["traces"], report["kept"]["spans"]) == (MANY, MANY * SPANS)
    assert _stored(server, ids) == (MANY, MANY * SPANS)


def test_what_is_broken_costs_its_trace_and_is_named(
    many: tuple[Path, list[str]], filled: Filled, server: RunningServer
):
    database, ids = many
    broken = {
        ids[10]: "UPDATE spans SET content = '[1' WHERE trace_id = ?",
        ids[20]: "UPDATE spans SET content = '{}' WHERE trace_id = ?",
        ids[30]: "UPDATE trace_info SET status = 'SOMEHOW' WHERE request_id = ?",
        ids[40]: "UPDATE trace_info SET timestamp_ms = -5 WHERE request_id = ?",
        ids[50]: "INSERT INTO trace_tags (key, value, request_id) SELECT 'k', hex(zeroblob(40000)), ?",
    }
    with sqlite3.connect(database) as opened:
        for trace_id, statement in broken.items():
            opened.execute(statement, [trace_id])
        opened.execute("UPDATE spans SET content = '' WHERE trace_id = ?", [ids[60]])
        for key, value in (
            ("mlflow.artifactLocation", "../../../../../etc"),
            ("mlflow.trace.spansLocation", "ARTIFACT_REPO"),
        ):
            opened.execute(
                "INSERT INTO trace_tags (key, value, request_id) VALUES (?, ?, ?)", [key, value, ids[60]]
            )
    code, report, _ = run_import(database, "-e", "vision", *_files(filled), to=server)
    assert code == 1
    named = {trace_id for trace_id in ids if any(trace_id in each for each in report["problems"])}
    assert named == {*broken, ids[60]}
    assert any("outside of what may be read" in each for each in report["problems"])
    whole = [trace_id for trace_id in ids if trace_id not in named]
    assert _stored(server, whole) == (len(whole), len(whole) * SPANS)
    _, again, _ = run_import(database, "-e", "vision", *_files(filled), to=server)
    assert sorted(again["problems"]) == sorted(report["problems"])
