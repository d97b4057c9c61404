"""`runyard check` at the stores: whole data passes, and each kind of damage is found and named."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3

import pytest

from runyard.app import open_stores
from runyard.entities.audit import AuditEvent, Outcome
from runyard.services.integrity import check_integrity
from runyard.services.run_documents import keep_documents, read_documents
from runyard.stores.artifacts.base import Declared
from runyard.stores.artifacts.folder import SHA256_ATTRIBUTE
from runyard.stores.artifacts.integrity import ArtifactCounts
from runyard.stores.artifacts.paths import ArtifactPath
from tests.sample_home import KEYS, filled_home, settings_of

REMOVED = "INSERT INTO removed_artifacts (path, workspace, removed_ms, emptied_ms)"


@pytest.fixture
def home(tmp_path):
    """A home with folded and unfolded runs, closed."""
    filled_home(tmp_path / "home")
    return tmp_path / "home"


def checked(home, **how):
    """What a check of the home finds, as text, and how much it looked at."""
    with contextlib.closing(open_stores(settings_of(home))) as stores:
        found = check_integrity(stores, **how)
    return [f"{fault.where}: {fault.what}" for fault in found.faults], found.counts


def damage(home, *statements):
    """Change the file behind the stores' back."""
    with contextlib.closing(sqlite3.connect(home / "runyard.db")) as raw, raw:
        for statement in statements:
            raw.execute(statement)


def test_what_the_stores_wrote_is_whole(home):
    faults, counts = checked(home)
    assert faults == []
    assert (counts.runs, counts.batches, counts.series) == (3, 11, 15)
    assert counts.points == 3 * (len(KEYS) * 700 + 2 + 5)
    assert counts.chunks > 0


def test_documents_of_runs_are_whole_and_those_of_earlier_versions_are_nobodys(home):
    with contextlib.closing(open_stores(settings_of(home))) as stores:
        numbers = list(range(1, 4))
        with stores.snapshot():
            _, made = read_documents(stores, stores.metadata.runs.locate_runs(numbers))
        keep_documents(stores, made, wait=True)
    assert len(made) == 3
    assert checked(home)[0] == []
    damage(home, "UPDATE run_documents SET document = CAST(x'01' || document AS BLOB) WHERE run_number = 1")
    assert checked(home)[0] == []
    damage(home, "UPDATE run_documents SET document = substr(document, 1, 20) WHERE run_number = 2")
    assert [fault.rpartition(": ")[2] for fault in checked(home)[0]] == ["its document can't be read"]


def test_an_empty_home_is_whole(tmp_path):
    open_stores(settings_of(tmp_path / "home")).close()
    assert checked(tmp_path / "home")[0] == []


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE metric_series SET maximum = 2.0 WHERE key_id = 1", "its points come to"),
        ("UPDATE metric_series SET minimum = NULL WHERE key_id = 1", "its summary says"),
        ("UPDATE metric_series SET last_step = last_step + 1", "its points come to"),
        ("UPDATE metric_series SET last_is_nan = 1", "last nan"),
        ("UPDATE metric_series SET experiment_id = 77", "its summary is in experiment 77, its run in 0"),
        ("DELETE FROM metric_series WHERE key_id = 1", "it has points and no summary"),
        ("DELETE FROM metric_keys WHERE key_id = 1", "nobody knows the name of its metric 1"),
        ("DELETE FROM metric_chunks", "it has a summary and no points"),
        ("DELETE FROM metric_batches", "it has a summary and no points"),
        ("UPDATE metric_batches SET point_count = point_count + 1", "and says"),
        ("UPDATE metric_batches SET packed = x'09'", "it can't be read"),
        ("UPDATE metric_batches SET packed = substr(packed, 1, 30)", "it can't be read"),
        ("UPDATE metric_chunks SET point_count = 1", "points and says 1"),
        ("UPDATE metric_chunks SET first_step = -5", "its step goes from"),
        ("UPDATE metric_chunks SET last_timestamp_ms = 5", "its timestamp_ms goes from"),
        ("UPDATE metric_chunks SET packed = substr(packed, 1, length(packed) / 2)", "it can't be read"),
        ("UPDATE metric_chunks SET packed = x''", "it can't be read"),
        ("UPDATE metric_chunks SET buckets = x'0102' WHERE buckets <> x''", "what charts draw of it"),
        (
            "UPDATE metric_chunks SET coarse_bucket = (SELECT max(coarse_bucket) FROM metric_chunks)",
            "what charts draw of it",
        ),
        (
            "UPDATE metric_chunks SET key_id = 4321 WHERE key_id > 0",
            "nobody knows the name of its metric 4321",
        ),
        ("DELETE FROM experiments", "rows name a experiment_id that experiments does not hold"),
        ("DELETE FROM runs", "rows name a run_number that runs does not hold"),
        ("UPDATE workspaces SET default_experiment_id = 99", "its experiment Default is not there"),
        (
            "INSERT INTO evaluation_datasets"
            " (dataset_id, workspace, name, digest, created_ms, updated_ms, record_count)"
            " VALUES ('d-1', 'default', 'n', 'x', 1, 1, 5)",
            "it has 0 records and says 5",
        ),
        (
            "INSERT INTO evaluation_dataset_experiments VALUES (1, 'd-none', 1)",
            "rows name a dataset_id that evaluation_datasets does not hold",
        ),
        (
            "INSERT INTO run_documents SELECT run_number, revision, x'00' FROM runs",
            "its document can't be read",
        ),
        (
            "INSERT INTO run_documents SELECT run_number, revision, x'02' FROM runs",
            "its document can't be read",
        ),
        (
            "INSERT INTO run_documents SELECT run_number, revision + 1, x'00' FROM runs",
            "its document is of revision",
        ),
        (
            f"{REMOVED} SELECT 'default/0/' || run_id || '/artifacts', 'default', 1, 2 FROM runs",
            "is there and keeps its artifacts in it",
        ),
        (f"{REMOVED} VALUES ('other/0', 'default', 1, NULL)", "and the folder does not"),
        (f"{REMOVED} VALUES ('default', 'default', 1, NULL)", "and the folder does not"),
        (f"{REMOVED} VALUES ('default/../other', 'default', 1, NULL)", "and the folder does not"),
    ],
)
def test_damage_is_found(home, statement, said):
    damage(home, statement)
    faults, _ = checked(home)
    assert any(said in fault for fault in faults), faults


def test_the_folder_of_a_run_that_was_removed_is_as_it_should_be(home):
    damage(home, f"{REMOVED} VALUES ('default/0/gone/artifacts', 'default', 1, 2)")
    assert checked(home)[0] == []


def audited(home):
    """Write three entries into the audit log."""
    events = [
        AuditEvent(at_ms, "runs.delete_run", Outcome.DONE, target=f"run_id={at_ms}") for at_ms in (5, 6, 7)
    ]
    with contextlib.closing(open_stores(settings_of(home))) as stores:
        stores.metadata.audit.append(events)


@pytest.mark.parametrize(
    ("statement", "number", "before"),
    [
        ("UPDATE audit_entries SET target = 'run_id=9' WHERE number = 2", 2, 1),
        ("UPDATE audit_entries SET chain_hash = 'x' WHERE number = 1", 1, 0),
        ("DELETE FROM audit_entries WHERE number = 2", 3, 1),
        ("DELETE FROM audit_entries WHERE number = 1", 2, 0),
    ],
)
def test_the_entry_where_the_chain_of_the_audit_log_breaks_is_named(home, statement, number, before):
    audited(home)
    assert checked(home)[0] == []
    damage(home, "DROP TRIGGER audit_entries_no_update", "DROP TRIGGER audit_entries_no_delete", statement)
    said = f"audit log, entry {number}: it does not follow from the {before} entries before it"
    lost = "it is gone, altered or not the server's, so that the log can be changed"
    triggers = [f"audit log, trigger audit_entries_no_{change}: {lost}" for change in ("delete", "update")]
    assert checked(home)[0] == [said, *triggers]


def declared_file(home, name, content, sha256):
    with contextlib.closing(open_stores(settings_of(home))) as stores:
        path = ArtifactPath(("default", "0", name))
        with stores.artifacts.create(path, Declared(len(content), sha256)) as upload:
            upload.write(content)
            upload.commit()
    return home / "artifacts" / "default" / "0" / name


def test_an_artifact_with_other_bytes_than_were_sent_is_found_where_its_checksum_is_kept(home):
    content = b"weights" * 1000
    sha256 = hashlib.sha256(content).hexdigest()
    file = declared_file(home, "model.bin", content, sha256)
    if SHA256_ATTRIBUTE.encode() not in b" ".join(map(os.fsencode, os.listxattr(file))):
        pytest.skip("this file system keeps no checksums beside files")
    assert checked(home, with_artifacts=True)[0] == []
    kept_ns = file.stat().st_mtime_ns
    file.write_bytes(b"X" + content[1:])
    os.utime(file, ns=(kept_ns, kept_ns))  # as a disk does that forgets, and not a person who edits
    assert checked(home)[0] == []
    faults, _ = checked(home, with_artifacts=True)
    assert faults == ["artifact default/0/model.bin: its bytes are not those that were sent"]


def test_artifacts_are_counted_with_those_that_nobody_sent_a_checksum_of(home):
    declared_file(home, "model.bin", b"abc", hashlib.sha256(b"abc").hexdigest())
    seen = []
    with contextlib.closing(open_stores(settings_of(home))) as stores:
        found = check_integrity(stores, lambda *step: seen.append(step), with_artifacts=True)
    assert found.faults == []
    assert found.artifacts == ArtifactCounts(files=4, verified_files=1, verified_bytes=3)
    assert seen[-1] == ("bytes of artifacts", 15_003, 15_003)


def test_a_batch_that_was_never_summarised_is_found_where_the_note_of_it_is_gone(home):
    damage(home, "DELETE FROM unsummarised_batches")
    faults, _ = checked(home)
    assert len(faults) == 1
    assert "metric loss: its summary says" in faults[0]


def test_batches_that_wait_to_be_summarised_may_be_joined_in_part(home):
    with contextlib.closing(open_stores(settings_of(home))) as stores:
        stores.metrics.settle()
    damage(home, "INSERT INTO unsummarised_batches SELECT batch_number FROM metric_batches")
    assert checked(home)[0] == []


def test_a_check_changes_nothing(home):
    def rows():
        with contextlib.closing(sqlite3.connect(home / "runyard.db")) as raw:
            return list(raw.iterdump())

    damage(home, "UPDATE metric_series SET maximum = 2.0")
    before = rows()
    assert checked(home)[0]
    assert rows() == before


def test_a_file_that_is_broken_is_reported_and_not_a_crash(home):
    open_stores(settings_of(home)).close()
    path = home / "runyard.db"
    content = bytearray(path.read_bytes())
    with contextlib.closing(sqlite3.connect(path)) as raw:
        page_size = raw.execute("PRAGMA page_size").fetchone()[0]
        root = raw.execute("SELECT rootpage FROM sqlite_master WHERE name = 'metric_chunks'").fetchone()[0]
    content[(root - 1) * page_size : root * page_size] = b"\xff" * page_size
    path.write_bytes(content)
    faults, _ = checked(home)
    assert any(fault.startswith("database file: ") for fault in faults)
    assert any("the check could not go on" in fault for fault in faults)


def test_progress_goes_up_to_all_runs(home):
    seen = []
    with contextlib.closing(open_stores(settings_of(home))) as stores:
        check_integrity(stores, lambda what, done, total: seen.append((what, done, total)))
    assert seen[-3:] == [("runs", 1, 3), ("runs", 2, 3), ("runs", 3, 3)]
    steps = {
        "database file",
        "references",
        "documents",
        "evaluation datasets",
        "removals",
        "audit log",
        "runs",
    }
    assert {what for what, _, _ in seen} == steps
