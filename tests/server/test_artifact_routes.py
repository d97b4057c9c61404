"""MLflow's artifact routes on the real server, read back from its home."""

import base64
import hashlib
import os
import resource
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.running_server import RunningServer

PROXY = "/api/2.0/mlflow-artifacts"
UPLOAD = "/ajax-api/2.0/mlflow/upload-artifact"


@pytest.fixture(scope="module")
def http(server: RunningServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=60) as client:
        yield client


class Artifacts:
    """The artifacts of a new run, seen over HTTP and in the home folder."""

    def __init__(self, http: httpx.Client, home: Path, experiment_id: str = "0", workspace: str = "default"):
        self.http = http
        created = http.post("/api/2.0/mlflow/runs/create", json={"experiment_id": experiment_id})
        info = created.json()["run"]["info"]
        self.run_id = info["run_id"]
        self.uri = info["artifact_uri"]
        self.below = self.uri.removeprefix("mlflow-artifacts:/")
        self.folder = home / "artifacts" / workspace / self.below

    def address(self, path: str) -> str:
        return f"{PROXY}/artifacts/{self.below}/{quote(path)}"

    def put(self, path: str, content: bytes = b"x") -> None:
        assert self.http.put(self.address(path), content=content).status_code == 200

    def list(self, path: str | None = None) -> Any:
        query = {"run_id": self.run_id} | ({} if path is None else {"path": path})
        return self.http.get("/api/2.0/mlflow/artifacts/list", params=query).json()


@pytest.fixture
def run(http: httpx.Client, server: RunningServer) -> Artifacts:
    return Artifacts(http, server.home)


def is_refused(answer: httpx.Response, status: int, text: str, code: str = "INVALID_PARAMETER_VALUE") -> bool:
    assert answer.status_code == status, answer.text
    assert answer.json()["error_code"] == code
    assert text in answer.json()["message"]
    return True


# --- the proxy --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.txt", "a b.txt", "ünï/日本.bin", "loss#1", "50%", "x?y", "a+b&c=d;e"])
def test_what_is_uploaded_lies_in_the_workspace_and_comes_back(run, name):
    content = os.urandom(70_000)
    run.put(name, content)
    assert (run.folder / name).read_bytes() == content
    assert run.http.get(run.address(name)).content == content


def test_the_two_kinds_of_address_reach_the_same_files(run):
    run.put("a/b.txt", b"1")
    for kind in ("/api", "/ajax-api"):
        for workspace in ("", "/workspaces/default"):
            address = run.address("a/b.txt").replace("/api", kind, 1)
            assert run.http.get(workspace + address).content == b"1"


@pytest.mark.parametrize("size_bytes", [0, 10, 70_000, 3_000_000])
def test_a_declared_checksum_is_held_and_comes_back(run, size_bytes):
    content = bytes(size_bytes)
    declared = f"sha-256=:{base64.b64encode(hashlib.sha256(content).digest()).decode()}:"
    address = run.address("file")
    refused = run.http.put(address, content=content + b"x", headers={"Repr-Digest": declared})
    assert is_refused(refused, 400, "SHA-256")
    assert run.http.get(address).status_code == httpx.codes.NOT_FOUND
    assert is_refused(run.http.put(address, content=content, headers={"Digest": "sha-256=?"}), 400, "digest")
    assert run.http.put(address, content=content, headers={"Content-Digest": declared}).is_success
    answer = run.http.get(address)
    assert answer.content == content
    assert answer.headers["Repr-Digest"] == declared


def test_a_second_upload_replaces_the_first(run):
    run.put("a.txt", b"a long first version")
    run.put("a.txt", b"second")
    assert (run.folder / "a.txt").read_bytes() == b"second"


def test_an_upload_without_a_name_is_refused(run):
    for path in ("", "dir/"):
        answer = run.http.put(run.address(path), content=b"x")
        assert is_refused(answer, 400, "must include a filename (cannot end with '/')")
    assert not run.folder.exists()


def test_an_upload_in_the_place_of_a_directory_is_refused(run):
    run.put("dir/a.txt")
    for path in ("dir", "dir/a.txt/below"):
        assert is_refused(run.http.put(run.address(path), content=b"y"), 400, run.below)
    assert [path.name for path in run.folder.rglob("*")] == ["dir", "a.txt"]


def test_what_is_not_there_is_not_found(run):
    run.put("dir/a.txt")
    for path in ("nope", "dir/nope", "dir/a.txt/below"):
        answer = run.http.get(run.address(path))
        text = f"No such artifact: '{run.below}/{path}'"
        assert is_refused(answer, 404, text, "RESOURCE_DOES_NOT_EXIST")


def test_a_directory_is_no_file(run):
    run.put("dir/a.txt")
    for path in ("dir", "dir/"):
        answer = run.http.get(run.address(path))
        text = f"Artifact path refers to a directory, not a file: '{run.below}/dir'"
        assert is_refused(answer, 400, text)


def test_a_part_of_a_file_can_be_read(run):
    run.put("a.txt", b"0123456789")
    answer = run.http.get(run.address("a.txt"), headers={"Range": "bytes=2-4"})
    assert (answer.status_code, answer.content) == (206, b"234")
    assert answer.headers["content-range"] == "bytes 2-4/10"
    head = run.http.head(run.address("a.txt"))
    assert (head.status_code, head.headers["content-length"], head.content) == (200, "10", b"")


def test_a_directory_of_the_workspace_lists_names(run):
    run.put("b.txt", b"12")
    run.put("a/x.txt", b"1")
    run.put("empty", b"")
    expected = {
        "files": [
            {"path": "a", "is_dir": True},
            {"path": "b.txt", "is_dir": False, "file_size": 2},
            {"path": "empty", "is_dir": False, "file_size": 0},
        ]
    }
    for path in (run.below, f"{run.below}/"):
        assert run.http.get(f"{PROXY}/artifacts", params={"path": path}).json() == expected


def test_the_workspace_itself_can_be_listed(run):
    run.put("a.txt")
    for query in ({}, {"path": ""}):
        listed = run.http.get(f"{PROXY}/artifacts", params=query).json()["files"]
        assert {"path": run.below.split("/")[0], "is_dir": True} in listed
        assert all(item["is_dir"] for item in listed)


def test_what_is_no_directory_has_nothing_in_it(run):
    run.put("a.txt")
    for path in ("a.txt", "nope", "nope/nope"):
        answer = run.http.get(f"{PROXY}/artifacts", params={"path": f"{run.below}/{path}"})
        assert (answer.status_code, answer.json()) == (200, {})


def test_a_file_or_a_directory_is_deleted(run):
    for path in ("a.txt", "dir/b.txt", "dir/sub/c.txt", "dir2/d.txt"):
        run.put(path)
    for path in ("a.txt", "dir", "nope"):
        answer = run.http.delete(run.address(path))
        assert (answer.status_code, answer.json()) == (200, {})
    assert sorted(path.name for path in run.folder.rglob("*")) == ["d.txt", "dir2"]
    assert run.http.delete(f"{PROXY}/artifacts/{run.below}").json() == {}
    assert not run.folder.exists()


def test_a_workspace_is_not_emptied_by_an_empty_path(run):
    run.put("a.txt")
    for path in ("", "/", "//"):
        assert run.http.delete(f"{PROXY}/artifacts/{path}").status_code == 400
    assert (run.folder / "a.txt").exists()


@pytest.mark.parametrize("action", ["create", "complete", "abort"])
def test_uploads_in_parts_are_not_for_this_storage(run, action):
    # Clients send where the file lies on their own machine, and fall back on 501.
    body = {"path": "/data/model.bin", "num_parts": 2, "upload_id": "u", "parts": [{"part_number": 1}]}
    answer = run.http.post(f"{PROXY}/mpu/{action}/{run.below}", json=body)
    text = "Multipart upload is not supported for the current artifact repository"
    assert is_refused(answer, 501, text, "NOT_IMPLEMENTED")
    assert is_refused(run.http.post(f"{PROXY}/mpu/{action}/{run.below}", json={}), 400, "'path'")


def test_downloads_in_parts_are_not_for_this_storage(run):
    run.put("a.txt")
    answer = run.http.get(f"{PROXY}/presigned/{run.below}/a.txt")
    text = "Multipart download is not supported for the current artifact repository"
    assert is_refused(answer, 501, text, "NOT_IMPLEMENTED")


# --- artifacts of a run -----------------------------------------------------------------------------------


def test_a_run_lists_its_artifacts_by_their_path(run):
    assert run.list() == {"root_uri": run.uri}
    run.put("model/MLmodel", b"1")
    run.put("model/data/weights", b"22")
    run.put("a.txt", b"333")
    top = [
        {"path": "a.txt", "is_dir": False, "file_size": 3},
        {"path": "model", "is_dir": True},
    ]
    inside = [
        {"path": "model/MLmodel", "is_dir": False, "file_size": 1},
        {"path": "model/data", "is_dir": True},
    ]
    assert run.list() == run.list("") == {"root_uri": run.uri, "files": top}
    assert run.list("model") == run.list("model/") == {"root_uri": run.uri, "files": inside}
    assert run.list("a.txt") == run.list("nope") == {"root_uri": run.uri}


def test_a_list_needs_a_run_that_exists(http):
    answer = http.get("/api/2.0/mlflow/artifacts/list")
    assert is_refused(answer, 400, "Missing value for required parameter 'run_id'.")
    answer = http.get("/api/2.0/mlflow/artifacts/list", params={"run_id": "nope"})
    assert is_refused(answer, 404, "Run with id=nope not found", "RESOURCE_DOES_NOT_EXIST")


@pytest.mark.parametrize("name", ["run_id", "run_uuid"])
def test_an_artifact_of_a_run_can_be_downloaded(run, name):
    run.put("dir/a b.txt", b"0123456789")
    query = {name: run.run_id, "path": "dir/a b.txt"}
    answer = run.http.get("/get-artifact", params=query)
    assert (answer.status_code, answer.content) == (200, b"0123456789")
    assert answer.headers["content-disposition"].startswith('attachment; filename="a b.txt"')
    assert run.http.get("/get-artifact", params=query, headers={"Range": "bytes=-2"}).content == b"89"
    assert run.http.get("/workspaces/default/get-artifact", params=query).content == b"0123456789"


def test_a_download_needs_a_run_and_a_file_of_it(run):
    run.put("dir/a.txt")

    def ask(**query: str) -> Any:
        return run.http.get("/get-artifact", params=query)

    assert is_refused(ask(path="a"), 400, "'run_id'")
    assert is_refused(ask(run_id=run.run_id), 400, "'path'")
    assert is_refused(ask(run_id="nope", path="a"), 404, "Run with id=nope", "RESOURCE_DOES_NOT_EXIST")
    assert is_refused(ask(run_id=run.run_id, path="nope"), 404, "No such artifact", "RESOURCE_DOES_NOT_EXIST")
    assert is_refused(ask(run_id=run.run_id, path="dir"), 400, "refers to a directory")


def test_a_page_uploads_a_small_artifact(run):
    answer = run.http.post(UPLOAD, params={"run_uuid": run.run_id, "path": "dir/u.txt"}, content=b"hi")
    assert answer.status_code == 200
    assert (run.folder / "dir/u.txt").read_bytes() == b"hi"


def test_a_page_says_what_it_uploads_and_where(run):
    def send(content: bytes = b"hi", **query: str) -> Any:
        return run.http.post(UPLOAD, params=query, content=content)

    assert is_refused(send(path="a"), 400, "Request must specify run_uuid.")
    assert is_refused(send(run_uuid=run.run_id), 400, "Request must specify path.")
    assert is_refused(send(b"", run_uuid=run.run_id, path="a"), 400, "Request must specify data.")
    assert is_refused(send(run_uuid="nope", path="a"), 404, "Run with id=nope", "RESOURCE_DOES_NOT_EXIST")
    large = b"x" * (10 * 1024 * 1024 + 1)
    assert is_refused(send(large, run_uuid=run.run_id, path="a"), 400, "Max size is 10MB")
    assert not run.folder.exists()
    assert send(large[1:], run_uuid=run.run_id, path="a").status_code == 200


def test_addresses_of_storage_are_not_given_for_artifacts_that_the_server_keeps(run):
    base = "/api/2.0/mlflow/artifacts"
    body = {"run_id": run.run_id, "path": "a.txt"}
    for action in ("download", "upload"):
        answer = run.http.post(f"{base}/presigned-{action}-url", json=body)
        assert is_refused(answer, 400, f"Presigned {action} is not supported for")
        assert "(artifact URI scheme: mlflow-artifacts)" in answer.json()["message"]
        unknown = run.http.post(f"{base}/presigned-{action}-url", json=body | {"run_id": "nope"})
        assert unknown.status_code == 404
    for seconds in (0, 604_801):
        answer = run.http.post(f"{base}/presigned-download-url", json=body | {"expiration": seconds})
        assert is_refused(answer, 400, f"(got {seconds})")
    model = run.http.post("/api/2.0/mlflow/logged-models", json={"experiment_id": "0"}).json()["model"]
    body = {"model_id": model["info"]["model_id"], "path": "a.txt"}
    assert is_refused(
        run.http.post(f"{base}/presigned-upload-url", json=body), 400, "proxied artifact storage"
    )
    for owners in ({}, {"run_id": "a", "model_id": "b"}):
        answer = run.http.post(f"{base}/presigned-upload-url", json={"path": "a.txt"} | owners)
        assert is_refused(answer, 400, "Exactly one of run_id and model_id must be provided.")


def test_a_deleted_run_keeps_its_artifacts(run):
    run.put("a.txt", b"1")
    assert run.http.post("/api/2.0/mlflow/runs/delete", json={"run_id": run.run_id}).status_code == 200
    assert run.list()["files"] == [{"path": "a.txt", "is_dir": False, "file_size": 1}]
    query = {"run_id": run.run_id, "path": "a.txt"}
    assert run.http.get("/get-artifact", params=query).content == b"1"
    run.put("late.txt")  # as MLflow: the proxy does not ask whose file it is


# --- where experiments keep their artifacts ---------------------------------------------------------------


def _experiment(http: httpx.Client, location: str) -> Any:
    body = {"name": f"at {location} {time.monotonic_ns()}", "artifact_location": location}
    created = http.post("/api/2.0/mlflow/experiments/create", json=body)
    assert created.status_code == 200, created.text
    return created.json()["experiment_id"]


def test_a_named_location_lies_below_the_workspace(http, server):
    run = Artifacts(http, server.home, _experiment(http, "team/models a"))
    assert run.uri == f"mlflow-artifacts:/team/models a/{run.run_id}/artifacts"
    assert http.put(run.address("x").replace(" ", "%20"), content=b"1").status_code == 200
    assert (server.home / "artifacts/default/team/models a" / run.run_id / "artifacts/x").read_bytes() == b"1"
    assert run.list()["files"] == [{"path": "x", "is_dir": False, "file_size": 1}]


@pytest.mark.parametrize("location", ["s3://bucket/x", "wasbs://box@account/x", "dbfs:/x", "hdfs://node:1/x"])
def test_the_server_does_not_open_a_remote_location(http, server, location):
    run = Artifacts(http, server.home, _experiment(http, location))
    assert run.uri == f"{location}/{run.run_id}/artifacts"
    query = {"run_id": run.run_id, "path": "a.txt"}
    answers = [
        http.get("/api/2.0/mlflow/artifacts/list", params=query),
        http.get("/get-artifact", params=query),
        http.post(UPLOAD, params={"run_uuid": run.run_id, "path": "a.txt"}, content=b"x"),
    ]
    for answer in answers:
        assert is_refused(answer, 400, f"kept at {run.uri}, which this server does not open")
    for action in ("download", "upload"):
        answer = http.post(f"/api/2.0/mlflow/artifacts/presigned-{action}-url", json=query)
        assert is_refused(answer, 501, f"Presigned {action} is not supported", "NOT_IMPLEMENTED")


def test_no_workspace_sees_the_files_of_another(http, server, run):
    run.put("a.txt", b"1")
    assert http.post("/api/v1/workspaces", json={"name": "other"}).status_code == 200
    for path in (f"{run.below}/a.txt", f"default/{run.below}/a.txt"):
        assert http.get(f"/workspaces/other{PROXY}/artifacts/{path}").status_code == 404
    assert http.put(f"/workspaces/other{PROXY}/artifacts/{run.below}/a.txt", content=b"2").status_code == 200
    assert (server.home / "artifacts/other" / run.below / "a.txt").read_bytes() == b"2"
    assert http.delete(f"/workspaces/other{PROXY}/artifacts/{run.below}").status_code == 200
    assert not (server.home / "artifacts/other").exists()
    assert (run.folder / "a.txt").read_bytes() == b"1"
    query = {"run_id": run.run_id, "path": "a.txt"}
    assert http.get("/workspaces/other/get-artifact", params=query).status_code == 404
    listed = http.get(f"{PROXY}/artifacts", headers={"X-MLFLOW-WORKSPACE": "other"})
    assert listed.json() == {}


# --- uploads that don't come to their end -----------------------------------------------------------------


def _unfinished(home: Path) -> list[Path]:
    return list((home / "artifacts/.incoming").iterdir())


def test_a_connection_that_breaks_leaves_nothing(run, server):
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        head = f"PUT {run.address('a.bin')} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9000000\r\n\r\n"
        connection.sendall(head.encode() + b"x" * 3_000_000)
        _wait_until(lambda: _unfinished(server.home))
        assert run.http.get(run.address("a.bin")).status_code == 404
    _wait_until(lambda: not _unfinished(server.home))
    assert not run.folder.exists()


def test_a_full_disk_is_said_and_leaves_nothing(run, server):
    run.put("a.bin", b"old")
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (5_000_000, resource.RLIM_INFINITY))
    try:
        answer = run.http.put(run.address("a.bin"), content=b"x" * 20_000_000)
        assert is_refused(answer, 507, "no room", "RESOURCE_EXHAUSTED")
        assert answer.headers["retry-after"]
        assert run.http.get(run.address("a.bin")).content == b"old"
    finally:
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert not _unfinished(server.home)
    run.put("a.bin", b"new")
    assert (run.folder / "a.bin").read_bytes() == b"new"


def test_an_upload_over_the_limit_is_refused(start_server):
    server = start_server(environment={"RUNYARD_MAX_UPLOAD_BYTES": "1000"})
    with httpx.Client(base_url=server.url, timeout=60) as http:
        run = Artifacts(http, server.home)
        run.put("a.bin", b"x" * 1000)
        for content in (b"x" * 1001, iter([b"x" * 600, b"x" * 600])):
            answer = http.put(run.address("b.bin"), content=content)
            assert is_refused(answer, 413, "limit of 1000 bytes", "REQUEST_LIMIT_EXCEEDED")
        assert [path.name for path in run.folder.iterdir()] == ["a.bin"]
        assert not _unfinished(server.home)


def test_a_server_that_is_killed_in_an_upload_leaves_nothing_for_the_next(start_server):
    server = start_server()
    with httpx.Client(base_url=server.url, timeout=60) as http:
        run = Artifacts(http, server.home)
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        head = f"PUT {run.address('a.bin')} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9000000\r\n\r\n"
        connection.sendall(head.encode() + b"x" * 3_000_000)
        _wait_until(lambda: _unfinished(server.home))
        server.kill9()
    for left in _unfinished(server.home):
        os.utime(left, (0, 0))
    server.start()
    assert not _unfinished(server.home)
    assert not run.folder.exists()


def test_a_large_file_passes_through_little_memory(run, server):
    mebibytes = 200
    before_kb = _most_memory_kb(server.pid)
    pieces = (bytes([number]) * 2**20 for number in range(mebibytes))
    assert run.http.put(run.address("a.bin"), content=pieces).status_code == 200
    with run.http.stream("GET", run.address("a.bin")) as answer:
        read_bytes = sum(len(piece) for piece in answer.iter_bytes())
    assert read_bytes == mebibytes * 2**20
    assert (run.folder / "a.bin").stat().st_size == read_bytes
    assert _most_memory_kb(server.pid) - before_kb < 64 * 1024


def _most_memory_kb(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def _wait_until(condition) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it never came to pass"
        time.sleep(0.01)
