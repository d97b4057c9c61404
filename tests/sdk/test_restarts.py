"""What a user holds goes on working when the server goes away and comes back."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from runyard import Experiment, ScriptRunConfig, Workspace
from runyard.errors import Unavailable
from tests.conftest import ServerStarter
from tests.sdk.conftest import Logger
from tests.waiting import until


def test_a_workspace_goes_on_after_a_restart_and_knows_what_was_logged(start_server: ServerStarter):
    server = start_server()
    workspace = Workspace.get("default", url=server.url)
    run = Logger(workspace).run(Experiment(workspace, "kept"), metrics={"m": [(1, 0, 1.0), (2, 1, 2.0)]})
    server.stop()
    with pytest.raises(Unavailable, match="runyard up"):
        run.get_metrics()
    server.start()
    assert run.get_metrics() == {"m": [1.0, 2.0]}
    assert list(workspace.experiments["kept"].get_runs()) == [run]


def test_a_request_in_a_short_gap_is_not_lost(start_server: ServerStarter):
    server = start_server()
    workspace = Workspace.get("default", url=server.url)
    assert workspace.get_details()["runCount"] == 0
    server.kill9()
    server.start()
    # The connection of the first request is still in the pool, and dead.
    assert Experiment(workspace, "after the gap").is_active


def test_threads_may_share_a_workspace(start_server: ServerStarter):
    workspace = Workspace.get("default", url=start_server().url)
    experiment = Experiment(workspace, "shared")
    logger, found = Logger(workspace), []

    def log_and_read(number: int) -> None:
        run = logger.run(experiment, metrics={"m": [(1, 0, float(number)), (2, 1, number + 0.5)]})
        found.append(run.get_metrics()["m"])

    threads = [threading.Thread(target=log_and_read, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [[float(number), number + 0.5] for number in range(12)]
    assert len(list(experiment.get_runs())) == 12


@pytest.mark.parametrize("show_output", [False, True])
def test_who_waits_for_a_job_goes_on_after_a_restart_that_takes_long(
    start_server: ServerStarter, tmp_path: Path, capfd, monkeypatch, show_output: bool
):
    server = start_server()
    experiment = Experiment(Workspace.get("default", url=server.url), "long")
    code = tmp_path / "code"
    code.mkdir()
    go = tmp_path / "go"
    (code / "train.py").write_text(
        "import os, sys, time\nprint('begun', flush=True)\n"
        "while not os.path.exists(sys.argv[1]):\n    time.sleep(0.05)\nprint('ended')\n"
    )
    run = experiment.submit(ScriptRunConfig(code, "train.py", [go]))
    until(lambda: run.get_status() == "Running")
    printed: list[str] = []
    has_answered, get_status = threading.Event(), run.get_status

    def status() -> str:
        answer = get_status()
        has_answered.set()
        return answer

    def says(what: str) -> bool:
        read = capfd.readouterr()
        printed.append(read.out + read.err)
        return what in "".join(printed)

    monkeypatch.setattr(run, "get_status", status)
    with ThreadPoolExecutor(1) as waiting:
        waited = waiting.submit(run.wait_for_completion, show_output=show_output)
        if show_output:
            until(lambda: says("begun"))
        assert has_answered.wait(60)
        server.kill9()
        until(lambda: waited.done() or says("The server does not answer; it is waited for"))
        server.start()
        go.touch()
        assert waited.result()["status"] == "Completed"
    assert says("ended") is show_output
    assert "".join(printed).count("begun") == int(show_output)
