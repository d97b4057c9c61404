"""What a user holds goes on working when the server goes away and comes back."""

import threading

import pytest

from runyard import Experiment, Workspace
from runyard.errors import Unavailable
from tests.conftest import ServerStarter
from tests.sdk.conftest import Logger


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
