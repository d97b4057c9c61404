"""The small files of a file store of MLflow's, which may have been written by anybody."""

import os
from pathlib import Path

import pytest

from runyard.sdk.transfer.local_artifacts import LocalArtifacts
from runyard.sdk.transfer.mlflow_meta import MetaFiles
from runyard.sdk.transfer.source import Unreadable, printable

LATIN = os.fsdecode(b"\xe9t\xe9")


def test_a_value_that_is_no_text_is_told_with_its_place(tmp_path: Path):
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(Unreadable) as told:
        MetaFiles([]).values(tmp_path)
    assert str(told.value) == f"{tmp_path / 'binary'} is no text of UTF-8."


def test_keys_that_can_not_be_sent_are_left_out_and_told(tmp_path: Path):
    (tmp_path / "a" / LATIN).mkdir(parents=True)
    for path in ("empty", "a/key", f"a/{LATIN}/key", ".DS_Store", "a/.DS_Store", "a/.hidden"):
        (tmp_path / path).write_text("" if path == "empty" else "1")
    problems: list[str] = []
    assert MetaFiles(problems).values(tmp_path) == {"empty": "", "a/key": "1", "a/.hidden": "1"}
    (told,) = map(printable, problems)
    assert told.startswith(f"{tmp_path}/a/\\udce9t\\udce9/key has a name")


def test_files_whose_names_can_not_be_sent_are_left_out_and_told(tmp_path: Path):
    root = tmp_path / LATIN
    root.mkdir()
    (root / "été").write_text("summer")
    (root / LATIN).write_text("summer")
    problems: list[str] = []
    found = LocalArtifacts([root], tmp_path, problems).files(str(root))
    assert [(file.path, file.size_bytes) for file in found] == [("été", 6)]
    assert len(problems) == 1


def test_what_is_told_of_such_names_can_be_printed():
    assert printable(f"{LATIN} and été") == "\\udce9t\\udce9 and été"
