"""Tabular datasets over time, and columns that are in paths, on the real server."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from runyard import Dataset, ScriptRunConfig, Workspace
from runyard.errors import InvalidParameter, NotImplementedHere
from runyard.sdk import data_sources
from runyard.sdk.data_partitions import PartitionFormat
from runyard.sdk.dataset import TabularDataset
from runyard.sdk.downloads import fetch

FORMAT = "/{team}/{month:yyyy/MM}/rows.csv"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three files, whose paths say of which team and month they are."""
    made = tmp_path / "data"
    for place, rows in {
        "robots/2026/01": "2026-01-05 10:00,1\n2026-01-06 10:00,2\n",
        "robots/2026/02": "2026-02-05 10:00,3\n,4\n",
        "birds/2026/02": "2026-02-07 10:00,5\n",
    }.items():
        (made / place).mkdir(parents=True)
        (made / place / "rows.csv").write_text(f"when,n\n{rows}")
    return made


@pytest.fixture
def data(folder: Path) -> TabularDataset:
    return Dataset.Tabular.from_delimited_files(folder, partition_format=FORMAT)


def numbers(data: TabularDataset) -> list[int]:
    return sorted(data.to_pandas_dataframe().n.tolist())


def test_columns_of_moments_have_the_names_that_azure_once_gave_them(data: TabularDataset):
    named = data.with_timestamp_columns(fine_grain_timestamp="when", coarse_grain_timestamp="month")
    assert named.timestamp_columns == ("when", "month")
    kept = named.keep_columns(["n", "when"])
    assert numbers(kept.time_before(datetime(2026, 1, 31))) == [1, 2]
    assert numbers(named.time_after(datetime(2026, 2, 6)).drop_columns(["when", "month"])) == [5]
    with pytest.raises(InvalidParameter, match="'when' is no column"):
        named.drop_columns("when").time_before(datetime(2026, 1, 31))
    with pytest.raises(InvalidParameter, match="needs fine_grain_timestamp"):
        data.with_timestamp_columns(coarse_grain_timestamp="month")


def test_paths_give_columns_of_text_and_of_moments(data: TabularDataset):
    frame = data.to_pandas_dataframe()
    assert frame.columns.tolist() == ["team", "month", "when", "n"]
    assert frame.set_index("n").team.to_dict() == {
        1: "robots",
        2: "robots",
        3: "robots",
        4: "robots",
        5: "birds",
    }
    assert frame.month.dt.month.tolist() == [2, 1, 1, 2, 2]


@pytest.mark.parametrize("form", ["json_lines", "parquet"])
def test_other_files_have_such_columns_too(tmp_path: Path, data: TabularDataset, form: str):
    (tmp_path / "other" / "robots").mkdir(parents=True)
    file = tmp_path / "other" / "robots" / "rows"
    if form == "parquet":
        data.to_pandas_dataframe()[["n"]].to_parquet(file)
        made = Dataset.Tabular.from_parquet_files(file.parent.parent, partition_format="/{team}/rows")
    else:
        file.write_text('{"n": 1}\n')
        made = Dataset.Tabular.from_json_lines_files(file.parent.parent, partition_format="/{team}/rows")
    assert set(made.to_pandas_dataframe().team) == {"robots"}


def test_a_path_that_says_nothing_or_a_column_that_is_there_is_an_error(folder: Path, data: TabularDataset):
    (folder / "loose.csv").write_text("when,n\n")
    with pytest.raises(InvalidParameter, match=r"'/loose.csv' does not end as partition_format="):
        data.to_pandas_dataframe()
    twice = Dataset.Tabular.from_delimited_files(folder / "robots", partition_format="/{n}/rows.csv")
    with pytest.raises(InvalidParameter, match="a column 'n'"):
        twice.to_pandas_dataframe()


def test_columns_of_time_are_kept_and_choose_rows(workspace: Workspace, data: TabularDataset):
    kept = data.with_timestamp_columns("when", "month", validate=True).register(workspace, "rows")
    found = Dataset.get_by_name(workspace, "rows")
    assert isinstance(found, TabularDataset)
    assert found.timestamp_columns == kept.timestamp_columns == ("when", "month")
    assert found.to_pandas_dataframe().team.tolist() == data.to_pandas_dataframe().team.tolist()
    fifth, boundary = datetime(2026, 2, 5, 10), False
    assert numbers(found.time_after(fifth)) == [3, 5]
    assert numbers(found.time_after(fifth, boundary)) == [5]
    assert numbers(found.time_before(fifth)) == [1, 2, 3]
    assert numbers(found.time_before(fifth, include_boundary=False)) == [1, 2]
    assert numbers(found.time_between(datetime(2026, 1, 6), datetime(2026, 2, 6))) == [2, 3]
    assert numbers(found.time_after(datetime(2026, 1, 6)).time_before(datetime(2026, 2, 6))) == [2, 3]
    assert numbers(found.time_after(datetime(2026, 1, 6)).take(1)) in ([2], [3], [5])
    assert numbers(found.time_recent(timedelta(days=1))) == []


def test_the_same_data_with_columns_of_time_is_another_version_and_uploaded_once(
    workspace: Workspace, data: TabularDataset
):
    first = data.register(workspace, "rows")
    second = first.with_timestamp_columns("when").register(workspace, "rows", create_new_version=True)
    assert (first.version, second.version) == (1, 2)
    again = data.register(workspace, "plain").record
    assert first.record is not None
    assert second.record is not None
    assert again is not None
    assert second.record.sources == first.record.sources
    assert again.content_sha256 == first.record.content_sha256
    assert numbers(second.time_before(datetime(2026, 1, 5, 12))) == [1]


def test_moments_with_and_without_a_time_zone_are_compared_by_utc(tmp_path: Path):
    file = tmp_path / "rows.csv"
    file.write_text("when,n\n2026-01-05T10:00:00+00:00,1\n2026-01-05T12:00:00+00:00,2\n")
    zoned = Dataset.Tabular.from_delimited_files(file).with_timestamp_columns("when")
    assert numbers(zoned.time_after(datetime(2026, 1, 5, 11))) == [2]
    east = timezone(timedelta(hours=3))
    assert numbers(zoned.time_after(datetime(2026, 1, 5, 14, tzinfo=east))) == [2]
    file.write_text("when,n\n2026-01-05T10:00:00,1\n2026-01-05T12:00:00,2\n")
    assert numbers(zoned.time_after(datetime(2026, 1, 5, 14, tzinfo=east))) == [2]
    now = datetime.now(timezone.utc).replace(tzinfo=None)
    file.write_text(f"when,n\n{now},1\n{now - timedelta(days=3)},2\n")
    assert numbers(zoned.time_recent(timedelta(days=1))) == [1]


def test_what_can_t_be_is_named_with_what_is_allowed(
    workspace: Workspace, data: TabularDataset, folder: Path
):
    moment = datetime(2026, 1, 1)
    for call in (partial(data.time_after, moment), partial(data.time_recent, timedelta(1))):
        with pytest.raises(InvalidParameter, match=r"with_timestamp_columns\('when'\)"):
            call()
    with pytest.raises(InvalidParameter, match="timestamp='then' is no column; there are team, month, when"):
        data.with_timestamp_columns("then", validate=True)
    named = data.with_timestamp_columns("then")
    with pytest.raises(InvalidParameter, match="has no column 'then'"):
        named.to_pandas_dataframe()
    timed = data.with_timestamp_columns("when")
    for call in (
        partial(timed.time_after, "2026-01-01"),  # type: ignore[arg-type]
        partial(timed.time_between, moment, None),  # type: ignore[arg-type]
        partial(timed.time_recent, 3),  # type: ignore[arg-type]
    ):
        with pytest.raises(InvalidParameter, match="must be a datetime"):
            call()
    with pytest.raises(InvalidParameter, match="Choose the period first"):
        timed.take(1).time_after(moment)
    with pytest.raises(NotImplementedHere, match="not registered"):
        timed.time_after(moment).register(workspace, "part")


def test_a_part_of_a_dataset_is_given_to_no_job(workspace: Workspace, data: TabularDataset, tmp_path: Path):
    (tmp_path / "train.py").write_text("")
    kept = data.register(workspace, "rows")
    with pytest.raises(InvalidParameter, match="a part of a dataset"):
        ScriptRunConfig(tmp_path, "train.py", [kept.take(1).as_named_input("rows")])


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are fetched from the server, as they are."""
    seen: list[str] = []

    def noted(*arguments: Any) -> None:
        seen.append(arguments[5])
        fetch(*arguments)

    monkeypatch.setattr(data_sources, "fetch", noted)
    return seen


@pytest.fixture
def found(workspace: Workspace, data: TabularDataset) -> TabularDataset:
    """The files in the workspace, with a rough column of time in their paths and a fine one in them."""
    data.with_timestamp_columns("when", "month").register(workspace, "rows")
    kept = Dataset.get_by_name(workspace, "rows")
    assert isinstance(kept, TabularDataset)
    return kept


def test_files_whose_path_is_outside_of_the_period_are_not_fetched(found: TabularDataset, fetched: list[str]):
    assert numbers(found.time_before(datetime(2026, 1, 31), validate=False)) == [1, 2]
    assert fetched == ["robots/2026/01/rows.csv"]
    fetched.clear()
    assert numbers(found.time_after(datetime(2026, 2, 6), validate=False)) == [5]
    assert sorted(fetched) == ["birds/2026/02/rows.csv", "robots/2026/02/rows.csv"]
    fetched.clear()
    both = found.time_after(datetime(2026, 1, 6), validate=False)
    assert numbers(both.time_before(datetime(2026, 1, 7), validate=False)) == [2]
    assert fetched == ["robots/2026/01/rows.csv"]


def test_a_period_without_files_has_the_columns_and_no_row(found: TabularDataset, fetched: list[str]):
    frame = found.time_after(datetime(2027, 1, 1), validate=False).to_pandas_dataframe()
    assert (frame.columns.tolist(), len(frame)) == (["team", "month", "when", "n"], 0)
    assert len(fetched) == 1


def test_a_column_of_the_path_alone_chooses_files_by_its_first_moment(folder: Path, data: TabularDataset):
    (folder / "birds/2026/02/rows.csv").unlink()
    for rough in (data.with_timestamp_columns("month"), data.with_timestamp_columns(None, "month")):
        (folder / "robots/2026/01/rows.csv").write_text("when,n\n,1\n")
        february, boundary = datetime(2026, 2, 1), False
        assert numbers(rough.time_after(february)) == [3, 4]
        assert numbers(rough.time_after(february, boundary)) == []
        assert numbers(rough.time_before(february)) == [1, 3, 4]
        assert numbers(rough.time_before(february, boundary)) == [1]
        zoned = datetime(2026, 2, 1, 2, tzinfo=timezone(timedelta(hours=3)))
        assert numbers(rough.time_before(zoned)) == [1]
        # A file that is not of the period is not even opened.
        (folder / "robots/2026/01/rows.csv").write_bytes(b"\xff\xfe")
        assert numbers(rough.time_after(february, validate=False)) == [3, 4]


def test_files_without_a_row_have_none_in_a_period(tmp_path: Path):
    (tmp_path / "rows.csv").write_text("")
    timed = Dataset.Tabular.from_delimited_files(tmp_path / "rows.csv").with_timestamp_columns("when")
    assert len(timed.time_after(datetime(2026, 1, 1), validate=False).to_pandas_dataframe()) == 0


@pytest.mark.parametrize(
    ("format", "path", "first", "behind"),
    [
        ("{at:yyyy}", "2026", datetime(2026, 1, 1), datetime(2027, 1, 1)),
        ("{at:yyyy-MM}", "2026-12", datetime(2026, 12, 1), datetime(2027, 1, 1)),
        ("{at:yyyyMMdd}", "20260228", datetime(2026, 2, 28), datetime(2026, 3, 1)),
        ("{at:yyyyMMddHHmm}", "202602282359", datetime(2026, 2, 28, 23, 59), datetime(2026, 3, 1)),
        ("{at:yyyy}", "9999", datetime(9999, 1, 1), datetime.max),
        ("{at:yyyyMMdd}", "99991231", datetime(9999, 12, 31), datetime.max),
    ],
)
def test_a_path_says_from_when_to_when_its_file_is(format: str, path: str, first: datetime, behind: datetime):
    assert PartitionFormat(f"/{format}/rows").span_of(f"{path}/rows", "at") == (first, behind)
    assert PartitionFormat(f"/{format}/{{team}}").span_of(f"{path}/birds", "team") is None
