"""Backups at the stores: what comes back is what was there, and what is damaged is refused."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import random
import resource
import shutil
import stat

import pytest

from runyard import app
from runyard.errors import InvalidState, NotFound, StorageFull
from runyard.server.home import UNFINISHED_RESTORE
from runyard.services.integrity import check_integrity
from runyard.services.sealing import KEY_FILE, Sealer
from runyard.stores.artifacts.paths import ArtifactPath
from tests.durability.faulty_disk import faulty_disk
from tests.sample_home import fill, filled_home, histories, put, settings_of


def quiet(_what, _done, _total):
    """Progress that nobody watches."""


@pytest.fixture
def home(tmp_path):
    """A filled home, closed."""
    filled_home(tmp_path / "home")
    return tmp_path / "home"


def back_up(home, target, earlier=None):
    return app.back_up(settings_of(home), target, earlier, quiet)


def restore(backup, home):
    return app.restore(settings_of(home), backup, quiet)


def content(home):
    """All that a home holds: histories, latest values, params, and artifacts by path."""
    with contextlib.closing(app.open_stores(settings_of(home))) as stores:
        with stores.database.reading() as connection:
            run_ids = list(connection.exec_driver_sql("SELECT run_id FROM runs ORDER BY 1").scalars())
        return (
            histories(stores, run_ids),
            repr(stores.metrics.read_latest(run_ids)),
            {run_id: held.params for run_id, held in stores.metadata.runs.read_contents(run_ids).items()},
            files(settings_of(home).artifact_root),
            [fault.what for fault in check_integrity(stores).faults],
        )


def files(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".incoming" not in path.parts
    }


def test_what_comes_back_is_what_was_there(home, tmp_path):
    made = back_up(home, tmp_path / "backup")
    assert made.rows == {"workspaces": 1, "experiments": 1, "runs": 3}
    assert (made.artifact_count, made.artifact_bytes) == (3, 15_000)
    assert restore(tmp_path / "backup", tmp_path / "again") == made
    assert content(tmp_path / "again") == content(home)
    assert content(tmp_path / "again")[-1] == []


def test_a_backup_is_for_its_owner_alone(home, tmp_path):
    back_up(home, tmp_path / "backup")
    restore(tmp_path / "backup", tmp_path / "again")
    for folder in ("backup", "again"):
        for path in (tmp_path / folder, *(tmp_path / folder).rglob("*")):
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_the_key_of_the_secrets_comes_back(home, tmp_path):
    sealed = Sealer(settings_of(home)).seal("a secret", "wh_1")
    back_up(home, tmp_path / "backup")
    restore(tmp_path / "backup", tmp_path / "again")
    assert Sealer(settings_of(tmp_path / "again")).open(sealed, "wh_1") == "a secret"
    assert stat.S_IMODE((tmp_path / "again" / KEY_FILE).stat().st_mode) == 0o600


def test_a_home_with_a_key_of_its_own_keeps_it(home, tmp_path):
    back_up(home, tmp_path / "backup")
    (tmp_path / "again").mkdir()
    (tmp_path / "again" / KEY_FILE).write_bytes(b"another")
    with pytest.raises(InvalidState):
        restore(tmp_path / "backup", tmp_path / "again")
    assert (tmp_path / "again" / KEY_FILE).read_bytes() == b"another"


def test_an_empty_home_comes_back_empty(tmp_path):
    app.open_stores(settings_of(tmp_path / "home")).close()
    assert back_up(tmp_path / "home", tmp_path / "backup").artifact_count == 0
    restore(tmp_path / "backup", tmp_path / "again")
    assert content(tmp_path / "again") == content(tmp_path / "home")


def test_a_backup_while_the_stores_are_open_holds_what_was_acknowledged(home, tmp_path):
    with contextlib.closing(app.open_stores(settings_of(home))) as stores:
        run_ids = fill(stores, seed=7)
        before = histories(stores, run_ids)
        back_up(home, tmp_path / "backup")
        fill(stores, seed=8)
    restore(tmp_path / "backup", tmp_path / "again")
    with contextlib.closing(app.open_stores(settings_of(tmp_path / "again"))) as stores:
        assert histories(stores, run_ids) == before


def test_a_second_backup_links_what_has_not_changed(home, tmp_path):
    back_up(home, tmp_path / "first")
    with contextlib.closing(app.open_stores(settings_of(home))) as stores:
        put(stores, "default/0/new.bin", b"new")
        put(stores, f"default/0/{0:032x}/artifacts/weights.bin", b"changed")
    back_up(home, tmp_path / "second", earlier=tmp_path / "first")
    blobs = [path for path in (tmp_path / "second" / "artifacts").rglob("*") if path.is_file()]
    assert sorted(path.stat().st_nlink for path in blobs) == [1, 1, 2, 2]
    shutil.rmtree(tmp_path / "first")
    restore(tmp_path / "second", tmp_path / "again")
    assert content(tmp_path / "again") == content(home)


def test_equal_files_are_kept_once(tmp_path):
    with contextlib.closing(app.open_stores(settings_of(tmp_path / "home"))) as stores:
        for name in ("a", "b", "c/d"):
            put(stores, f"default/{name}", b"the same")
    assert back_up(tmp_path / "home", tmp_path / "backup").artifact_count == 3
    assert len([path for path in (tmp_path / "backup" / "artifacts").rglob("*") if path.is_file()]) == 1
    restore(tmp_path / "backup", tmp_path / "again")
    assert files(tmp_path / "again" / "artifacts") == files(tmp_path / "home" / "artifacts")


def test_what_was_deleted_before_a_backup_does_not_come_back(home, tmp_path):
    back_up(home, tmp_path / "first")
    secret = random.Random(3).randbytes(16).hex()
    with contextlib.closing(app.open_stores(settings_of(home))) as stores:
        stores.metadata.runs.add_params(f"{1:032x}", {"secret": secret})
        with stores.database.writing() as connection:
            connection.exec_driver_sql("DELETE FROM runs WHERE run_number = 2")
        stores.artifacts.delete(ArtifactPath(("default", "0", f"{1:032x}")))
    back_up(home, tmp_path / "second", earlier=tmp_path / "first")
    assert secret.encode() not in (tmp_path / "second" / "database.sqlite").read_bytes()
    restore(tmp_path / "second", tmp_path / "again")
    assert content(tmp_path / "again") == content(home)
    assert not any(f"{1:032x}" in path for path in files(tmp_path / "again" / "artifacts"))


def test_a_home_that_holds_anything_is_refused_and_left_alone(home, tmp_path):
    back_up(home, tmp_path / "backup")
    before = content(home)
    with pytest.raises(InvalidState, match="is not empty"):
        restore(tmp_path / "backup", home)
    assert content(home) == before


def test_a_backup_into_a_folder_that_holds_anything_is_refused(home, tmp_path):
    back_up(home, tmp_path / "backup")
    with pytest.raises(InvalidState, match="is not empty"):
        back_up(home, tmp_path / "backup")


def test_a_backup_for_which_there_is_no_room_says_so_and_leaves_nothing(home, tmp_path):
    with faulty_disk() as disk:
        disk.fail_at(20, stays=False, is_full=True)
        with pytest.raises(StorageFull, match=r"not room enough for .*database\.sqlite"):
            back_up(home, tmp_path / "backup")
    assert list((tmp_path / "backup").iterdir()) == []
    back_up(home, tmp_path / "backup")


def test_a_restore_for_which_there_is_no_room_says_so_and_leaves_nothing(home, tmp_path, monkeypatch):
    back_up(home, tmp_path / "backup")

    def full(_source, target):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(StorageFull, match="not room enough"):
        restore(tmp_path / "backup", tmp_path / "again")
    assert list((tmp_path / "again").iterdir()) == []


def test_artifacts_for_which_there_is_no_room_leave_no_part_of_a_backup(home, tmp_path):
    with contextlib.closing(app.open_stores(settings_of(home))) as stores:
        put(stores, "default/1/large", bytes(4_000_000))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, limits[1]))
    try:
        with pytest.raises(StorageFull, match="not room enough"):
            back_up(home, tmp_path / "backup")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list((tmp_path / "backup").iterdir()) == []


@pytest.mark.parametrize("file", ["database.sqlite", "artifacts.jsonl", "artifacts"])
def test_a_damaged_backup_is_refused_and_leaves_the_home_empty(home, tmp_path, file):
    back_up(home, tmp_path / "backup")
    damaged = tmp_path / "backup" / file
    if damaged.is_dir():
        damaged = next(path for path in damaged.rglob("*") if path.is_file())
    spoiled = bytearray(damaged.read_bytes())
    spoiled[len(spoiled) // 2] ^= 1
    damaged.write_bytes(spoiled)
    with pytest.raises(InvalidState, match="damaged"):
        restore(tmp_path / "backup", tmp_path / "again")
    assert list((tmp_path / "again").iterdir()) == []
    damaged.unlink()
    with pytest.raises(InvalidState, match="damaged"):
        restore(tmp_path / "backup", tmp_path / "again")
    assert list((tmp_path / "again").iterdir()) == []


def test_a_backup_that_did_not_come_to_its_end_is_none(home, tmp_path):
    back_up(home, tmp_path / "backup")
    (tmp_path / "backup" / "manifest.json").unlink()
    with pytest.raises(NotFound, match="no whole backup"):
        restore(tmp_path / "backup", tmp_path / "again")
    with pytest.raises(NotFound, match="no whole backup"):
        back_up(home, tmp_path / "next", earlier=tmp_path / "backup")
    assert not (tmp_path / "next").exists()


@pytest.mark.parametrize("changed", [{"schema": "9999"}, {"format": 2}])
def test_a_backup_of_a_newer_version_is_refused(home, tmp_path, changed):
    back_up(home, tmp_path / "backup")
    manifest = tmp_path / "backup" / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | changed))
    with pytest.raises(InvalidState, match="does not know"):
        restore(tmp_path / "backup", tmp_path / "again")


@pytest.mark.parametrize("path", ["../outside", "/etc/outside", "a/../../outside"])
def test_a_made_up_list_can_write_nowhere_else(home, tmp_path, path):
    back_up(home, tmp_path / "backup")
    listed = tmp_path / "backup" / "artifacts.jsonl"
    lines = listed.read_text().splitlines()
    listed.write_text("\n".join([json.dumps(json.loads(lines[0]) | {"path": path}), *lines[1:]]) + "\n")
    manifest = tmp_path / "backup" / "manifest.json"
    sums = {"list_sha256": hashlib.sha256(listed.read_bytes()).hexdigest()}
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | sums))
    with pytest.raises(ValueError, match="Invalid path"):
        restore(tmp_path / "backup", tmp_path / "deep" / "again")
    assert not list(tmp_path.rglob("outside"))


def test_a_restore_that_was_killed_leaves_a_home_that_says_so(home, tmp_path, monkeypatch):
    back_up(home, tmp_path / "backup")
    (tmp_path / "again").mkdir()
    (tmp_path / "again" / UNFINISHED_RESTORE).touch()
    with pytest.raises(InvalidState, match="did not come to its end"):
        app.open_stores(settings_of(tmp_path / "again"))


def test_a_database_of_an_older_schema_is_backed_up_as_it_is(home, tmp_path):
    with contextlib.closing(app.open_stores(settings_of(home))) as stores, stores.database.writing() as raw:
        raw.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    assert back_up(home, tmp_path / "backup").schema == "0001"
