"""`runyard usage`: what it prints of a server, and of one workspace."""

import pytest

from runyard import Experiment, Workspace
from tests.cli.conftest import CommandLine
from tests.cli.test_trash_commands import log
from tests.running_server import RunningServer
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("_at_server")


def test_the_workspaces_of_a_server_are_listed_with_what_they_hold(
    runyard: CommandLine, server: RunningServer
):
    vision = Workspace.create("vision", url=server.url)
    runs = [log(Experiment(vision, "training")) for _ in range(3)]
    runyard("run", "delete", runs[0], "-w", "vision")
    rows = {row[0]: row for row in runyard("usage").rows if len(row) == 11}
    assert rows["vision"][1] == "2"
    assert rows["vision"][5:8] == ["0, 0 bytes", "0, 0 bytes", "0, 0 bytes"]
    assert rows["vision"][8].startswith("1 runs, ")
    assert "The largest experiments by runs:" in runyard("usage").out
    told = {each["workspace"]: each for each in runyard("usage", "--json").json["workspaces"]}
    assert (told["vision"]["runs"], told["vision"]["deleted_runs"], told["default"]["runs"]) == (2, 1, 0)


def test_a_workspace_is_shown_in_detail_and_is_measured_behind_the_requests(
    runyard: CommandLine, server: RunningServer
):
    speech = Workspace.create("speech", url=server.url)
    log(Experiment(speech, "training"))
    shown = runyard("usage", "-w", "speech").out
    assert "Runs                  1 (1 " in shown
    assert "by runs:" in shown
    assert "0 with 0 versions" in shown
    assert "0 with 0 records" in shown
    until(lambda: speech.usage().workspaces[0].measured_ms is not None)
    (told,) = runyard("usage", "-w", "speech", "--json").json["workspaces"]
    assert (told["logged_model_bytes"], told["registered_bytes"], told["trace_database_bytes"]) == (0, 0, 0)
    shown = runyard("usage", "-w", "speech").out
    assert "Of registered models  0 bytes in 0 files" in shown
    assert "Traces                0, with 0 bytes in the database" in shown
    assert runyard("usage", "-w", "nowhere").code == 3
