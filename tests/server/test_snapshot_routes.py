"""The code of jobs over HTTP: kept once, whole, and for as long as it is named."""

from __future__ import annotations

import pytest

from runyard.services.snapshots import KEPT_UNNAMED_MS, remove_unneeded
from tests.server.local import Local, good, refusal
from tests.server.submitted import CODE, SHA256, keep_code, submit


@pytest.fixture
def local(local_on_each_engine: Local) -> Local:
    return local_on_each_engine


def test_code_is_kept_by_its_hash_and_only_whole(local):
    path = f"/api/v1/snapshots/{SHA256}"
    assert refusal(local.ask("GET", path))[0] == 404
    assert refusal(local.ask("PUT", path, content=b"something else"))[0] == 400
    assert refusal(local.ask("GET", path))[0] == 404
    keep_code(local)
    keep_code(local)
    assert good(local.ask("GET", path)) == {"sha256": SHA256, "size_bytes": len(CODE)}
    assert local.ask("GET", f"{path}/content").content == CODE
    for name in ("x", SHA256.upper(), SHA256[:-1], f"{SHA256}0"):
        assert refusal(local.ask("PUT", f"/api/v1/snapshots/{name}", content=CODE))[0] == 400


def test_too_much_code_is_refused(tmp_path):
    local = Local(tmp_path / "home", max_snapshot_bytes=len(CODE) - 1)
    try:
        assert refusal(local.ask("PUT", f"/api/v1/snapshots/{SHA256}", content=CODE))[0] == 413
    finally:
        local.close()


def test_code_that_no_job_names_goes_after_a_day(local):
    keep_code(local)
    other = keep_code(local, b"other")
    submit(local, command=[], snapshot=SHA256, script="a.py")
    now_ms = local.stores.metadata.jobs.list_active()[0].submitted_ms
    assert remove_unneeded(local.stores, now_ms) == 0
    assert remove_unneeded(local.stores, now_ms + KEPT_UNNAMED_MS + 1_000) == 1
    assert refusal(local.ask("GET", f"/api/v1/snapshots/{other}"))[0] == 404
    assert not list((local.settings.artifact_root / "default" / "snapshots").glob(other))
    assert local.ask("GET", f"/api/v1/snapshots/{SHA256}/content").content == CODE


def test_code_that_is_uploaded_again_while_it_is_removed_stays(local, monkeypatch):
    keep_code(local)
    submit(local, command=[], snapshot=keep_code(local, b"other"), script="a.py")
    now_ms = local.stores.metadata.jobs.list_active()[0].submitted_ms
    snapshots = local.stores.metadata.snapshots
    forget = snapshots.forget

    def forgotten_and_uploaded_again(*unneeded):
        forgotten = forget(*unneeded)
        assert refusal(local.ask("GET", f"/api/v1/snapshots/{SHA256}"))[0] == 404
        keep_code(local)
        return forgotten

    monkeypatch.setattr(snapshots, "forget", forgotten_and_uploaded_again)
    assert remove_unneeded(local.stores, now_ms + KEPT_UNNAMED_MS + 1_000) == 1
    assert local.ask("GET", f"/api/v1/snapshots/{SHA256}/content").content == CODE
