"""Datasets on the real server, as a user's program handles them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from runyard import DataPath, Dataset, Run, Workspace
from runyard.azureml.data_types import PromoteHeadersBehavior
from runyard.errors import (
    AlreadyExists,
    InvalidParameter,
    NotFound,
    NotImplementedHere,
    Unavailable,
)
from runyard.protocol.messages.artifacts import ListProxiedArtifacts, ListProxiedArtifactsAnswer
from runyard.sdk.connection import MLFLOW
from runyard.sdk.data_sources import ARTIFACTS, LocalSource
from runyard.sdk.dataset import FileDataset, TabularDataset
from tests.running_server import RunningServer, scrubbed
from tests.sdk.conftest import Logger

CSV = "name,age\nann,29\nbob,\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files of this machine: two levels, one of them empty, one with a name that is quoted."""
    made = tmp_path / "data"
    (made / "sub é").mkdir(parents=True)
    (made / "a.csv").write_text(CSV)
    (made / "sub é" / "b #1.csv").write_text("name,age\ncleo,31\n")
    (made / "empty").touch()
    return made


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """The address of a server of files in ``tmp_path / "web"``."""
    (tmp_path / "web").mkdir()

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "web")))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def uploads(workspace: Workspace) -> list[str]:
    query = ListProxiedArtifacts(path="data-assets")
    answer = workspace.connection.get(ARTIFACTS, ListProxiedArtifactsAnswer, query)
    return [found.path for found in answer.files or ()]


def test_a_folder_is_uploaded_registered_and_downloaded(workspace: Workspace, folder: Path, tmp_path: Path):
    made = Dataset.File.from_files(str(folder))
    assert (made.id, made.name, made.version, made.tags) == (None, None, None, {})
    kept = made.register(workspace, "photos", description="d", tags={"a": "b"})
    assert (kept.name, kept.version, kept.description, kept.tags) == ("photos", 1, "d", {"a": "b"})
    found = Dataset.get_by_name(workspace, "photos")
    assert found.id == kept.id
    assert found.to_path() == ["/a.csv", "/empty", "/sub é/b #1.csv"]
    paths = found.download(tmp_path / "here")
    assert paths == [str(tmp_path / "here" / name) for name in ("a.csv", "empty", "sub é/b #1.csv")]
    assert [Path(each).read_text() for each in paths[:2]] == [CSV, ""]
    (tmp_path / "here" / "a.csv").write_text("mine")
    (tmp_path / "here" / "empty").unlink()
    with pytest.raises(AlreadyExists, match="overwrite"):
        found.download(tmp_path / "here")
    assert not (tmp_path / "here" / "empty").exists()
    found.download(tmp_path / "here", overwrite=True)
    assert (tmp_path / "here" / "a.csv").read_text() == CSV
    assert len(found.download()) == 3
    assert len(found.take(1).download()) == 1


def test_a_folder_is_sent_to_a_datastore_and_is_a_dataset_there(workspace: Workspace, folder: Path):
    store = workspace.get_default_datastore()
    all_of_it = Dataset.File.upload_directory(folder, (store, "sent/all"), show_progress=False)
    assert all_of_it.to_path() == ["/a.csv", "/empty", "/sub é/b #1.csv"]
    tables = Dataset.File.upload_directory(folder, DataPath(store, "sent/tables"), "**/*.csv")
    assert tables.to_path() == ["/a.csv", "/sub é/b #1.csv"]
    kept = tables.register(workspace, "tables")
    assert (kept.name, kept.to_path()) == ("tables", tables.to_path())
    for target in ("workspaceblobstore", (store, 3), None):
        with pytest.raises(InvalidParameter, match="target must be"):
            Dataset.File.upload_directory(folder, target)  # type: ignore[arg-type]
    with pytest.raises(InvalidParameter, match="pattern"):
        Dataset.File.upload_directory(folder, store, "*.png")
    with pytest.raises(InvalidParameter, match="src_dir"):
        Dataset.File.upload_directory(folder / "none", store)


def test_what_is_there_already_is_not_uploaded_again(workspace: Workspace, folder: Path):
    made = Dataset.File.from_files(folder)
    first = made.register(workspace, "photos")
    assert made.register(workspace, "photos").id == first.id
    assert made.register(workspace, "photos", create_new_version=True).version == 1
    assert len(uploads(workspace)) == 1
    (folder / "a.csv").write_text("other")
    with pytest.raises(AlreadyExists, match="create_new_version"):
        made.register(workspace, "photos")
    assert len(uploads(workspace)) == 1
    assert made.register(workspace, "photos", create_new_version=True).version == 2
    assert len(uploads(workspace)) == 2
    assert Dataset.get_by_name(workspace, "photos", version=1).id == first.id
    assert Dataset.get_by_name(workspace, "photos").version == 2
    # What is registered already is registered again without an upload.
    assert first.register(workspace, "same").version == 1
    assert len(uploads(workspace)) == 2


def test_a_failed_upload_leaves_nothing(workspace: Workspace, folder: Path, monkeypatch):
    (folder / "z").write_text("last")
    made = Dataset.File.from_files(folder)
    upload = LocalSource.upload

    def broken(self: LocalSource, connection: Any, place: str) -> None:
        upload(self, connection, place)
        raise OSError("the disk is gone")

    monkeypatch.setattr(LocalSource, "upload", broken)
    with pytest.raises(OSError, match="gone"):
        made.register(workspace, "photos")
    monkeypatch.undo()
    assert uploads(workspace) == []
    with pytest.raises(InvalidParameter, match="tags"):
        made.register(workspace, "photos", tags={"": "x"})
    assert uploads(workspace) == []
    with pytest.raises(NotFound):
        Dataset.get_by_name(workspace, "photos")


def test_rows_of_several_files_are_one_frame(workspace: Workspace, folder: Path):
    made = Dataset.Tabular.from_delimited_files(
        str(folder / "**" / "*.csv"), include_path=True, set_column_types={"age": "float64"}
    )
    assert made.to_pandas_dataframe()["name"].tolist() == ["ann", "bob", "cleo"]
    found = made.register(workspace, "people")
    again = Dataset.get_by_id(workspace, found.id or "")
    assert isinstance(again, TabularDataset)
    frame = again.to_pandas_dataframe()
    assert frame["Path"].tolist() == ["/a.csv", "/a.csv", "/sub é/b #1.csv"]
    assert frame["age"].dtype == "float64"
    assert found.take(1).to_pandas_dataframe()["name"].tolist() == ["ann"]
    assert len(found.take(9).take(2).to_pandas_dataframe()) == 2
    with pytest.raises(NotImplementedHere, match="part"):
        found.take(1).register(workspace, "less")
    for count in (0, -1, True):
        with pytest.raises(InvalidParameter, match="count"):
            found.take(count)


def test_each_format_is_read(workspace: Workspace, tmp_path: Path):
    frame = pd.DataFrame({"n": [1, 2], "when": pd.to_datetime(["2026-01-01", "2026-01-02"]), "t": ["é", "b"]})
    frame.to_parquet(tmp_path / "rows.parquet")
    frame.to_csv(tmp_path / "rows.tsv", sep="\t", index=False, encoding="latin-1", header=False)
    (tmp_path / "rows.jsonl").write_text('{"n": 1}\nbroken\n[2]\n{"n": 3}\n')
    (tmp_path / "nothing.csv").touch()
    read = Dataset.Tabular.from_parquet_files(tmp_path / "rows.parquet").register(workspace, "parquet")
    pd.testing.assert_frame_equal(read.to_pandas_dataframe(), frame)
    assert len(read.take(1).to_pandas_dataframe()) == 1
    read = Dataset.Tabular.from_delimited_files(
        str(tmp_path / "rows.tsv"),
        separator="\t",
        header=False,
        encoding="latin-1",
        set_column_types={"Column2": "datetime64[ns]"},
    ).register(workspace, "delimited")
    found = read.to_pandas_dataframe()
    assert found["Column3"].tolist() == ["é", "b"]
    assert found["Column2"].tolist() == frame["when"].tolist()
    lines = Dataset.Tabular.from_json_lines_files(tmp_path / "rows.jsonl")
    with pytest.raises(InvalidParameter, match=r"rows\.jsonl"):
        lines.to_pandas_dataframe()
    lines = Dataset.Tabular.from_json_lines_files(tmp_path / "rows.jsonl", invalid_lines="drop")
    assert lines.register(workspace, "lines").to_pandas_dataframe()["n"].tolist() == [1, 3]
    assert Dataset.Tabular.from_delimited_files(tmp_path / "nothing.csv").to_pandas_dataframe().empty
    with pytest.raises(InvalidParameter, match=r"rows\.jsonl"):
        Dataset.Tabular.from_parquet_files(tmp_path / "rows.jsonl").to_pandas_dataframe()


def test_a_file_of_the_web_is_read_by_the_client(workspace: Workspace, web: str, tmp_path: Path):
    (tmp_path / "web" / "people.csv").write_text(CSV)
    made = Dataset.Tabular.from_delimited_files(f"{web}/people.csv?sig=1")
    kept = made.register(workspace, "people")
    assert kept.to_path() == ["/people.csv"]
    assert kept.to_pandas_dataframe()["name"].tolist() == ["ann", "bob"]
    assert uploads(workspace) == []
    (tmp_path / "web" / "people.csv").unlink()
    with pytest.raises(NotFound, match=r"people\.csv") as error:
        kept.to_pandas_dataframe()
    assert "sig" not in str(error.value)
    assert kept.download(tmp_path / "none", ignore_not_found=True) == []
    nobody = Dataset.File.from_files("http://127.0.0.1:9/a.csv")
    with pytest.raises(Unavailable, match=r"a\.csv"):
        nobody.download(tmp_path / "none")
    assert not list((tmp_path / "none").iterdir())


def test_places_with_equal_names_are_kept_apart(web: str, tmp_path: Path):
    (tmp_path / "a.csv").write_text("x\n1\n")
    both = Dataset.File.from_files([f"{web}/a.csv", str(tmp_path / "a.csv")])
    assert both.to_path() == ["/0/a.csv", "/1/a.csv"]


def test_a_datastore_is_read_where_it_is(workspace: Workspace, folder: Path, tmp_path: Path):
    store = workspace.get_default_datastore()
    store.upload(folder, target_path="raw/people")
    kept = Dataset.Tabular.from_delimited_files((store, "raw/people/**/*.csv")).register(workspace, "people")
    assert kept.record is not None
    (source,) = kept.record.sources
    assert (source.kind, source.datastore, source.address) == (
        "datastore",
        store.name,
        "raw/people/**/*.csv",
    )
    assert uploads(workspace) == []
    assert kept.to_path() == ["/a.csv", "/sub é/b #1.csv"]
    assert kept.to_pandas_dataframe()["name"].tolist() == ["ann", "bob", "cleo"]
    for given in (
        (store.name, "raw/people/**/*.csv"),
        DataPath(store, "raw/people/**/*.csv"),
        store.path("raw/people/**/*.csv"),
    ):
        assert Dataset.Tabular.from_delimited_files(given).register(workspace, "people").version == 1
    files = Dataset.File.from_files((store, "/raw/people/"))
    assert files.to_path() == ["/a.csv", "/empty", "/sub é/b #1.csv"]
    assert len(files.download(tmp_path / "here")) == 3
    assert (tmp_path / "here" / "a.csv").read_text() == CSV
    one = Dataset.File.from_files((store, "raw/people/a.csv")).register(workspace, "one")
    assert one.to_path() == ["/a.csv"]
    assert Dataset.File.from_files((store, "")).to_path() == [
        "/raw/people/a.csv",
        "/raw/people/empty",
        "/raw/people/sub é/b #1.csv",
    ]
    with pytest.raises(InvalidParameter, match="Give the Datastore itself"):
        Dataset.File.from_files((store.name, "raw")).to_path()
    other = Workspace.create(f"{workspace.name}-other", url=workspace.url)
    with pytest.raises(InvalidParameter, match="another workspace"):
        files.register(other, "people")
    with pytest.raises(NotFound, match="nothing here"):
        Dataset.File.from_files((store, "nothing here")).to_path()
    with pytest.raises(NotFound, match="nothing"):
        Dataset.File.from_files((store, "nothing/*.csv")).to_path()


@pytest.mark.parametrize(
    "path",
    ["", [], 3, None, ("a",), ("store", 3), (b"store", "x"), "s3://bucket/x", "wasbs://c@a/x"],
    ids=repr,
)
def test_what_is_no_place_is_refused(path):
    with pytest.raises(InvalidParameter):
        Dataset.File.from_files(path)


def test_a_path_without_files_is_not_found(tmp_path: Path):
    for path in ("nowhere", "*.csv", "."):
        with pytest.raises(NotFound, match="no file"):
            Dataset.File.from_files(str(tmp_path / path))
    assert Dataset.File.from_files("nowhere", validate=False).version is None


def test_options_that_are_not_done_say_what_to_use(workspace: Workspace, folder: Path):
    rows = Dataset.Tabular
    for make in (
        partial(rows.from_delimited_files, folder, infer_column_types=False),
        partial(rows.from_delimited_files, folder, empty_as_string=True),
        partial(Dataset.File.from_files, folder, partition_format="{x}"),
        Dataset.File.from_files(folder).mount,
        lambda: rows.from_sql_query("SELECT 1"),
        lambda: Dataset.auto_read_files(folder),
    ):
        with pytest.raises(NotImplementedHere):
            make()
    with pytest.raises(NotImplementedHere, match="header=ONLY_FIRST_FILE_HAS_HEADERS"):
        rows.from_delimited_files(folder, header=PromoteHeadersBehavior.ONLY_FIRST_FILE_HAS_HEADERS)
    plain = rows.from_delimited_files(folder / "a.csv", header=PromoteHeadersBehavior.NO_HEADERS)
    assert plain.to_pandas_dataframe().columns.tolist() == ["Column1", "Column2"]
    with pytest.raises(InvalidParameter, match=r"separator='\\n' ends lines"):
        rows.from_delimited_files(folder, separator="\n")
    with pytest.raises(InvalidParameter, match="invalid_lines"):
        rows.from_json_lines_files(folder, invalid_lines="keep")
    with pytest.raises(InvalidParameter, match="set_column_types"):
        rows.from_parquet_files(folder, set_column_types={"a": 3})  # type: ignore[dict-item]
    with pytest.raises(TypeError, match="get_by_name"):
        Dataset()
    made = Dataset.File.from_files(folder)
    for call in (made.unregister_all_versions, partial(made.update, "d")):
        with pytest.raises(InvalidParameter, match="register"):
            call()


def test_registered_datasets_are_listed_described_and_deleted(workspace: Workspace, folder: Path):
    made = Dataset.File.from_files(folder).register(workspace, "b")
    Dataset.File.from_files("https://example.org/a").register(workspace, "a")
    rows = Dataset.Tabular.from_delimited_files(str(folder / "a.csv"))
    rows.register(workspace, "b", create_new_version=True)
    found = workspace.datasets
    assert [(name, each.version) for name, each in found.items()] == [("a", 1), ("b", 2)]
    assert Dataset.get_all(workspace).keys() == found.keys()
    assert "tabular, version 2" in found._repr_html_()
    made.update(description="new", tags={"x": "y"})
    assert Dataset.get_by_id(workspace, made.id or "").tags == {"x": "y"}
    assert made.add_tags({"checked": "yes"}).tags == {"x": "y", "checked": "yes"}
    assert made.remove_tags(["x", "none"]) is made
    assert Dataset.get_by_id(workspace, made.id or "").tags == {"checked": "yes"}
    assert made.update(tags={}) is made
    assert (made.description, made.tags) == ("new", {})
    assert isinstance(made, FileDataset)
    made.unregister_all_versions()
    assert list(workspace.datasets) == ["a"]
    for version in ("latest", 1, "2"):
        with pytest.raises(NotFound, match="'b'"):
            Dataset.get_by_name(workspace, "b", version)
    for wrong in ("newest", -1, "1.5"):
        with pytest.raises(InvalidParameter, match="number"):
            Dataset.get_by_name(workspace, "a", wrong)
    with pytest.raises(InvalidParameter, match="name"):
        Dataset.get_by_name(workspace, "../a")


def test_columns_are_kept_and_dropped(workspace: Workspace, folder: Path):
    rows = Dataset.Tabular.from_delimited_files(folder / "a.csv")
    assert rows.keep_columns(["age", "name"]).to_pandas_dataframe().columns.tolist() == ["age", "name"]
    assert rows.drop_columns("age").take(1).to_pandas_dataframe().values.tolist() == [["ann"]]
    (folder / "empty.csv").touch()
    nothing = Dataset.Tabular.from_delimited_files(folder / "empty.csv")
    assert nothing.keep_columns("age").drop_columns("age").to_pandas_dataframe().empty
    part = rows.keep_columns("age", validate=True).drop_columns(["name"])
    assert part.is_part
    with pytest.raises(InvalidParameter, match="columns: 'name' is no column; there are age"):
        part.to_pandas_dataframe()
    with pytest.raises(InvalidParameter, match="columns: 'name' is no column; there are age"):
        rows.keep_columns("age").keep_columns(["name"], validate=True)
    with pytest.raises(NotImplementedHere, match="part"):
        part.register(workspace, "part")
    for wrong in (None, [], [3], 3):
        with pytest.raises(InvalidParameter, match="columns must be names of columns"):
            rows.drop_columns(wrong)  # type: ignore[arg-type]


def test_rows_are_skipped_sampled_and_split(workspace: Workspace, folder: Path):
    (folder / "numbers.csv").write_text("\n".join(["n", *map(str, range(500))]))
    rows = Dataset.Tabular.from_delimited_files([folder / "numbers.csv", folder / "numbers.csv"])

    def numbers(part: TabularDataset) -> list[int]:
        return part.to_pandas_dataframe().n.tolist()  # type: ignore[no-any-return]

    everything = [*range(500), *range(500)]
    assert numbers(rows.skip(498).take(4)) == [498, 499, 0, 1]
    assert numbers(rows.take(4).skip(3)) == [3]
    assert numbers(rows.take(2).skip(5)) == numbers(rows.skip(2000)) == []
    assert rows.skip(2000).to_pandas_dataframe().columns.tolist() == ["n"]
    sample = rows.take_sample(0.2, seed=7)
    assert 120 < len(numbers(sample)) < 280
    assert numbers(sample) == numbers(rows.take_sample(0.2, seed=7)) != numbers(rows.take_sample(0.2, seed=8))
    assert numbers(sample.skip(3).take(2)) == numbers(sample)[3:5]
    train, test = rows.random_split(0.8)
    assert numbers(train) == numbers(train)
    assert sorted(numbers(train) + numbers(test)) == sorted(everything)
    assert 720 < len(numbers(train)) < 880
    assert [numbers(part) for part in rows.random_split(1)] == [everything, []]
    assert test.to_pandas_dataframe().index.tolist() == list(range(len(numbers(test))))
    with pytest.raises(NotImplementedHere, match="part"):
        train.register(workspace, "train")


def test_files_are_skipped_and_split(folder: Path):
    files = Dataset.File.from_files(str(folder))
    assert files.skip(1).to_path() == files.to_path()[1:]
    one, other = files.random_split(0.5, seed=3)
    assert sorted(one.to_path() + other.to_path()) == files.to_path()
    assert one.to_path() == files.take_sample(0.5, seed=3).to_path()
    assert len(one.download()) == len(one.to_path())
    for wrong in (-0.1, 1.5, "half", None, True):
        with pytest.raises(InvalidParameter, match="percentage must be a number"):
            files.random_split(wrong)  # type: ignore[arg-type]
    with pytest.raises(InvalidParameter, match=r"probability must be a number from 0 to 1, as 0\.8, not 80"):
        files.take_sample(80)
    with pytest.raises(InvalidParameter, match="seed must be a whole number, not 'x'"):
        files.take_sample(0.5, seed="x")  # type: ignore[arg-type]
    with pytest.raises(InvalidParameter, match="count must be a whole number from 0 on, not -1"):
        files.skip(-1)


def test_inputs_are_values(workspace: Workspace, folder: Path):
    made = Dataset.File.from_files(folder)
    config = made.as_named_input("training")
    assert (config.name, config.mode, config.dataset) == ("training", "direct", made)
    assert config.as_mount("/mnt").path_on_compute == "/mnt"
    assert config.as_download().mode == "download"
    assert made.as_mount().mode == "mount"
    kept = made.register(workspace, "photos")
    assert kept.as_download("/tmp/x").name == f"input_{(kept.id or '')[:8]}"
    for name in ("", "a b", "1a"):
        with pytest.raises(InvalidParameter, match="name"):
            made.as_named_input(name)


def inputs_of(run: Run) -> list[Any]:
    connection = run.experiment.workspace.connection
    with connection.open(f"{MLFLOW}/runs/get", (("run_id", run.id),)) as answer:
        found = json.loads(b"".join(answer.body))
    return list(found["run"].get("inputs", {}).get("dataset_inputs", []))


def test_a_dataset_is_logged_as_an_input_of_a_run(workspace: Workspace, folder: Path):
    kept = Dataset.File.from_files(folder).register(workspace, "photos")
    run = Logger(workspace).run(workspace.experiments["Default"])
    kept.log_to(run, "training")
    (used,) = inputs_of(run)
    tags = {tag["key"]: tag["value"] for tag in used["tags"]}
    assert tags == {
        "mlflow.data.context": "training",
        "runyard.data.name": "photos",
        "runyard.data.version": "1",
        "runyard.data.id": kept.id,
    }
    assert used["dataset"]["name"] == "photos"
    assert used["dataset"]["source_type"] == "runyard"
    assert json.loads(used["dataset"]["source"])["version"] == 1
    assert kept.record is not None
    assert kept.record.content_sha256.startswith(used["dataset"]["digest"])


def test_what_a_run_reads_is_noted_in_it_once(
    workspace: Workspace, folder: Path, web: str, tmp_path: Path, monkeypatch
):
    (tmp_path / "web" / "people.csv").write_text(CSV)
    logger = Logger(workspace)
    run, other = (logger.run(workspace.experiments["Default"]) for _ in range(2))
    kept = Dataset.Tabular.from_delimited_files(f"{web}/people.csv").register(workspace, "people")
    kept.to_pandas_dataframe()
    monkeypatch.setenv("MLFLOW_RUN_ID", run.id)
    kept.to_pandas_dataframe()
    kept.take(1).to_pandas_dataframe()
    (used,) = inputs_of(run)
    assert used["dataset"]["source_type"] == "http"
    assert json.loads(used["dataset"]["source"]) == {"url": f"{web}/people.csv"}
    assert inputs_of(other) == []
    # A run of elsewhere, as of another server, is no hindrance.
    monkeypatch.setenv("MLFLOW_RUN_ID", "f" * 32)
    assert len(kept.to_pandas_dataframe()) == 2


SCRIPT = """
import sys
import mlflow
from runyard import Dataset, Workspace

ws = Workspace.get(sys.argv[1])
mlflow.set_tracking_uri(ws.get_mlflow_tracking_uri())
with mlflow.start_run() as run:
    Dataset.get_by_name(ws, "photos").download()
    Dataset.get_by_name(ws, "photos").download()
print("run", run.info.run_id)
"""


def test_the_run_that_mlflow_has_begun_is_the_one(
    workspace: Workspace, folder: Path, server: RunningServer, tmp_path: Path
):
    Dataset.File.from_files(folder).register(workspace, "photos")
    environment = scrubbed(os.environ) | {
        "HOME": str(tmp_path),
        "RUNYARD_URL": server.url,
        "RUNYARD_SPOOL_DIR": str(tmp_path / "spools"),
    }
    command = [sys.executable, "-c", SCRIPT, workspace.name]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    run_id = next(line for line in ended.stdout.splitlines() if line.startswith("run ")).split()[1]
    (used,) = inputs_of(workspace.get_run(run_id))
    assert used["dataset"]["name"] == "photos"
    assert {tag["key"]: tag["value"] for tag in used["tags"]}["runyard.data.version"] == "1"


def test_a_notebook_shows_a_table_without_markup_of_others(workspace: Workspace, folder: Path):
    made = Dataset.Tabular.from_delimited_files(str(folder / "a.csv"))
    assert str(folder) in made._repr_html_()
    assert str(folder) in repr(made)
    kept = made.register(workspace, "people", description="<script>", tags={"<b>": "x"})
    shown = kept._repr_html_()
    assert "<script>" not in shown
    assert "<b>" not in shown
    assert repr(kept) == "TabularDataset('people', version=1)"


def test_a_data_frame_is_kept_as_the_next_version_of_a_dataset(workspace: Workspace):
    store = workspace.get_default_datastore()
    for number in (1, 2):
        frame = pd.DataFrame({"age": [29, number], "when": pd.to_datetime(["2020-01-01", "2020-02-01"])})
        kept = Dataset.Tabular.register_pandas_dataframe(
            frame, (store, "frames"), "ages", "how old", {"a": "b"}, show_progress=False
        )
        assert (kept.name, kept.version, kept.description, kept.tags) == (
            "ages",
            number,
            "how old",
            {"a": "b"},
        )
        pd.testing.assert_frame_equal(
            Dataset.get_by_name(workspace, "ages", number).to_pandas_dataframe(), frame, check_dtype=False
        )
    assert len(Dataset.File.from_files((store, "frames")).to_path()) == 2
    with pytest.raises(InvalidParameter, match="DataFrame, not a list"):
        Dataset.Tabular.register_pandas_dataframe([1], store, "ages")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("filter", "query"),
        ("partition_by", "to_parquet"),
        ("to_spark_dataframe", "spark.read"),
        ("sample", "take_sample"),
    ],
)
def test_what_a_dataset_can_not_do_says_what_does_it(name: str, told: str):
    data = Dataset.Tabular.from_delimited_files("https://example.org/a.csv")
    with pytest.raises(NotImplementedHere, match=f"no '{name}' here.*{told}"):
        getattr(data, name)
    assert not hasattr(data, name)
    with pytest.raises(AttributeError, match="'TabularDataset' object has no attribute 'nonsense'"):
        data.nonsense  # noqa: B018 # to ask for it is what is tried
