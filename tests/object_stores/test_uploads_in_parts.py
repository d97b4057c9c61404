"""Files that clients send to the object store itself, in parts: SeaweedFS, Azurite and the genuine client."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.conftest import ServerStarter
from tests.object_stores.servers import ROOT, ObjectServer
from tests.object_stores.test_server_on_object_stores import ARTIFACTS, MB, round_trip
from tests.running_server import RunningServer

MPU = "/api/2.0/mlflow-artifacts/mpu"
WITHOUT_PLUGIN = ROOT / ".envs" / "mlflow-3.17" / "bin" / "python"
PART = b"0123456789abcdef" * (5 * MB // 16)  # S3 takes no smaller part but the last


class Uploads:
    """A server that lets clients send parts, and what a client does with it."""

    def __init__(self, server: RunningServer) -> None:
        self.url = server.url

    def ask(self, action: str, below: str = "", prefix: str = "", **body: Any) -> httpx.Response:
        address = f"{self.url}{prefix}{MPU}/{action}/run/artifacts{below}"
        return httpx.post(address, json={"path": "/data/model.bin", **body}, timeout=60)

    def begin(self, count: int, below: str = "") -> dict[str, Any]:
        answer = self.ask("create", below, num_parts=count)
        assert answer.status_code == httpx.codes.OK, answer.text
        begun: dict[str, Any] = answer.json()
        return begun

    def put(self, credential: dict[str, Any], content: bytes) -> dict[str, Any]:
        sent = httpx.put(credential["url"], content=content, headers=credential["headers"], timeout=60)
        assert sent.is_success, sent.text
        return {"part_number": credential["part_number"], "etag": sent.headers.get("ETag", "")}

    def content(self, below: str = "") -> httpx.Response:
        return httpx.get(f"{self.url}{ARTIFACTS}/run/artifacts{below}/model.bin", timeout=60)


@pytest.fixture
def uploads(signing_server: ObjectServer, start_server: ServerStarter) -> Uploads:
    variables = {"RUNYARD_ARTIFACT_STORE": signing_server.new_location(), "RUNYARD_ARTIFACT_ADDRESS_S": "120"}
    limits = {"RUNYARD_MAX_UPLOAD_BYTES": str(12 * MB)}
    return Uploads(start_server(environment=signing_server.environment | variables | limits))


@pytest.fixture
def addressing_server(signing_server: ObjectServer, start_server: ServerStarter) -> RunningServer:
    variables = {"RUNYARD_ARTIFACT_STORE": signing_server.new_location(), "RUNYARD_ARTIFACT_ADDRESS_S": "120"}
    return start_server(environment=signing_server.environment | variables)


def test_the_genuine_client_sends_parts_to_the_store_itself(addressing_server, tmp_path):
    chosen = {"MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE": str(5 * MB)}
    sent = round_trip(addressing_server, tmp_path, str(WITHOUT_PLUGIN), **chosen)
    assert sent == {"is_same": True, "direct": 1, "parts": 3, "listed": ["model/large.bin"]}


def test_parts_become_a_file_in_the_order_of_their_numbers(uploads):
    begun = uploads.begin(3)
    assert [each["part_number"] for each in begun["credentials"]] == [1, 2, 3]
    contents = [PART, PART[::-1], b"the end"]
    told = [uploads.put(begun["credentials"][place], contents[place]) for place in (2, 0, 1)]
    assert uploads.content().status_code == httpx.codes.NOT_FOUND, "nobody sees it before"
    done = uploads.ask("complete", upload_id=begun["upload_id"], parts=told)
    assert (done.status_code, done.json()) == (httpx.codes.OK, {})
    assert uploads.content().content == b"".join(contents)
    again = uploads.ask("complete", upload_id=begun["upload_id"], parts=told)
    assert again.status_code in (httpx.codes.NOT_FOUND, httpx.codes.BAD_REQUEST)
    assert uploads.content().content == b"".join(contents)


def test_a_part_that_has_not_come_is_missed(uploads):
    begun = uploads.begin(2)
    told = uploads.put(begun["credentials"][0], PART)
    wrong: list[list[Any]] = [[told, {"part_number": 2, "etag": "x"}], [told, {"part_number": 3}], [{}], []]
    for parts in wrong:
        answer = uploads.ask("complete", upload_id=begun["upload_id"], parts=parts)
        assert answer.status_code == httpx.codes.BAD_REQUEST, answer.text
    assert uploads.content().status_code == httpx.codes.NOT_FOUND


def test_an_upload_that_is_dropped_is_over(uploads, signing_server):
    begun = uploads.begin(2)
    told = [uploads.put(credential, PART) for credential in begun["credentials"]]
    assert uploads.ask("abort", upload_id=begun["upload_id"]).status_code == httpx.codes.OK
    if signing_server.scheme == "s3":
        assert not [part for part in signing_server.waiting_parts() if begun["upload_id"] in part]
        answer = uploads.ask("complete", upload_id=begun["upload_id"], parts=told)
        assert answer.status_code == httpx.codes.NOT_FOUND
    assert uploads.content().status_code == httpx.codes.NOT_FOUND


def test_an_upload_that_nobody_began_is_none(uploads):
    parts = [{"part_number": 1, "etag": "x"}]
    for action in ("complete", "abort"):
        answer = uploads.ask(action, upload_id="no-such-upload", parts=parts)
        assert answer.status_code == httpx.codes.NOT_FOUND, answer.text


def test_another_workspace_can_not_end_it(uploads):
    httpx.post(f"{uploads.url}/api/v1/workspaces", json={"name": "vision"}, timeout=60).raise_for_status()
    begun = uploads.begin(1)
    told = [uploads.put(begun["credentials"][0], b"default's")]
    answer = uploads.ask("complete", prefix="/workspaces/vision", upload_id=begun["upload_id"], parts=told)
    assert answer.status_code == httpx.codes.NOT_FOUND
    assert uploads.ask("complete", upload_id=begun["upload_id"], parts=told).status_code == httpx.codes.OK
    assert uploads.content().content == b"default's"


def test_a_file_over_the_limit_is_refused_before_it_is_one(uploads):
    begun = uploads.begin(3)
    told = [uploads.put(credential, PART) for credential in begun["credentials"]]
    answer = uploads.ask("complete", upload_id=begun["upload_id"], parts=told)
    assert answer.status_code == httpx.codes.REQUEST_ENTITY_TOO_LARGE
    assert "max_upload_bytes" in answer.json()["message"]
    assert uploads.content().status_code == httpx.codes.NOT_FOUND


def test_an_address_is_good_for_its_part_alone(uploads):
    begun = uploads.begin(1)
    url = begun["credentials"][0]["url"]
    assert httpx.get(url, timeout=60).status_code >= httpx.codes.BAD_REQUEST
    if "partNumber=1" in url:
        other = url.replace("partNumber=1", "partNumber=2")
        assert httpx.put(other, content=b"x", timeout=60).status_code == httpx.codes.FORBIDDEN


@pytest.mark.parametrize("count", [-1, 10_001])
def test_a_count_that_can_not_be_is_refused(uploads, count):
    answer = uploads.ask("create", num_parts=count)
    assert answer.status_code == httpx.codes.BAD_REQUEST
    assert "numbered from 1" in answer.json()["message"]


def test_a_name_without_an_address_is_sent_in_one_piece(uploads, signing_server):
    answer = uploads.ask("create", "/a%20b", num_parts=1)
    if signing_server.scheme == "az":
        assert answer.status_code == httpx.codes.NOT_IMPLEMENTED
        assert answer.json()["message"].startswith("Multipart upload is not supported")
    else:
        begun = answer.json()
        told = [uploads.put(begun["credentials"][0], b"1")]
        uploads.ask("complete", "/a%20b", upload_id=begun["upload_id"], parts=told).raise_for_status()
        assert uploads.content("/a%20b").content == b"1"
