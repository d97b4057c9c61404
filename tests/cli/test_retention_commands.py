"""`runyard retention`, and `runyard gc --rules`."""

import pytest

from runyard import Experiment, Workspace
from runyard.cli.trash import age_text, parse_age
from tests.cli.conftest import CommandLine
from tests.cli.test_trash_commands import log
from tests.running_server import RunningServer

pytestmark = pytest.mark.usefixtures("_at_server")


@pytest.fixture
def workspace(server: RunningServer, request: pytest.FixtureRequest) -> Workspace:
    name = "t-" + "".join(filter(str.isalnum, request.node.name.lower()))[-50:]
    return Workspace.create(name, url=server.url)


def test_gc_goes_by_the_rules_that_were_set(runyard: CommandLine, workspace: Workspace):
    here = ("-w", workspace.name)
    for name in ("own", "other"):
        experiment = Experiment(workspace, name)
        runyard("run", "delete", *(log(experiment) for _ in range(3)), *here)
    said = runyard("retention", "set", "--older-than", "0s", "--keep-last", "1", *here).out
    assert said == "Of the workspace, `runyard gc --rules` takes away all but the last 1 runs.\n"
    own = workspace.experiments["own"].id
    rule = runyard("retention", "set", "-e", "own", "--older-than", "30d", "--untagged", "--json", *here)
    assert (rule.json["experiment_id"], rule.json["older_than_s"]) == (own, 30 * 24 * 3600.0)
    told = [row[:2] for row in runyard("retention", "list", *here).rows]
    assert told == [
        ["the workspace", "all but the last 1 runs"],
        [f"experiment {own}", "what is untagged that was deleted at least 30d ago"],
    ]
    assert [each["keep_last"] for each in runyard("retention", "list", "--json", *here).json] == [1, 0]
    assert runyard("gc", "--rules", "--dry-run", "--json", *here).json["runs"] == 2
    assert runyard("gc", "--rules", "--json", *here).json["runs"] == 2
    assert runyard("gc", "--rules", "--keep-last", "2", *here).code == 1
    assert runyard("retention", "remove", "-e", "own", *here).code == 0
    assert runyard("retention", "remove", "-e", "own", *here).code == 3
    assert runyard("gc", "--rules", "--json", *here).json["runs"] == 2


@pytest.mark.parametrize("text", ["0s", "30d", "1d12h", "59m1s"])
def test_an_age_is_told_as_it_is_given(text: str):
    assert age_text(parse_age(text)) == text


def test_a_rule_that_says_nothing_is_refused(runyard: CommandLine, workspace: Workspace):
    ended = runyard("retention", "set", "-w", workspace.name)
    assert ended.code == 1
    assert "--keep-last" in ended.err
    assert list(workspace.trash.rules) == []
