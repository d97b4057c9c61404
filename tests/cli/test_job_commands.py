"""`runyard job` and `runyard compute` against the real server."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from runyard import Dataset, Experiment, Workspace
from runyard.cli.job import started_text
from runyard.cli.job_end import interruptible
from runyard.cli.printing import time_text
from runyard.protocol.messages.jobs import WireJob
from tests.cli.conftest import CommandLine
from tests.running_server import RunningServer, free_port
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("_at_server")

DATA_JOB = """
command = "ls ${{inputs.first}}; ls ${{inputs.latest}}; echo ${{inputs.table}}"
inputs = { first = "@numbers:1", latest = "@numbers", table = "@table" }
"""
WORDS = ["--stream", "--name", "a b", "$(ls)", "'q'", "-e"]


def write(name: str, content: str) -> None:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def test_a_script_is_submitted_shown_followed_and_listed(runyard: CommandLine):
    write("src/train.py", "import json, os, sys\nprint(json.dumps([os.environ['MODE'], *sys.argv[1:]]))\n")
    write("other.txt", "stays here\n")
    ended = runyard(
        "job", "submit", "-e", "cli jobs", "--name", "first", "--tag", "a=b", "--env", "MODE=try", "--stream",
        "src/train.py", *WORDS,
    )  # fmt: skip
    assert ended.code == 0, ended.err
    run_id, printed = ended.out.splitlines()
    assert json.loads(printed) == ["try", *WORDS]
    assert f"Run first {run_id}: Completed" in ended.err
    assert "--stream stands behind the script" in ended.err
    shown = runyard("job", "show", run_id)
    assert "train.py" in shown.out
    assert "MODE=try" in shown.out
    found = runyard("job", "show", run_id, "--json").json
    assert (found["status"], found["arguments"], found["exit_code"]) == ("completed", WORDS, 0)
    assert runyard("job", "logs", run_id).out == f"{printed}\n"
    followed = runyard("job", "logs", "-f", run_id)
    assert (followed.code, followed.out) == (0, f"{printed}\n")
    rows = runyard("job", "list", "--experiment", "cli jobs").rows
    assert [row[:4] for row in rows] == [[run_id, "Completed", "train.py", "local"]]
    assert runyard("job", "list", "--search", "FIRST", "-e", "cli jobs").rows == rows
    assert runyard("job", "list", "--order-by", "duration_ms DESC", "-e", "cli jobs").rows == rows
    assert runyard("job", "list", "--search", "second", "-e", "cli jobs").rows == []
    assert runyard("job", "list", "--status", "active", "--experiment", "cli jobs").rows == []
    assert [each["run_id"] for each in runyard("job", "list", "--max", "1", "--json").json] == [run_id]
    assert runyard("run", "show", run_id, "--json").json["tags"]["a"] == "b"


def test_a_job_is_submitted_again_with_what_is_said(runyard: CommandLine):
    write("again/train.py", "import json, os, sys\nprint(json.dumps([os.environ['MODE'], *sys.argv[1:]]))\n")
    first = runyard(
        "job", "submit", "--name", "first", "--tag", "a=b", "--env", "MODE=try",
        "again/train.py", "--lr", "1", "x y",
    ).out.strip()  # fmt: skip
    write("again/train.py", "print('other code')\n")
    same = runyard("job", "again", first, "--stream")
    assert same.code == 0, same.err
    run_id, printed = same.out.splitlines()
    assert json.loads(printed) == ["try", "--lr", "1", "x y"]
    assert f"Run first {run_id}: Completed" in same.err
    changed = runyard(
        "job", "again", "--set", "lr=$(x) 'y'", first, "--set", "n=2", "--env", "MODE=more",
        "--name", "second",
        "--tag", "c=d", "--stream", "-e", "cli again", "--max-duration", "0", "--attempts", "2",
    )  # fmt: skip
    assert changed.code == 0, changed.err
    run_id, printed = changed.out.splitlines()
    assert json.loads(printed) == ["more", "--lr", "$(x) 'y'", "x y", "--n", "2"]
    shown = runyard("run", "show", run_id, "--json").json
    assert (shown["name"], shown["tags"]["a"], shown["tags"]["c"]) == ("second", "b", "d")
    assert [row[0] for row in runyard("job", "list", "-e", "cli again").rows] == [run_id]
    other = runyard("job", "again", run_id, "--json", "--", "--lr", "-e").json
    assert (other["arguments"], other["max_attempts"]) == (["--lr", "-e"], 2)
    renewed = runyard("job", "again", first, "--folder", "again", "--stream")
    assert renewed.out.splitlines()[1:] == ["other code"]


def test_what_can_not_be_submitted_again_is_said(runyard: CommandLine):
    run_id = runyard("job", "submit", "--command", "true").out.strip()
    for words, code, said in (
        ((run_id, "--set", "lr"), 1, "'lr' is no pair"),
        ((run_id, "--compute", "nowhere"), 3, "nowhere"),
        ((run_id, "--environment", "a", "--conda", "b"), 1, "one of them"),
        ((run_id, "--lr", "1"), 2, "--lr"),
        (("0" * 32,), 3, "0" * 32),
    ):
        ended = runyard("job", "again", *words)
        assert (ended.code, ended.out, said in ended.err) == (code, "", True), ended.err


def test_a_script_may_have_any_name_that_a_disk_has(runyard: CommandLine):
    name = 'it\'s e\u0301\n$(x) `id` \\ "q".py '
    write(f" a: b./{name}", "import json, sys\nprint(json.dumps(sys.argv))\n")
    ended = runyard("job", "submit", "--stream", "--folder", ".", f" a: b./{name}", "é")
    assert ended.code == 0, ended.err
    assert json.loads(ended.out.splitlines()[1]) == [f" a: b./{name}", "é"]


def test_no_name_of_a_run_steers_a_terminal(runyard: CommandLine):
    write("here.py", "raise SystemExit('\\x1b[2J')\n")
    run_id = runyard("job", "submit", "--name", "a\n\x1b[31m", "here.py").out.strip()
    waited = runyard("job", "wait", run_id)
    assert waited.err == f"Run a  [31m {run_id}: Failed (exit code 1:  [2J)\n"
    assert runyard("job", "cancel", run_id).out == f"{run_id} (a  [31m) was over already: failed\n"


def test_datasets_are_inputs_of_a_job_file_by_their_names(runyard: CommandLine):
    workspace = Workspace.from_config()
    store = workspace.get_default_datastore()
    for version in ("old", "new"):
        write(f"numbers/{version}.txt", version)
        store.upload_files([f"numbers/{version}.txt"], target_path=f"in/{version}")
        Dataset.File.from_files((store, f"in/{version}")).register(
            workspace, "numbers", create_new_version=True
        )
    Dataset.Tabular.from_delimited_files((store, "in/new/new.txt")).register(workspace, "table")
    write("job.toml", DATA_JOB)
    ended = runyard("job", "submit", "--file", "job.toml", "--stream")
    assert ended.code == 0, ended.err
    run_id, first, latest, table = ended.out.splitlines()
    assert (first, latest) == ("old.txt", "new.txt")
    assert table == Dataset.get_by_name(workspace, "table").id
    read = workspace.get_run(run_id).get_details()["inputDatasets"]
    assert sorted(each["name"] for each in read) == ["numbers", "numbers", "table"]
    write("job.toml", DATA_JOB.replace("@numbers:1", "@none"))
    refused = runyard("job", "submit", "--file", "job.toml")
    assert (refused.code, "'none'" in refused.err) == (3, True)


def test_the_exit_code_of_a_script_is_that_of_the_command(runyard: CommandLine):
    write("fail.py", "import sys\nsys.exit(7)\n")
    ended = runyard("job", "submit", "--stream", "fail.py")
    assert (ended.code, "Failed (exit code 7)" in ended.err) == (7, True)
    run_id = ended.out.splitlines()[0]
    waited = runyard("job", "wait", run_id, "--json")
    assert (waited.code, waited.json[0]["exit_code"]) == (7, 7)


def test_of_all_jobs_that_are_waited_for_the_end_is_said(runyard: CommandLine):
    write("fail.py", "import sys\nsys.exit(int(sys.argv[1]))\n")
    ids = [runyard("job", "submit", "fail.py", code).out.strip() for code in (7, 0, 8)]
    waited = runyard("job", "wait", *ids)
    assert waited.code == 7
    ends = [line.rpartition(": ")[2] for line in waited.err.splitlines()]
    assert ends == ["Failed (exit code 7)", "Completed", "Failed (exit code 8)"]


def test_ctrl_c_ends_the_reading_and_says_how_to_go_on_or_end_the_job(runyard: CommandLine):
    write("sleep.py", "import time\nprint('begun', flush=True)\ntime.sleep(600)\n")
    words = [sys.executable, "-m", "runyard", "job", "submit", "--stream", "sleep.py"]
    with subprocess.Popen(
        words,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        assert process.stdout is not None
        try:
            run_id = process.stdout.readline().strip()
            assert process.stdout.readline() == "begun\n"
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=300)
        finally:
            process.kill()
    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert f"`runyard job logs -f {run_id}` goes on with it; `runyard job cancel {run_id}` ends" in said
    until(lambda: runyard("job", "show", run_id, "--json").json["status"] == "running")
    assert runyard("job", "cancel", run_id).code == 0


def test_a_wait_that_nobody_ends_says_nothing(capsys: pytest.CaptureFixture[str]):
    with interruptible("again", "end"):
        pass
    assert capsys.readouterr() == ("", "")


def test_jobs_are_cancelled(runyard: CommandLine):
    write("sleep.py", "import time\ntime.sleep(600)\n")
    assert runyard("compute", "create", "paused").code == 0
    assert "is paused" in runyard("compute", "pause", "paused").out
    waits = runyard("job", "submit", "--compute", "paused", "--priority", "3", "sleep.py").out.strip()
    shown = runyard("job", "show", waits).out
    assert "Queue        number 1: compute target 'paused' is paused" in shown
    assert "Nothing that run" in runyard("job", "logs", waits).err
    job = msgspec.convert(runyard("job", "show", waits, "--json").json, WireJob)
    begun_before = msgspec.structs.replace(job, host="vm")  # and taken back, as its machine did not answer
    assert started_text(begun_before) == "-"
    assert started_text(msgspec.structs.replace(begun_before, started_ms=1)).endswith(" on vm")
    assert runyard("job", "cancel", waits).out.endswith("canceled\n")
    assert runyard("job", "wait", waits).code == 1
    runs = runyard("job", "submit", "sleep.py").out.strip()
    until(lambda: runyard("job", "show", runs, "--json").json["status"] == "running")
    assert runyard("job", "cancel", runs, "--json").json[0]["is_cancel_requested"] is True
    assert runyard("job", "wait", runs).code > 0
    assert runyard("compute", "delete", "paused").out == "Compute target paused is deleted.\n"


def test_a_job_file_is_submitted_and_options_go_before_it(runyard: CommandLine):
    write("project/code/train.py", "import sys\nprint(sys.argv[1:])\n")
    write(
        "project/job.toml",
        'script = "train.py"\nfolder = "code"\narguments = ["a", 1]\nexperiment = "from files"\n'
        'name = "file"\ntags = {x = "1", y = "2"}\n',
    )
    ended = runyard("job", "submit", "-f", "project/job.toml", "--stream", "--tag", "y=3", "--name", "mine")
    assert ended.code == 0, ended.err
    run_id, printed = ended.out.splitlines()
    assert printed == "['a', '1']"
    run = runyard("run", "show", run_id, "--json").json
    assert (run["name"], run["tags"]["x"], run["tags"]["y"]) == ("mine", "1", "3")
    other = runyard("job", "submit", "--file=project/job.toml", "--stream", "project/code/train.py", "b")
    assert other.out.splitlines()[1] == "['b']"


def test_a_job_file_may_say_what_goes_in_and_out(runyard: CommandLine):
    write("numbers.txt", "1 2 3")
    assert runyard("datastore", "upload", "numbers.txt", "given").code == 0
    write("project/sum.py", "import sys\nopen(sys.argv[2] + '/sum', 'w').write(open(sys.argv[1]).read())\n")
    write(
        "project/job.toml",
        'script = "sum.py"\narguments = ["${{inputs.numbers}}", "${{outputs.made}}"]\n'
        'inputs = { numbers = "workspaceblobstore:given/numbers.txt" }\n'
        'outputs = { made = "workspaceblobstore:made/{run_id}" }\n',
    )
    ended = runyard("job", "submit", "-f", "project/job.toml", "--stream")
    assert ended.code == 0, ended.err
    run_id = ended.out.strip()
    assert "The input 'numbers' is there: 1 file" in ended.err
    assert runyard("datastore", "download", f"made/{run_id}", "back").code == 0
    assert [path.read_text() for path in Path("back").rglob("sum")] == ["1 2 3"]


def test_a_command_runs_without_code(runyard: CommandLine):
    ended = runyard("job", "submit", "--stream", "--command", "echo", "--json")
    assert ended.code == 0
    assert ended.out.splitlines()[1:] == ["--json"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 1, "Name a script"),
        (("none.py",), 3, "none.py"),
        (("--file", "none.toml"), 3, "none.toml"),
        (("--environment", "a", "--conda", "b", "here.py"), 1, "one of them"),
        (("--environment", "none", "here.py"), 3, "none"),
        (("--compute", "none", "here.py"), 3, "none"),
        (("--max-duration", "2 weeks", "here.py"), 1, "max_duration"),
        (("--nonsense", "here.py"), 2, "nonsense"),
        (("--command",), 1, "Name a script"),
    ],
)
def test_what_can_t_be_submitted_is_one_line(
    runyard: CommandLine, words: tuple[str, ...], code: int, said: str
):
    write("here.py", "")
    ended = runyard("job", "submit", *words)
    assert (ended.code, said in ended.err, ended.out) == (code, True, "")


def test_a_run_that_was_not_submitted_is_no_job(runyard: CommandLine, server: RunningServer):
    run_id = Experiment(Workspace.get("default", url=server.url), "cli jobs").start_logging().id
    for command in ("show", "cancel", "wait"):
        ended = runyard("job", command, run_id)
        assert (ended.code, "is no job" in ended.err) == (3, True)
    assert runyard("job", "cancel").code == runyard("job", "wait").code == 1


def test_targets_are_made_listed_shown_changed_and_deleted(runyard: CommandLine):
    made = runyard("compute", "create", "pool", "--slots", "3", "--description", "For all", "--tag", "a=b")
    assert made.out == "Compute target pool is made: 3 slots on the server's machine.\n"
    rows = runyard("compute", "list").rows
    assert [row[0] for row in rows] == ["local", "pool"]
    assert rows[1][1:5] == ["3", "0", "0", "open"]
    shut = runyard("compute", "create", "shut", "-s", "use_containers=false", "--gpu", "0", "--json").json
    assert shut["settings"] == {"use_containers": False, "gpus": [0]}
    assert runyard("compute", "update", "shut", "-s", "use_containers=true", "--json").json["settings"] == {
        "gpus": [0]
    }
    assert runyard("compute", "create", "no", "-s", "use_container=false").code == 1
    assert runyard("compute", "delete", "shut").code == 0
    assert "Give --slots" in runyard("compute", "update", "pool").err
    assert runyard("compute", "update", "pool", "--slots", "1", "--json").json["slots"] == 1
    assert runyard("compute", "pause", "pool", "--json").json["is_paused"] is True
    shown = runyard("compute", "show", "pool").out
    assert "paused" in shown
    assert "a=b" in shown
    assert runyard("compute", "show", "pool", "--json").json["tags"] == {"a": "b"}
    assert "begins jobs again" in runyard("compute", "resume", "pool").out
    divided = runyard("compute", "update", "pool", "-s", "cpus_per_slot=1", "-s", "gpus=[0]", "--json").json
    assert divided["settings"] == {"cpus_per_slot": 1, "gpus": [0]}
    changed = runyard("compute", "update", "pool", "-s", "cpus_per_slot=0", "--json").json
    assert (changed["settings"], changed["slots"]) == ({"gpus": [0]}, 1)
    write("key", "secret")
    refused = runyard("compute", "update", "pool", "--credential", "password=@key")
    assert (refused.code, "'credential'" in refused.err) == (1, True)
    assert runyard("compute", "delete", "pool", "--force").code == 0
    assert runyard("compute", "show", "pool").code == 3
    assert [each["name"] for each in runyard("compute", "list", "--json").json] == ["local"]


def test_what_can_not_be_attached_says_what_can(runyard: CommandLine, tmp_path: Path):
    for words, said in (
        (("--kind", "abacus"), "'kind'"),
        (("--kind", "local", "-s", "host=h"), "unknown field `host`; those of its kind are "),
        (("--kind", "local", "-s", "host"), "key=value"),
        (("--kind", "local", "--credential", "password=secret"), "password=@FILE"),
        (("--kind", "local", "--credential", f"password=@{tmp_path}/none"), "password can't be read"),
    ):
        ended = runyard("compute", "attach", "vm", *words)
        assert (ended.code, said in ended.err) == (1, True), ended.err
        assert "secret" not in ended.err
    assert runyard("compute", "show", "vm").code == 3


def test_a_target_that_can_not_be_reached_says_so_and_since_when(runyard: CommandLine, server: RunningServer):
    address = f"address=http://127.0.0.1:{free_port()}"  # nobody listens there
    words = ("compute", "attach", "away", "--kind", "ray", "-s", address)
    assert "was not made" in runyard(*words).err
    assert runyard(*words, "--skip-validation").code == 0
    until(lambda: "unreachable" in next(row for row in runyard("compute", "list").rows if row[0] == "away"))
    shown = runyard("compute", "show", "away").out
    since_ms = runyard("compute", "show", "away", "--json").json["unreachable_since_ms"]
    assert f"Unreachable  since {time_text(since_ms)}: " in shown
    assert "refused" in shown
    status = Workspace.get("default", url=server.url).compute_targets["away"].get_status()
    (why,) = status.errors
    assert (why["error"]["code"], "refused" in why["error"]["message"]) == ("Unreachable", True)
    assert why["error"]["message"] in repr(status)
    counts = status.serialize()["nodeStateCounts"]
    assert (counts["idleNodeCount"], counts["unusableNodeCount"]) == (0, 1)
    assert runyard("compute", "delete", "away").code == 0
    missing = runyard("compute", "show", "away")
    assert (missing.code, "`runyard compute create away`" in missing.err) == (3, True)


def test_a_pool_may_be_attached_too(runyard: CommandLine):
    made = runyard("compute", "attach", "more", "--kind", "local", "--slots", "2", "--json").json
    assert (made["kind"], made["slots"], made["settings"], made["has_credential"]) == ("local", 2, {}, False)
    assert runyard("compute", "delete", "more").code == 0


def test_a_pool_divides_the_machine_by_its_slots(runyard: CommandLine):
    words = (
        "--slots",
        "2",
        "--gpu",
        "0",
        "--gpu",
        "1",
        "--cpus-per-slot",
        "1",
        "--memory-mb-per-slot",
        "500",
    )
    made = runyard("compute", "create", "gpus", *words, "--json").json
    divided = {"gpus": [0, 1], "cpus_per_slot": 1, "memory_bytes_per_slot": 500_000_000}
    assert made["settings"] == divided
    assert "gpus=[0,1]" in runyard("compute", "show", "gpus").out
    write("seen.py", "import os; print(os.environ['CUDA_VISIBLE_DEVICES'], len(os.sched_getaffinity(0)))\n")
    ended = runyard("job", "submit", "--compute", "gpus", "--stream", "seen.py")
    assert ended.out.splitlines()[1] == "0 1"
    assert runyard("compute", "delete", "gpus").code == 0
    refused = runyard("compute", "create", "gpus", "--gpu", "-1")
    assert (refused.code, "gpus" in refused.err) == (1, True)
