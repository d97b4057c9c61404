"""`runyard quota`: show, set and clear."""

import pytest

from runyard import Workspace
from runyard.cli.quota import parse_amount
from runyard.errors import InvalidParameter
from tests.cli.conftest import CommandLine
from tests.running_server import RunningServer


@pytest.mark.usefixtures("_at_server")
def test_a_quota_is_set_changed_shown_and_cleared(runyard: CommandLine, server: RunningServer):
    assert [row[2] for row in runyard("quota", "show").rows[1:]] == ["any"] * 4
    ended = runyard("quota", "set", "--max-runs", "10k", "--max-artifact-bytes", "1.5GB")
    assert ended.code == 0
    runyard("quota", "set", "--max-experiments", "0")
    rows = {row[0]: row[1:] for row in runyard("quota", "show").rows[1:]}
    assert rows["runs"] == ["0", "10,000", "its quota"]
    assert rows["artifacts"] == ["0 bytes", "1.5 GB", "its quota"]
    assert rows["experiments"][1:] == ["any", "its quota"]
    assert rows["points of metrics"][1:] == ["any", "the server's settings"]
    told = Workspace.get("default", url=server.url).quota.show()
    assert told.limits == {"max_runs": 10_000, "max_artifact_bytes": 1_500_000_000}
    assert runyard("quota", "clear", "--json").json["limits"] == {}


def test_a_quota_that_limits_nothing_is_refused(runyard: CommandLine):
    assert runyard("quota", "set").code == 1


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("5000", 5000),
        ("20k", 20_000),
        ("1.5G", 1_500_000_000),
        ("2 TB", 2 * 10**12),
        ("7mb", 7 * 10**6),
    ],
)
def test_an_amount_has_a_unit_or_none(text: str, number: int):
    assert parse_amount("max_runs", text) == number


@pytest.mark.parametrize("text", ["", "many", "-1", "1e3", "5x", "k"])
def test_what_is_no_amount_is_refused_by_the_name_of_its_flag(text: str):
    with pytest.raises(InvalidParameter, match="--max-runs is a number"):
        parse_amount("max_runs", text)
