"""Jobs and sweeps that are submitted again, as they were and with changes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from runyard import (
    Dataset,
    Environment,
    Experiment,
    OutputFileDatasetConfig,
    Run,
    ScriptRunConfig,
    SweepConfig,
)
from runyard.errors import InvalidParameter, InvalidState, NotFound

SAYS = """\
import json, os, sys
from runyard import Run

run = Run.get_context()
run.log("loss", len(sys.argv))
print(json.dumps([sys.argv[1:], os.environ.get("MODE"), os.environ.get("MORE")]))
"""
WORDS = ["--alpha", "0.1", "a b", "$(ls) 'q'\n", "é"]


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a script, below git, in which something is not committed."""
    folder = tmp_path_factory.mktemp("code")
    (folder / "says.py").write_text(SAYS)
    named = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    for words in (("init", "-q"), ("add", "."), (*named, "commit", "-q", "-m", "first")):
        subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)
    (folder / "says.py").write_text(f"{SAYS}# more\n")
    return folder


def printed(run: Run) -> Any:
    run.wait_for_completion()
    return json.loads(run.console().read("console/stdout.000001.log"))


def submitted(run: Run) -> dict[str, object]:
    """Return what a job was asked for, but for what each has of its own."""
    job = run.job
    assert job is not None
    return {name: getattr(job, name) for name in job.__struct_fields__ if name not in OF_EACH}


OF_EACH = frozenset(
    {"run_id", "status", "attempt", "submitted_ms", "started_ms", "ended_ms", "exit_code", "host", "outputs"}
    | {"position", "waits_for", "reason"}
)


def test_a_job_is_submitted_again_as_it_was_whatever_has_become_of_its_folder(experiment, code):
    out = OutputFileDatasetConfig("out", (experiment.workspace.get_default_datastore(), "made/{run_id}"))
    config = ScriptRunConfig(code, "says.py", [*WORDS, out], max_run_duration_seconds=600)
    config.run_config.environment_variables["MODE"] = "try"
    config.run_config.environment = Environment("own", environment_variables={"MORE": "1"})
    first = experiment.submit(config, {"team": "vision"}, display_name="first", priority=3)
    said = printed(first)
    diff = (code / "says.py").read_text()
    (code / "says.py").write_text("raise SystemExit(1)\n")
    again = first.submit_again()
    (code / "says.py").write_text(diff)
    assert again.id != first.id
    assert submitted(again) == submitted(first)
    assert again.job.outputs["out"].path == f"made/{again.id}"
    assert (again.display_name, again.tags["team"]) == ("first", "vision")
    assert again.experiment == experiment
    for tag in ("mlflow.source.git.commit", "mlflow.source.git.dirty", "runyard.arguments"):
        assert again.get_tags()[tag] == first.get_tags()[tag]
    words, *variables = printed(again)
    assert (words[:-1], variables) == (said[0][:-1], ["try", "1"])
    assert again.get_environment() == first.get_environment()
    again.download_files("code", code.parent / "diffs")
    assert "+# more" in (code.parent / "diffs/code/git.diff").read_text()


def test_what_is_said_is_different_and_all_else_as_it_was(experiment, code, tmp_path):
    config = ScriptRunConfig(code, "says.py", ["--alpha", "0.1", "--password", "x"])
    config.run_config.environment_variables.update(MODE="try", MORE="1")
    first = experiment.submit(config, {"team": "vision", "kind": "a"})
    other = Experiment(experiment.workspace, "again elsewhere")
    (tmp_path / "says.py").write_text(SAYS)
    again = first.submit_again(
        options={"alpha": 0.5, "password": "very secret"},
        display_name="second",
        tags={"kind": "b"},
        environment_variables={"MODE": "again"},
        source_directory=tmp_path,
        max_run_duration_seconds=60,
        max_attempts=2,
        priority=4,
        experiment=other,
    )
    assert again.experiment == other
    job = again.job
    assert (job.max_duration_s, job.max_attempts, job.priority, job.compute) == (60, 2, 4, "local")
    tags = again.get_tags()
    assert (again.display_name, tags["team"], tags["kind"]) == ("second", "vision", "b")
    assert tags["runyard.arguments"] == "--alpha 0.5 --password '***'"
    # What git knew of the other code is not said of this one.
    assert not [tag for tag in tags if tag.startswith("mlflow.source.git.")]
    assert printed(again) == [["--alpha", "0.5", "--password", "very secret"], "again", "1"]
    once_more = again.submit_again(["only", 1], max_run_duration_seconds=0)
    assert (once_more.job.max_duration_s, once_more.job.max_attempts) == (0, 2)
    assert printed(once_more) == [["only", "1"], "again", "1"]


def test_a_command_is_submitted_again_by_its_words(experiment, tmp_path):
    first = experiment.submit(ScriptRunConfig(command=["echo", '"a"', "--n", "1"]))
    again = first.submit_again(options={"n": 2})
    assert again.job.command == ["echo", '"a"', "--n", "2"]
    assert printed(again.submit_again(["echo", "7"])) == 7
    with pytest.raises(InvalidParameter, match="command"):
        first.submit_again([])


def test_data_goes_in_again_and_other_data_by_its_words(experiment, code):
    ws = experiment.workspace
    store = ws.get_default_datastore()
    store.upload_files([str(code / "says.py")], target_path="again", overwrite=True)
    scripts = Dataset.File.from_files((store, "again/says.py")).register(ws, "scripts")
    first = experiment.submit(
        ScriptRunConfig(code, "says.py", [scripts.as_named_input("scripts").as_download()])
    )
    again = first.submit_again()
    assert again.job.inputs == first.job.inputs
    assert [each["name"] for each in again.get_details()["inputDatasets"]] == ["scripts"]
    other = first.submit_again(["--in", store.path("again", "folder").as_download()])
    assert other.job.arguments == ["--in", "${{inputs.folder}}"]
    (words, *_) = printed(other)
    assert words[0] == "--in"
    assert words[1].startswith("/")


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"compute_target": "nowhere"}, NotFound, "nowhere"),
        ({"environment": "nothing:1"}, NotFound, "nothing"),
        ({"environment": 7}, InvalidParameter, "environment"),
        ({"source_directory": "/nowhere"}, NotFound, "/nowhere"),
        ({"max_attempts": 0.5}, InvalidParameter, "max_attempts"),
        ({"arguments": "text"}, InvalidParameter, "arguments"),
        ({"environment_variables": {"A=": "1"}}, InvalidParameter, "environment_variables"),
    ],
)
def test_what_can_not_be_is_refused(experiment, changes, error, said):
    first = experiment.submit(ScriptRunConfig(command=["true"]))
    with pytest.raises(error, match=said):
        first.submit_again(**changes)


def test_a_run_that_was_not_submitted_is_not_submitted_again(experiment):
    with pytest.raises(InvalidState, match="not submitted"):
        experiment.start_logging().submit_again()


def test_a_sweep_is_submitted_again_with_changes(experiment, code):
    script = ScriptRunConfig(code, "says.py", ["--mode", "a"])
    drawn = SweepConfig(script, {"x": {"low": 0.0, "high": 1.0}}, "loss", max_trials=2, seed=7)
    first = experiment.submit(drawn, {"team": "vision"}, display_name="search")
    again = first.submit_again(options={"mode": "b c"}, max_concurrent=1, priority=2)
    other = first.submit_again(seed=8, max_trials=1, display_name="other")
    for sweep in (first, again, other):
        sweep.wait_for_completion()
    assert [each.parameters for each in again.get_trials()] == [
        each.parameters for each in first.get_trials()
    ]
    (trial,) = other.get_trials()
    assert trial.parameters != first.get_trials()[0].parameters
    assert (again.sweep.max_concurrent, again.sweep.seed, again.display_name) == (1, 7, "search")
    assert (other.display_name, other.get_tags()["team"]) == ("other", "vision")
    best = again.get_best_run()
    assert best.job.arguments[:2] == ["--mode", "b c"]
    assert best.job.snapshot == first.get_best_run().job.snapshot
    assert best.job.priority == 2
    # A trial by itself is a job like any other.
    alone = best.submit_again(options={"x": 2})
    assert alone.parent is None
    assert printed(alone)[0] == ["--mode", "b c", "--x", "2"]


def test_of_a_sweep_what_it_finds_is_not_set(experiment, code):
    sweep = experiment.submit(
        SweepConfig(ScriptRunConfig(code, "says.py"), {"x": [1]}, "loss", sampling="grid")
    )
    for name in ("x", "--x"):
        with pytest.raises(InvalidParameter, match="--x is a parameter"):
            sweep.submit_again(options={name: 1})
    with pytest.raises(InvalidParameter, match="'trials'"):
        sweep.submit_again(trials=1)
    sweep.wait_for_completion()
