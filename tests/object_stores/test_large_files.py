"""A large file passes through the real server whole, in little memory, however often its sender is cut off.

``RUNYARD_LARGE_FILE_MB`` says how large; nightly it is 5120.
"""

import contextlib
import hashlib
import http.client
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.conftest import ServerStarter
from tests.object_stores.servers import ObjectServer
from tests.running_server import RunningServer

pytestmark = [pytest.mark.slow, pytest.mark.scaled]

MB = 1024 * 1024
SIZE_BYTES = int(os.environ.get("RUNYARD_LARGE_FILE_MB", "256")) * MB
# Seen on SeaweedFS: 29 MB more after the cut uploads, 28 MB more in the download, 11 MB more on busy cores.
GROWTH_BYTES = 80 * MB
MEMORY_BYTES = 200 * MB
CUTS_BYTES = [0, 1, *(MB << power for power in range(7)), SIZE_BYTES - 1]
PATH = "/api/2.0/mlflow-artifacts/artifacts/run/large.bin"
SWEPT_WITHIN_S = 120
BLOCK = os.urandom(MB)

_log = logging.getLogger(__name__)


@pytest.fixture(params=["folder", "seaweedfs", "azurite"])
def kept_in(request: pytest.FixtureRequest, start_server: ServerStarter, tmp_path: Path):
    """Return a server that keeps artifacts there, and what tells which unfinished parts lie around."""
    if request.param == "folder":
        running = start_server()
        return running, lambda: list((running.home / "artifacts" / ".incoming").iterdir())
    store: ObjectServer = request.getfixturevalue(request.param)
    location = {"RUNYARD_ARTIFACT_STORE": store.new_location()}
    # What Azure was sent and not told to keep can't be taken back; it forgets it after a week.
    leftovers = store.waiting_parts if request.param == "seaweedfs" else list
    return start_server(environment=store.environment | location), leftovers


class HighestMemory:
    """Looks at a server's memory all the time; `before` is what it had to begin with."""

    def __init__(self, server: RunningServer) -> None:
        self._process = psutil.Process(server.pid)
        self._is_over = threading.Event()
        self._watcher = threading.Thread(target=self._watch)
        self.before = self.bytes = self._process.memory_info().rss

    def __enter__(self) -> "HighestMemory":
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._watcher.join()

    def _watch(self) -> None:
        while not self._is_over.wait(0.02):
            self.bytes = max(self.bytes, self._process.memory_info().rss)


def pieces(size_bytes: int, digest: "hashlib._Hash | None" = None) -> Iterator[bytes]:
    """Yield a file that is different in each megabyte."""
    for number in range(0, size_bytes, MB):
        piece = (number.to_bytes(8, "big") + BLOCK[8:])[: size_bytes - number]
        if digest is not None:
            digest.update(piece)
        yield piece


def send(server: RunningServer, size_bytes: int, until_bytes: int) -> tuple[int, bytes] | None:
    """Upload a file and return the answer, or begin to, and go away after so many bytes."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=600)) as connection:
        connection.putrequest("PUT", PATH)
        connection.putheader("Content-Length", str(size_bytes))
        connection.endheaders()
        for piece in pieces(until_bytes):
            connection.send(piece)
        if until_bytes < size_bytes:
            return None
        answer = connection.getresponse()
        return answer.status, answer.read()


def upload(server: RunningServer, size_bytes: int) -> None:
    answer = send(server, size_bytes, size_bytes)
    assert answer is not None
    assert answer[0] == httpx.codes.OK, answer[1]


def download(server: RunningServer, start: int = 0) -> str:
    digest = hashlib.sha256()
    headers = {"Range": f"bytes={start}-"}
    with httpx.stream("GET", server.url + PATH, headers=headers, timeout=600) as answer:
        for piece in answer.iter_raw(MB):
            digest.update(piece)
    return digest.hexdigest()


def is_swept(leftovers: Callable[[], list[object]]) -> bool:
    deadline = time.monotonic() + SWEPT_WITHIN_S
    while leftovers():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_r15_a_large_file_passes_in_little_memory_however_often_it_is_cut(kept_in):
    server, leftovers = kept_in
    upload(server, 40 * MB)
    download(server)
    httpx.delete(server.url + PATH, timeout=60).raise_for_status()
    expected = hashlib.sha256()
    for _ in pieces(SIZE_BYTES, expected):
        pass
    with HighestMemory(server) as memory:
        for cut_bytes in CUTS_BYTES:
            send(server, SIZE_BYTES, cut_bytes)
            assert httpx.get(server.url + PATH, timeout=60).status_code == httpx.codes.NOT_FOUND
        assert is_swept(leftovers)
        upload(server, SIZE_BYTES)
        assert download(server) == expected.hexdigest()
    _log.info("memory: %d MB before, %d MB at most", memory.before // MB, memory.bytes // MB)
    assert memory.bytes - memory.before < GROWTH_BYTES
    assert memory.bytes < MEMORY_BYTES
    assert leftovers() == []


def test_a_slow_reader_costs_no_memory(kept_in):
    server, _ = kept_in
    upload(server, 64 * MB)
    with HighestMemory(server) as memory:
        with httpx.stream("GET", server.url + PATH, timeout=60) as answer:
            body = answer.iter_raw(MB)
            for _ in range(3):
                next(body)
                time.sleep(0.5)
        assert memory.bytes - memory.before < 40 * MB
