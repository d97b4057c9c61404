"""The Studio's files: known names only, strict headers, and a page that says how to build them."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from runyard.server.studio_files import StudioFiles


@pytest.fixture
def built_folder(tmp_path: Path) -> Path:
    """A build as Vite leaves it."""
    folder = tmp_path / "studio"
    (folder / "studio").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>Runyard</title>")
    (folder / "studio" / "index-abc123.js").write_text("export {};")
    (folder / "studio" / "index-abc123.css").write_text("body {}")
    (folder / "studio" / "notes.bin").write_bytes(b"\x00")
    (tmp_path / "secret.js").write_text("secret")
    return folder


def test_the_index_is_answered_at_the_prefix_and_by_name(built_folder: Path) -> None:
    files = StudioFiles(built_folder)
    for path in ("", "index.html"):
        response = files.response(path)
        assert response is not None
        assert response.status_code == 200
        assert response.headers["content-type"] == "text/html; charset=utf-8"
        assert response.headers["cache-control"] == "no-cache"
        assert b"<title>Runyard</title>" in response.body


def test_hashed_files_may_be_kept_for_ever(built_folder: Path) -> None:
    response = StudioFiles(built_folder).response("studio/index-abc123.js")
    assert response is not None
    assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert response.headers["content-type"] == "text/javascript; charset=utf-8"


@pytest.mark.parametrize("path", ["", "studio/index-abc123.js", "studio/index-abc123.css"])
def test_every_answer_allows_scripts_and_styles_of_this_server_only(built_folder: Path, path: str) -> None:
    response = StudioFiles(built_folder).response(path)
    assert response is not None
    policy = response.headers["content-security-policy"]
    assert policy.startswith("default-src 'self'")
    assert "unsafe" not in policy
    assert "http" not in policy
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize(
    "path",
    [
        "studio/../../secret.js",
        "studio/..%2f..%2fsecret.js",
        "../secret.js",
        "/etc/passwd",
        "studio/",
        "studio",
        "studio/notes.bin",
        "studio/index-abc123.js/",
        "INDEX.HTML",
        "studio/\x00",
    ],
)
def test_no_other_path_is_answered(built_folder: Path, path: str) -> None:
    assert StudioFiles(built_folder).response(path) is None


def test_a_file_made_after_start_up_is_not_answered(built_folder: Path) -> None:
    files = StudioFiles(built_folder)
    (built_folder / "studio" / "late.js").write_text("late")
    assert files.response("studio/late.js") is None


def test_without_a_build_a_plain_page_says_how_to_make_one(tmp_path: Path) -> None:
    files = StudioFiles(tmp_path / "nothing")
    assert not files.is_built
    response = files.response("")
    assert response is not None
    assert response.status_code == 503
    assert b"make run" in response.body
    assert b"<script" not in response.body
    assert response.headers["cache-control"] == "no-store"
    assert files.response("studio/index.js") is None


@pytest.mark.parametrize(
    ("accepted", "is_compressed"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("deflate, gzip, br", True),
        ("", False),
        ("br", False),
        ("gzip;q=0", False),
        ("gzip; q=0.0, br", False),
        ("xgzip", False),
    ],
)
def test_files_are_compressed_for_those_who_take_that(
    built_folder: Path, accepted: str, is_compressed: bool
) -> None:
    files = StudioFiles(built_folder)
    plain = files.response("studio/index-abc123.js")
    assert plain is not None
    for _ in range(2):
        response = files.response("studio/index-abc123.js", accepted)
        assert response is not None
        assert response.headers["vary"] == "Accept-Encoding"
        assert (response.headers.get("content-encoding") == "gzip") is is_compressed
        content = bytes(response.body)
        assert (gzip.decompress(content) if is_compressed else content) == plain.body
        assert response.headers["content-length"] == str(len(content))
