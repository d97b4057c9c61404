"""Documents of runs on both engines: good for one revision, kept without waiting, and who needs a new one."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from runyard.entities.experiment import LifecycleStage
from runyard.stores.database import Database
from runyard.stores.metadata import run_documents
from runyard.stores.metadata.changed_runs import MAX_REMEMBERED, ChangedRuns
from runyard.stores.metadata.experiments import SqlExperiments
from runyard.stores.metadata.run_documents import KEPT_AT_ONCE, SqlRunDocuments
from runyard.stores.metadata.runs import SqlRuns
from runyard.stores.metadata.workspaces import SqlWorkspaces
from runyard.stores.migrating import upgrade
from runyard.stores.schema_version import known_versions
from runyard.testing.metadata_hooks import new_run
from tests.engines import SqlEngine, SqliteEngine


class Kept(NamedTuple):
    """The stores of a database."""

    database: Database
    experiments: SqlExperiments
    runs: SqlRuns
    documents: SqlRunDocuments

    def close(self) -> None:
        self.database.close()

    def number_of(self, run_id: str) -> int:
        return int(self.runs.locate_run("w", run_id).run_numbers[0])

    def revision_of(self, run_id: str) -> int:
        return int(self.runs.locate_run("w", run_id).revisions[0])

    def read(self, *run_ids: str) -> dict[int, bytes]:
        numbers = [self.number_of(run_id) for run_id in run_ids]
        return self.documents.read(self.runs.locate_runs(numbers))


@pytest.fixture
def kept(tmp_path: Path, engine: SqlEngine) -> Iterator[Kept]:
    with contextlib.closing(_with_runs(engine, tmp_path, "ab")) as kept:
        yield kept


def test_a_document_comes_back_until_its_run_changes(kept: Kept):
    a, b = kept.number_of("a"), kept.number_of("b")
    made = {a: (kept.revision_of("a"), b"\x00\xff"), b: (kept.revision_of("b"), b"")}
    assert kept.documents.keep(made)
    assert kept.read("a", "b") == {a: b"\x00\xff", b: b""}
    kept.runs.set_tags("a", {"k": "v"})
    assert kept.read("a", "b") == {b: b""}
    assert kept.documents.keep({a: (kept.revision_of("a"), b"new")})
    assert kept.read("a") == {a: b"new"}


def test_documents_of_any_bytes_come_back_some_at_a_time(kept: Kept, monkeypatch: pytest.MonkeyPatch):
    experiment = kept.experiments.get_experiment("w", kept.runs.get_run("w", "a").experiment_id)
    for run_id in "cdefg":
        kept.runs.add_run(new_run(experiment, run_id), {})
    documents = dict(
        zip(
            "abcdefg",
            (b"\x00" * 9, b"\xff\xfe", b"", b"'\"\x80,", bytes(range(256)) * 99, b"f", b"g"),
            strict=True,
        )
    )
    numbers = {run_id: kept.number_of(run_id) for run_id in documents}
    assert kept.documents.keep(
        {numbers[each]: (kept.revision_of(each), documents[each]) for each in documents}
    )
    for at_once in (1, 3, 100):
        monkeypatch.setattr(run_documents, "READ_AT_ONCE", at_once)
        assert kept.read(*documents) == {numbers[each]: documents[each] for each in documents}
    kept.runs.set_tags("d", {"k": "v"})
    assert numbers["d"] not in kept.read(*documents)
    assert kept.read("g", "d", "a") == {numbers["g"]: b"g", numbers["a"]: b"\x00" * 9}
    assert kept.documents.read(kept.runs.locate_runs([])) == {}


def test_the_deletion_of_an_experiment_changes_its_runs(kept: Kept):
    number, revision = kept.number_of("a"), kept.revision_of("a")
    kept.documents.keep({number: (revision, b"x")})
    experiment_id = kept.runs.get_run("w", "a").experiment_id
    kept.experiments.move_experiment(experiment_id, LifecycleStage.DELETED, 5)
    assert kept.revision_of("a") > revision
    assert kept.read("a") == {}


def test_what_was_made_of_an_older_state_is_not_kept(kept: Kept):
    number, revision = kept.number_of("a"), kept.revision_of("a")
    kept.runs.set_tags("a", {"k": "v"})
    assert kept.documents.keep({number: (revision, b"old"), 999_999: (0, b"of no run")})
    assert kept.read("a") == {}


def test_more_documents_than_one_transaction_takes_are_kept(kept: Kept):
    experiment = kept.experiments.add_experiment("w", "many", None, {}, 0)
    with kept.database.writing():
        for number in range(KEPT_AT_ONCE + 1):
            kept.runs.add_run(new_run(experiment, f"r{number}"), {})
    numbers = {kept.number_of(f"r{number}"): f"r{number}" for number in range(KEPT_AT_ONCE + 1)}
    assert kept.documents.keep(
        {number: (kept.revision_of(run_id), b"x") for number, run_id in numbers.items()}
    )
    assert kept.read(*numbers.values()) == dict.fromkeys(numbers, b"x")


def test_runs_that_were_left_alone_are_told_once(kept: Kept):
    assert kept.documents.take_quiet(60, 10) == []
    assert kept.documents.take_quiet(0, 1) == [kept.number_of("a")]
    assert kept.documents.take_quiet(0, 10) == [kept.number_of("b")]
    assert kept.documents.take_quiet(0, 10) == []
    kept.runs.add_params("a", {"p": "1"})
    assert kept.documents.take_quiet(0, 10) == [kept.number_of("a")]


def test_a_change_that_was_rolled_back_is_none(kept: Kept):
    kept.documents.take_quiet(0, 10)
    with contextlib.suppress(ZeroDivisionError), kept.database.writing():
        kept.runs.set_tags("a", {"k": "v"})
        raise ZeroDivisionError
    assert kept.documents.take_quiet(0, 10) == []


def test_memory_of_changed_runs_is_bounded():
    changed = ChangedRuns()
    for number in range(MAX_REMEMBERED + 5):
        changed.note(number)
    taken = changed.take(0, 2 * MAX_REMEMBERED)
    assert taken == list(range(5, MAX_REMEMBERED + 5))


def test_documents_share_pages_on_sqlite(tmp_path: Path):
    engine, run_ids = SqliteEngine(), [f"r{number}" for number in range(90)]
    with contextlib.closing(_with_runs(engine, tmp_path, run_ids)) as kept:
        before = engine.rows(tmp_path, "PRAGMA page_count")[0][0]
        found, noise = kept.runs.locate_runs([kept.number_of(run_id) for run_id in run_ids]), random.Random(1)
        pairs = zip(found.run_numbers, found.revisions, strict=True)
        assert kept.documents.keep({number: (revision, noise.randbytes(1300)) for number, revision in pairs})
        assert engine.rows(tmp_path, "SELECT count(*) FROM run_documents") == [(90,)]
        assert engine.rows(tmp_path, "PRAGMA page_count")[0][0] - before <= 32


def test_documents_of_an_earlier_version_stay(tmp_path: Path):
    with contextlib.closing(_with_runs(SqliteEngine(), tmp_path, "abc")) as kept:
        made = {kept.number_of(run_id): (kept.revision_of(run_id), run_id.encode()) for run_id in "abc"}
        assert kept.documents.keep(made)
        with kept.database.writing() as connection:
            connection.exec_driver_sql("DROP TABLE run_documents")
            connection.exec_driver_sql(
                "CREATE TABLE run_documents (run_number BIGINT NOT NULL, revision BIGINT NOT NULL,"
                " document BLOB NOT NULL, CONSTRAINT pk_run_documents PRIMARY KEY (run_number), CONSTRAINT"
                " fk_run_documents_run_number FOREIGN KEY(run_number) REFERENCES runs (run_number)"
                " ON DELETE CASCADE) WITHOUT ROWID"
            )
        assert kept.documents.keep(made)
        with kept.database.writing() as connection:
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0018'")
            upgrade(connection, "0019")
            connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{known_versions()[-1]}'")
        assert kept.read("a", "b", "c") == {number: body for number, (_, body) in made.items()}
        assert (
            "WITHOUT ROWID"
            not in SqliteEngine().rows(
                tmp_path, "SELECT sql FROM sqlite_master WHERE name = 'run_documents'"
            )[0][0]
        )


def _with_runs(engine: SqlEngine, folder: Path, run_ids: Iterable[str]) -> Kept:
    database, changed = engine.open(folder), ChangedRuns()
    SqlWorkspaces(database).add_workspace("w", "", {}, 0)
    kept = Kept(
        database, SqlExperiments(database), SqlRuns(database, changed), SqlRunDocuments(database, changed)
    )
    experiment = kept.experiments.add_experiment("w", "e", None, {}, 0)
    for run_id in run_ids:
        kept.runs.add_run(new_run(experiment, run_id), {"mlflow.runName": run_id})
    return kept
