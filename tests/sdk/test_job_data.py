"""Data that is brought to jobs, and folders that they leave in datastores, on a real server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runyard import (
    DataReference,
    Dataset,
    Experiment,
    OutputFileDatasetConfig,
    Run,
    ScriptRunConfig,
    SweepConfig,
    Workspace,
)
from runyard.errors import InvalidParameter, NotFound, NotImplementedHere
from runyard.protocol.messages.runs import RunAnswer, RunId
from runyard.sdk.job_data import input_of
from runyard.sdk.run_life import RunFailed

LISTS = """\
import json, os, sys
from pathlib import Path

def shown(word):
    place = Path(word)
    if place.is_file():
        return place.read_text()
    if place.is_dir():
        return {str(each.relative_to(place)): each.read_text() for each in place.rglob("*") if each.is_file()}
    return word

print(json.dumps([shown(word) for word in sys.argv[1:]]))
print(json.dumps(sorted(name for name in os.environ if name.startswith("AZUREML_DATAREFERENCE_"))))
"""
WRITES = """\
import sys
from pathlib import Path

out = Path(sys.argv[1])
(out / "a b").mkdir(parents=True)
(out / "a b" / "ü$(x).txt").write_text("made")
(out / "empty").touch()
(out / "away").symlink_to("/etc/passwd")
raise SystemExit(int(sys.argv[2]))
"""
READS = """\
import json
from runyard import Run

run = Run.get_context()
given = run.input_datasets
print(json.dumps([given["cars"].name, given["files"].rpartition("/")[2], run.output_datasets["out"][-4:]]))
"""


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """A folder with scripts."""
    folder = tmp_path / "code"
    folder.mkdir()
    for name, text in (("lists.py", LISTS), ("writes.py", WRITES), ("reads.py", READS)):
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def ws(server) -> Workspace:
    return Workspace.get("default", url=server.url)


@pytest.fixture
def experiment(ws) -> Experiment:
    return Experiment(ws, "job data")


@pytest.fixture
def scans(ws, tmp_path) -> str:
    """The name of a folder of the default datastore."""
    local = tmp_path / "scans"
    (local / "deep" / "er").mkdir(parents=True)
    (local / "one.txt").write_text("1")
    (local / "deep" / "er" / "ü $(x)'.txt").write_text("2")
    (local / "empty").touch()
    ws.get_default_datastore().upload(str(local), "scans", overwrite=True, show_progress=False)
    return "scans"


CONTENT = {"one.txt": "1", "deep/er/ü $(x)'.txt": "2", "empty": ""}


def printed(run: Run, line: int = 0):
    text = run.console().read("console/stdout.000001.log").decode()
    return json.loads(text.splitlines()[line])


def test_places_in_a_datastore_are_brought_to_the_script(ws, experiment, code, scans):
    store = ws.get_default_datastore()
    arguments = [
        "--all", store.path(scans).as_mount(), "--one", store.path(f"{scans}/one.txt", "first").as_download(),
        "--same", store.path(scans), "--said", "${{inputs.none}}",
    ]  # fmt: skip
    run = experiment.submit(ScriptRunConfig(code, "lists.py", arguments))
    run.wait_for_completion()
    assert printed(run) == ["--all", CONTENT, "--one", "1", "--same", CONTENT, "--said", "${{inputs.none}}"]
    named = {f"AZUREML_DATAREFERENCE_{store.name}_scans", "AZUREML_DATAREFERENCE_first"}
    assert set(printed(run, 1)) == named
    log = run.console().read("console/setup.000001.log").decode()
    assert "The input 'first' is there: 1 file, 0.0 MB." in log


def test_datasets_are_brought_or_told(ws, experiment, code, scans, tmp_path):
    (tmp_path / "cars.csv").write_text("a,b\n1,2\n")
    cars = Dataset.Tabular.from_delimited_files(str(tmp_path / "cars.csv")).register(ws, "cars")
    files = Dataset.File.from_files((ws.get_default_datastore(), f"{scans}/**"))
    arguments = [cars.as_named_input("cars"), files.as_named_input("files").as_download()]
    config = ScriptRunConfig(code, "reads.py", [*arguments, OutputFileDatasetConfig("out")])
    run = experiment.submit(config)
    run.wait_for_completion()
    assert printed(run) == ["cars", "files", "/out"]
    noted = ws.connection.get("/api/2.0/mlflow/runs/get", RunAnswer, RunId(run_id=run.id)).run.inputs
    assert [each.dataset.name for each in noted.dataset_inputs] == ["cars"]
    listed = experiment.submit(ScriptRunConfig(code, "lists.py", [cars.as_named_input("c").as_download()]))
    listed.wait_for_completion()
    assert printed(listed) == [{"cars.csv": "a,b\n1,2\n"}]


@pytest.mark.parametrize("exit_code", [0, 3])
def test_what_a_script_leaves_goes_to_a_datastore(ws, experiment, code, exit_code):
    store = ws.get_default_datastore()
    mine = OutputFileDatasetConfig("mine", (store, "made/{run_id}"))
    run = experiment.submit(ScriptRunConfig(code, "writes.py", [mine, exit_code]))
    details = run.wait_for_completion(raise_on_error=False)
    assert details["status"] == ("Completed" if exit_code == 0 else "Failed")
    job = ws.get_run(run.id).job
    assert job is not None
    assert job.outputs["mine"].path == f"made/{run.id}"
    assert "away (it is a link that leads out" in job.reason
    target = code / "brought"
    store.download(str(target), f"made/{run.id}", show_progress=False)
    names = {each.name: each.read_text() for each in target.rglob("*") if each.is_file()}
    assert names == {"ü$(x).txt": "made", "empty": ""}


def test_files_that_are_there_are_replaced_only_if_that_is_said(ws, experiment, code):
    store = ws.get_default_datastore()
    for overwrite, is_refused in ((False, False), (False, True), (True, False)):
        out = DataReference(store, "same", "kept", mode="upload", overwrite=overwrite)
        run = experiment.submit(ScriptRunConfig(code, "writes.py", [out, 0]))
        run.wait_for_completion()
        log = run.console().read("console/setup.000001.log").decode()
        assert ("has a file 'kept/a b/ü$(x).txt' already" in log) is is_refused, log


def test_an_input_that_is_not_there_is_the_end_of_its_job(ws, experiment, code):
    gone = ws.get_default_datastore().path("never there", "gone")
    run = experiment.submit(ScriptRunConfig(code, "lists.py", [gone]))
    with pytest.raises(RunFailed, match=r"The input 'gone' can't be got: .*never there"):
        run.wait_for_completion()


def test_each_trial_of_a_sweep_has_its_data(ws, experiment, code, scans):
    store = ws.get_default_datastore()
    config = ScriptRunConfig(code, "lists.py", [store.path(scans, "all"), OutputFileDatasetConfig("o")])
    run = experiment.submit(SweepConfig(config, {"x": [1]}, "loss", sampling="grid"))
    run.wait_for_completion(raise_on_error=False)
    (trial,) = run.get_children()
    assert printed(trial) == [CONTENT, {}, "--x", "1"]


def test_what_no_job_can_be_given_is_refused_by_name(ws, experiment, code, tmp_path):
    (tmp_path / "here.csv").write_text("a\n")
    local = Dataset.File.from_files(str(tmp_path / "here.csv"))
    web = Dataset.File.from_files("https://example.org/a.csv", validate=False)
    with pytest.raises(InvalidParameter, match="register"):
        ScriptRunConfig(code, "lists.py", [local.as_named_input("x").as_download()])
    with pytest.raises(InvalidParameter, match="register"):
        ScriptRunConfig(code, "lists.py", [web.as_named_input("x")])
    with pytest.raises(NotImplementedHere, match="input_datasets"):
        ScriptRunConfig(code, "lists.py", [web.as_named_input("x").as_mount()])
    store = ws.get_default_datastore()
    with pytest.raises(InvalidParameter, match="'x'"):
        ScriptRunConfig(code, "lists.py", [store.path("a", "x"), store.path("b", "x")])
    with pytest.raises(NotImplementedHere, match="register"):
        OutputFileDatasetConfig("x").register_on_complete("y")
    config = ScriptRunConfig(code, "lists.py", ["${{inputs.x}}"])
    config.inputs["x"] = input_of("nowhere:a")
    with pytest.raises(NotFound, match="nowhere"):
        experiment.submit(config)
    with pytest.raises(InvalidParameter, match="colon"):
        input_of("scans")
