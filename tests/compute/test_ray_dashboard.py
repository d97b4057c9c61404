"""What is said of a Ray cluster that is not there or is another thing; its settings, and what it is sent."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
import pytest

from runyard.agent.keeper import LAST_WORDS
from runyard.compute import ray_dashboard
from runyard.compute.base import AgentState, Launch, Opening, resolve
from runyard.compute.ray import KIND, RaySettings
from runyard.compute.ray_dashboard import RayDashboard
from runyard.errors import InvalidParameter, Unavailable
from runyard.testing.launcher_rules import RUN_ID, assignment, report_of

SUBMISSION = f"runyard-{RUN_ID}-1-0123abcd"
HANDLE = f"{RUN_ID}/1"


class Dashboard:
    """Answers as it is told, and notes what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, str]] = {}
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        dashboard = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                dashboard.asked.append((self.command, self.path, dict(self.headers), body))
                place = f"{self.command} {self.path.split('/')[2]}"
                status, said = dashboard.answers.get(place, (200, "{}"))
                self.send_response(status)
                self.end_headers()
                self.wfile.write(said.encode())

            do_GET = do_PUT = do_POST = do_DELETE = answer

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def has(self, *jobs: dict[str, Any]) -> None:
        self.answers["GET jobs"] = (200, json.dumps(jobs))

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def dashboard() -> Iterator[Dashboard]:
    started = Dashboard()
    yield started
    started.close()


@pytest.fixture
def launcher(dashboard: Dashboard, tmp_path):
    settings = RaySettings(dashboard.url, server_url="https://runyard.example", python="python 3'")
    (tmp_path / "owner").write_text("us")
    return KIND.open(Opening(tmp_path, "ray", settings, {"token": "secret\n"}))


def job(status: str, message: str | None = None, submission_id: str = SUBMISSION, owner: str = "us"):
    told = {"submission_id": submission_id, "status": status, "message": message, "start_time": 1}
    return told | {"metadata": {"runyard": owner}}


def test_the_key_is_only_in_the_package_and_words_are_quoted_for_ray_s_shell(dashboard, launcher):
    dashboard.has()
    dashboard.answers["GET packages"] = (404, "Package does not exist")
    assert launcher.submit(Launch(RUN_ID, 1, assignment(), slots=2)) == HANDLE
    sent = {method: (path, headers, body) for method, path, headers, body in dashboard.asked}
    submitted = json.loads(sent["POST"][2])
    assert submitted["entrypoint"].startswith("exec 'python 3'\"'\"'' agent.pyz --keep ")
    assert submitted["runtime_env"]["working_dir"].endswith(sent["PUT"][0].rpartition("/")[2])
    assert (submitted["entrypoint_num_cpus"], submitted["metadata"]) == (2, {"runyard": "us"})
    assert [b"ryj_" in body for _, _, _, body in dashboard.asked] == [False, False, True, False]
    assert all(headers["Authorization"] == "Bearer secret" for _, _, headers, _ in dashboard.asked)


FAILED_SCRIPT = f'Job failed\nlog\n{LAST_WORDS}{{"state": "ended", "status": "failed", "exit_code": 3}}'
STOPPED = "Job was intentionally stopped."
GONE = AgentState.GONE


@pytest.mark.parametrize(
    ("found", "state", "exit_code", "reason"),
    [
        (job("PENDING"), AgentState.ALIVE, None, ""),
        (job("RUNNING"), AgentState.ALIVE, None, ""),
        (job("SUCCEEDED"), AgentState.ENDED, 0, ""),
        (job("FAILED", FAILED_SCRIPT), AgentState.ENDED, 3, ""),
        (job("FAILED", "runtime_env setup failed:\n no room \n"), GONE, None, "no room"),
        (job("FAILED", f"{LAST_WORDS}none"), GONE, None, f"{LAST_WORDS}none"),
        (job("STOPPED", STOPPED), GONE, None, STOPPED),
        (job("RUNNING", owner="them"), GONE, None, ""),
        (job("RUNNING", submission_id="somebody's"), GONE, None, ""),
    ],
    ids=["waits", "runs", "succeeded", "failed", "no place", "no end", "stopped", "another's", "no agent"],
)
def test_what_ray_says_of_a_job_is_what_is_seen_of_its_agent(
    dashboard, launcher, found, state, exit_code, reason
):
    dashboard.has(found)
    report = report_of(launcher, HANDLE)
    assert (report.state, report.exit_code, report.reason) == (state, exit_code, reason)


def test_of_several_launches_of_an_attempt_the_latest_counts(dashboard, launcher):
    dashboard.has(
        job("RUNNING", submission_id=f"{SUBMISSION[:-1]}e") | {"start_time": 2}, job("FAILED", "older")
    )
    assert report_of(launcher, HANDLE).state is AgentState.ALIVE
    assert list(launcher.list_launched()) == [HANDLE]


@pytest.mark.parametrize(
    ("status", "said", "told"),
    [
        (401, "Unauthorized", "'token' must be"),
        (403, "Forbidden", "'token' must be"),
        (500, "Traceback\nValueError: no such resource", "no such resource"),
        (302, "", "answers 302"),
        (200, "<html>", "is no Ray dashboard"),
        (404, "404: Not Found", "is no Ray dashboard"),
        (200, '{"a": 1}', "is no Ray dashboard"),
        (200, '[{"a": 1}]', "is no Ray dashboard"),
    ],
    ids=["no token", "wrong token", "an error", "elsewhere", "a page", "nothing", "another list", "no jobs"],
)
def test_who_refuses_is_unavailable_and_the_words_say_why(dashboard, launcher, status, said, told):
    dashboard.answers["GET jobs"] = (status, said)
    with pytest.raises(Unavailable, match=told):
        launcher.check()
    report = report_of(launcher, HANDLE)
    assert (report.state, told in report.reason) == (AgentState.UNKNOWN, True)


def test_who_answers_a_byte_at_a_time_is_not_listened_to_for_ever(monkeypatch):
    monkeypatch.setattr(ray_dashboard, "ANSWERED_WITHIN_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection, suppress(OSError):
                connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                while True:
                    connection.sendall(b" ")
                    time.sleep(0.05)

        thread = threading.Thread(target=answer)
        thread.start()
        slow = RayDashboard(f"http://127.0.0.1:{server.getsockname()[1]}", resolve)
        with pytest.raises(Unavailable):
            slow.list_jobs()
        thread.join()


def test_nobody_there_is_unavailable():
    nobody = RayDashboard("http://127.0.0.1:9", resolve)
    with pytest.raises(Unavailable, match="does not answer"):
        nobody.list_jobs()
    https = RayDashboard("https://127.0.0.1:9/ray", resolve)
    with pytest.raises(Unavailable, match=r"https://127\.0\.0\.1:9/ray does not answer"):
        https.list_jobs()


def test_a_connection_goes_only_where_the_wall_lets_it(dashboard):
    def refuses(host: str, port: int):
        raise InvalidParameter(f"{host} is not public")

    with pytest.raises(Unavailable, match="is not public"):
        RayDashboard(dashboard.url, refuses).list_jobs()
    assert not dashboard.asked
    named = RayDashboard(dashboard.url.replace("127.0.0.1", "ray.example"), lambda *_: ["127.0.0.1"])
    named.ask("GET", "/api/version")
    assert dashboard.asked[0][2]["Host"].startswith("ray.example:")


def test_the_address_of_this_server_must_be_known(dashboard, tmp_path):
    launcher = KIND.open(Opening(tmp_path, "ray", RaySettings(dashboard.url)))
    with pytest.raises(Unavailable, match="server_url"):
        launcher.check()
    there = KIND.open(Opening(tmp_path, "ray", RaySettings(dashboard.url), server="https://runyard.example"))
    dashboard.has()
    there.check()


@pytest.mark.parametrize("token", ["a\nb", "é"], ids=["two lines", "no ASCII"])
def test_a_token_that_no_header_can_hold_is_refused(dashboard, tmp_path, token):
    settings = RaySettings(dashboard.url, server_url="https://runyard.example")
    with pytest.raises(Unavailable, match="token"):
        KIND.open(Opening(tmp_path, "ray", settings, {"token": token}))


def test_what_is_no_name_of_a_host_is_not_there():
    with pytest.raises(Unavailable, match="does not answer"):
        RayDashboard(f"http://{'a' * 64}.example", resolve).list_jobs()


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"address": "head:8265"},
        {"address": "ray://head:10001"},
        {"address": "http://user@head:8265"},
        {"address": "http://head:8265/?x"},
        {"address": "http://head:99999"},
        {"address": "http://[x]:80"},
        {"address": "http://head:8265/a\x7f"},
        {"address": "http://head", "server_url": "ftp://x"},
        {"address": "http://head", "python": "python\nrm"},
        {"address": "http://head", "python": "-c"},
        {"address": "http://head", "cpus_per_slot": -1},
        {"address": "http://head", "memory_bytes_per_slot": 0.5},
        {"address": "http://head", "resources_per_slot": {"": 1}},
        {"address": "http://head", "nodes": 2},
    ],
    ids=lambda settings: "-".join(f"{value}" for value in settings.values()) or "none",
)
def test_settings_that_can_not_be_are_refused(settings):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(settings, RaySettings)
