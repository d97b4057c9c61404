"""Sweeps on a real server with real jobs: trials, their best, what ends them early, what a kill leaves."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest

from runyard import Experiment, ScriptRunConfig, SweepConfig, SweepRun, Workspace
from runyard.errors import InvalidParameter, NotFound
from runyard.sdk.run_life import RunFailed
from runyard.sdk.sweep_records import list_sweeps
from tests.waiting import until

pytestmark = pytest.mark.slow
WITHIN_S = 300.0
# How a sweep stands many more kills is what tests/compute/test_sweep_kill9.py is for.
TRIALS, KILLS = 12, 3
# It logs by requests alone, which takes a tenth of the time that importing a client does.
TINY = """\
import json, os, sys, time, urllib.request

def log(key, value, step=0):
    body = {"run_id": os.environ["MLFLOW_RUN_ID"], "key": key, "value": value, "step": step,
            "timestamp": int(time.time() * 1000) + step}
    address = os.environ["MLFLOW_TRACKING_URI"] + "/api/2.0/mlflow/runs/log-metric"
    headers = {"Content-Type": "application/json"}
    headers["Authorization"] = "Bearer " + os.environ["MLFLOW_TRACKING_TOKEN"]
    request = urllib.request.Request(address, json.dumps(body).encode(), headers)
    for attempt in range(200):
        try:
            return urllib.request.urlopen(request, timeout=10).read()
        except OSError as error:
            said = error
            time.sleep(0.1)
    raise SystemExit(f"{key} could not be logged: {said}")

words = dict(zip(sys.argv[1::2], sys.argv[2::2]))
x = float(words["--x"])
"""
PARABOLA = TINY + "log('loss', (x - 3) ** 2)\n"
CURVE = (
    TINY
    + """
for step in range(400):
    log("loss", x, step)
    if x < 5 and step == 5:
        break
    time.sleep(0.05)
"""
)


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """A folder with scripts."""
    folder = tmp_path / "code"
    folder.mkdir()
    for name, text in (
        ("parabola.py", PARABOLA),
        ("curve.py", CURVE),
        ("sleep.py", "import time\ntime.sleep(600)\n"),
        ("fail.py", "raise SystemExit(3)\n"),
        ("words.py", TINY + "print(json.dumps(sys.argv[1:]))\nlog('loss', x)\n"),
    ):
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def experiment(server) -> Experiment:
    return Experiment(Workspace.get("default", url=server.url), "sweeps")


def test_a_grid_goes_through_all_combinations(experiment, code):
    parameters = {"x": [1, 2.5], "--name": ["a b", "$(ls)'\""]}
    config = SweepConfig(
        ScriptRunConfig(code, "words.py", ["--first", "é"]), parameters, "loss", sampling="grid"
    )
    run = experiment.submit(config, tags={"team": "robots"}, display_name="grid")
    assert isinstance(run, SweepRun)
    details = run.wait_for_completion()
    trials = run.get_trials()
    assert [each.parameters for each in trials] == [
        {"x": x, "--name": name} for x in (1, 2.5) for name in ("a b", "$(ls)'\"")
    ]
    assert {each.status for each in trials} == {"completed"}
    assert [each.value for each in trials] == [1, 1, 2.5, 2.5]
    assert (details["status"], details["sweep"]["best"]) == ("Completed", trials[0].run_id)
    children = {each.id: each for each in run.get_children()}
    assert set(children) == {each.run_id for each in trials}
    first = children[trials[1].run_id]
    assert first.get_params() == {"x": "1", "name": "$(ls)'\""}
    assert first.get_tags()["team"] == "robots"
    assert first.display_name == "grid-1"
    printed = json.loads(first.console().read("console/stdout.000001.log"))
    assert printed == ["--first", "é", "--x", "1", "--name", "$(ls)'\""]
    best = run.get_best_run()
    assert best is not None
    assert best.id == run.get_tags()["runyard.sweep.best_run"] == trials[0].run_id
    assert 1 in run.get_metric_points("best/loss").values
    assert next(list_sweeps(experiment.workspace.connection)).run_id == run.id


@pytest.mark.scaled
def test_many_trials_on_two_slots_while_the_server_is_killed(start_server, code):
    """Each number comes once, whatever the server was about when it died."""
    server = start_server(environment={"RUNYARD_LOCAL_SLOTS": "2"})
    experiment = Experiment(Workspace.get("default", url=server.url), "sweeps")
    parameters = {"x": {"low": 0.0, "high": 6.0}}
    config = SweepConfig(
        ScriptRunConfig(code, "parabola.py"), parameters, "loss", max_trials=TRIALS, max_concurrent=4, seed=7
    )
    run = experiment.submit(config)

    def has_ended(more_than: int) -> bool:
        return run.get_sweep().trials.get("completed", 0) > more_than

    for kill in range(KILLS):
        until(partial(has_ended, kill * TRIALS // (KILLS + 1)), WITHIN_S)
        server.kill9()
        server.start()
    run.wait_for_completion()
    trials = run.get_trials()
    assert [each.number for each in trials] == list(range(TRIALS))
    assert {each.status for each in trials} == {"completed"}
    assert len({each.run_id for each in trials}) == len(list(run.get_children())) == TRIALS
    values = [each.value for each in trials if each.value is not None]
    best = run.get_sweep().best
    assert best is not None
    assert best.value == min(values)
    assert best in trials
    again = experiment.submit(config)  # the same seed
    again.cancel()
    drawn = [each.parameters["x"] for each in again.get_trials()]
    assert drawn == [each.parameters["x"] for each in trials][: len(drawn)]


def test_a_bayesian_sweep_learns_from_what_there_was(experiment, code):
    pytest.importorskip("optuna")
    parameters = {
        "x": {"low": -50.0, "high": 50.0},
        "--depth": [1, 2],
        "n": {"low": 1, "high": 64, "log": True},
    }
    config = SweepConfig(
        ScriptRunConfig(code, "parabola.py"),
        parameters,
        "loss",
        sampling="bayesian",
        max_trials=16,
        max_concurrent=2,
        seed=1,
    )
    run = experiment.submit(config)
    run.wait_for_completion()
    losses = [each.value for each in run.get_trials() if each.value is not None]
    assert min(losses) < losses[0]
    assert sum(losses[8:]) < sum(losses[:8])


def test_what_is_far_from_the_best_is_ended_early(experiment, code):
    config = SweepConfig(
        ScriptRunConfig(code, "curve.py"),
        {"x": [1, 1.05, 9]},
        "loss",
        sampling="grid",
        max_concurrent=3,
        stopping={"rule": "bandit", "slack_factor": 0.1, "every": 2, "delay": 4},
    )
    run = experiment.submit(config)
    run.wait_for_completion()
    trials = run.get_trials()
    assert [each.status for each in trials] == ["completed", "completed", "stopped"]
    assert trials[2].value == 9
    stopped = experiment.workspace.get_run(trials[2].run_id)
    assert stopped.get_status() == "Canceled"
    assert "bandit" in stopped.get_tags()["runyard.end_reason"]


def test_a_canceled_sweep_begins_no_more_and_ends_what_goes_on(experiment, code):
    config = SweepConfig(
        ScriptRunConfig(code, "sleep.py"), {"x": [1, 2, 3, 4]}, "loss", sampling="grid", max_concurrent=2
    )
    run = experiment.submit(config)
    until(lambda: any(each.status == "running" for each in run.get_trials()), WITHIN_S)
    run.cancel()
    assert run.sweep.is_closed
    with pytest.raises(RunFailed, match="canceled by local"):
        run.wait_for_completion()
    assert run.get_status() == "Canceled"
    assert [each.status for each in run.get_trials()] == ["canceled", "canceled"]


def test_a_sweep_ends_when_its_time_is_over(experiment, code):
    config = SweepConfig(
        ScriptRunConfig(code, "sleep.py"), {"x": [1, 2]}, "loss", sampling="grid", max_duration_seconds=1
    )
    run = experiment.submit(config)
    run.wait_for_completion()
    assert "1 s" in run.get_sweep().reason
    assert {each.status for each in run.get_trials()} == {"canceled"}


def test_a_sweep_whose_trials_all_fail_has_failed(experiment, code, capsys):
    config = SweepConfig(ScriptRunConfig(code, "fail.py"), {"x": [1, 2]}, "loss", sampling="grid")
    run = experiment.submit(config)
    with pytest.raises(RunFailed, match="none of its trials has completed"):
        run.wait_for_completion(show_output=True)
    assert run.get_best_run() is None
    why = "exit code 3"
    assert f"failed, {why}\n" in capsys.readouterr().out
    assert [why in repr(trial) for trial in run.get_trials()] == [True, True]
    assert run.get_sweep().reason == f"none of its trials has completed; trial 0: {why}"


def test_a_sweep_is_shown_while_it_is_waited_for(experiment, code, capsys):
    config = SweepConfig(ScriptRunConfig(code, "parabola.py"), {"x": [1, 3]}, "loss", sampling="grid")
    run = experiment.submit(config)
    run.wait_for_completion(show_output=True)
    printed = capsys.readouterr().out
    assert "Trial 1 (x=3): completed, loss 0\n" in printed
    best = SweepRun(experiment, run.id).get_sweep().best
    assert best is not None
    assert best.number == 1
    assert repr(config) == "SweepConfig(minimize 'loss' by grid over x)"


def test_a_run_that_is_no_sweep_is_none(experiment):
    with experiment.start_logging() as run:
        pass
    with pytest.raises(NotFound, match="sweep"):
        SweepRun(experiment, run.id)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"parameters": {"x": 1}}, r"parameters\['x'\]"),
        ({"parameters": {"x": {"low": 1}}}, "'high'"),
        ({"parameters": {"x": {"lo": 1, "high": 2}}}, "lo"),
        ({"parameters": {"x": [[1]]}}, "list"),
        ({"goal": "best"}, "minimize, maximize"),
        ({"sampling": "luck"}, "grid, random, bayesian"),
        ({"stopping": {"rule": "never"}}, "bandit"),
        ({"stopping": {"rule": "median", "evry": 1}}, "evry"),
        ({"run_config": "train.py"}, "ScriptRunConfig"),
    ],
)
def test_what_is_no_sweep_is_refused_before_it_is_sent(code, change, said):
    whole = {"run_config": ScriptRunConfig(code, "a.py"), "parameters": {"x": [1]}, "metric": "loss"}
    with pytest.raises(InvalidParameter, match=said):
        SweepConfig(**(whole | change))
