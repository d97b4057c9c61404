"""`runyard sweep` against the real server."""

from pathlib import Path

import pytest

from tests.cli.conftest import CommandLine

pytestmark = pytest.mark.usefixtures("_at_server")

SCRIPT = """
import sys
from runyard import Run

run = Run.get_context()
run.log("loss", (float(sys.argv[sys.argv.index("--x") + 1]) - 2) ** 2)
run.flush()
"""
SWEEP = """
script = "train.py"
experiment = "cli sweeps"
name = "parabola"

[sweep]
metric = "loss"
sampling = "grid"
parameters = { x = [0.5, 2.0], "--mode" = ["a b"] }
stopping = { rule = "median", delay = 5 }
max_duration = "10m"
"""


@pytest.fixture
def file() -> str:
    folder = Path("project")
    folder.mkdir()
    (folder / "train.py").write_text(SCRIPT)
    (folder / "sweep.toml").write_text(SWEEP)
    return "project/sweep.toml"


def test_a_sweep_is_submitted_waited_for_shown_and_listed(runyard: CommandLine, file: str):
    ended = runyard("sweep", "submit", file, "--tag", "a=b", "--wait")
    assert ended.code == 0, ended.err
    run_id, *trials = ended.out.splitlines()
    assert "Trial 1 (x=2.0 --mode=a b): completed, loss 0" in trials
    assert f"Sweep parabola {run_id}: completed" in ended.err
    shown = runyard("sweep", "show", run_id)
    assert "minimize loss, grid from seed" in shown.out
    assert "trial 1, loss 0" in shown.out
    assert "1 *" in shown.out
    found = runyard("sweep", "show", run_id, "--json").json
    assert (found["best"]["number"], found["max_sweep_duration_s"]) == (1, 600)
    assert [each["value"] for each in found["all_trials"]] == [2.25, 0]
    rows = runyard("sweep", "list", "-e", "cli sweeps").rows
    assert [row[:6] for row in rows] == [[run_id, "completed", "minimize loss", "0", "grid", "2 of 2"]]
    best = runyard("run", "show", found["best"]["run_id"], "--json").json
    assert (best["params"], best["tags"]["a"]) == ({"x": "2.0", "mode": "a b"}, "b")
    assert runyard("sweep", "wait", run_id, "--json").json["status"] == "completed"


def test_a_sweep_is_submitted_again_with_what_is_said(runyard: CommandLine, file: str):
    assert runyard("compute", "create", "held").code == 0
    assert runyard("compute", "pause", "held").code == 0
    first = runyard("sweep", "submit", file, "--compute", "held", "--tag", "a=b", "--json").json
    Path("project/train.py").unlink()
    again = runyard(
        "sweep", "again", first["run_id"], "--json", "--max-trials", "1", "--name", "fewer", "--set", "n=2"
    ).json  # fmt: skip
    same = ("metric", "goal", "sampling", "seed", "parameters", "stopping", "max_sweep_duration_s", "compute")
    assert {name: again[name] for name in same} == {name: first[name] for name in same}
    assert (again["max_trials"], again["arguments"], again["run_name"]) == (1, ["--n", "2"], "fewer")
    assert runyard("sweep", "again", first["run_id"], "--set", "x=1").code == 1
    assert runyard("compute", "resume", "held").code == 0
    waited = runyard("sweep", "again", again["run_id"], "--compute", "local", "--wait", "--", "--m", "a b")
    assert waited.code == 0, waited.err
    run_id, *trials = waited.out.splitlines()
    assert trials[-1].startswith("Trial 0 (x=0.5 --mode=a b): completed")
    best = runyard("sweep", "show", run_id, "--json").json["best"]["run_id"]
    assert runyard("job", "show", best, "--json").json["arguments"][:2] == ["--m", "a b"]
    for sweep in (first, again):
        assert runyard("sweep", "wait", sweep["run_id"]).code == 0
    assert runyard("compute", "delete", "held").code == 0


def test_a_sweep_is_canceled(runyard: CommandLine, file: str):
    assert runyard("compute", "create", "held").code == 0
    assert runyard("compute", "pause", "held").code == 0
    sweep = runyard("sweep", "submit", "-f", file, "--compute", "held", "--json").json
    assert (sweep["compute"], sweep["status"], sweep["max_trials"]) == ("held", "running", 2)
    # The same file as a job is one job, and that says what the search is begun by.
    one = runyard("job", "submit", "--file", file, "--compute", "held")
    assert f"runyard sweep submit {file}" in one.err
    assert runyard("job", "cancel", one.out.strip()).out.endswith("(parabola) canceled\n")
    assert runyard("sweep", "cancel", sweep["run_id"]).out.endswith("(parabola) ending\n")
    assert runyard("sweep", "wait", sweep["run_id"]).code == 1
    again = runyard("sweep", "cancel", sweep["run_id"], "--json").json
    assert (again["status"], again["reason"]) == ("canceled", "canceled by local")
    assert runyard("compute", "delete", "held").code == 0


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        (("[sweep]", "[swept]"), 1, "swept"),
        (('metric = "loss"', ""), 1, "metric"),
        (('sampling = "grid"', 'sampling = "luck"'), 1, "sampling"),
        (('sampling = "grid"', ""), 1, "max_trials"),
        (("[0.5, 2.0]", "3"), 1, "parameters"),
        (("[0.5, 2.0]", "{ low = 0.0, high = 1.0 }"), 1, "grid"),
        (("delay = 5", "dely = 5"), 1, "dely"),
        (('script = "train.py"', 'script = "none.py"'), 3, "none.py"),
    ],
    ids=lambda each: str(each)[:30],
)
def test_what_can_not_be_swept_is_said(runyard: CommandLine, file: str, change, code, said):
    path = Path(file)
    path.write_text(path.read_text().replace(*change))
    ended = runyard("sweep", "submit", file)
    assert (ended.code, ended.out) == (code, "")
    assert said in ended.err


def test_what_is_no_sweep_is_none(runyard: CommandLine, file: str):
    path = Path(file)
    path.write_text(path.read_text().partition("[sweep]")[0])
    assert "no table `sweep`" in runyard("sweep", "submit", file).err
    assert runyard("sweep", "show", "0" * 32).code == 3
