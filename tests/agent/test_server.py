"""Calls of an agent: what is a refusal, what passes, and where the key never goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from runyard.agent import server as server_module
from runyard.agent.server import Away, GivenUp, Refused, Server, patiently
from tests.agent.job_server import KEY, Answer, JobServer, refusal
from tests.sdk.scripted_server import Scripted, ScriptedServer

BEGIN = {"attempt": 1, "agent_id": "a"}


@pytest.fixture
def server(job_server: JobServer) -> Server:
    return Server(job_server.url, KEY)


def test_an_answer_is_a_message(server: Server, job_server: JobServer):
    server.post("/api/v1/jobs/run/begin", BEGIN)
    report = {"attempt": 1, "agent_id": "a", "status": "running"}
    assert server.post("/api/v1/jobs/run/report", report) == {"is_cancel_requested": False}
    assert job_server.job.statuses == ["running"]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 413])
def test_a_no_of_runyards_is_a_refusal(server: Server, job_server: JobServer, status: int):
    job_server.fault = lambda method, path: refusal(status, "SOME_CODE", "for a reason")
    with pytest.raises(Refused) as caught:
        server.post("/api/v1/jobs/run/begin", BEGIN)
    assert (caught.value.status, caught.value.code) == (status, "SOME_CODE")
    assert caught.value.message == "for a reason"


@pytest.mark.parametrize(
    "answer",
    [
        *(refusal(status, "SOME_CODE") for status in (408, 429, 500, 503, 507)),
        *(Answer(status, b"<html>") for status in (200, 400, 403, 404, 502)),
        *(Answer(404, body) for body in (b"", b"[]", b'"x"', b'{"message": "no code"}', b"\xff")),
        Answer(200, b"[]"),
        Answer(302),
        Answer(0),
    ],
)
def test_everything_else_passes(server: Server, job_server: JobServer, answer: Answer):
    job_server.fault = lambda method, path: answer
    with pytest.raises(Away):
        server.post("/api/v1/jobs/run/begin", BEGIN)


def test_an_address_where_nobody_listens_is_a_server_that_is_away(server: Server, job_server: JobServer):
    job_server.stop()
    with pytest.raises(Away):
        server.post("/api/v1/jobs/run/begin", BEGIN)


def test_the_key_goes_nowhere_else():
    with ScriptedServer([Scripted()]) as elsewhere:
        moved = Scripted(307, headers={"Location": f"{elsewhere.url}/x"})
        with ScriptedServer([moved]) as first:
            server = Server(f"{first.url}/workspaces/lab", "s3cret")
            with pytest.raises(Away):
                server.post("/x", {})
            with pytest.raises(ValueError, match="does not lie below"):
                server.download(f"{elsewhere.url}/x", Path("/dev/null"), 10)
            assert first.received[0].headers["Authorization"] == "Bearer s3cret"
        assert elsewhere.received == []
    assert "s3cret" not in repr(server)


def test_a_proxy_is_not_asked_for_this_machine(monkeypatch, server: Server):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert server.post("/api/v1/jobs/run/begin", BEGIN) == {}


def test_files_are_written_whole_and_read_whole(server: Server, job_server: JobServer, tmp_path: Path):
    path = tmp_path / "weights"
    path.write_bytes(b"x" * 3_000_000)
    with path.open("rb") as opened:
        server.put_artifact("0/run/artifacts/ä b%#?.bin", opened, 3_000_000)
    assert job_server.artifacts["0/run/artifacts/ä b%#?.bin"] == b"x" * 3_000_000
    job_server.files["/file"] = b"y" * 2_500_000
    server.download("/file", tmp_path / "file", 2_500_000)
    assert (tmp_path / "file").read_bytes() == b"y" * 2_500_000
    with pytest.raises(ValueError, match="2500000 bytes, and the limit is 2499999"):
        server.download("/file", tmp_path / "file", 2_499_999)


def test_a_file_that_is_cut_off_is_got_again(tmp_path: Path):
    answers = [Scripted(body=b"whole", cut_at=2), Scripted(body=b"whole")]
    with ScriptedServer(answers) as scripted:
        server = Server(scripted.url, "k")
        patiently(lambda: server.download("/x", tmp_path / "x", 10), lambda: False)
        assert len(scripted.received) == 2
    assert (tmp_path / "x").read_bytes() == b"whole"


def test_rests_grow_and_never_beyond_a_limit(monkeypatch):
    rests: list[float] = []
    monkeypatch.setattr(server_module, "rest", lambda rest_s, *_: rests.append(rest_s))
    left = [Away("x")] * 9 + [Away("x", rest_s=60)]

    def call() -> str:
        if left:
            raise left.pop(0)
        return "there"

    assert patiently(call, lambda: False) == "there"
    assert rests[:4] == [0.25, 0.5, 1.0, 2.0]
    assert rests[-3:] == [30.0, 30.0, 60]


def test_what_is_given_up_is_not_tried_again():
    calls: list[int] = []

    def call() -> None:
        calls.append(1)
        raise Away("x")

    with pytest.raises(GivenUp):
        patiently(call, lambda: len(calls) == 1)
    assert calls == [1]
