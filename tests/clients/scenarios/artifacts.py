"""Files of a run, up and down again, with what every client since 1.30 can say."""

import os
import tempfile
from pathlib import Path

import mlflow
from expecting import same
from mlflow.tracking import MlflowClient

client = MlflowClient()
NASTY_NAMES = (
    "with space.txt",
    "ünï-🎈.txt",
    "a+b=c&d.txt",
    "100%.txt",
    "quote'.txt",
    "semi;colon.txt",
)


def _listed(run_id, path=None):
    return {entry.path: (entry.is_dir, entry.file_size) for entry in client.list_artifacts(run_id, path)}


def _downloaded(run_id, path):
    return Path(
        mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path=path, dst_path=tempfile.mkdtemp())
    )


def text_and_dictionaries_are_read_back():
    with mlflow.start_run() as run:
        mlflow.log_text("line\nünï 🎈\n", "notes/read me.txt")
        mlflow.log_dict({"a": [1, 2.5, None], "b": {"c": "ü"}}, "config.json")
        mlflow.log_dict({"a": 1}, "config.yaml")
        mlflow.log_text("", "empty.txt")
    uri = run.info.artifact_uri
    same(mlflow.artifacts.load_text(f"{uri}/notes/read me.txt"), "line\nünï 🎈\n")
    same(mlflow.artifacts.load_dict(f"{uri}/config.json"), {"a": [1, 2.5, None], "b": {"c": "ü"}})
    same(mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/empty.txt"), "")
    assert "a: 1" in mlflow.artifacts.load_text(f"{uri}/config.yaml")


def a_file_is_listed_with_its_size():
    with tempfile.TemporaryDirectory() as folder, mlflow.start_run() as run:
        path = Path(folder, "data.bin")
        path.write_bytes(bytes(range(256)) * 4)
        mlflow.log_artifact(str(path))
        mlflow.log_artifact(str(path), "deep/er")
    same(_listed(run.info.run_id), {"data.bin": (False, 1024), "deep": (True, None)})
    same(_listed(run.info.run_id, "deep"), {"deep/er": (True, None)})
    same(_listed(run.info.run_id, "deep/er"), {"deep/er/data.bin": (False, 1024)})
    same(_downloaded(run.info.run_id, "deep/er/data.bin").read_bytes(), bytes(range(256)) * 4)


def a_folder_goes_up_and_comes_down_whole():
    files = {"top.txt": b"1", "sub/one.bin": b"\x00\xff", "sub/deeper/two.csv": b"a,b\n1,2\n", "zero": b""}
    with tempfile.TemporaryDirectory() as folder, mlflow.start_run() as run:
        for name, content in files.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        mlflow.log_artifacts(folder, artifact_path="all")
    down = _downloaded(run.info.run_id, "all")
    found = {str(path.relative_to(down)): path.read_bytes() for path in down.rglob("*") if path.is_file()}
    same(found, files)
    everything = _downloaded(run.info.run_id, "")
    same((everything / "all" / "top.txt").read_bytes(), b"1")


def names_with_odd_characters_are_kept():
    with tempfile.TemporaryDirectory() as folder, mlflow.start_run() as run:
        for name in NASTY_NAMES:
            Path(folder, name).write_text(name)
        mlflow.log_artifacts(folder, "odd")
    same(set(_listed(run.info.run_id, "odd")), {f"odd/{name}" for name in NASTY_NAMES})
    down = _downloaded(run.info.run_id, "odd")
    same({path.name: path.read_text() for path in down.iterdir()}, {name: name for name in NASTY_NAMES})


def a_later_file_replaces_the_earlier_one_of_its_name():
    with mlflow.start_run() as run:
        mlflow.log_text("first and longer", "a.txt")
        mlflow.log_text("second", "a.txt")
    same(_listed(run.info.run_id), {"a.txt": (False, 6)})
    same(mlflow.artifacts.load_text(f"{run.info.artifact_uri}/a.txt"), "second")


def a_large_file_arrives_to_the_byte():
    with tempfile.TemporaryDirectory() as folder, mlflow.start_run() as run:
        content = os.urandom(1 << 20) * 24
        path = Path(folder, "weights.bin")
        path.write_bytes(content)
        mlflow.log_artifact(str(path), "checkpoints")
    down = _downloaded(run.info.run_id, "checkpoints/weights.bin")
    assert down.read_bytes() == content, "the file came back changed"


def a_run_without_files_lists_none():
    with mlflow.start_run() as run:
        pass
    same(_listed(run.info.run_id), {})
    same(_listed(run.info.run_id, "nowhere"), {})


def a_missing_file_is_an_error_and_no_empty_file():
    with mlflow.start_run() as run:
        mlflow.log_text("x", "there.txt")
    target = Path(tempfile.mkdtemp())
    try:
        path = mlflow.artifacts.download_artifacts(
            run_id=run.info.run_id, artifact_path="not-there.txt", dst_path=str(target)
        )
    except Exception as error:  # noqa: BLE001 - clients raise differing classes here; that they raise is the point
        assert "not-there.txt" in str(error) or "404" in str(error) or "No such" in str(error), repr(error)
    else:
        same(path, None)  # all that 3.0 says of it
    same([file for file in target.rglob("*") if file.is_file()], [])


def the_files_of_two_runs_stay_apart():
    ids = []
    for content in ("one", "two"):
        with mlflow.start_run() as run:
            mlflow.log_text(content, "same-name.txt")
            ids.append(run.info.run_id)
    same([mlflow.artifacts.load_text(f"runs:/{run_id}/same-name.txt") for run_id in ids], ["one", "two"])


def the_client_downloads_into_a_folder_of_ours():
    with mlflow.start_run() as run:
        mlflow.log_text("hello", "a/b.txt")
    with tempfile.TemporaryDirectory() as folder:
        path = client.download_artifacts(run.info.run_id, "a", folder)
        same(Path(path, "b.txt").read_text(), "hello")


def artifact_uris_name_no_machine():
    with mlflow.start_run() as run:
        same(mlflow.get_artifact_uri("x/y.txt"), f"{run.info.artifact_uri}/x/y.txt")
    assert run.info.artifact_uri.startswith("mlflow-artifacts:/"), run.info.artifact_uri
