"""What is logged by the SDK comes back, and MLflow's client sees it; no network holds a training up."""

import io
import json
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from runyard import Experiment, Run, Workspace
from runyard.errors import AlreadyExists, InvalidParameter, NotFound, RunyardError, Unavailable
from runyard.sdk import mlflow_spool
from runyard.sdk.run_sinks import DirectSink, SpoolSink
from runyard.sdk.spool import outbox
from tests.sdk.conftest import Logger
from tests.waiting import until

CHARTS = {
    "confusion_matrix": {"class_labels": ["cat", "dog"], "matrix": [[9, 1], [2, 8]]},
    "residuals": {"bin_edges": [-1, 0, 1], "bin_counts": [3, 4]},
    "predictions": {
        "bin_edges": [0, 1, 2],
        "bin_counts": [3, 4],
        "bin_averages": [0.4, 1.6],
        "bin_errors": [0.1, 0.2],
    },
    "accuracy_table": {
        "class_labels": ["0", "1"],
        "probability_thresholds": [0.0, 1.0],
        "percentile_thresholds": [0.5],
        "probability_tables": [[[5, 5, 0, 0], [0, 0, 5, 5]], [[5, 5, 0, 0], [0, 0, 5, 5]]],
        "percentile_tables": [[[2, 1, 4, 3]], [[2, 1, 4, 3]]],
    },
}


@pytest.fixture(autouse=True)
def _spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("RUNYARD_SPOOL_DIR", str(tmp_path / "spools"))
    yield
    outbox.close_all()
    mlflow_spool._outboxes.clear()


@pytest.fixture
def run(experiment: Experiment) -> Run:
    return experiment.start_logging(display_name="ridge", tags={"team": "robots"})


def test_a_with_block_begins_and_ends_a_run(experiment: Experiment, workspace: Workspace):
    with experiment.start_logging(display_name="ridge") as run:
        assert run.get_status() == "Running"
    found = workspace.get_run(run.id)
    assert (found.status, found.display_name, found.ended_ms is not None) == ("Completed", "ridge", True)


def test_a_block_that_raises_ends_the_run_as_failed_and_says_why(experiment: Experiment):
    with pytest.raises(ZeroDivisionError), experiment.start_logging() as run:
        raise ZeroDivisionError("by zero")
    details = run.get_details()
    assert details["status"] == "Failed"
    assert details["error"] == {"error": {"code": "UserError", "message": "ZeroDivisionError: by zero"}}
    with pytest.raises(KeyboardInterrupt), experiment.start_logging() as stopped:
        raise KeyboardInterrupt
    assert stopped.get_status() == "Canceled"


def test_numbers_lists_and_steps(run: Run, workspace: Workspace):
    run.log("loss", 0.5)
    run.log("loss", np.float32(0.25))
    run.log("loss", math.nan, step=10)
    run.log("loss", 0.125)
    run.log_list("list", [1, 2.5, 4])
    run.log("word", "fine")
    points = run.get_metric_points("loss")
    assert list(points.steps) == [0, 1, 10, 11]
    assert run.get_metrics("list") == {"list": [1.0, 2.5, 4.0]}
    assert run.get_metrics("word") == {"word": "fine"}
    again = workspace.get_run(run.id)
    again.log_list("list", [8])
    assert list(again.get_metric_points("list").steps) == [0, 1, 2, 3]


@pytest.mark.parametrize("value", [None, object(), [1], {"a": 1}])
def test_what_is_no_number_is_refused_by_its_name(run: Run, value: object):
    with pytest.raises(InvalidParameter, match="value="):
        run.log("loss", value)  # type: ignore[arg-type]
    with pytest.raises(InvalidParameter, match="name"):
        run.log("a?b", 1)
    with pytest.raises(InvalidParameter, match="step="):
        run.log("loss", 1, step=0.5)  # type: ignore[arg-type]
    assert run.get_metrics() == {}


def test_rows_are_curves_and_come_back_by_their_columns(run: Run):
    for angle in (0.0, 1.0):
        run.log_row("circle", angle=angle, sine=math.sin(angle))
    assert run.get_metrics("circle") == {"circle": {"angle": [0.0, 1.0], "sine": [0.0, math.sin(1)]}}
    assert run.get_metrics() == run.get_metrics("circle")
    assert list(run.get_metric_points("circle/sine").steps) == [0, 1]


def test_rows_with_texts_are_a_table(run: Run):
    run.log_row("people", who="Ada", age=36)
    run.log_row("people", who="Alan", age=41)
    expected = {"who": ["Ada", "Alan"], "age": [36, 41]}
    assert run.get_metrics() == {"people": expected}
    assert "tables/people.json" in run.get_file_names()


def test_tables_are_checked_and_come_back(run: Run):
    run.log_table("circle", {"angle": np.arange(2), "sine": [0.0, math.inf]})
    run.log_table("one", {"x": 5})
    assert run.get_metrics() == {"circle": {"angle": [0, 1], "sine": [0.0, "Infinity"]}, "one": {"x": 5}}
    with pytest.raises(InvalidParameter, match="a 2, b 1"):
        run.log_table("bad", {"a": [1, 2], "b": [1]})
    with pytest.raises(InvalidParameter, match="Column 'a'"):
        run.log_table("bad", {"a": [object()]})


def test_pictures_come_from_files_arrays_figures_and_pillow(run: Run, tmp_path: Path):
    (tmp_path / "photo.jpg").write_bytes(b"jpeg")
    run.log_image("photo", path=str(tmp_path / "photo.jpg"))
    run.log_image("noise", plot=np.zeros((2, 3, 3), np.uint8))
    run.log_image("noise", plot=Image.new("L", (5, 4)))
    expected = {"photo": "images/photo.jpg", "noise": ["images/noise.png", "images/noise_2.png"]}
    assert run.get_metrics() == expected
    run.download_files("images", tmp_path / "here")
    assert (tmp_path / "here/images/photo.jpg").read_bytes() == b"jpeg"
    for name, size in (("noise.png", (3, 2)), ("noise_2.png", (5, 4))):
        with Image.open(tmp_path / "here/images" / name) as picture:
            assert picture.size == size
    with pytest.raises(InvalidParameter, match=r"either path= or plot="):
        run.log_image("neither")


@pytest.mark.parametrize("schema_type", CHARTS)
def test_charts_of_azures_first_sdk_come_back_as_they_were(run: Run, schema_type: str):
    chart = {"schema_type": schema_type, "schema_version": "v1", "data": CHARTS[schema_type]}
    getattr(run, f"log_{schema_type}")("a chart", json.dumps(chart), description="how it went")
    assert run.get_metrics() == {"a chart": "charts/a chart.json"}
    assert run.get_metrics(populate=True) == {"a chart": chart}
    with pytest.raises(InvalidParameter, match="schema_type"):
        run.log_residuals("other", {**chart, "schema_type": "other"})


def test_tags_change_and_properties_are_written_once(run: Run, experiment: Experiment):
    run.tag("quality", "good")
    run.set_tags({"quality": "best", "checked": None})
    run.add_properties({"data": "2026-11"})
    run.add_properties({"data": "2026-11"})
    assert {key: run.get_tags()[key] for key in ("team", "quality", "checked")} == {
        "team": "robots",
        "quality": "best",
        "checked": "",
    }
    assert run.get_properties()["data"] == "2026-11"
    with pytest.raises(AlreadyExists, match="'2026-11' already"):
        run.add_properties({"other": "1", "data": "2025"})
    assert "other" not in run.get_properties()
    run.remove_tags(["quality", "never"])
    assert "quality" not in run.get_tags()
    assert [found.id for found in experiment.get_runs(properties={"data": "2026-11"})] == [run.id]
    assert list(experiment.get_runs(properties={"data": "2025"})) == []
    assert not any(key.startswith(("runyard.property", "runyard.logged")) for key in run.get_tags())


def test_children(run: Run):
    with run.child_run("fold") as child:
        child.log("accuracy", 0.5)
    made = run.create_children(tag_key="fold", tag_values=["1", "2"])
    assert [each.get_tags()["fold"] for each in made] == ["1", "2"]
    assert len(run.create_children(count=2)) == 2
    assert len(list(run.get_children())) == 5
    assert [found.id for found in run.get_children(status="Completed")] == [child.id]
    assert child.parent == run
    for wrong in ({}, {"count": 1, "tag_key": "a", "tag_values": ["1"]}, {"count": 0}):
        with pytest.raises(InvalidParameter):
            run.create_children(**wrong)


def test_waiting_for_a_run(run: Run, workspace: Workspace):
    run.fail("no more memory", error_code="MEMORY")
    watched = workspace.get_run(run.id)
    with pytest.raises(RunyardError, match="no more memory"):
        watched.wait_for_completion()
    assert watched.wait_for_completion(raise_on_error=False)["error"]["error"]["code"] == "MEMORY"
    watched.start()
    assert watched.get_status() == "Running"
    watched.complete()
    assert watched.wait_for_completion(show_output=True)["status"] == "Completed"


def test_files_are_uploaded_whole_and_all_of_them_or_none(run: Run, tmp_path: Path):
    folder = tmp_path / "out"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.bin").write_bytes(bytes(range(256)) * 1000)
    (folder / "deep" / "empty").write_bytes(b"")
    run.upload_folder("model", folder)
    run.upload_file("notes.txt", io.StringIO("notes"))
    assert run.upload_files(["x", "y"], [folder / "a.bin"] * 2, return_artifacts=True) is not None
    assert run.get_file_names() == ["model/a.bin", "model/deep/empty", "notes.txt", "x", "y"]
    run.download_file("model/a.bin", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == bytes(range(256)) * 1000
    for name in ("", "..", "a/../b", "a\0b", "/"):
        with pytest.raises(InvalidParameter, match="name="):
            run.upload_file(name, folder / "a.bin")
    with pytest.raises(FileNotFoundError):
        run.upload_file("z", folder / "none")
    with pytest.raises(InvalidParameter, match="upload_folder"):
        run.upload_file("z", folder)


def test_a_failed_upload_leaves_nothing_half_there(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "good").write_bytes(b"good")
    run.upload_file("kept", tmp_path / "good")
    put = type(run._connection).put_open_file
    sent: list[str] = []

    def breaking(self: object, path: str, *rest: object) -> None:
        if path.endswith("bad"):
            until(lambda: len(sent) == 2)
            raise Unavailable("The line is cut.")
        put(self, path, *rest)  # type: ignore[arg-type]
        sent.append(path)

    monkeypatch.setattr(type(run._connection), "put_open_file", breaking)
    with pytest.raises(Unavailable, match="'bad' was not uploaded"):
        run.upload_files(["kept", "new", "bad"], [tmp_path / "good"] * 3)
    assert len(sent) == 2
    assert run.get_file_names() == ["kept"]


def test_outputs_and_snapshot_are_kept(experiment: Experiment, tmp_path: Path):
    for name in ("src/train.py", "src/secret.py", "out/model.bin"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"1")
    outputs, sources = str(tmp_path / "out"), str(tmp_path / "src")
    with experiment.start_logging(outputs=outputs, snapshot_directory=sources) as run:
        pass
    assert run.get_file_names() == ["code/files/train.py", "model.bin"]


def test_logging_goes_into_the_spool_unless_that_is_off(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch
):
    with experiment.start_logging() as run:
        assert isinstance(run._open_sink(), SpoolSink)
    monkeypatch.setenv("RUNYARD_SPOOL", "off")
    mlflow_spool._outboxes.clear()
    with experiment.start_logging() as direct:
        assert isinstance(direct._open_sink(), DirectSink)
        direct.log("loss", 1.0)
        direct.log_table("t", {"a": [1, 2]})
    assert direct.get_metrics() == {"loss": 1.0, "t": {"a": [1, 2]}}


def test_what_others_wrote_into_the_tags_breaks_no_reading(experiment: Experiment, logger: Logger):
    tags = {
        "runyard.logged.x": "no json",
        "mlflow.loggedArtifacts": "[",
        "runyard.logged.y": '{"type":"table"}',
    }
    tags["runyard.logged.z"] = '{"type":"table","paths":["none.json"]}'
    run = logger.run(experiment, tags=tags, metrics={"m": [(1, 0, 1.0)]})
    assert run.get_metrics() == {"m": 1.0}
    logger.file(run, "none.json", b"no json")
    with pytest.raises(RunyardError, match=r"none\.json"):
        run.get_metrics()


def test_a_run_of_a_deleted_experiment_is_refused_at_once(experiment: Experiment):
    experiment.archive()
    with pytest.raises(RunyardError, match=r"deleted|trash|active"):
        experiment.start_logging()
    with pytest.raises(NotFound):
        Run.get(experiment.workspace, "0" * 32)
