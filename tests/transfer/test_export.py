"""`runyard export` and back: the same content is the same bytes."""

import contextlib
import filecmp
import json
import math
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from runyard.entities.assessment import Assessment, AssessmentError, AssessmentKind
from runyard.entities.logged_model import LoggedModelMetric
from runyard.entities.run import Dataset, DatasetInput, ModelOutput
from runyard.entities.trace import Span, SpanEvent, SpanLink, Trace, TraceState
from runyard.errors import AlreadyExists, InvalidParameter, NotFound
from runyard.protocol.span_content import content_of
from runyard.sdk.connection import connect
from runyard.sdk.spool.records import Point
from runyard.sdk.transfer.destination import Destination
from runyard.sdk.transfer.exported import ExportedFolder
from runyard.sdk.transfer.exporting import Export
from runyard.sdk.transfer.importing import Import, Options, Report
from runyard.sdk.transfer.mlflow_server import MlflowServer
from runyard.sdk.transfer.mlflow_values import point
from runyard.sdk.transfer.records import (
    SourceExperiment,
    SourceFile,
    SourceModel,
    SourceRun,
    SourceTrace,
)
from runyard.sdk.transfer.source import Source, Unreadable
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
        self.all_traces: list[SourceTrace] = []
        self.all_spans: dict[str, list[Span]] = {}
        self.all_attachments: dict[str, bytes] = {}
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

    def traces(self, experiment: SourceExperiment) -> Iterator[SourceTrace]:
        yield from self.all_traces

    def spans(self, trace: SourceTrace) -> Iterator[dict[str, Any]]:
        for span in self.all_spans[trace.trace.trace_id]:
            yield json.loads(content_of(span))

    @contextlib.contextmanager
    def attachment(self, trace: SourceTrace, attachment_id: str) -> Iterator[Path]:
        if attachment_id not in self.all_attachments:
            raise Unreadable("It was never brought.")
        local = self._folder / attachment_id
        local.write_bytes(self.all_attachments[attachment_id])
        yield local

    def attach(self, trace_id: str, content: bytes, *, told_bytes: int | None = None) -> str:
        """Make a trace with a span that names an attachment, and return its id."""
        attachment_id = str(uuid.uuid4())
        size = len(content) if told_bytes is None else told_bytes
        query = f"content_type=image%2Fpng&trace_id={trace_id}&size={size}"
        inputs = json.dumps({"image": f"mlflow-attachment://{attachment_id}?{query}"})
        self.all_traces.append(SourceTrace(Trace(trace_id, "", "0", len(self.all_traces))))
        span = Span(trace_id, "01" * 8, None, "look", 1, 2, attributes={"mlflow.spanInputs": inputs})
        self.all_spans[trace_id] = [span]
        self.all_attachments[attachment_id] = content
        return attachment_id

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


def _trace_id() -> str:
    return f"tr-{uuid.uuid4().hex}"


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


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False) | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=6,
)
_NS = st.integers(0, 2**62)
_ATTRIBUTES = st.dictionaries(_KEY, _JSON, max_size=3)
_EVENT = st.builds(SpanEvent, _TEXT, _NS, st.dictionaries(_KEY, _TEXT | st.floats(), max_size=2))
_LINK = st.builds(
    SpanLink,
    st.uuids().map(lambda each: f"tr-{each.hex}"),
    st.integers(1, 2**64 - 1).map(lambda number: f"{number:016x}"),
    st.dictionaries(_KEY, _TEXT, max_size=1),
)


@st.composite
def _assessments(draw: st.DrawFn, trace_id: str) -> Assessment:
    kind = draw(st.sampled_from([AssessmentKind.FEEDBACK, AssessmentKind.EXPECTATION]))
    value = draw(_JSON.filter(lambda each: each is not None))
    return Assessment(
        assessment_id=f"a-{uuid.uuid4().hex}",
        trace_id=trace_id,
        kind=kind,
        name=draw(_KEY),
        value=value,
        source_type=draw(st.sampled_from(["HUMAN", "LLM_JUDGE", "CODE"])),
        source_id=draw(_TEXT),
        created_ms=draw(st.integers(1, 2**42)),
        updated_ms=draw(st.integers(1, 2**42)),
        error=AssessmentError("E", draw(_TEXT)) if kind is AssessmentKind.FEEDBACK else None,
        rationale=draw(st.none() | _TEXT.filter(bool)),
        metadata=draw(_PAIRS),
        is_valid=draw(st.booleans()),
    )


@st.composite
def _spans(draw: st.DrawFn, trace_id: str, number: int) -> Span:
    return Span(
        trace_id,
        f"{number + 1:016x}",
        f"{number:016x}" if number else None,
        draw(_TEXT),
        draw(_NS),
        draw(st.none() | _NS.filter(bool)),
        draw(st.sampled_from(["OK", "ERROR", "UNSET"])),
        draw(_TEXT),
        draw(_ATTRIBUTES),
        draw(st.lists(_EVENT, max_size=2)),
        draw(st.lists(_LINK, max_size=1)),
    )


@st.composite
def _traces(draw: st.DrawFn) -> tuple[SourceTrace, list[Span]]:
    trace_id = f"tr-{uuid.uuid4().hex}"
    spans = [draw(_spans(trace_id, number)) for number in range(draw(st.integers(0, 3)))]
    trace = Trace(
        trace_id,
        "",
        "0",
        draw(st.integers(0, 2**42)),
        draw(st.none() | st.integers(0, 2**40)),
        draw(st.sampled_from([TraceState.OK, TraceState.ERROR, TraceState.UNSPECIFIED])),
        draw(st.none() | _TEXT.filter(bool)),
        draw(st.none() | _TEXT),
        draw(st.none() | _TEXT),
        draw(_PAIRS),
        draw(_PAIRS),
        draw(st.lists(_assessments(trace_id), max_size=2)),
    )
    return SourceTrace(trace), spans


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    runs=st.lists(_runs(), max_size=5),
    tags=_PAIRS,
    files=st.dictionaries(_KEY.map(lambda key: f"{key}.bin"), st.binary(max_size=50), max_size=2),
    traces=st.lists(_traces(), max_size=3),
)
def test_what_is_exported_and_imported_is_exported_as_the_same_bytes(
    runs, tags, files, traces, servers: tuple[RunningServer, RunningServer], tmp_path: Path
):
    here = tmp_path / uuid.uuid4().hex
    here.mkdir()
    made = Made(here, SourceExperiment("0", f"☃ {here.name}", 5, 6, tags=tags))
    made.all_runs = [run for run, _ in runs]
    made.all_points = {run.run_id: points for run, points in runs}
    made.all_files = files
    linked = [run.run_id for run in made.all_runs if not run.is_deleted][:1]
    made.all_traces = [replace(trace, run_ids=linked, prompts=[]) for trace, _ in traces]
    made.all_spans = {trace.trace.trace_id: spans for trace, spans in traces}
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


def test_broken_lines_of_traces_cost_those_traces_alone(
    servers: tuple[RunningServer, RunningServer], tmp_path: Path
):
    made = Made(tmp_path, SourceExperiment("0", f"traced {uuid.uuid4().hex}"))
    names = [f"tr-{uuid.uuid4().hex}" for _ in range(3)]
    made.all_traces = [
        SourceTrace(Trace(name, "", "0", order), prompts=["qa/1"]) for order, name in enumerate(names)
    ]
    made.all_spans = {name: [Span(name, "01" * 8, None, "☃" * 3000, 1, 2)] for name in names}
    _take(made, servers[0])
    folder = _export(servers[0], made.experiment.name, tmp_path / "out")
    manifest = json.loads((folder / "manifest.json").read_text())
    assert (manifest["counts"]["traces"], manifest["counts"]["spans"]) == (3, 3)
    lines = (folder / "traces.jsonl").read_text().splitlines()
    assert [json.loads(line)["trace_info"]["trace_id"] for line in lines] == names
    broken = json.loads(lines[2])
    broken["trace_info"]["state"] = "SOMEHOW"
    (folder / "traces.jsonl").write_text("\n".join([lines[0][:-1], lines[1], json.dumps(broken), ""]))
    source = ExportedFolder(folder)
    report = Import(source, Destination(connect(servers[1].url), source.name), Options()).run()
    assert (report.kept.traces, report.kept.spans, len(report.problems)) == (1, 1, 2)
    assert "from byte 0" in report.problems[0]
    (folder / "traces.jsonl").unlink()
    assert list(ExportedFolder(folder).traces(made.experiment)) == []


def test_what_is_attached_to_a_trace_goes_out_and_comes_back(
    servers: tuple[RunningServer, RunningServer], tmp_path: Path
):
    made = Made(tmp_path, SourceExperiment("0", f"attached {uuid.uuid4().hex}"))
    names = [_trace_id(), _trace_id()]
    ids = [made.attach(name, name.encode() * 1000) for name in names]
    report = _take(made, servers[0])
    assert (report.kept.traces, report.kept.attachments) == (2, 2)
    assert _take(made, servers[0]).kept == report.kept  # what had come is counted again
    first = _export(servers[0], made.experiment.name, tmp_path / "first")
    assert json.loads((first / "manifest.json").read_text())["counts"]["attachments"] == 2
    for name, attachment_id in zip(names, ids, strict=True):
        kept = first / "artifacts" / "traces" / name / "attachments" / attachment_id
        assert kept.read_bytes() == name.encode() * 1000
    assert _take(ExportedFolder(first), servers[1]).kept.attachments == 2
    assert _same(first, _export(servers[1], made.experiment.name, tmp_path / "second"))


def test_an_attachment_that_is_lost_or_another_is_named_and_all_else_comes(
    servers: tuple[RunningServer, RunningServer], tmp_path: Path
):
    made = Made(tmp_path, SourceExperiment("0", f"lost {uuid.uuid4().hex}"))
    whole, short, lost = (_trace_id() for _ in range(3))
    made.attach(whole, b"png")
    made.attach(short, b"png", told_bytes=5)
    del made.all_attachments[made.attach(lost, b"png")]
    destination = Destination(connect(servers[0].url), made.name)
    report = Import(made, destination, Options()).run()
    assert (report.read.attachments, report.kept.attachments, report.kept.spans) == (3, 1, 3)
    assert not report.is_complete
    for name, why in ((short, "3 bytes, and its span says 5"), (lost, "never brought")):
        assert any(name in each and why in each for each in report.problems), report.problems
    assert not any(whole in each for each in report.problems)
    exported = Export(MlflowServer(servers[0].url), tmp_path / "out", {}).run(made.experiment.name)
    assert exported.counts.attachments == 1
    assert sorted(each.split(":")[0] for each in exported.problems) == sorted(
        f"Trace {name}" for name in (short, lost)
    )


def test_an_export_gives_out_no_file_of_another_place(
    servers: tuple[RunningServer, RunningServer], tmp_path: Path
):
    made = Made(tmp_path, SourceExperiment("0", f"hostile {uuid.uuid4().hex}"))
    name = _trace_id()
    attachment_id = made.attach(name, b"png")
    _take(made, servers[0])
    folder = _export(servers[0], made.experiment.name, tmp_path / "out")
    kept = folder / "artifacts" / "traces" / name / "attachments" / attachment_id
    kept.unlink()
    kept.symlink_to(folder / "manifest.json")
    source = ExportedFolder(folder)
    (trace,) = source.traces(made.experiment)
    with pytest.raises(Unreadable, match="no file that can be read"), source.attachment(trace, attachment_id):
        pass
