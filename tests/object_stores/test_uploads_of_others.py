"""S08 and S09 at uploads in parts: whose they are, and what their parts may not be; SeaweedFS and Azurite."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.object_stores.servers import ObjectServer
from tests.object_stores.test_server_on_object_stores import MB
from tests.running_server import RunningServer
from tests.server.test_team_server import first_key

MPU = "/workspaces/alpha/api/2.0/mlflow-artifacts/mpu"
FILES = "/workspaces/alpha/api/2.0/mlflow-artifacts/artifacts"
PART = b"0123456789abcdef" * (5 * MB // 16)
REFUSED = (httpx.codes.FORBIDDEN, httpx.codes.NOT_FOUND)


class Lab:
    """A team's server: ann administers it, ben has a role in one experiment, cleo reads all of alpha."""

    def __init__(self, url: str, key: str) -> None:
        self.url, self.keys, self.run = url, {"ann": key}, ""
        for workspace in ("alpha", "beta"):
            self.ask("ann", "/api/v1/workspaces", name=workspace).raise_for_status()
        experiments = "/workspaces/alpha/api/2.0/mlflow/experiments/create"
        self.of_ann, self.of_ben = (
            self.ask("ann", experiments, name=name).json()["experiment_id"] for name in ("ann's", "ben's")
        )
        for name in ("ben", "cleo", "dora"):
            self.ask("ann", "/api/v1/principals", name=name).raise_for_status()
            made = self.ask("ann", "/api/v1/keys", name="first", principal=name)
            self.keys[name] = made.json()["api_key"]
        self.grant("cleo", "alpha", role="reader")
        self.grant("dora", "beta", role="owner")

    def ask(self, who: str, path: str, /, **body: Any) -> httpx.Response:
        return httpx.post(self.url + path, json=body, headers=self.headers(who), timeout=60)

    def headers(self, who: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.keys[who]}"}

    def grant(self, who: str, workspace: str, **body: str) -> None:
        path = f"{self.url}/workspaces/{workspace}/api/v1/grants"
        given = httpx.put(path, json={"principal": who, **body}, headers=self.headers("ann"), timeout=60)
        given.raise_for_status()

    def parts(
        self, who: str, action: str, experiment_id: str, base: str = MPU, **body: Any
    ) -> httpx.Response:
        return self.ask(
            who, f"{base}/{action}/{experiment_id}/{self.run}/artifacts", path="model.bin", **body
        )

    def begun(self, who: str, experiment_id: str, count: int) -> tuple[str, list[dict[str, Any]]]:
        """Begin an upload, send its parts, and return its id and what is told of them."""
        begun = self.parts(who, "create", experiment_id, num_parts=count).raise_for_status().json()
        told = []
        for credential in begun["credentials"]:
            sent = httpx.put(
                credential["url"], content=PART, headers=credential["headers"], timeout=60
            ).raise_for_status()
            told.append({"part_number": credential["part_number"], "etag": sent.headers.get("ETag", "")})
        return begun["upload_id"], told

    def content(self, experiment_id: str) -> httpx.Response:
        path = f"{self.url}{FILES}/{experiment_id}/{self.run}/artifacts/model.bin"
        return httpx.get(path, headers=self.headers("ann"), timeout=60)


@pytest.fixture(scope="module", params=["seaweedfs", "azurite"])
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One lab on each of the two stores."""
    objects: ObjectServer = request.getfixturevalue(request.param)
    home = tmp_path_factory.mktemp("lab") / "home"
    key = first_key(home)
    variables = {"RUNYARD_ARTIFACT_STORE": objects.new_location(), "RUNYARD_ARTIFACT_ADDRESS_S": "120"}
    server = RunningServer(home, mode="serve", environment=objects.environment | variables).start()
    yield Lab(server.url, key)
    server.close()


@pytest.fixture
def lab(shared: Lab) -> Lab:
    """The same, with a run of its own for each test, and with ben's role."""
    shared.run = uuid.uuid4().hex
    shared.grant("ben", "alpha", role="contributor", experiment_id=shared.of_ben)
    return shared


def test_s08_s09_an_upload_in_parts_is_ended_by_nobody_who_could_not_have_begun_it(lab: Lab):
    upload_id, told = lab.begun("ann", lab.of_ann, 1)
    in_beta = MPU.replace("alpha", "beta")
    for who in ("ben", "cleo", "dora"):
        assert lab.parts(who, "create", lab.of_ann, num_parts=1).status_code == httpx.codes.FORBIDDEN
        for action in ("complete", "abort"):
            theirs = lab.parts(who, action, lab.of_ann, upload_id=upload_id, parts=told)
            assert theirs.status_code == httpx.codes.FORBIDDEN, theirs.text
    # With the id of another's upload, at an address that is one's own.
    for who, base, experiment_id in (("ben", MPU, lab.of_ben), ("dora", in_beta, lab.of_ann)):
        for action in ("complete", "abort"):
            theirs = lab.parts(who, action, experiment_id, base, upload_id=upload_id, parts=told)
            # At Azure an upload is the parts of one file: to drop one's own, of which none came, is nothing.
            is_nothing = action == "abort" and theirs.status_code == httpx.codes.OK
            assert theirs.status_code in REFUSED or is_nothing, theirs.text
    assert lab.content(lab.of_ben).status_code == httpx.codes.NOT_FOUND
    done = lab.parts("ann", "complete", lab.of_ann, upload_id=upload_id, parts=told)
    assert done.status_code == httpx.codes.OK, done.text
    assert lab.content(lab.of_ann).content == PART


def test_s09_who_lost_the_role_meanwhile_ends_no_upload(lab: Lab):
    upload_id, told = lab.begun("ben", lab.of_ben, 1)
    lab.grant("ben", "alpha", role="reader", experiment_id=lab.of_ben)
    for action in ("complete", "abort"):
        refused = lab.parts("ben", action, lab.of_ben, upload_id=upload_id, parts=told)
        assert refused.status_code == httpx.codes.FORBIDDEN
    assert lab.content(lab.of_ben).status_code == httpx.codes.NOT_FOUND


def test_parts_that_can_not_be_are_refused_and_the_upload_goes_on(lab: Lab):
    upload_id, told = lab.begun("ann", lab.of_ann, 2)
    first, second = told
    wrong: list[list[dict[str, Any]]] = [
        [first, {**second, "part_number": -2}],
        [first, {**second, "part_number": 0}],
        [first, {**second, "part_number": 10_001}],
        [first, {**second, "part_number": 3}],
        [first, {**second, "part_number": 2**40}],
    ]
    for parts in wrong:
        refused = lab.parts("ann", "complete", lab.of_ann, upload_id=upload_id, parts=parts)
        assert refused.status_code == httpx.codes.BAD_REQUEST, (parts, refused.text)
    assert lab.content(lab.of_ann).status_code == httpx.codes.NOT_FOUND
    # Told twice and in another order, they are what they are.
    parts = [second, first, second, first]
    done = lab.parts("ann", "complete", lab.of_ann, upload_id=upload_id, parts=parts)
    assert done.status_code == httpx.codes.OK, done.text
    assert lab.content(lab.of_ann).content == PART * 2
