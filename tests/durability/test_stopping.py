"""A server that is told to stop: it says so, ends what it has begun, and loses nothing acknowledged."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import threading
from functools import partial
from pathlib import Path

import httpx

from runyard.services.operation import STOPPING
from tests.conftest import ServerStarter
from tests.durability.logging_client import LoggingClient, check_all_is_kept
from tests.running_server import RunningServer
from tests.waiting import until

UPLOAD = "/api/2.0/mlflow-artifacts/artifacts/0/r/artifacts/large.bin"
HALF = b"half" * 500_000
LONG = {"RUNYARD_GRACEFUL_STOP_S": "600"}


def test_a_stopping_server_says_so_to_probes_and_still_answers(start_server: ServerStarter):
    server = start_server(environment={"RUNYARD_DRAIN_S": "600"})
    with httpx.Client(base_url=server.url, timeout=60) as client:
        os.kill(server.pid, signal.SIGTERM)
        until(lambda: client.get("/readyz").status_code != 200)
        told = client.get("/readyz")
        assert (told.status_code, told.json()["problems"]) == (503, [STOPPING])
        made = client.post("/api/2.0/mlflow/experiments/create", json={"name": "late"})
        assert made.status_code == 200
    assert server.stop() == 0  # a second signal ends the wait
    assert not (server.home / "server.json").exists()
    found = httpx.get(
        f"{server.start().url}/api/2.0/mlflow/experiments/get-by-name?experiment_name=late", timeout=60
    )
    assert found.status_code == 200


def test_a_request_that_has_begun_is_ended_before_the_server_is(start_server: ServerStarter):
    server = start_server(environment=LONG)
    upload = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    upload.putrequest("PUT", UPLOAD)
    upload.putheader("Content-Length", str(2 * len(HALF)))
    upload.endheaders(HALF)
    until(lambda: has_begun(server.home))
    os.kill(server.pid, signal.SIGTERM)
    until(lambda: not is_listening(server))
    upload.send(HALF)
    assert upload.getresponse().read() == b"{}"
    upload.close()
    assert server.stopped() == 0
    assert httpx.get(f"{server.start().url}{UPLOAD}", timeout=60).content == 2 * HALF


def test_what_was_acknowledged_before_a_stop_under_load_is_there(start_server: ServerStarter):
    server = start_server(environment=LONG)
    finish, abandon = threading.Event(), threading.Event()
    clients = [LoggingClient([server.url], number, finish, abandon) for number in range(4)]
    for client in clients:
        client.start()
    for _ in range(3):
        so_far = [len(client.acknowledged) for client in clients]
        until(partial(have_all_gone_on, clients, so_far))
        os.kill(server.pid, signal.SIGTERM)
        assert server.stopped() == 0
        server.start()
    finish.set()
    for client in clients:
        client.join()
    assert [client.surprises for client in clients] == [[]] * 4
    check_all_is_kept(server.url, clients)


def have_all_gone_on(clients: list[LoggingClient], so_far: list[int]) -> bool:
    return all(len(client.acknowledged) > count for client, count in zip(clients, so_far, strict=True))


def has_begun(home: Path) -> bool:
    """Tell whether some of the upload is on the disk, under whatever name it has until it is whole."""
    return any(path.stat().st_size for path in (home / "artifacts").rglob("*") if path.is_file())


def is_listening(server: RunningServer) -> bool:
    try:
        socket.create_connection(("127.0.0.1", server.port), timeout=60).close()
    except ConnectionRefusedError:
        return False
    return True
