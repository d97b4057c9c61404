"""Whatever a caller gives: the error is typed, and names the parameter, what was given, what is allowed."""

# What a type checker refuses is what is tried.
# mypy: disable-error-code="arg-type"

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from runyard import (
    AmlCompute,
    ComputeTarget,
    CondaDependencies,
    Dataset,
    Datastore,
    Environment,
    Experiment,
    Model,
    Run,
    RunsWidget,
    RunWidget,
    ScriptRunConfig,
    SweepConfig,
    Workspace,
)
from runyard.errors import InvalidParameter, NotFound
from runyard.sdk.arguments import listed, number, pairs, text, whole_number

Call = Callable[[Any, Any], object]
# What is tried with a workspace and a run, and what is said of it.
CASES: dict[str, tuple[Call, str]] = {
    "Workspace.get a number": (lambda ws, run: Workspace.get(5, url=ws.url), "name must be a text, not 5"),
    "Workspace.get nothing": (lambda ws, run: Workspace.get("", url=ws.url), "name must not be empty"),
    "Workspace.get of a number": (lambda ws, run: Workspace.get("a", url=5), "url must be a text, not 5"),
    "Workspace.create": (lambda ws, run: Workspace.create("a", tags=["a"]), r"tags .* not \['a'\]"),
    "Workspace.update": (lambda ws, run: ws.update(tags=["a"]), r"tags .* not \['a'\]"),
    "Experiment by a name": (
        lambda ws, run: Experiment("my_workspace", "e"),
        "Workspace.from_config.*'my_workspace'",
    ),
    "Experiment.list": (lambda ws, run: Experiment.list(ws, view_type="x"), "view_type .*ActiveOnly.*'x'"),
    "Run.log name": (lambda ws, run: run.log(None, 1), "name must be a text, not None"),
    "Run.log value": (lambda ws, run: run.log("a", None), "value=None"),
    "Run.log_list text": (lambda ws, run: run.log_list("a", "abc"), "value must be a list, not 'abc'"),
    "Run.log_list": (lambda ws, run: run.log_list("a", 5), "value must be a list, not 5"),
    "Run.log_params": (lambda ws, run: run.log_params(["a"]), r"params .* not \['a'\]"),
    "Run.tag": (lambda ws, run: run.tag(None, "x"), "tags must be a text, not None"),
    "Run.set_tags": (lambda ws, run: run.set_tags(["a"]), r"tags .* not \['a'\]"),
    "Run.add_properties": (lambda ws, run: run.add_properties(5), "properties .* not 5"),
    "Run.remove_tags": (lambda ws, run: run.remove_tags(5), "tags must be a list, not 5"),
    "Run.upload_file": (lambda ws, run: run.upload_file(None, "f"), "name must be a text, not None"),
    "Run.upload_files": (
        lambda ws, run: run.upload_files("ab", ["f", "f"]),
        "names must be a list, not 'ab'",
    ),
    "Run.download_file": (lambda ws, run: run.download_file(None), "name must be a text, not None"),
    "Run.get_metrics": (lambda ws, run: run.get_metrics(5), "name must be a text, not 5"),
    "Run.create_children": (
        lambda ws, run: run.create_children("3"),
        "count must be a whole number, not '3'",
    ),
    "Run.register_model": (lambda ws, run: run.register_model(None), "model_name must be a text, not None"),
    "Run.display_name": (
        lambda ws, run: setattr(run, "display_name", 5),
        "display_name must be a text, not 5",
    ),
    "Run.flush": (lambda ws, run: run.flush("x"), "timeout_seconds must be a number, not 'x'"),
    "Run.get_secret": (lambda ws, run: run.get_secret(None), "name must be a text, not None"),
    "Datastore.upload": (lambda ws, run: Datastore(ws).upload(None), "src_dir must be a path, not None"),
    "Datastore.upload out": (lambda ws, run: Datastore(ws).upload(".", "../x"), r"target_path='\.\./x'"),
    "Datastore.upload_files": (
        lambda ws, run: Datastore(ws).upload_files("f"),
        "files must be a list, not 'f'",
    ),
    "Datastore.delete": (lambda ws, run: Datastore(ws).delete("../x"), r"'\.\.' for 'path'"),
    "Datastore.download": (
        lambda ws, run: Datastore(ws).download("to", "a/../b"),
        r"Invalid value \"a/../b\" for parameter 'path' supplied: Invalid path\.$",
    ),
    "a name of 300 letters": (
        lambda ws, run: run.upload_file("a", "x" * 300),
        "path_or_stream must be a path of at most 4095 bytes, and 255 to a name in it, not 'x",
    ),
    "a long folder": (
        lambda ws, run: Datastore(ws).upload("a/" * 4000),
        "src_dir must be a path of at most 4095 bytes",
    ),
    "one of several long names": (
        lambda ws, run: Datastore(ws).upload_files(["x" * 300]),
        "files must be a path of at most 4095 bytes",
    ),
    "a place to download to": (
        lambda ws, run: (run.upload_file("a", __file__), run.download_file("a", "x" * 300)),
        "output_file_path must be a path of at most 4095 bytes",
    ),
    "Datastore.path": (lambda ws, run: Datastore(ws).path(5), "path must be a text, not 5"),
    "a key's file": (
        lambda ws, run: Datastore.register_gcs_bucket(ws, "g", "b", service_account_key="nope.json"),
        "service_account_key can't be read",
    ),
    "Dataset.get_by_name": (lambda ws, run: Dataset.get_by_name(ws, None), "name must be a text, not None"),
    "a separator": (
        lambda ws, run: Dataset.Tabular.from_delimited_files("https://a.example/a", separator=""),
        "separator must not be empty",
    ),
    "an encoding": (
        lambda ws, run: Dataset.Tabular.from_json_lines_files("https://a.example/a", encoding=5),
        "encoding must be a text, not 5",
    ),
    "register nowhere": (
        lambda ws, run: Dataset.File.from_files("https://a.example/a").register(None, "a"),
        "workspace must be a Workspace.* not None",
    ),
    "take": (lambda ws, run: Dataset.File.from_files("https://a.example/a").take(1.5), "count .* not 1.5"),
    "an input": (
        lambda ws, run: Dataset.File.from_files("https://a.example/a").as_named_input(None),
        "name must be a text, not None",
    ),
    "Environment": (lambda ws, run: Environment(None), "name must be a text, not None"),
    "CondaDependencies": (
        lambda ws, run: CondaDependencies.create(pip_packages="numpy"),
        "pip_packages must be a list, not 'numpy'",
    ),
    "Model.register": (lambda ws, run: Model.register(ws, None, "m"), "model_path must be a path, not None"),
    "Model by a name": (lambda ws, run: Model("my_workspace", "m"), "not 'my_workspace'"),
    "nodes": (
        lambda ws, run: AmlCompute.provisioning_configuration(min_nodes="5", max_nodes=9),
        "min_nodes must be a whole number, not '5'",
    ),
    "a folder": (lambda ws, run: ScriptRunConfig(5, "x.py"), "source_directory must be a path, not 5"),
    "a sweep": (
        lambda ws, run: SweepConfig(ScriptRunConfig("d", "x.py"), None, "loss"),
        "parameters must have values by names.* not None",
    ),
    "Trash.collect": (
        lambda ws, run: ws.trash.collect(older_than=5),
        "older_than must be .*timedelta, not 5",
    ),
    "RunWidget": (lambda ws, run: RunWidget(5), "5 is none"),
    "RunsWidget": (lambda ws, run: RunsWidget(5), "runs must be an experiment or runs, not 5"),
}


@pytest.mark.parametrize("what", CASES)
def test_a_wrong_argument_is_named_with_what_was_given(
    workspace: Workspace, experiment: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
):
    monkeypatch.chdir(tmp_path)
    call, said = CASES[what]
    with pytest.raises(InvalidParameter, match=said):
        call(workspace, experiment.start_logging())


def test_what_is_missing_is_not_found_and_says_where(workspace: Workspace):
    for call, said in (
        (lambda: Workspace.get("nowhere", url=workspace.url), "no workspace 'nowhere' at"),
        (lambda: Run.get(workspace, "0" * 32), "0" * 32),
        (lambda: workspace.get_experiment("99999"), "99999"),
        (lambda: Datastore.get(workspace, "nope"), "no datastore 'nope'; it has"),
        (lambda: Dataset.get_by_name(workspace, "nope"), "no data asset 'nope'"),
        (lambda: Environment.get(workspace, "nope"), "no environment 'nope'"),
        (lambda: Model(workspace, "nope"), "no model 'nope'"),
        (lambda: ComputeTarget(workspace, "nope"), "no compute target 'nope'; it has 'local'"),
        (lambda: ComputeTarget(workspace, "nope"), "`runyard compute create nope` makes one"),
        (lambda: ComputeTarget(workspace, "a b/c"), "no compute target 'a b/c'"),
    ):
        with pytest.raises(NotFound, match=said):
            call()


def test_what_is_right_is_returned():
    assert text("a", "name") == "a"
    assert pairs({"a": 1}, "tags") == {"a": 1}
    assert listed((1, 2), "names") == [1, 2]
    assert listed(range(2), "names") == [0, 1]
    assert (whole_number(3, "count"), number(1.5, "seconds")) == (3, 1.5)


@pytest.mark.parametrize(
    ("check", "given"),
    [
        (text, b"a"),
        (pairs, [("a", 1)]),
        (listed, {"a": 1}),
        (listed, None),
        (whole_number, True),
        (whole_number, 1.0),
        (number, "1"),
        (number, datetime(2026, 1, 1)),
    ],
)
def test_what_is_wrong_is_shown(check: Callable[[Any, str], object], given: object):
    with pytest.raises(InvalidParameter) as said:
        check(given, "it")
    assert str(said.value).startswith("it must")
    assert repr(given) in str(said.value)
