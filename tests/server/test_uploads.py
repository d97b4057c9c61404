"""A request's body as a file: whole or not at all, whatever happens on the way."""

import asyncio
import resource
import threading
from pathlib import Path

import anyio
import pytest
from starlette.requests import ClientDisconnect, Request

from runyard.errors import InvalidParameter, StorageFull, TooLarge
from runyard.server.uploads import BATCH_BYTES, receive_file
from runyard.stores.artifacts.folder import INCOMING, FolderArtifactStore
from runyard.testing.artifact_files import at, get, put


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "artifacts"


@pytest.fixture
def folder(root: Path) -> FolderArtifactStore:
    folder = FolderArtifactStore(root)
    put(folder, "run/kept", b"old")
    return folder


def body(*pieces: bytes, then=None):
    """Return what a server's ``receive`` gives: the pieces, and their end or something else."""
    messages = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    messages.append(then or {"type": "http.request", "body": b"", "more_body": False})

    async def receive():
        if callable(messages[0]):
            return await messages[0]()
        return messages.pop(0)

    return receive


def send(folder, receive, path="run/new", max_bytes=0, headers=()):
    """Upload to ``path`` what ``receive`` gives."""
    request = Request({"type": "http", "method": "PUT", "headers": list(headers)}, receive)
    asyncio.run(receive_file(request, lambda declared: folder.create(at(path), declared), max_bytes))


def is_untouched(root):
    assert [path.name for path in root.iterdir() if path.name != INCOMING] == ["run"]
    assert {path.name: path.read_bytes() for path in (root / "run").iterdir()} == {"kept": b"old"}
    assert not list((root / INCOMING).iterdir())
    return True


@pytest.mark.parametrize(
    "pieces", [(), (b"",), (b"one",), (b"a", b"b" * BATCH_BYTES, b"", b"c" * 3 * BATCH_BYTES, b"d")]
)
def test_a_body_becomes_a_file(folder, pieces):
    send(folder, body(*pieces))
    assert get(folder, "run/new") == b"".join(pieces)


@pytest.mark.parametrize("sent_bytes", [0, 10, 3 * BATCH_BYTES])
@pytest.mark.parametrize("path", ["run/new", "run/kept", "other/new"])
def test_a_client_that_goes_away_leaves_nothing(folder, root, sent_bytes, path):
    with pytest.raises(ClientDisconnect):
        send(folder, body(b"x" * sent_bytes, then={"type": "http.disconnect"}), path)
    assert is_untouched(root)


def test_a_server_that_stops_leaves_nothing(folder, root):
    async def stopped():
        request = Request(
            {"type": "http", "method": "PUT", "headers": []}, body(b"x" * BATCH_BYTES, then=never)
        )
        task = asyncio.ensure_future(
            receive_file(request, lambda declared: folder.create(at("run/new"), declared), 0)
        )
        while not list((root / INCOMING).iterdir()):
            await anyio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async def never():
        await anyio.sleep_forever()

    asyncio.run(stopped())
    assert is_untouched(root)


def test_an_upload_that_is_cancelled_while_a_thread_works_on_it_leaves_nothing(folder, root):
    is_open, may_go_on = threading.Event(), threading.Event()

    def begin(declared):
        upload = folder.create(at("run/new"))
        is_open.set()
        may_go_on.wait(60)
        return upload

    async def cancelled():
        request = Request({"type": "http", "method": "PUT", "headers": []}, body(b"x" * BATCH_BYTES, b"y"))
        task = asyncio.ensure_future(receive_file(request, begin, 0))
        while not is_open.is_set():
            await anyio.sleep(0.001)
        task.cancel()
        may_go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert is_untouched(root)


@pytest.mark.parametrize("is_declared", [False, True])
def test_a_file_over_the_limit_is_refused(folder, root, is_declared):
    headers = [(b"content-length", b"101")] if is_declared else []
    with pytest.raises(TooLarge, match="limit of 100 bytes"):
        send(folder, body(b"x" * 101), max_bytes=100, headers=headers)
    assert is_untouched(root)
    send(folder, body(b"x" * 100), max_bytes=100)
    assert get(folder, "run/new") == b"x" * 100


def test_a_full_disk_leaves_nothing(folder, root):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 * BATCH_BYTES, limits[1]))
    try:
        with pytest.raises(StorageFull):
            send(folder, body(*[b"x" * BATCH_BYTES] * 4))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert is_untouched(root)


def test_a_file_in_the_way_is_the_callers_mistake(folder, root):
    for path in ("run", "run/kept/below"):
        with pytest.raises(InvalidParameter):
            send(folder, body(b"x"), path)
    assert is_untouched(root)
