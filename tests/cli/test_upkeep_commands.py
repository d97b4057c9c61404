"""`runyard check`, `backup` and `restore`: what they print, and how they end."""

from __future__ import annotations

import contextlib
import sqlite3

import pytest

from tests.sample_home import filled_home


@pytest.fixture
def home(tmp_path):
    """A filled home without a server."""
    filled_home(tmp_path / "home", runs=2, points=100)
    return tmp_path / "home"


def test_a_whole_home_is_said_to_be_whole(runyard, home):
    ended = runyard("check", "--home", home)
    assert ended.code == 0
    assert "All is whole." in ended.out
    found = runyard("check", "--home", home, "--json")
    assert found.code == 0
    assert found.json["is_whole"] is True
    assert found.json["faults"] == []
    assert found.json["looked_at"]["runs"] == 2


def test_artifacts_are_looked_at_where_asked_for(runyard, home):
    looked_at = runyard("check", "--artifacts", "--home", home, "--json").json["looked_at"]
    assert (looked_at["files"], looked_at["verified_files"], looked_at["runs"]) == (2, 0, 2)
    assert "verified_files" in runyard("check", "--artifacts", "--home", home).out


def test_damage_is_named_with_what_to_do_and_the_exit_code_says_so(runyard, home):
    with contextlib.closing(sqlite3.connect(home / "runyard.db")) as raw, raw:
        raw.execute("UPDATE metric_series SET maximum = 7.0")
    ended = runyard("check", "--home", home)
    assert ended.code == 1
    assert "metric loss: its summary says" in ended.out
    assert "Restore the last backup" in ended.out
    found = runyard("check", "--home", home, "--json")
    assert found.code == 1
    assert set(found.json["faults"][0]) == {"where", "what", "advice"}


def test_a_home_that_is_not_there_is_not_made(runyard, tmp_path):
    for command in (("check",), ("backup", tmp_path / "backup")):
        ended = runyard(*command, "--home", tmp_path / "nowhere")
        assert (ended.code, "There is no Runyard home" in ended.err) == (3, True)
    assert list(tmp_path.glob("nowhere*")) == list(tmp_path.glob("backup")) == []


def test_a_backup_and_its_restore_say_what_they_moved(runyard, home, tmp_path):
    made = runyard("backup", tmp_path / "first", "--home", home)
    assert (made.code, "2 files" in made.out, "2 runs" in made.out) == (0, True, True)
    second = runyard("backup", tmp_path / "second", "--earlier", tmp_path / "first", "--home", home, "--json")
    assert second.json["artifact_count"] == 2
    restored = runyard("restore", tmp_path / "second", "--home", tmp_path / "again")
    assert (restored.code, "2 files" in restored.out) == (0, True)
    assert runyard("check", "--home", tmp_path / "again").code == 0


def test_a_restore_over_data_is_refused_in_one_line(runyard, home, tmp_path):
    runyard("backup", tmp_path / "backup", "--home", home)
    refused = runyard("restore", tmp_path / "backup", "--home", home)
    assert refused.code == 1
    assert "is not empty" in refused.err
    absent = runyard("restore", tmp_path / "nothing", "--home", tmp_path / "again")
    assert (absent.code, "no whole backup" in absent.err) == (3, True)
    (tmp_path / "file").touch()
    on_a_file = runyard("backup", tmp_path / "file", "--home", home)
    assert (on_a_file.code, "is a file. A backup needs a folder" in on_a_file.err) == (1, True)
    no_database = runyard("backup", tmp_path / "no", "--home", home, "--database", "nonsense")
    assert "--database" in no_database.err
    no_folder = runyard("restore", tmp_path / "file", "--home", tmp_path / "again")
    assert (no_folder.code, "no whole backup" in no_folder.err) == (3, True)


def test_the_setting_of_durability_is_said_and_checked(runyard, start_server, tmp_path):
    server = start_server(environment={"RUNYARD_DURABILITY": "full"})
    assert "durability  full: an acknowledged write survives kill -9 and loss of power" in server.output
    refused = runyard("up", "--home", tmp_path / "x", "--durability", "most")
    assert refused.code == 2
    assert not (tmp_path / "x").exists()
