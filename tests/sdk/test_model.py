"""Models are registered from this machine and from runs, found again, and brought back byte for byte."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from runyard import Dataset, Experiment, Model, Run, Workspace
from runyard.entities.logged_model import FILES_EXPERIMENT
from runyard.errors import AlreadyExists, InvalidParameter, NotFound, NotImplementedHere, Unavailable
from runyard.sdk import mlflow_spool
from runyard.sdk.spool import outbox
from tests.logged_model import log_model


@pytest.fixture(autouse=True)
def _spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("RUNYARD_SPOOL_DIR", str(tmp_path / "spools"))
    yield
    outbox.close_all()
    mlflow_spool._outboxes.clear()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "out"
    (made / "data").mkdir(parents=True)
    (made / "MLmodel").write_bytes(b"flavors: {}")
    (made / "data" / "weights.bin").write_bytes(bytes(range(256)) * 500)
    (made / "data" / "empty").write_bytes(b"")
    return made


def content_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_a_folder_of_this_machine_is_registered_and_brought_back(
    workspace: Workspace, folder: Path, tmp_path: Path
):
    model = Model.register(
        workspace,
        folder,
        "ridge",
        tags={"team": "robots"},
        properties={"data": "2026-11"},
        description="The one to use.",
        model_framework="ScikitLearn",
    )
    assert (model.name, model.version, model.id, model.run_id) == ("ridge", 1, "ridge:1", "")
    assert (model.tags, model.properties) == ({"team": "robots"}, {"data": "2026-11"})
    assert model.serialize()["framework"] == "ScikitLearn"
    path = model.download(tmp_path / "here")
    assert path == str(tmp_path / "here" / "ridge")
    assert content_of(Path(path)) == content_of(folder)
    (Path(path) / "MLmodel").write_bytes(b"mine")
    with pytest.raises(AlreadyExists, match="exist_ok"):
        model.download(tmp_path / "here")
    assert (Path(path) / "MLmodel").read_bytes() == b"mine"
    model.download(tmp_path / "here", exist_ok=True)
    assert content_of(Path(path)) == content_of(folder)


def test_a_single_file_is_registered_and_parts_of_a_folder_are(
    workspace: Workspace, folder: Path, tmp_path: Path
):
    single = Model.register(workspace, folder / "MLmodel", "single")
    assert single.download(tmp_path / "a") == str(tmp_path / "a" / "MLmodel")
    part = Model.register(workspace, folder, "part", child_paths=["data/"])
    assert set(content_of(Path(part.download(tmp_path / "b")))) == {"data/weights.bin", "data/empty"}
    with pytest.raises(InvalidParameter, match="'none'"):
        Model.register(workspace, folder, "part", child_paths=["none"])
    with pytest.raises(InvalidParameter, match="model_path"):
        Model.register(workspace, folder / "none", "part")
    with pytest.raises(InvalidParameter, match="a/b"):
        Model.register(workspace, folder, "a/b")


def test_files_of_a_run_are_registered_without_a_copy(
    experiment: Experiment, workspace: Workspace, folder: Path, tmp_path: Path
):
    with experiment.start_logging() as run:
        run.upload_folder("outputs/ridge", folder)
        run.upload_file("lone.pkl", folder / "MLmodel")
        with pytest.raises(NotFound, match="'none'"):
            run.register_model("ridge", "none")
        model = run.register_model("ridge", "outputs/ridge", tags={"a": "1"}, description="x")
        lone = run.register_model("lone.pkl")
    assert (model.run_id, model.description) == (run.id, "x")
    assert content_of(Path(model.download(tmp_path / "a"))) == content_of(folder)
    assert Path(lone.download(tmp_path / "b")).read_bytes() == b"flavors: {}"
    assert [found.id for found in Model.list(workspace, run_id=run.id)] == ["lone.pkl:1", "ridge:1"]
    run.delete()
    assert content_of(Path(model.download(tmp_path / "c"))) == content_of(folder)


def test_models_are_found_by_what_they_have(workspace: Workspace, folder: Path):
    for number in range(3):
        tags = {"odd": str(number % 2), "number": str(number)}
        Model.register(workspace, folder / "MLmodel", "ridge", tags=tags, properties={"p": str(number)})
    Model.register(workspace, folder / "MLmodel", "it's", model_framework="Onnx")
    assert Model(workspace, "ridge").version == 3
    assert Model(workspace, id="ridge:2").tags["number"] == "1"
    assert Model(workspace, "ridge", tags=[["odd", "1"]]).version == 2
    assert Model(workspace, "ridge", properties={"p": "0"}).version == 1
    assert Model(workspace, "it's", model_framework="Onnx").version == 1
    assert [model.version for model in Model.list(workspace, "ridge", tags="odd")] == [3, 2, 1]
    assert sorted(model.id for model in Model.list(workspace, latest=True)) == ["it's:1", "ridge:3"]
    assert (list(workspace.models), len(workspace.models)) == (["it's", "ridge"], 2)
    assert workspace.models["ridge"] == Model(workspace, "ridge", version=3)
    for arguments in ({"name": "none"}, {"name": "ridge", "version": 9}, {"name": "ridge", "tags": "none"}):
        with pytest.raises(NotFound, match=str(arguments["name"])):
            Model(workspace, **arguments)
    for wrong in ({}, {"id": "ridge"}, {"id": ":1"}, {"name": "ridge", "tags": [("a", "b", "c")]}):
        with pytest.raises(InvalidParameter):
            Model(workspace, **wrong)
    assert "none" not in workspace.models


def test_tags_change_and_properties_do_not(workspace: Workspace, folder: Path):
    model = Model.register(workspace, folder / "MLmodel", "ridge", tags={"a": "1", "b": "2"})
    model.add_tags({"c": "3"})
    model.remove_tags(["a", "never"])
    assert model.tags == {"b": "2", "c": "3"}
    model.update_tags_properties({"gone": "soon"}, None, {"p": "1"})
    model.update_tags_properties(remove_tags=["gone"])
    assert "gone" not in model.tags
    with pytest.raises(AlreadyExists, match="written once"):
        model.add_properties({"p": "2"})
    model.update(tags={"d": "4"}, description="new")
    again = Model(workspace, "ridge")
    assert (again.tags, again.properties, again.description) == ({"d": "4"}, {"p": "1"}, "new")
    assert "ridge" in again._repr_html_()


def test_a_deleted_version_takes_its_files_along(workspace: Workspace, folder: Path):
    model = Model.register(workspace, folder, "ridge")
    model.delete()
    with pytest.raises(NotFound):
        model.refresh()
    assert [item.kind for item in workspace.trash.list_items()] == ["logged_model"]
    assert Model.register(workspace, folder, "ridge").version == 2


def test_a_failed_registration_leaves_no_version_and_no_files(
    workspace: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    put = type(workspace.connection).put_open_file

    def breaking(self: object, path: str, *rest: object) -> None:
        if path.endswith("weights.bin"):
            raise Unavailable("The line is cut.")
        put(self, path, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(type(workspace.connection), "put_open_file", breaking)
    with pytest.raises(Unavailable, match=r"weights\.bin"):
        Model.register(workspace, folder, "ridge")
    assert list(workspace.models) == []
    assert FILES_EXPERIMENT in workspace.experiments
    assert [item.kind for item in workspace.trash.list_items()] == ["logged_model"]


def test_a_run_that_is_still_on_its_way_can_be_registered_from(experiment: Experiment, folder: Path):
    run: Run = experiment.start_logging()
    run.log_table("t", {"a": [1, 2]})
    assert run.register_model("table", "tables/t.json").version == 1


def test_a_model_that_mlflow_logged_in_a_run_is_registered_by_its_name(
    experiment: Experiment, workspace: Workspace, folder: Path, tmp_path: Path
):
    with experiment.start_logging() as other:
        log_model(other, workspace, folder, "model")
    with experiment.start_logging() as run:
        log_model(run, workspace, folder, "model")
        (folder / "MLmodel").write_bytes(b"flavors: {later: {}}")
        last = log_model(run, workspace, folder, "model")
        log_model(run, workspace, folder, "another")
        model = run.register_model("mnist", model_path="model")
        again = run.register_model("another")
        with pytest.raises(NotFound, match="'mod'"):
            run.register_model("mnist", "mod")
    assert (model.run_id, model._record.model_id, model._record.source) == (run.id, last, f"models:/{last}")
    assert content_of(Path(model.download(tmp_path / "a"))) == content_of(folder)
    assert again.version == 1
    with pytest.raises(NotFound, match="'another'"):
        other.register_model("mnist", "another")


@pytest.fixture
def logged(experiment: Experiment, workspace: Workspace, folder: Path) -> Run:
    """A run without files of its own, in which two models were logged."""
    with experiment.start_logging() as run:
        log_model(run, workspace, folder, "model")
        log_model(run, workspace, folder, "other")
    return run


def test_files_of_a_model_that_mlflow_logged_are_files_of_its_run(
    experiment: Experiment, workspace: Workspace, folder: Path, tmp_path: Path
):
    with experiment.start_logging() as run:
        run.upload_file("model/MLmodel", io.BytesIO(b"of the run itself"))
        log_model(run, workspace, folder, "model")
        (folder / "MLmodel").write_bytes(b"flavors: {later: {}}")
        log_model(run, workspace, folder, "other")
        log_model(run, workspace, folder / "data", "other")
    expected = content_of(folder) | {"MLmodel": b"of the run itself"}
    assert run.get_file_names() == sorted(
        [f"model/{name}" for name in expected] + ["other/empty", "other/weights.bin"]
    )
    assert workspace.get_run(run.id).get_file_names() == run.get_file_names()

    run.download_files("model", tmp_path / "kept")
    run.download_files("model/data", tmp_path / "below", append_prefix=False)
    run.download_files("model/data/empty", tmp_path / "one")
    run.download_file("model/data/weights.bin", tmp_path / "w")
    run.download_file("other/weights.bin", tmp_path / "again" / "w")
    assert content_of(tmp_path / "kept" / "model") == expected
    assert content_of(tmp_path / "below") == content_of(folder / "data")
    assert content_of(tmp_path / "one") == {"model/data/empty": b""}
    weights = (folder / "data" / "weights.bin").read_bytes()
    assert (tmp_path / "w").read_bytes() == (tmp_path / "again" / "w").read_bytes() == weights


@pytest.mark.parametrize("name", ["other", "model/data", "model/data/"])
def test_a_folder_of_a_logged_model_is_no_file(logged: Run, name: str, tmp_path: Path):
    with pytest.raises(InvalidParameter, match=f"download_files\\(prefix='{name}'\\)"):
        logged.download_file(name, tmp_path / "x")
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    "name", ["model/none", "model/data/none", "mod", "model2/MLmodel", "model/MLmodel/x"]
)
def test_what_a_logged_model_does_not_have_is_not_there(logged: Run, name: str, tmp_path: Path):
    for download in (logged.download_file, logged.download_files):
        with pytest.raises(NotFound, match=name):
            download(name, tmp_path / "x")
    with pytest.raises(NotFound, match=name):
        logged.register_model("mnist", name)


def test_a_part_of_a_logged_model_is_registered_by_its_path(
    logged: Run, workspace: Workspace, folder: Path, tmp_path: Path
):
    whole = logged.register_model("parts", "model/data")
    single = logged.register_model("parts", "model/MLmodel")
    assert (single.run_id, single.version) == (logged.id, 2)
    assert content_of(Path(whole.download(tmp_path / "a"))) == content_of(folder / "data")
    assert Path(single.download(tmp_path / "b")).read_bytes() == (folder / "MLmodel").read_bytes()


def test_an_upload_that_fails_takes_away_what_a_logged_model_has_too(logged: Run, folder: Path):
    before = logged.get_file_names()
    names = ["model/MLmodel", f"model/{'x' * 300}"]
    with pytest.raises(InvalidParameter):
        logged.upload_files(names, [folder / "MLmodel", folder / "MLmodel"])
    assert logged._own_file_names() == []
    assert logged.get_file_names() == before


def test_a_version_knows_the_datasets_that_it_was_made_with(workspace: Workspace, folder: Path):
    (folder / "a.csv").write_text("a\n1\n")
    data = Dataset.Tabular.from_delimited_files(folder / "a.csv").register(workspace, "rows")
    files = Dataset.File.from_files(folder / "MLmodel").register(workspace, "files")
    used = [("training data", data), ("training data", files), ("test data", data)]
    model = Model.register(
        workspace, folder, "of-data", {"a": "b"}, model_framework="ScikitLearn",
        model_framework_version="1.5", datasets=used, resource_configuration=object(),
    )  # fmt: skip
    again = Model(workspace, "of-data")
    assert {what: [each.id for each in found] for what, found in again.datasets.items()} == {
        "training data": [data.id, files.id],
        "test data": [data.id],
    }
    assert (again.tags, again.model_framework, again.model_framework_version) == (
        {"a": "b"},
        "ScikitLearn",
        "1.5",
    )
    model.update(tags={})
    assert list(Model(workspace, "of-data").datasets) == ["training data", "test data"]
    assert Model.register(workspace, folder, "of-nothing").datasets == {}


@pytest.mark.parametrize(
    ("datasets", "told"),
    [
        (
            [("training data", Dataset.File.from_files("https://example.org/a"))],
            "'training data' is not regist",
        ),
        (["training data"], "must be pairs"),
        ([("training data", "rows")], "must be pairs"),
    ],
)
def test_datasets_that_nobody_could_find_are_refused(
    workspace: Workspace, folder: Path, datasets: list, told: str
):
    with pytest.raises(InvalidParameter, match=told):
        Model.register(workspace, folder, "refused", datasets=datasets)
    assert "refused" not in {each.name for each in Model.list(workspace)}


def test_versions_are_found_by_the_dataset_that_they_were_made_with(workspace: Workspace, tmp_path: Path):
    file = tmp_path / "ridge.pkl"
    file.write_bytes(b"ridge")
    data, other = (
        Dataset.File.from_files(f"https://example.org/{name}").register(workspace, name) for name in "ab"
    )
    made = Model.register(workspace, file, "ridge", datasets=[("training data", data), ("test data", other)])
    plain = Model.register(workspace, file, "plain")
    assert Model.list(workspace, dataset_id=data.id, expand=False, page_count=10) == [made]
    assert Model.list(workspace, dataset_id="none") == []
    assert set(Model.list(workspace)) == {made, plain}


def test_a_model_is_opened_again_by_what_it_was_written_as(workspace: Workspace, tmp_path: Path):
    (tmp_path / "ridge.pkl").write_bytes(b"ridge")
    made = Model.register(workspace, tmp_path / "ridge.pkl", "ridge")
    again = Model.deserialize(workspace, made.serialize())
    assert again == made
    made.update(tags={"checked": "yes"}, resource_configuration=object())
    assert again.refresh().tags == {"checked": "yes"}
    with pytest.raises(InvalidParameter, match="model_payload"):
        Model.deserialize(workspace, {})
    for name in ("get_model_path", "get_sas_urls"):
        with pytest.raises(NotImplementedHere, match=f"no Model.{name}.*download"):
            getattr(Model, name)
