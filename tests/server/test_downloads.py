"""A file as an HTTP answer: whole, in part, not at all if it is known, and never a page."""

import asyncio
import re
from pathlib import Path
from urllib.parse import unquote

import httpx
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from starlette.requests import ClientDisconnect, Request

from runyard.server.answers import WHOLE
from runyard.server.downloads import content_disposition, content_type, download_response
from runyard.stores.artifacts.folder import FolderArtifactStore
from runyard.stores.artifacts.paths import is_plain_name
from runyard.testing.artifact_files import at, put

ACTIVE = [
    *("page.html", "page.HTM", "page.xhtml", "page.xht", "page.shtml", "page.svg", "page.svgz", "page.mht"),
    *(
        "page.mhtml",
        "mail.eml",
        "feed.rss",
        "data.xml",
        "style.xsl",
        "style.css",
        "a.js",
        "a.mjs",
        "nb.ipynb",
    ),
    *("readme.md", "MLmodel", "page.hta", "page.vbs", "data.json"),
]
DISPOSITION = re.compile(
    r"attachment; filename=(?:(?P<token>[\w!#$&+.^`|~-]+)"
    r'|"(?:[^"\\]|\\["\\])+"'
    r"; filename\*=UTF-8''(?P<exact>(?:[\w!#$&+.^`|~-]|%[0-9A-F]{2})+))",
    re.ASCII,
)
CONTENT = bytes(range(256)) * 10_000  # more than one read


@pytest.fixture
def folder(tmp_path: Path) -> FolderArtifactStore:
    folder = FolderArtifactStore(tmp_path / "artifacts")
    put(folder, "file.bin", CONTENT)
    put(folder, "empty.bin", b"")
    return folder


def ask(folder, path="file.bin", method="GET", **headers):
    """Send one request to an application that answers with the file at ``path``."""

    async def app(scope, receive, send):
        response = download_response(Request(scope, receive), folder.open(at(path)), path)
        await response(scope, receive, send)

    async def answer():
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return await client.request(method, "/", headers=named)

    return asyncio.run(answer())


def test_a_file_is_sent_whole(folder):
    answer = ask(folder)
    assert answer.status_code == 200
    assert answer.content == CONTENT
    assert answer.headers["content-length"] == str(len(CONTENT))
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["last-modified"].endswith(" GMT")
    assert answer.headers["etag"] == f'"{folder.stat(at("file.bin")).etag}"'


def test_an_empty_file_is_sent_as_one(folder):
    answer = ask(folder, "empty.bin")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == "0"


@pytest.mark.parametrize("path", ["file.bin", "empty.bin"])
def test_a_head_says_what_a_get_would_and_sends_nothing(folder, path):
    head, get = ask(folder, path, "HEAD"), ask(folder, path)
    assert head.content == b""
    assert head.headers == get.headers


@given(first=st.integers(0, 3_000_000), length=st.integers(1, 3_000_000))
def test_a_part_of_a_file_is_what_a_slice_of_it_is(tmp_path_factory, first, length):
    folder = _folder_of(tmp_path_factory)
    answer = ask(folder, range=f"bytes={first}-{first + length - 1}")
    if first >= len(CONTENT):
        assert answer.status_code == 416
        return
    last = min(first + length, len(CONTENT)) - 1
    assert answer.status_code == 206
    assert answer.content == CONTENT[first : last + 1]
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{len(CONTENT)}"


_KEPT: dict[str, FolderArtifactStore] = {}


def _folder_of(factory: pytest.TempPathFactory) -> FolderArtifactStore:
    """One folder for all examples of a property."""
    if "folder" not in _KEPT:
        _KEPT["folder"] = FolderArtifactStore(factory.mktemp("downloads") / "artifacts")
        put(_KEPT["folder"], "file.bin", CONTENT)
    return _KEPT["folder"]


@pytest.mark.parametrize(
    ("asked", "first"), [("bytes=2559990-", 2_559_990), ("bytes=-10", 2_559_990), ("bytes=-9999999", 0)]
)
def test_a_part_may_be_open_at_one_end(folder, asked, first):
    answer = ask(folder, range=asked)
    assert answer.status_code == 206
    assert answer.content == CONTENT[first:]
    assert answer.headers["content-range"] == f"bytes {first}-2559999/2560000"


@pytest.mark.parametrize(
    "asked",
    [
        "lines=1-2",
        "bytes=5-2",
        "bytes=-",
        "bytes=a-b",
        "bytes=0-0,2-2",
        "bytes 0-1",
        "bytes=" + "9" * 40 + "-",
    ],
)
def test_what_is_no_single_range_is_answered_with_all(folder, asked):
    answer = ask(folder, range=asked)
    assert (answer.status_code, answer.content) == (200, CONTENT)


@pytest.mark.parametrize(
    ("path", "asked", "size"),
    [
        ("file.bin", "bytes=2560000-", 2_560_000),
        ("file.bin", "bytes=-0", 2_560_000),
        ("empty.bin", "bytes=0-", 0),
    ],
)
def test_a_range_outside_of_the_file_can_not_be_had(folder, path, asked, size):
    answer = ask(folder, path, range=asked)
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{size}"
    assert answer.json()["error_code"] == "INVALID_PARAMETER_VALUE"


def test_a_range_of_another_version_is_answered_with_all(folder):
    current = ask(folder, method="HEAD").headers
    for known in (current["etag"], current["last-modified"]):
        assert ask(folder, range="bytes=0-9", if_range=known).status_code == 206
    assert ask(folder, range="bytes=0-9", if_range='"other"').content == CONTENT


def test_a_version_that_the_client_has_is_not_sent_again(folder):
    current = ask(folder, method="HEAD").headers
    for known in (current["etag"], f'"other", W/{current["etag"]}', "*"):
        answer = ask(folder, if_none_match=known)
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == current["etag"]
    assert ask(folder, if_modified_since=current["last-modified"]).status_code == 304
    put(folder, "file.bin", CONTENT)
    assert ask(folder, if_none_match=current["etag"]).status_code == 200


def test_a_client_that_goes_away_ends_the_reading_and_the_file_is_closed(folder):
    download = folder.open(at("file.bin"))
    sent = []

    async def receive():
        await asyncio.sleep(60)

    async def send(message):
        sent.append(message["type"])
        if message["type"] == "http.response.body":
            raise OSError("the connection is closed")

    scope = {"type": "http", "method": "GET", "headers": [], "asgi": {"spec_version": "2.4"}}
    response = download_response(Request(scope), download, "file.bin")
    with pytest.raises(ClientDisconnect):
        asyncio.run(response(scope, receive, send))
    assert sent == ["http.response.start", "http.response.body"]
    with pytest.raises(ValueError, match="over"):
        download.read(0, 1)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("notes.txt", "text/plain"),
        ("cfg.YAML", "text/plain"),
        ("MLmodel", "text/plain"),
        ("data.json", "text/plain"),
        ("data.csv", "text/plain"),
        ("plot.png", "image/png"),
        ("photo.JPG", "image/jpeg"),
        ("sound.wav", "audio/x-wav"),
        ("film.mp4", "video/mp4"),
        ("paper.pdf", "application/pdf"),
        ("model.pkl", "application/octet-stream"),
        ("weights", "application/octet-stream"),
        ("archive.tar.gz", "application/x-tar"),
    ],
)
def test_a_type_is_guessed_by_the_name(name, expected):
    assert content_type(name) == expected


@pytest.mark.parametrize("name", ACTIVE)
def test_nothing_is_sent_as_what_a_browser_would_run(name):
    assert content_type(name) in {"text/plain", "application/octet-stream"}


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("h.txt", "attachment; filename=h.txt"),
        ("a b.txt", "attachment; filename=\"a b.txt\"; filename*=UTF-8''a%20b.txt"),
        ("caf\u00e9.png", "attachment; filename=\"cafe.png\"; filename*=UTF-8''caf%C3%A9.png"),
        ("日本語", "attachment; filename=\"download\"; filename*=UTF-8''%E6%97%A5%E6%9C%AC%E8%AA%9E"),
        ('q"\\q', 'attachment; filename="q\\"\\\\q"; filename*=UTF-8\'\'q%22%5Cq'),
        ("a;b=c", "attachment; filename=\"a;b=c\"; filename*=UTF-8''a%3Bb%3Dc"),
    ],
)
def test_a_download_is_named_as_rfc_6266_says(name, header):
    assert content_disposition(name) == header


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1))
def test_any_name_survives_the_header(name):
    assume(is_plain_name(name))
    header = content_disposition(name)
    assert header.isascii()
    assert header.isprintable()
    parts = DISPOSITION.fullmatch(header)
    assert parts is not None
    assert unquote(parts["token"] or parts["exact"]) == name


def test_a_download_is_inert_wherever_it_is_opened(folder):
    put(folder, "page.html", b"<script>alert(1)</script>")
    headers = ask(folder, "page.html").headers
    assert headers["content-type"] == "text/plain"
    assert headers["content-disposition"].startswith("attachment;")
    assert headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in headers["content-security-policy"].split("; ")
    assert "default-src 'none'" in headers["content-security-policy"]


def test_a_small_file_goes_out_in_one_piece_if_the_server_takes_that(folder):
    put(folder, "small.txt", b"few bytes")
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        raise AssertionError("there is nothing to be received")

    scope = {"type": "http", "method": "GET", "headers": [], "extensions": {WHOLE: {}}}
    response = download_response(Request(scope), folder.open(at("small.txt")), "small.txt", is_at_hand=True)
    asyncio.run(response(scope, receive, send))
    (message,) = sent
    assert (message["type"], message["status"], message["body"]) == (WHOLE, 200, b"few bytes")
    headers = dict(message["headers"])
    assert len(headers) == len(message["headers"])
    assert headers[b"content-type"] == b"text/plain"
    assert headers[b"content-length"] == b"9"
    assert headers[b"content-disposition"] == b"attachment; filename=small.txt"


def test_a_small_file_that_is_cut_short_meanwhile_is_not_taken_for_whole(folder, tmp_path):
    put(folder, "small.txt", b"few bytes")
    download = folder.open(at("small.txt"))
    (tmp_path / "artifacts" / "small.txt").write_bytes(b"few")
    response = download_response(
        Request({"type": "http", "method": "GET", "headers": []}), download, "small.txt", is_at_hand=True
    )
    assert response.headers["content-length"] == "9"
    download.close()
