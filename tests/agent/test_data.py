"""What is brought to a job and taken from it, where the server does what the genuine one seldom does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runyard.agent.assignment import DataInput, DataOutput
from runyard.agent.data import JobData, result_address
from tests.agent.job_folder import JobFolder
from tests.agent.job_server import ARTIFACTS, WORKSPACE, Answer, JobServer, refusal

FILES = "/api/v1/datastores/store/files"
PRINTS = "import sys; from pathlib import Path\nfor each in sys.argv[1:]: print(Path(each).read_text())\n"


def listed(
    server: JobServer, path: str, files: list[dict[str, Any]], token: str = "", after: str = ""
) -> None:
    """Let the server answer a page of a folder."""
    query = f"?path={path}" + (f"&page_token={after}" if after else "")
    server.files[f"{FILES}{query}"] = json.dumps({"files": files, "next_page_token": token or None}).encode()


def given(name: str = "x", path: str = "a", datastore: str = "store") -> dict[str, Any]:
    return {"name": name, "places": [{"datastore": datastore, "path": path}], "asset_id": ""}


def file(path: str) -> dict[str, Any]:
    return {"path": path, "is_dir": False, "size_bytes": 1}


def test_a_folder_comes_by_pages(job: JobFolder):
    listed(job.server, "a", [file("a/1")], token="2")
    listed(job.server, "a", [{"path": "a/2", "is_dir": True}], after="2")
    listed(job.server, "a%2F2", [file("a/2/3")])
    job.server.files |= {f"{FILES}/a/1": b"one", f"{FILES}/a/2/3": b"three"}
    arguments = ["${{inputs.x}}/1", "${{inputs.x}}/2/3"]
    job.assign({"train.py": PRINTS}, arguments=arguments, inputs=[given()]).run()
    assert job.server.console("stdout") == b"one\nthree\n"
    assert b"The input 'x' is there: 2 files, 0.0 MB." in job.server.console("setup")


def test_artifacts_are_a_place_too(job: JobFolder):
    base = ARTIFACTS.removeprefix(WORKSPACE).rstrip("/")
    found = {"files": [{"path": "1", "is_dir": False, "file_size": 3}]}
    job.server.files[f"{base}?path=kept%2Fit"] = json.dumps(found).encode()
    job.server.files[f"{base}/kept/it/1"] = b"one"
    inputs = [given(path="kept/it", datastore="")]
    job.assign({"train.py": PRINTS}, arguments=["${{inputs.x}}/1"], inputs=inputs).run()
    assert job.server.console("stdout") == b"one\n"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ([], "has no files"),
        ([file("a/../../b")], "no plain path"),
        ([file("a//b")], "no plain path"),
        ([file("a/b"), file("a/b")], "two files of one name"),
        ([file("a/gone")], "no such file"),
    ],
    ids=["none", "above", "empty", "twice", "gone"],
)
def test_what_can_not_be_brought_is_the_end_of_the_job(
    job: JobFolder, files: list[dict[str, Any]], said: str
):
    listed(job.server, "a", files)
    job.server.files[f"{FILES}/a/b"] = b"b"
    job.assign({"train.py": "print('ran')"}, inputs=[given()]).run()
    assert job.end["status"] == "failed"
    assert said in job.end["reason"]
    assert job.server.console("stdout") == b""


def test_the_server_may_be_away_meanwhile(job: JobFolder):
    listed(job.server, "a", [file("a/1")])
    job.server.files[f"{FILES}/a/1"] = b"one"
    faults = [Answer(503), Answer(0)]

    def fault(method: str, path: str) -> Answer | None:
        return faults.pop() if faults and FILES in path else None

    job.server.fault = fault
    job.assign({"train.py": PRINTS}, arguments=["${{inputs.x}}/1"], inputs=[given()]).run()
    assert job.server.console("stdout") == b"one\n"
    assert not faults


def test_a_result_whose_answer_was_lost_is_kept(job: JobFolder):
    answers = [refusal(400, "RESOURCE_ALREADY_EXISTS", "has a file"), Answer(0)]
    asked: list[str] = []

    def fault(method: str, path: str) -> Answer | None:
        if method != "PUT" or FILES not in path:
            return None
        asked.append(path)
        return answers.pop()

    job.server.fault = fault
    outputs = [{"name": "o", "datastore": "store", "path": "made", "overwrite": False}]
    script = "import sys; open(sys.argv[1] + '/1', 'w').close()"
    job.assign({"train.py": script}, arguments=["${{outputs.o}}"], outputs=outputs).run()
    assert job.end == {"status": "completed", "exit_code": 0, "reason": ""}
    assert asked == [f"{WORKSPACE}{FILES}/made/1"] * 2


def test_only_names_that_are_known_are_replaced(tmp_path: Path):
    data = JobData(tmp_path, (), (DataOutput("o", "store", "p"),))
    words = ["${{outputs.o}}/x", "${{outputs.other}}", "${{inputs.o}}", "${outputs.o}", "$(x)"]
    assert data.words(words) == [f"{tmp_path}/results/o/x", *words[1:]]
    assert JobData(tmp_path, (), ()).variables() == {}


def test_a_dataset_that_is_read_directly_is_told_by_its_id(tmp_path: Path):
    data = JobData(tmp_path, (DataInput("x", (), "da-1"),), ())
    data.prepare(None, None, None)  # type: ignore[arg-type] # nothing is asked for
    assert data.words(["${{inputs.x}}"]) == ["da-1"]
    assert json.loads(data.variables()["RUNYARD_INPUTS"]) == {"paths": {}, "assets": {"x": "da-1"}}


def test_where_a_result_goes():
    output = DataOutput("o", "a store", "p q", overwrite=True)
    assert result_address(output, "ü/1") == "/api/v1/datastores/a%20store/files/p%20q/%C3%BC/1?overwrite=true"
    assert result_address(DataOutput("o", "s", ""), "1") == "/api/v1/datastores/s/files/1"
