"""Deletion on real object stores: the bytes are gone, and what others keep stays, whatever races it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import obstore
import pytest

from tests.conftest import ServerStarter
from tests.object_stores.servers import ObjectServer
from tests.running_server import RunningServer

MB = 1024 * 1024
LARGE = 17 * MB  # three parts
MANY = 1100  # more than one request to delete takes
WAITS_S = 120
MLFLOW = "/api/2.0/mlflow"


class Site:
    """A server whose artifacts lie in an object store, and a way to look into that past the server."""

    def __init__(self, server: RunningServer, objects: obstore.store.ObjectStore) -> None:
        self.server = server
        self.objects = objects

    def post(self, path: str, **body: Any) -> Any:
        answer = httpx.post(self.server.url + path, json=body, timeout=WAITS_S)
        assert answer.status_code == httpx.codes.OK, answer.text
        return answer.json()

    def run(self, experiment_id: str = "0") -> str:
        """Return the path of the artifacts of a new run, its id being the last but one of its names."""
        made = self.post(f"{MLFLOW}/runs/create", experiment_id=experiment_id)
        return str(made["run"]["info"]["artifact_uri"]).removeprefix("mlflow-artifacts:/")

    def upload(self, path: str, content: bytes | Iterator[bytes] = b"x" * 1000) -> int:
        """Return the status of the answer to an upload."""
        url = f"{self.server.url}/api/2.0/mlflow-artifacts/artifacts/{path}"
        return httpx.put(url, content=content, timeout=WAITS_S).status_code

    def delete_runs(self, *folders: str) -> None:
        self.post("/api/v1/runs/delete", run_ids=[id_of(folder) for folder in folders])

    def collect(self, **rules: Any) -> dict[str, int]:
        """Return what a collection to its end has freed, or would."""
        total: dict[str, int] = {}
        while True:
            answer = self.post("/api/v1/trash/collect", **rules)
            for name in ("experiments", "runs", "artifact_files", "artifact_bytes"):
                total[name] = total.get(name, 0) + answer[name]
            if answer["is_done"]:
                return total
            rules |= {"deleted_before_ms": answer["deleted_before_ms"], "offset": answer["next_offset"]}

    def names(self) -> set[str]:
        """Return the paths of all objects, as the workspace `default` would say them."""
        found = obstore.list(self.objects).collect()
        return {item["path"].removeprefix("default/") for item in found}


def id_of(folder: str) -> str:
    return folder.split("/")[-2]


@pytest.fixture
def site(object_server: ObjectServer, start_server: ServerStarter, monkeypatch: pytest.MonkeyPatch) -> Site:
    return open_site(object_server, start_server, monkeypatch)


def open_site(
    object_server: ObjectServer, start_server: ServerStarter, monkeypatch: pytest.MonkeyPatch
) -> Site:
    location = object_server.new_location()
    server = start_server(environment=object_server.environment | {"RUNYARD_ARTIFACT_STORE": location})
    return Site(server, object_server.open(location, monkeypatch).objects)


def test_the_files_of_collected_runs_are_gone_and_those_of_others_stay(site):
    gone, in_trash, alive = (site.run() for _ in range(3))
    for folder in (gone, in_trash, alive):
        for name in ("plot.png", "model/weights.bin", "model/data/epoch%231"):
            assert site.upload(f"{folder}/{name}") == 200
    assert site.upload(f"{gone}/large.bin", b"x" * LARGE) == 200
    site.delete_runs(gone, in_trash)
    announced = site.collect(dry_run=True, run_ids=[id_of(gone)])
    assert announced == {"experiments": 0, "runs": 1, "artifact_files": 4, "artifact_bytes": LARGE + 3000}
    assert site.collect(run_ids=[id_of(gone)]) == announced
    left = site.names()
    assert len(left) == 6
    assert {name.split("/")[1] for name in left} == {id_of(in_trash), id_of(alive)}
    site.post("/api/v1/runs/restore", run_ids=[id_of(in_trash)])
    assert site.collect()["artifact_files"] == 0
    assert site.names() == left
    assert site.upload(f"{gone}/later.bin") == 404


def test_more_files_go_than_one_request_deletes(site):
    folder, other = site.run(), site.run()
    for run in (folder, other):
        obstore.put(site.objects, f"default/{run}/own.bin", b"x")
    for number in range(MANY):
        obstore.put(site.objects, f"default/{folder}/steps/{number:05}.bin", b"x")
    site.delete_runs(folder)
    assert site.collect()["artifact_files"] == MANY + 1
    assert site.names() == {f"{other}/own.bin"}


def test_an_experiment_leaves_nothing_but_what_another_keeps_in_it(site):
    outer = site.post(f"{MLFLOW}/experiments/create", name="outer")["experiment_id"]
    folder = site.run(outer)
    place = f"mlflow-artifacts:/{folder}/others"
    inner = site.post(f"{MLFLOW}/experiments/create", name="inner", artifact_location=place)["experiment_id"]
    kept = site.run(inner)
    assert kept.startswith(folder)
    for path in (f"{folder}/a", f"{folder}/others.txt", f"{kept}/b"):
        assert site.upload(path) == 200
    site.post(f"{MLFLOW}/experiments/delete", experiment_id=outer)
    announced = site.collect(dry_run=True)
    assert site.collect() == announced
    assert (announced["experiments"], announced["artifact_files"]) == (1, 2)
    assert site.names() == {f"{kept}/b"}
    assert site.upload(f"{kept}/later") == 200
    assert site.upload(f"{folder}/later") == 404


def test_an_upload_that_ends_after_its_run_is_gone_leaves_nothing(site, object_server):
    folder = site.run()
    assert site.upload(f"{folder}/early.bin") == 200
    under_way, is_gone = threading.Event(), threading.Event()

    def body() -> Iterator[bytes]:
        for _ in range(LARGE // MB):
            yield b"x" * MB
        under_way.set()
        assert is_gone.wait(WAITS_S)
        yield b"the end"

    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(site.upload, f"{folder}/late.bin", body())
        assert under_way.wait(WAITS_S)
        site.delete_runs(folder)
        assert site.collect()["runs"] == 1
        is_gone.set()
        assert late.result() == 404
    assert site.names() == set()
    assert not any(folder in name for name in object_server.waiting_parts())


def test_whatever_uploads_and_restores_race_a_collection_nothing_is_lost_or_left(site):
    folders = [site.run() for _ in range(12)]
    acknowledged: dict[str, list[str]] = {folder: [] for folder in folders}
    is_over = threading.Event()

    def upload_on(folder: str) -> None:
        number = 0
        while not is_over.is_set():
            path = f"{folder}/{number}.bin"
            status = site.upload(path)
            if status == 200:
                acknowledged[folder].append(path)
            else:
                # The run lies in the trash, is gone, or went while the object was put in its place.
                assert status in (400, 404, 503), status
            number += 1

    def delete_and_restore(folder: str) -> None:
        site.delete_runs(folder)
        httpx.post(
            f"{site.server.url}/api/v1/runs/restore", json={"run_ids": [id_of(folder)]}, timeout=WAITS_S
        )

    with ThreadPoolExecutor(4 + 2) as pool:
        uploads = [pool.submit(upload_on, folder) for folder in folders[:4]]
        # Those that stay in the trash, then those that somebody brings back while the collection is at work.
        site.delete_runs(folders[0], *folders[4:6])
        while not all(acknowledged[folder] for folder in folders[1:4]):
            time.sleep(0.01)
        moved = [pool.submit(delete_and_restore, folder) for folder in (*folders[1:3], *folders[6:])]
        while not all(move.done() for move in moved):
            site.collect()
        is_over.set()
        for ended in (*uploads, *moved):
            ended.result()
    site.collect()
    alive = {folder for folder in folders if is_there(site, folder)}
    assert folders[0] not in alive
    assert folders[3] in alive
    assert site.names() == {path for folder in alive for path in acknowledged[folder]}


def is_there(site: Site, folder: str) -> bool:
    answer = httpx.get(
        f"{site.server.url}{MLFLOW}/runs/get", params={"run_id": id_of(folder)}, timeout=WAITS_S
    )
    return answer.status_code == httpx.codes.OK


def test_a_collection_goes_on_when_the_store_is_back(
    object_server: ObjectServer,
    start_server: ServerStarter,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
):
    own = type(object_server)(tmp_path / "own").start()
    try:
        site = open_site(own, start_server, monkeypatch)
        folders = [site.run() for _ in range(2)]
        for folder in folders:
            assert site.upload(f"{folder}/a.bin") == 200
        site.delete_runs(folders[0])
        own.stop()
        url = f"{site.server.url}/api/v1/trash/collect"
        refused = httpx.post(url, json={}, timeout=WAITS_S)
        assert refused.status_code == httpx.codes.SERVICE_UNAVAILABLE
        assert json.loads(refused.content)["error_code"] == "TEMPORARILY_UNAVAILABLE"
        own.start()
        assert site.collect()["artifact_files"] == 1
        assert site.names() == {f"{folders[1]}/a.bin"}
    finally:
        own.close()
