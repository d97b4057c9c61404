"""A run answers what was logged to it, in the shape that Azure's first SDK gave it."""

import functools
import math
from array import array
from pathlib import Path

import numpy as np
import pytest

from runyard import Experiment, Run, Workspace
from runyard.errors import InvalidParameter, NotFound, NotImplementedHere
from runyard.protocol.messages.metrics import ReadSeries
from runyard.sdk import metric_values
from runyard.sdk.metric_values import MetricPoints, summarize_metrics
from runyard.sdk.workspace_runs import find_runs
from tests.sdk.conftest import Logger


def test_one_value_is_a_number_and_several_are_a_list_in_the_order_of_logging(
    experiment: Experiment, logger: Logger
):
    metrics = {
        "once": [(100, 0, 0.5)],
        "later steps first": [(100, 9, 3.0), (200, 5, 1.0), (300, 7, 2.0)],
        "same moment": [(100, 1, 10.0), (100, 2, 20.0), (100, 3, 5.0)],
        "same step": [(1, 0, 1.0), (2, 0, 2.0), (3, 0, 1.0)],
    }
    run = logger.run(experiment, metrics=metrics)
    assert run.get_metrics() == {
        "once": 0.5,
        "later steps first": [3.0, 1.0, 2.0],
        "same moment": [10.0, 20.0, 5.0],
        "same step": [1.0, 2.0, 1.0],
    }
    assert run.get_metrics("once") == {"once": 0.5}
    assert run.get_metrics(name="never") == {}


def test_what_is_no_number_comes_back_as_it_was_logged(experiment: Experiment, logger: Logger):
    values = [math.nan, math.inf, -math.inf, 1.0]
    run = logger.run(
        experiment, metrics={"odd": [(index, index, value) for index, value in enumerate(values)]}
    )
    found = run.get_metrics()["odd"]
    assert isinstance(found, list)
    assert math.isnan(found[0])
    assert found[1:] == [math.inf, -math.inf, 1.0]


def test_a_series_longer_than_a_chart_comes_whole(experiment: Experiment, logger: Logger):
    count = 4500
    run = logger.run(
        experiment, metrics={"long": [(1000 + step, step, float(step)) for step in range(count)]}
    )
    assert run.get_metrics()["long"] == [float(step) for step in range(count)]


def test_more_metrics_than_fit_a_request_all_come(experiment: Experiment, logger: Logger):
    names = [f"metric-{number}" for number in range(metric_values.KEYS_A_REQUEST + 7)]
    run = logger.run(experiment, metrics={name: [(1, 0, 1.0), (2, 1, 2.0)] for name in names})
    assert run.get_metrics() == {name: [1.0, 2.0] for name in names}


def test_pages_of_points_are_joined(experiment: Experiment, logger: Logger, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(metric_values, "ReadSeries", functools.partial(ReadSeries, max_results=3))
    counts = {"a": 10, "b": 2, "c": 3, "d": 4}
    points = {key: [(step, step + 5, step / 2) for step in range(count)] for key, count in counts.items()}
    run = logger.run(experiment, metrics=points)
    assert run.get_metrics() == {key: [value for _, _, value in points[key]] for key in points}


def test_points_of_a_metric_come_as_arrays(experiment: Experiment, logger: Logger):
    run = logger.run(experiment, metrics={"m": [(7, 2**60, math.inf), (5, -3, 0.5)], "other": [(1, 1, 1.0)]})
    points = run.get_metric_points("m")
    assert points == MetricPoints(array("q", [5, 7]), array("q", [-3, 2**60]), array("d", [0.5, math.inf]))
    assert len(points) == 2
    assert len(run.get_metric_points("none")) == 0
    assert np.asarray(points.values).dtype == np.float64


def test_metrics_of_the_runs_below_follow_those_of_the_run(experiment: Experiment, logger: Logger):
    top = logger.run(experiment, metrics={"m": [(1, 0, 1.0)], "top": [(1, 0, 9.0)]}, started_ms=1000)
    middle = logger.run(
        experiment, {"mlflow.parentRunId": top.id}, {"m": [(1, 0, 2.0), (2, 1, 3.0)]}, started_ms=2000
    )
    logger.run(experiment, {"mlflow.parentRunId": middle.id}, {"low": [(1, 0, 4.0)]}, started_ms=3000)
    assert top.get_metrics() == {"m": 1.0, "top": 9.0}
    assert top.get_metrics(recursive=True) == {"m": [1.0, 2.0, 3.0], "top": 9.0, "low": 4.0}


@pytest.mark.parametrize(
    ("status", "word"),
    [
        ("RUNNING", "Running"),
        ("SCHEDULED", "Queued"),
        ("FINISHED", "Completed"),
        ("FAILED", "Failed"),
        ("KILLED", "Canceled"),
    ],
)
def test_the_status_is_in_azure_s_words(experiment: Experiment, logger: Logger, status: str, word: str):
    run = logger.run(experiment, status=status)
    assert run.get_status() == run.status == run.get_details()["status"] == word


def test_the_details_hold_all_that_is_known(workspace: Workspace, experiment: Experiment, logger: Logger):
    run = logger.run(
        experiment,
        tags={"team": "robots", "mlflow.user": "ann"},
        metrics={"m": [(1, 0, 1.0), (2, 1, 2.0)]},
        params={"alpha": "0.1"},
        started_ms=1_700_000_000_123,
    )
    details = run.get_details()
    assert details["runId"] == run.id
    assert details["startTimeUtc"] == "2023-11-14T22:13:20.123000Z"
    assert details["parameters"] == run.get_params() == {"alpha": "0.1"}
    assert details["metrics"] == {"m": 2.0}
    assert details["submittedBy"] == "ann"
    assert details["tags"]["team"] == run.get_tags()["team"] == "robots"
    assert "team" not in run.get_properties()
    assert run.get_properties()["mlflow.user"] == "ann"
    assert details["portalUrl"] == f"{workspace.tracking_uri}/#/experiments/{experiment.id}/runs/{run.id}"


def test_a_run_that_is_read_again_shows_what_happened_meanwhile(experiment: Experiment, logger: Logger):
    run = logger.run(experiment, status="RUNNING")
    other = Run(experiment, run.id)
    other.delete()
    assert run.is_active
    run.get_status()
    assert not run.is_active


def test_a_run_goes_to_the_trash_and_comes_back(experiment: Experiment, logger: Logger):
    run = logger.run(experiment)
    run.delete()
    assert list(experiment.get_runs()) == []
    run.restore()
    assert list(experiment.get_runs()) == [run]


def test_a_run_of_another_experiment_is_not_taken_for_one_of_this(
    workspace: Workspace, experiment: Experiment, logger: Logger
):
    run = logger.run(experiment)
    with pytest.raises(NotFound, match="another experiment"):
        Run(Experiment(workspace, "other"), run.id)
    with pytest.raises(NotFound):
        Run(experiment, "0" * 32)
    assert Run.get(workspace, run.id).experiment == experiment


def test_parents_and_children_find_one_another(experiment: Experiment, logger: Logger):
    parent = logger.run(experiment)
    first = logger.run(experiment, {"mlflow.parentRunId": parent.id, "kind": "a"}, started_ms=1000)
    second = logger.run(experiment, {"mlflow.parentRunId": parent.id}, status="FAILED", started_ms=2000)
    below = logger.run(experiment, {"mlflow.parentRunId": first.id, "kind": "a"})
    assert list(parent.get_children()) == [second, first]
    assert list(parent.get_children(recursive=True)) == [second, first, below]
    assert list(parent.get_children(tags="kind")) == [first]
    assert list(parent.get_children(tags="kind", recursive=True)) == [first, below]
    assert list(parent.get_children(status="Failed")) == [second]
    assert first.parent == parent
    assert parent.parent is None


def test_runs_that_are_one_another_s_parents_end_the_search(experiment: Experiment, logger: Logger):
    first = logger.run(experiment)
    second = logger.run(experiment, {"mlflow.parentRunId": first.id})
    from_below = logger.run(experiment, {"mlflow.parentRunId": second.id})
    tagged = logger.run(experiment, {"mlflow.parentRunId": "x" * 32})
    assert list(first.get_children(recursive=True)) == [second, from_below]
    assert list(tagged.get_children(recursive=True)) == []


def test_the_list_is_chosen_by_status(experiment: Experiment, logger: Logger):
    failed = logger.run(experiment, status="FAILED")
    logger.run(experiment)
    assert list(Run.list(experiment, status="Failed")) == [failed]
    assert list(Run.list(experiment, status="CancelRequested")) == []


def test_a_status_that_no_run_ever_has_is_refused_with_those_that_there_are(experiment: Experiment):
    run = experiment.start_logging()
    for ask in (lambda: Run.list(experiment, status="FINISHED"), lambda: run.get_children(status="FINISHED")):
        with pytest.raises(InvalidParameter, match=r"status must be one of .*Completed.*, not 'FINISHED'"):
            list(ask())


def test_runs_are_found_by_mlflow_s_grammar(workspace: Workspace, experiment: Experiment, logger: Logger):
    good = logger.run(experiment, metrics={"rmse": [(1, 0, 50.0)]}, params={"alpha": "0.1"})
    better = logger.run(experiment, metrics={"rmse": [(1, 0, 40.0)]}, params={"alpha": "0.2"})
    found = find_runs(
        workspace, [experiment.id], filter_text="metrics.rmse < 60", order_by=["metrics.rmse ASC"]
    )
    assert list(found) == [better, good]
    assert list(find_runs(workspace, [experiment.id], filter_text="params.alpha = '0.1'")) == [good]
    with pytest.raises(ValueError, match="filter"):
        list(find_runs(workspace, [experiment.id], filter_text="foo bar"))


def test_summaries_are_thinned_but_know_the_extremes(experiment: Experiment, logger: Logger):
    peak = [(step, step, 1000.0 if step == 777 else float(step % 10)) for step in range(2000)]
    run = logger.run(experiment, metrics={"m": peak, "nan": [(0, 0, math.nan)], "one": [(0, 0, 3.0)]})
    m, nan, one = summarize_metrics(logger.connection, run.id, ["m", "nan", "one"], width=40)
    assert (m.point_count, m.lowest, m.highest) == (2000, 0.0, 1000.0)
    assert 1 < len(m.course) <= 40
    assert math.isnan(nan.lowest)
    assert math.isnan(nan.highest)
    assert (one.lowest, one.course) == (3.0, (3.0,))


def test_a_notebook_shows_a_table_in_which_nothing_can_run(experiment: Experiment, logger: Logger):
    run = logger.run(experiment, name="</td><script>", metrics={"m": [(1, 0, 1.0)]})
    assert "<script>" not in run._repr_html_()
    assert run.id in repr(run)


def test_runs_are_numbered_in_their_experiment_as_they_began(workspace: Workspace, logger: Logger):
    experiment, other = Experiment(workspace, "numbered"), Experiment(workspace, "other")
    second = logger.run(experiment, started_ms=2_000)
    first = logger.run(experiment, started_ms=1_000)
    alone = logger.run(other, started_ms=1_500)
    same = sorted((logger.run(experiment, started_ms=3_000) for _ in range(2)), key=lambda run: run.id)
    assert [run.number for run in (first, second, *same, alone)] == [1, 2, 3, 4, 1]
    first.delete()
    assert second.number == 2


def test_a_run_is_renamed(experiment: Experiment):
    run = experiment.start_logging(display_name="ridge")
    run.display_name = "ridge, scaled"
    run.log("loss", 0.5)
    assert run.display_name == Run.get(experiment.workspace, run.id).display_name == "ridge, scaled"
    assert run.description == ""
    run.description = "The one with scaled columns."
    assert run.description == Run.get(experiment.workspace, run.id).description
    assert run.description == "The one with scaled columns."
    with pytest.raises(InvalidParameter, match="description"):
        run.description = None  # type: ignore[assignment]
    with pytest.raises(InvalidParameter, match="display_name"):
        run.display_name = ""
    assert run.get_metrics() == {"loss": 0.5}


def test_a_run_that_prints_is_renamed_for_itself(capsys: pytest.CaptureFixture[str]):
    run = Run.get_context()
    run.display_name = "tried"
    run.description = "what was tried"
    assert run.display_name == "tried"
    assert "what was tried" in capsys.readouterr().out


def test_a_run_reads_the_secrets_of_its_workspace(workspace: Workspace, experiment: Experiment):
    workspace.secrets.set("password", "s3cr3t")
    run = experiment.start_logging()
    assert run.get_secret("password") == "s3cr3t"
    assert run.get_secrets(["password", "none"]) == {"password": "s3cr3t", "none": None}
    with pytest.raises(NotFound, match="none"):
        run.get_secret("none")


def test_the_words_that_azure_s_runs_are_opened_with_are_taken(experiment: Experiment, tmp_path: Path):
    (tmp_path / "kept.txt").write_text("kept")
    made = experiment.start_logging()
    run = Run(experiment, made.id, outputs=str(tmp_path), directory="here")
    run.complete()
    assert run.get_file_names() == ["kept.txt"]
    run.download_files(output_directory=tmp_path / "again", batch_size=1, timeout_seconds=60)
    assert (tmp_path / "again" / "kept.txt").read_text() == "kept"
    assert Run.get_context(used_for_context_manager=True).id.startswith("OfflineRun")
    for call in (functools.partial(Run, experiment, made.id), Run.get_context):
        with pytest.raises(TypeError, match="nonsense"):
            call(nonsense=1)


@pytest.mark.parametrize(
    ("name", "told"),
    [("add_type_provider", "SweepRun"), ("clean", "run.remove"), ("get_submitted_run", "Run.get_context")],
)
def test_what_a_run_has_not_says_what_to_use(name: str, told: str):
    with pytest.raises(NotImplementedHere, match=f"no Run.{name}.*{told}"):
        getattr(Run, name)
