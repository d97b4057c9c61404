"""Check, backup and restore of PostgreSQL: as of SQLite, by PostgreSQL's own programs."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest

from runyard import app
from runyard.errors import InvalidState
from runyard.services.integrity import check_integrity
from runyard.settings import Settings
from tests.sample_home import fill, histories, settings_of


def quiet(_what, _done, _total):
    """Progress that nobody watches."""


@pytest.fixture
def settings(tmp_path, cluster):
    """A server's settings, on a database of its own without any tables."""
    return replace(settings_of(tmp_path / "home"), database=cluster.address(cluster.new_database()))


def content(settings: Settings, run_ids: list[str]):
    """All that a server remembers of runs, and what a check says of it."""
    with contextlib.closing(app.open_stores(settings)) as stores:
        latest = repr(stores.metrics.read_latest(run_ids))
        params = {run_id: held.params for run_id, held in stores.metadata.runs.read_contents(run_ids).items()}
        faults = [(fault.where, fault.what) for fault in check_integrity(stores).faults]
        return histories(stores, run_ids), latest, params, faults


def test_what_comes_back_is_what_was_there(settings, tmp_path, cluster):
    with contextlib.closing(app.open_stores(settings)) as stores:
        run_ids = fill(stores)
        made = app.back_up(settings, tmp_path / "backup", None, quiet)
        fill(stores, seed=9)
    assert (made.engine, made.rows["runs"], made.artifact_count) == ("postgresql", 3, 3)
    again = replace(settings_of(tmp_path / "again"), database=cluster.address(cluster.new_database()))
    assert app.restore(again, tmp_path / "backup", quiet) == made
    restored = content(again, run_ids)
    assert restored == content(settings, run_ids)
    assert restored[-1] == []


def test_a_database_that_holds_tables_is_refused_and_left_alone(settings, tmp_path):
    with contextlib.closing(app.open_stores(settings)) as stores:
        run_ids = fill(stores, runs=1)
    app.back_up(settings, tmp_path / "backup", None, quiet)
    before = content(settings, run_ids)
    with pytest.raises(InvalidState, match="There is data already"):
        app.restore(replace(settings, home=tmp_path / "other"), tmp_path / "backup", quiet)
    assert content(settings, run_ids) == before


def test_a_backup_of_one_engine_is_not_restored_into_the_other(settings, tmp_path):
    app.open_stores(settings).close()
    app.back_up(settings, tmp_path / "backup", None, quiet)
    with pytest.raises(InvalidState, match="is of postgresql, and can't be restored into sqlite"):
        app.restore(settings_of(tmp_path / "again"), tmp_path / "backup", quiet)


def test_without_postgresql_s_programs_a_backup_says_what_is_missing(settings, tmp_path, monkeypatch):
    app.open_stores(settings).close()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InvalidState, match="pg_dump was not found"):
        app.back_up(settings, tmp_path / "backup", None, quiet)


def test_a_program_that_fails_says_why_and_no_password(settings, tmp_path, monkeypatch, cluster):
    app.open_stores(settings).close()
    made = tmp_path / "bin" / "pg_dump"
    made.parent.mkdir()
    made.write_text('#!/bin/sh\necho "it went wrong: $*" >&2\nexit 1\n')
    made.chmod(0o700)
    monkeypatch.setenv("PATH", f"{made.parent}:/usr/bin:/bin")
    with pytest.raises(InvalidState, match="it went wrong") as refused:
        app.back_up(settings, tmp_path / "backup", None, quiet)
    assert "not-to-be-shown" not in str(refused.value)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE metric_series SET maximum = 2.0", "its points come to"),
        ("UPDATE metric_chunks SET packed = '\\x00'", "it can't be read"),
        ("UPDATE metric_batches SET point_count = 1", "and says 1"),
        ("UPDATE workspaces SET default_experiment_id = 99", "its experiment Default is not there"),
        (
            "INSERT INTO run_documents SELECT run_number, revision + 1, '\\x00' FROM runs",
            "its document is of revision",
        ),
    ],
)
def test_damage_is_found(settings, statement, said):
    with contextlib.closing(app.open_stores(settings)) as stores:
        fill(stores)
        with stores.database.writing() as connection:
            connection.exec_driver_sql(statement)
        faults = [fault.what for fault in check_integrity(stores).faults]
    assert any(said in what for what in faults), faults
