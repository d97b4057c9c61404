"""`runyard export` and back: the same content is the same bytes."""

import filecmp
import json
import math
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from runyard.entities.logged_model import LoggedModelMetric
from runyard.entities.run import Dataset, DatasetInput, ModelOutput
from runyard.errors import AlreadyExists, InvalidParameter, NotFound
from runyard.sdk.connection import connect
from runyard.sdk.spool.records import Point
from runyard.sdk.transfer.destination import Destination
from runyard.sdk.transfer.exported import ExportedFolder
from runyard.sdk.transfer.exporting import Export
from runyard.sdk.transfer.importing import Import, Options, Report
from runyard.sdk.transfer.mlflow_server import MlflowServer
from runyard.sdk.transfer.mlflow_values import point
from runyard.sdk.transfer.records import SourceExperiment, SourceFile, SourceModel, SourceRun
from runyard.sdk.transfer.source import Source
from tests.running_server import RunningServer


class Made(Source):
    """An experiment that a test has made up, with runs, points, models and files."""

    def __init__(self, folder: Path, experiment: SourceExperiment) -> None:
        super().__init__("made up")
        self.experiment = experiment
        self.all_runs: list[SourceRun] = []
        self.all_models: list[SourceModel] = []
        self.all_points: dict[str, list[Point]] = {}
        self.all_files: dict[str, bytes] = {}
        self._folder = folder

    def experiments(self) -> list[SourceExperiment]:
        return [self.experiment]

    def count_runs(self, experiment: SourceExperiment) -> int:
        return len(self.all_runs)

    def runs(self, experiment: SourceExperiment) -> Iterator[SourceRun]:
        yield from self.all_runs

    def points(self, run: SourceRun) -> Iterator[list[Point]]:
        points = self.all_points.get(run.run_id, [])
        for start in range(0, len(points), 1000):
            yield points[start : start + 1000]

    def models(self, experiment: SourceExperiment) -> Iterator[SourceModel]:
        yield from self.all_models

    def remote_location(self, uri: str) -> str | None:
        return None

    def files(self, owner: SourceRun | SourceModel) -> Iterator[SourceFile]:
        if isinstance(owner, SourceRun):
            for number, (path, content) in enumerate(self.all_files.items()):
                local = self._folder / str(number)
                local.write_bytes(content)
                yield SourceFile(path, len(content), local)


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningServer, RunningServer]]:
    """Two Runyards: run ids are unique on a server."""
    both = tuple(RunningServer(tmp_path_factory.mktemp("home") / "home").start() for _ in range(2))
    yield both[0], both[1]
    for each in both:
        each.close()


def _take(source: Source, server: RunningServer) -> Report:
    report = Import(source, Destination(connect(server.url), source.name), Options()).run()
    assert report.problems == []
    assert report.read == report.kept
    return report


def _export(server: RunningServer, name: str, folder: Path) -> Path:
    return Export(MlflowServer(server.url), folder, {}).run(name).folder


def _same(left: Path, right: Path) -> bool:
    compared = filecmp.dircmp(left, right)
    if compared.left_only or compared.right_only:
        return False
    _, different, broken = filecmp.cmpfiles(left, right, compared.common_files, shallow=False)
    return (
        not different
        and not broken
        and all(_same(left / each, right / each) for each in compared.common_dirs)
    )


_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
_KEY = st.from_regex(r"[a-z][a-z0-9_]{0,8}(/[a-z]{1,3})?", fullmatch=True)
_TIME = st.integers(0, 2**50)
_VALUE = st.one_of(st.floats(), st.sampled_from([math.nan, math.inf, -math.inf, 1.7976931348623157e308]))
_PAIRS = st.dictionaries(_KEY, _TEXT, max_size=4)
_POINT = st.builds(point, _KEY, _VALUE.filter(lambda value: value != 0), _TIME, st.integers(-(2**40), 2**40))
_USE = st.builds(
    DatasetInput, st.builds(Dataset, _KEY, st.uuids().map(lambda each: each.hex), _TEXT, _TEXT), _PAIRS
)


@st.composite
def _runs(draw: st.DrawFn) -> tuple[SourceRun, list[Point]]:
    run = SourceRun(
        run_id=uuid.uuid4().hex,
        experiment_id="0",
        name=draw(_TEXT),
        user_id=draw(_TEXT),
        status=draw(st.sampled_from(["FINISHED", "FAILED", "KILLED"])),
        started_ms=draw(_TIME),
        ended_ms=draw(st.none() | _TIME),
        is_deleted=draw(st.booleans()),
        params=draw(_PAIRS),
        tags=draw(_PAIRS),
        datasets=draw(st.lists(_USE, max_size=2)),
        outputs=[ModelOutput(f"m-{uuid.uuid4().hex}", draw(st.integers(0, 9)))],
    )
    seen, points = set(), []
    for each in draw(st.lists(_POINT, max_size=20)):
        if repr(each) not in seen:
            seen.add(repr(each))
            points.append(each)
    return run, points


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    runs=st.lists(_runs(), max_size=5),
    tags=_PAIRS,
    files=st.dictionaries(_KEY.map(lambda key: f"{key}.bin"), st.binary(max_size=50), max_size=2),
)
def test_what_is_exported_and_imported_is_exported_as_the_same_bytes(
    runs, tags, files, servers: tuple[RunningServer, RunningServer], tmp_path: Path
):
    here = tmp_path / uuid.uuid4().hex
    here.mkdir()
    made = Made(here, SourceExperiment("0", f"☃ {here.name}", 5, 6, tags=tags))
    made.all_runs = [run for run, _ in runs]
    made.all_points = {run.run_id: points for run, points in runs}
    made.all_files = files
    _take(made, servers[0])
    first = _export(servers[0], made.experiment.name, here / "first")
    _take(ExportedFolder(first), servers[1])
    second = _export(servers[1], made.experiment.name, here / "second")
    assert _same(first, second)


def test_many_points_and_a_model_come_back(servers: tuple[RunningServer, RunningServer], tmp_path: Path):
    made = Made(tmp_path, SourceExperiment("0", "large", 5, 6))
    ids = sorted(uuid.uuid4().hex for _ in range(2))
    for order, run_id in enumerate(ids):
        made.all_runs.append(SourceRun(run_id, "0", name=f"r{order}", started_ms=order))
        made.all_points[run_id] = [Point("m", step / 3, step, step) for step in range(60_000)]
    metric = LoggedModelMetric("acc", math.nan, 4, 5, ids[0], "d", "1")
    made.all_models.append(
        SourceModel(
            f"m-{ids[0]}", "0", "net", params={"a": "1"}, tags={"t": ""}, metrics=[metric], created_ms=3
        )
    )
    _take(made, servers[0])
    first = _export(servers[0], "large", tmp_path / "first")
    assert len(list((first / "metrics").iterdir())) == 2
    table = parquet.read_table(first / "metrics")
    assert table.num_rows == 120_000
    manifest = json.loads((first / "manifest.json").read_text())
    assert (manifest["version"], manifest["counts"]["points"]) == (1, 120_000)
    _take(ExportedFolder(first), servers[1])
    assert _same(first, _export(servers[1], "large", tmp_path / "second"))


def test_a_folder_that_is_there_and_a_name_that_is_not_are_said(
    servers: tuple[RunningServer, RunningServer], tmp_path: Path
):
    with pytest.raises(AlreadyExists):
        _export(servers[0], "Default", tmp_path)
    with pytest.raises(NotFound):
        _export(servers[0], "none", tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "manifest",
    [
        "",
        "[]",
        "{}",
        '{"format": "runyard-export", "version": 2, "experiment": {}, "counts": {}}',
        "[" * 9999,
    ],
)
def test_a_broken_manifest_is_refused(manifest: str, tmp_path: Path):
    (tmp_path / "manifest.json").write_text(manifest)
    with pytest.raises(InvalidParameter):
        ExportedFolder(tmp_path)


@pytest.mark.parametrize("name", ["runs.parquet", "params.parquet", "metrics/000000.parquet"])
def test_a_broken_table_is_said_and_nothing_is_called_complete(
    name: str, servers: tuple[RunningServer, RunningServer], tmp_path: Path
):
    run_id = uuid.uuid4().hex
    made = Made(tmp_path, SourceExperiment("0", f"broken {run_id}"))
    made.all_runs = [SourceRun(run_id, "0", params={"a": "b"}, started_ms=1)]
    made.all_points[run_id] = [Point("m", 1.0, 1, 1)]
    _take(made, servers[0])
    folder = _export(servers[0], made.experiment.name, tmp_path / "out")
    content = bytearray((folder / name).read_bytes())
    content[4:-8] = b"\xff" * (len(content) - 12)
    (folder / name).write_bytes(content)
    source = ExportedFolder(folder)
    destination = Destination(connect(servers[1].url), source.name)
    try:
        report = Import(source, destination, Options(prefix="x")).run()
    except InvalidParameter as error:
        assert name in str(error)  # noqa: PT017 (one of two good ends)
    else:
        assert not report.is_complete
