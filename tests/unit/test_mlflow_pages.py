"""MLflow's pages out of its package: known names only, a policy of their own, a page without them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from starlette.responses import FileResponse

from runyard.server.mlflow_pages import MlflowPages, find_built_pages


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A folder as pip installs MLflow into, with as much of the package as is looked at."""
    built = tmp_path / "site" / "mlflow" / "server" / "js" / "build"
    for folder in ("static/js", "static/media", "lib/notebook-trace-renderer"):
        (built / folder).mkdir(parents=True)
    (tmp_path / "site" / "mlflow" / "__init__.py").write_text("raise AssertionError('it was imported')")
    (built / "index.html").write_text("<!doctype html><title>MLflow</title>")
    (built / "manifest.json").write_text("{}")
    (built / "static" / "js" / "main.c2f5f8d4.js").write_text("void 0;")
    (built / "static" / "js" / "main.c2f5f8d4.js.LICENSE.txt").write_text("MIT")
    (built / "static" / "media" / "pdf.worker.16b289c2.mjs").write_text("export {};")
    (built / "lib" / "notebook-trace-renderer" / "index.html").write_text("<script>void 0</script>")
    (tmp_path / "site" / "mlflow" / "server" / "secret.js").write_text("secret")
    return tmp_path / "site"


@pytest.fixture
def pages(package: Path, monkeypatch: pytest.MonkeyPatch) -> MlflowPages:
    monkeypatch.syspath_prepend(package)
    return MlflowPages(find_built_pages())


def test_the_package_is_found_and_not_imported(package, monkeypatch):
    monkeypatch.syspath_prepend(package)
    before = set(sys.modules)
    assert find_built_pages() == package / "mlflow" / "server" / "js" / "build"
    assert not [name for name in set(sys.modules) - before if name.startswith("mlflow")]


def test_a_package_without_pages_is_as_good_as_none(package, monkeypatch):
    (package / "mlflow" / "server" / "js" / "build" / "index.html").unlink()
    monkeypatch.syspath_prepend(package)
    assert find_built_pages() is None


def test_no_package_at_all_is_none(monkeypatch):
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr(sys, "path_importer_cache", {})
    assert find_built_pages() is None


@pytest.mark.parametrize("path", ["/", "/index.html"])
def test_the_page_may_run_this_servers_scripts_and_no_others(pages, path):
    response = pages.page(path)
    assert response is not None
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["cache-control"] == "no-cache"
    policy = dict(part.split(" ", 1) for part in response.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["worker-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-src"] == "blob:"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert [name for name, value in policy.items() if "unsafe" in value] == ["style-src"]
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["x-frame-options"] == "DENY"


def test_points_of_compared_runs_are_drawn_without_code_that_is_compiled(package, pages):
    scripts = package / "mlflow" / "server" / "js" / "build" / "static" / "js"
    part = 'data:[{x:t,type:"scattergl",mode:"markers",marker:{}}],name:"scattergl"'
    (scripts / "1886.c80613f9.chunk.js").write_text(part)
    response = MlflowPages(find_built_pages()).file("/static-files/static/js/1886.c80613f9.chunk.js")
    assert response is not None
    assert bytes(response.body).decode() == part.replace('type:"scattergl"', 'type:"scatter"')
    assert response.headers["content-type"] == "text/javascript; charset=utf-8"
    assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert "script-src 'self'" in response.headers["content-security-policy"]
    (scripts / "9288.2ca2efc9.chunk.js").write_text(part + " " * 256 * 1024)
    library = MlflowPages(find_built_pages()).file("/static-files/static/js/9288.2ca2efc9.chunk.js")
    assert type(library) is FileResponse


@pytest.mark.parametrize(
    ("name", "media_type", "cache"),
    [
        (
            "static/js/main.c2f5f8d4.js",
            "text/javascript; charset=utf-8",
            "public, max-age=31536000, immutable",
        ),
        (
            "static/media/pdf.worker.16b289c2.mjs",
            "text/javascript; charset=utf-8",
            "public, max-age=31536000, immutable",
        ),
        ("manifest.json", "application/json", "no-cache"),
    ],
)
def test_a_file_says_what_it_is_and_how_long_it_may_be_kept(pages, name, media_type, cache):
    response = pages.file(f"/static-files/{name}")
    assert response is not None
    assert response.headers["content-type"] == media_type
    assert response.headers["cache-control"] == cache
    assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        "/static-files/../../../secret.js",
        "/static-files/static/../../../../secret.js",
        "/static-files//static/js/main.c2f5f8d4.js",
        "/static-files/index.html",
        "/static-files/lib/notebook-trace-renderer/index.html",
        "/static-files/static/js/main.c2f5f8d4.js.LICENSE.txt",
        "/static-files/static/js",
        "/static-files/",
        "/static/js/main.c2f5f8d4.js",
        "/manifest.json",
        "/secret.js",
        "",
    ],
)
def test_nothing_else_is_a_file(pages, path):
    assert pages.file(path) is None
    assert pages.page(path) is None


def test_without_the_package_the_page_says_what_to_install():
    pages = MlflowPages(None)
    assert not pages.are_there
    response = pages.page("/")
    assert response is not None
    assert response.status_code == 404
    assert b"pip install &#x27;runyard[mlflow-ui]&#x27;" in response.body
    assert response.headers["content-security-policy"].startswith("default-src 'none'")
    assert pages.file("/static-files/static/js/main.c2f5f8d4.js") is None


def test_a_server_may_have_them_turned_off(package):
    pages = MlflowPages(package / "mlflow" / "server" / "js" / "build", is_on=False)
    assert not pages.are_there
    response = pages.page("/")
    assert response is not None
    assert response.status_code == 404
    assert b"mlflow_ui = false" in response.body
    assert pages.file("/static-files/manifest.json") is None
