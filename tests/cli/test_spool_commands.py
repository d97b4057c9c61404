"""`runyard sync` and `runyard spool`: what they show, and what a spool from elsewhere can't make them do."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import httpx
import msgspec
import pytest

from runyard.cli.commands import run
from runyard.sdk.spool.folder import SpoolFolder
from runyard.sdk.spool.records import FileLogged, Logged, Point, Posted, Record, RunBegun
from runyard.sdk.spool.segments import VERSION
from runyard.sdk.spool.writer import SpoolWriter

RUN = "a" * 32


def spool_for(root: Path, url: str, *records: Record) -> SpoolFolder:
    writer = SpoolWriter(root, url, 10**9)
    for record in records:
        assert writer.add(record)
    folder = writer.folder
    assert folder is not None
    writer.close()
    return folder


@pytest.fixture
def root(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.setenv("RUNYARD_SPOOL_DIR", str(tmp_path / "spools"))
    return tmp_path / "spools"


def output(capsys, *words: str):
    code = run([*words, "--json"])
    captured = capsys.readouterr()
    return code, json.loads(captured.out), captured.err


def test_nothing_waits_where_nothing_was_logged(root, capsys):
    assert run(["sync"]) == 0
    assert capsys.readouterr().out == "Nothing waits to be sent.\n"
    assert output(capsys, "spool", "list")[:2] == (0, [])
    assert run(["sync", str(root / "missing")]) == 3


def test_what_waits_is_listed_and_sent(root, capsys, server):
    point = Point("loss", 0.5, 1, 1)
    spool = spool_for(root, server.url, RunBegun(RUN, experiment_id="0"), Logged(RUN, [point]))
    code, listed, _ = output(capsys, "spool", "list")
    assert (code, listed[0]["waiting"], listed[0]["has_writer"]) == (0, 2, False)
    assert run(["spool", "list"]) == 0
    assert str(spool.path) in capsys.readouterr().out
    code, sent, _ = output(capsys, "sync")
    assert (code, sent[0]["sent"], sent[0]["is_sent"]) == (0, 2, True)
    assert not spool.path.exists()
    assert run(["run", "show", RUN, "--url", server.url]) == 0


def test_what_is_refused_is_counted_and_kept(root, capsys, server):
    spool = spool_for(root, server.url, Logged("b" * 32, [Point("loss", 0.5, 1, 1)]))
    assert run(["sync"]) == 0
    captured = capsys.readouterr()
    assert captured.out.endswith(": 0 records\n")
    assert "Refused by the server: 1 records" in captured.err
    assert "not found" in (spool.path / "refused.jsonl").read_text()


def test_without_a_server_all_stays_and_the_exit_code_says_so(root, capsys):
    spool = spool_for(root, "http://127.0.0.1:9", RunBegun(RUN))
    code, outcome, error = output(capsys, "sync")
    assert (code, outcome[0]["is_sent"], outcome[0]["waiting"]) == (5, False, 1)
    assert "No server answers" in error
    assert spool.path.exists()


def test_a_spool_that_somebody_sends_just_now_is_left_alone(root, capsys, server):
    spool = spool_for(root, server.url, RunBegun("c" * 32))
    lock = spool.sender_lock
    assert lock.take()
    assert run(["sync"]) == 1
    assert "another process" in capsys.readouterr().err
    lock.release()
    assert run(["sync"]) == 0


def test_a_spool_does_not_decide_who_gets_the_token(root, capsys, monkeypatch):
    spool_for(root, "https://evil.example", RunBegun(RUN))
    monkeypatch.setenv("RUNYARD_TOKEN", "secret")
    assert run(["sync"]) == 4
    assert "--to https://evil.example" in capsys.readouterr().err


@pytest.mark.parametrize(
    "record",
    [
        Posted("/api/v1/gc", "{}"),
        FileLogged("0/x/artifacts", "stolen", "../../../secret"),
        FileLogged("0/x/artifacts", "stolen", "{outside}"),
        FileLogged("0/x/artifacts", "../../../../v1/x", "d" * 32),
        FileLogged("0/x/artifacts", "linked", "e" * 32),
    ],
)
def test_a_spool_from_elsewhere_leads_to_no_other_file_and_no_other_call(
    root, tmp_path, server, record: Record
):
    """Nor is another file deleted, as those of the spool are once they are settled."""
    secret = tmp_path / "secret"
    secret.write_text("secret")
    if isinstance(record, FileLogged):
        record = msgspec.structs.replace(record, content=record.content.format(outside=secret))
    spool = spool_for(root, server.url, record)
    spool.file("d" * 32).write_text("harmless")
    spool.file("e" * 32).symlink_to(secret)
    (spool.path.parent / "secret").write_text("a neighbour's")
    assert run(["sync"]) == 0
    assert spool.refused_count() == 1
    assert secret.read_text() == "secret"
    assert (spool.path.parent / "secret").exists()


def test_a_spool_that_version_1_wrote_is_sent_as_it_was(root, capsys, server, tmp_path):
    # Bytes that Runyard 0.1.0 really wrote. They never change: a spool may be found years later.
    frozen = Path(__file__).with_name("spool_version_1")
    shutil.copytree(frozen, tmp_path / "found")
    assert msgspec.json.decode((frozen / "spool.json").read_bytes())["version"] == 1
    code, sent, _ = output(capsys, "sync", str(tmp_path / "found"), "--to", server.url)
    assert (code, sent[0]["sent"], sent[0]["refused"]) == (0, 25, 0)
    with httpx.Client(base_url=server.url, timeout=60) as http:
        query = {"run_id": "0123456789abcdef0123456789abcdef"}
        run = http.get("/api/2.0/mlflow/runs/get", params=query).raise_for_status().json()["run"]
        history = http.get(
            "/api/2.0/mlflow/metrics/get-history", params={**query, "metric_key": "loss"}
        ).json()
        folder = run["info"]["artifact_uri"].removeprefix("mlflow-artifacts:/")
        file = http.get(f"/api/2.0/mlflow-artifacts/artifacts/{folder}/model/weights.txt").raise_for_status()
    assert (run["info"]["status"], run["info"]["run_name"]) == ("FINISHED", "old")
    assert [(each["step"], each["value"]) for each in history["metrics"]] == [
        (step, 1 / (step + 1)) for step in range(20)
    ]
    tags = {each["key"]: each["value"] for each in run["data"]["tags"]}
    assert (tags["kind"], tags["last"]) == ("frozen", "19")
    assert run["data"]["params"] == [{"key": "alpha", "value": "0.5"}]
    assert run["inputs"]["dataset_inputs"][0]["dataset"]["name"] == "d"
    assert file.text == "these are weights"


def test_a_spool_says_which_version_wrote_it(root):
    spool = spool_for(root, "http://127.0.0.1:1", Logged(RUN))
    assert spool.origin.version == VERSION
    assert spool.segment(1).read_bytes()[:12] == b"RYSPOOL\0" + VERSION.to_bytes(4, "little")
