"""Scripts that are submitted to the real server, which runs them on its own machine."""

from __future__ import annotations

import io
import logging
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from runyard import AmlCompute, ComputeTarget, Environment, Experiment, Run, ScriptRunConfig, Workspace
from runyard.errors import (
    AlreadyExists,
    Forbidden,
    InvalidParameter,
    InvalidState,
    NotFound,
    TooLarge,
)
from runyard.sdk.compute_configuration import TargetConfiguration
from runyard.sdk.connection import connect
from runyard.sdk.job_records import list_jobs
from runyard.sdk.run_life import RunFailed
from runyard.sdk.snapshot import taken_snapshot
from tests.sdk.scripted_server import Scripted, ScriptedServer
from tests.waiting import until

TRAIN = """\
import json, os, sys
import mlflow
from lib import answer
print(json.dumps(sys.argv[1:]))
print("to stderr", file=sys.stderr)
with mlflow.start_run():
    mlflow.log_metric("answer", answer)
    mlflow.log_param("mode", os.environ["MODE"])
"""
SLEEP = "import time\nprint('begun', flush=True)\ntime.sleep(600)\n"
WORDS = ["--alpha", 0.1, "a b", "$(ls) 'q' \"q\"", "two\nlines", "é", ""]
REACHED = ["--alpha", "0.1", "a b", "$(ls) 'q' \"q\"", "two\nlines", "é", ""]


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """A folder with code."""
    folder = tmp_path / "code"
    (folder / "lib").mkdir(parents=True)
    (folder / "lib" / "__init__.py").write_text("answer = 42\n")
    (folder / "train.py").write_text(TRAIN)
    (folder / "sleep.py").write_text(SLEEP)
    (folder / "fail.py").write_text("import sys\nsys.exit('no luck')\n")
    return folder


def is_running(run: Run) -> bool:
    return run.get_status() == "Running"


def test_a_script_runs_where_it_was_sent_and_logs_to_its_run(
    experiment: Experiment, code: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    config = ScriptRunConfig(code, "train.py", WORDS)
    config.run_config.environment_variables["MODE"] = "try"
    run = experiment.submit(config, {"team": "vision"}, display_name="first")
    assert run.get_status() in ("Queued", "Starting", "Preparing", "Running", "Completed")
    details = run.wait_for_completion(show_output=True)
    printed = capsys.readouterr()
    assert printed.out.splitlines()[0] == f"RunId: {run.id}"
    assert repr(REACHED)[1:6].replace("'", '"') in printed.out
    assert printed.out.splitlines()[-1] == f"Run {run.id} is Completed."
    assert "to stderr" in printed.err
    assert (run.display_name, run.tags["team"], run.type) == ("first", "vision", "JOB")
    assert run.get_metrics() == {"answer": 42.0}
    assert run.params == {"mode": "try"}
    assert (details["status"], details["target"]) == ("Completed", "local")
    definition = details["runDefinition"]
    assert (definition["script"], definition["arguments"]) == ("train.py", REACHED)
    logs = run.get_details_with_logs()["logFiles"]
    assert logs["console/stderr.000001.log"] == "to stderr\n"
    assert set(logs) == set(details["logFiles"])
    paths = run.get_all_logs(tmp_path / "logs")
    assert {Path(path).name for path in paths} == {name.rpartition("/")[2] for name in logs}
    assert (tmp_path / "logs/console/stderr.000001.log").read_text() == "to stderr\n"
    with tarfile.open(run.restore_snapshot(path=tmp_path / "again")) as archive:
        assert archive.getnames() == ["fail.py", "lib/__init__.py", "sleep.py", "train.py"]


def test_a_script_that_fails_says_why_and_is_begun_as_often_as_asked(
    experiment: Experiment, code: Path, capsys: pytest.CaptureFixture[str]
):
    run = experiment.submit(ScriptRunConfig(code, "fail.py"), max_attempts=2)
    with pytest.raises(RunFailed, match="is Failed: exit code 1: no luck"):
        run.wait_for_completion(show_output=True)
    assert capsys.readouterr().err.count("no luck\n") >= 2
    assert run.job is not None
    assert (run.job.attempt, run.job.exit_code) == (2, 1)
    details = run.get_details()
    assert details["error"]["error"]["message"] == "exit code 1: no luck"
    assert run.wait_for_completion(raise_on_error=False)["status"] == "Failed"


def test_a_job_is_cancelled_where_it_waits_and_where_it_runs(experiment: Experiment, code: Path):
    pool = ComputeTarget.create(experiment.workspace, "one", AmlCompute.provisioning_configuration())
    config = ScriptRunConfig(code, "sleep.py", compute_target=pool)
    runs, waits = experiment.submit_many([config, config])
    until(lambda: is_running(runs))
    assert waits.get_status() == "Queued"
    assert waits.job is not None
    assert waits.job.position == 1
    why = "all slots of compute target 'one' are taken"
    assert waits.get_detailed_status() == {"status": "Queued", "details": waits.job.waits_for}
    assert waits.job.waits_for == why
    assert waits.get_details()["warnings"] == [{"source": "queue", "message": why}]
    assert (pool.get_status().serialize()["jobsWaiting"], pool.slots_taken) == (1, 1)
    assert [run.id for run in pool.get_active_runs()] == [waits.id, runs.id]
    waits.tag("team", "robots")
    for wanted, found in (
        ({"status": "Running"}, [runs]),
        ({"status": "Queued", "tags": {"team": "robots"}}, [waits]),
        ({"status": "Running", "tags": "team"}, []),
        ({"tags": {"team": "others"}}, []),
        ({"type": "NOTEBOOK"}, []),
        ({"properties": {"mlflow.source.name": "other.py"}}, []),
    ):
        assert list(pool.get_active_runs(**wanted)) == found, wanted
    with pytest.raises(InvalidState):
        pool.delete()
    waits.cancel()
    assert waits.get_status() == "Canceled"
    runs.cancel()
    with pytest.raises(RunFailed, match="Canceled"):
        runs.wait_for_completion()
    assert experiment.workspace.get_run(runs.id).status == "Canceled"
    statuses = {job.status for job in list_jobs(experiment.workspace.connection, compute="one")}
    assert statuses == {"canceled"}
    until(lambda: ComputeTarget(experiment.workspace, "one").slots_taken == 0)
    pool.delete()
    assert list(experiment.workspace.compute_targets) == ["local"]


def test_one_s_code_is_sent_once_and_what_changes_later_changes_no_job(experiment: Experiment, code: Path):
    (code / "show.py").write_text("print(1)\n")
    first, second = experiment.submit_many(ScriptRunConfig(code, "show.py") for _ in range(2))
    (code / "show.py").write_text("print(2)\n")
    third = experiment.submit(code / "show.py")
    for run in (first, second, third):
        run.wait_for_completion()
    assert first.get_snapshot_id() == second.get_snapshot_id() != third.get_snapshot_id()
    said = [run.get_details_with_logs()["logFiles"]["console/stdout.000001.log"] for run in (first, third)]
    assert said == ["1\n", "2\n"]


def test_code_that_the_server_finds_too_large_is_said_with_its_largest_files(
    scripted: Callable[..., ScriptedServer], code: Path
):
    refused = Scripted(413, b'{"error_code": "REQUEST_LIMIT_EXCEEDED", "message": "Too much."}')
    missing = Scripted(404, b'{"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "None."}')
    server = scripted([missing, refused])
    with taken_snapshot(code) as snapshot:
        with pytest.raises(TooLarge, match=r"Too much\. The largest .*train\.py"):
            snapshot.send(connect(server.url))
        there = scripted([Scripted(body=f'{{"sha256": "{snapshot.sha256}", "size_bytes": 1}}'.encode())])
        snapshot.send(connect(there.url))
    assert [request.method for request in server.received] == ["GET", "PUT"]
    assert len(server.received[1].body) == snapshot.size_bytes
    assert [request.method for request in there.received] == ["GET"]


def test_a_run_may_be_submitted_below_another(experiment: Experiment):
    with experiment.start_logging() as parent:
        child = parent.submit_child(ScriptRunConfig(command=["true"]), {"a": "b"})
        child.wait_for_completion()
        assert [each.id for each in parent.get_children(tags={"a": "b"})] == [child.id]


def test_what_git_knows_of_the_code_is_kept_with_the_run(experiment: Experiment, code: Path):
    (code / ".gitignore").write_text("sleep.py\n")
    for words in (
        ["init", "-q", "-b", "trunk"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x"],
    ):
        subprocess.run(["git", "-C", str(code), *words], check=True)
    (code / "lib" / "__init__.py").write_text("answer = 43\n")
    run = experiment.submit(ScriptRunConfig(code, command=["cat", ".gitignore"]))
    run.wait_for_completion()
    assert run.tags["mlflow.source.git.branch"] == "trunk"
    assert len(run.tags["mlflow.source.git.commit"]) == 40
    run.download_file("code/git.diff", code / "found.diff")
    assert "+answer = 43" in (code / "found.diff").read_text()
    assert "sleep.py" in run.get_details_with_logs()["logFiles"]["console/stdout.000001.log"]


def test_a_command_needs_no_code_and_an_environment_may_be_kept(experiment: Experiment):
    env = Environment("plain")
    env.environment_variables["A"] = "1"
    env.register(experiment.workspace)
    run = experiment.submit(ScriptRunConfig(command="echo $A; pwd", environment="plain:1"))
    run.wait_for_completion()
    assert run.get_details_with_logs()["logFiles"]["console/stdout.000001.log"].startswith("1\n")
    definition = run.get_details()["runDefinition"]
    assert definition["environment"] == {"name": "plain", "version": "1"}
    assert (definition["snapshotId"], definition["command"]) == (None, ["sh", "-c", "echo $A; pwd"])
    with pytest.raises(InvalidState, match="no snapshot"):
        run.get_snapshot_id()


@pytest.mark.parametrize(
    ("kind", "settings", "name"),
    [
        ("slurm", {"server_url": "http://127.0.0.1:9"}, "SlurmCompute"),
        (
            "ssh",
            {"host": "h", "username": "u", "host_key_fingerprint": "SHA256:" + "a" * 43},
            "RemoteCompute",
        ),
    ],
)
def test_a_target_is_of_the_class_of_its_kind(
    workspace: Workspace, kind: str, settings: dict[str, str], name: str
):
    wanted = TargetConfiguration(kind=kind, settings=settings, skip_validation=True)
    made = ComputeTarget.attach(workspace, f"of-{kind}", wanted)
    assert type(made).__name__ == type(ComputeTarget(workspace, f"of-{kind}")).__name__ == name
    assert type(workspace.compute_targets[f"of-{kind}"]).__name__ == name
    made.delete()


def test_a_run_tells_the_environment_that_it_was_submitted_with(experiment: Experiment):
    own = Environment("told")
    own.python.user_managed_dependencies = True
    own.environment_variables = {"A": "b"}
    for environment in (own, own.register(experiment.workspace)):
        run = experiment.submit(ScriptRunConfig(command=["true"], environment=environment))
        assert run.get_environment() == environment
        assert run.get_environment().version == environment.version
    nameless = experiment.submit(ScriptRunConfig(command=["true"])).get_environment()
    assert (nameless.name, nameless.version) == ("submitted", None)
    with pytest.raises(InvalidState, match="was not submitted"):
        experiment.start_logging().get_environment()


def test_a_script_that_takes_too_long_is_ended(experiment: Experiment, code: Path):
    config = ScriptRunConfig(code, "sleep.py", max_run_duration_seconds=1)
    run = experiment.submit(config)
    out = io.StringIO()
    run.stream_console(out, io.StringIO())
    assert out.getvalue() == "begun\n"
    assert run.get_status() == "Failed"
    assert run.job is not None
    assert "1 s" in run.job.reason or "second" in run.job.reason


def test_what_can_t_be_submitted_makes_no_run(experiment: Experiment, code: Path):
    for config, error in (
        (ScriptRunConfig(code, "none.py"), NotFound),
        (ScriptRunConfig(code, "train.py", compute_target="nowhere"), NotFound),
        (ScriptRunConfig(code, "train.py", environment="none"), NotFound),
        (ScriptRunConfig(code, "train.py", max_run_duration_seconds=-1), InvalidParameter),
        (3, InvalidParameter),
    ):
        with pytest.raises(error):
            experiment.submit(config)  # type: ignore[arg-type]
    with pytest.raises(InvalidParameter, match="slots"):
        experiment.submit(ScriptRunConfig(code, "train.py"), slots=1000)
    assert list(experiment.get_runs()) == []


def test_a_run_that_was_not_submitted_is_what_it_was(experiment: Experiment):
    run = experiment.start_logging()
    assert (run.job, run.get_status()) == (None, "Running")
    with pytest.raises(InvalidState, match="no snapshot"):
        run.get_snapshot_id()
    run.cancel()
    assert run.get_status() == "Canceled"
    assert "runDefinition" not in run.get_details()


def test_targets_are_made_listed_changed_paused_and_deleted(
    workspace: Workspace, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
):
    assert [type(each) for each in ComputeTarget.list(workspace)] == [AmlCompute]
    config = AmlCompute.provisioning_configuration("STANDARD_D2_V2", max_nodes=3, tags={"a": "b"})
    with caplog.at_level(logging.WARNING, "runyard.compute"):
        pool = ComputeTarget.create(workspace, "pool", config)
    assert "a pool of 3 slots on the server's own machine" in caplog.text
    pool.wait_for_completion(show_output=True, min_node_count=None, timeout_in_minutes=20)
    assert capsys.readouterr().out == "Compute target pool: Succeeded\n"
    with pytest.raises(AlreadyExists):
        ComputeTarget.create(workspace, "pool", config)
    found = workspace.compute_targets["pool"]
    assert found == ComputeTarget(workspace, "pool") == pool
    assert isinstance(found, AmlCompute)
    assert (found.slots, found.tags, found.provisioning_state) == (3, {"a": "b"}, "Succeeded")
    found.update(max_nodes=2, description="two")
    found.pause()
    pool.refresh_state()
    assert (pool.slots, pool.description, pool.is_paused) == (2, "two", True)
    assert pool.get_status().serialize()["allocationState"] == "Paused"
    assert pool.serialize()["properties"]["status"]["currentNodeCount"] == 2
    again = ComputeTarget.deserialize(workspace, pool.serialize())
    assert (again, again.slots) == (pool, 2)
    with pytest.raises(InvalidParameter):
        ComputeTarget.deserialize(workspace, {})
    assert "0 of 2 taken" in pool._repr_html_()
    pool.resume()
    assert not pool.is_paused
    assert workspace.get_default_compute_target("CPU").name == "local"
    pool.delete()
    pool.wait_for_completion(is_delete_operation=True)
    with pytest.raises(NotFound):
        ComputeTarget(workspace, "pool")
    with pytest.raises(Forbidden, match="local_slots"):
        ComputeTarget(workspace, "local").delete()
    with pytest.raises(InvalidParameter, match=r"'kind'.*local"):
        ComputeTarget.attach(workspace, "vm", TargetConfiguration(kind="abacus"))
    for settings in ({"host": "h"}, {"": 1}):
        with pytest.raises(InvalidParameter, match=r"'settings': .*unknown field"):
            ComputeTarget.create(workspace, "x", TargetConfiguration(settings=settings))
    with pytest.raises(InvalidParameter, match=r"'credential'.*none"):
        ComputeTarget.create(workspace, "x", TargetConfiguration(credential={"password": "p"}))
    with pytest.raises(InvalidParameter, match="provisioning_configuration"):
        ComputeTarget.create(workspace, "x", {})  # type: ignore[arg-type]


def test_the_first_line_is_seen_while_the_script_still_runs(experiment: Experiment, code: Path):
    run = experiment.submit(ScriptRunConfig(code, "sleep.py"))
    until(lambda: any(each == ("stdout", b"begun\n") for each in run.console().new()))
    assert run.get_status() == "Running"
    run.cancel()
    assert run.wait_for_completion(raise_on_error=False)["status"] == "Canceled"
