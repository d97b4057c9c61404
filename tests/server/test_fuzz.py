"""S32: schemathesis reads the OpenAPI document and sends what it makes of it, as three different people.

It is a program in an environment of its own, against a real server. Whatever it sends, the server must not
fail, must answer in the form that it describes, and must show nothing that the person may not see.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from runyard.app import administration, open_stores
from runyard.settings import Mode, Settings
from tests.running_server import RunningServer

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / ".envs" / "fuzz" / "bin" / "schemathesis"
EXAMPLES = int(os.environ.get("RUNYARD_FUZZ_EXAMPLES", "10"))
"""How many cases of random data for each operation, besides those that cover the schema: 6,000 in all."""
SEED = os.environ.get("RUNYARD_FUZZ_SEED", "20261125")

KEEPER = "keeper"
PEOPLE = ("administrator", "owner", "reader")

# A canary in another workspace, in its files, and beside the root of all files.
CANARIES = ("canary-of-beta-4fd1", "canary-in-a-file-77c2", "canary-on-the-disk-90aa")

# What the program must not do to itself (lock its own person out), and probes, whose 503 is their answer.
LEFT_OUT = r"/api/v1/keys/|/api/v1/principals/|/healthz|/readyz"
# By these only an administrator can. Names are no protection: the program tries those that answers held.
LEFT_OUT_OF_ADMINISTRATORS = LEFT_OUT + r"|/users/update-admin|/users/delete"
# 501 says what Runyard has not, as passwords of users or storage that signs addresses: that is no failure.
CHECKS = """
[checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", 501]
"""


class Lab:
    """A server with two workspaces and three people: an administrator, an owner and a reader of alpha.

    The keeper administers it too, and nobody fuzzes as the keeper: whoever does may change what they are.
    """

    def __init__(self, folder: Path) -> None:
        settings = Settings(mode=Mode.SERVE, home=folder / "home")
        stores = open_stores(settings)
        self.keeper = administration(stores).make_first_administrator(KEEPER).text
        stores.close()
        (folder / "home" / "canary.txt").write_text(CANARIES[2])
        self.server = RunningServer(folder / "home", mode="serve").start()
        self.people: dict[str, str] = {}
        for workspace in ("alpha", "beta"):
            self.ask("POST", "/api/v1/workspaces", {"name": workspace})
        for person in PEOPLE:
            is_administrator = person == "administrator"
            self.ask("POST", "/api/v1/principals", {"name": person, "is_administrator": is_administrator})
            made = self.ask("POST", "/api/v1/keys", {"name": "first", "principal": person})
            self.people[person] = made.json()["api_key"]
            if not is_administrator:
                self.ask("PUT", "/workspaces/alpha/api/v1/grants", {"principal": person, "role": person})
        self.plant()

    def plant(self) -> None:
        """Put the canaries into workspace beta, in all that it holds."""
        here = "/workspaces/beta/api/2.0/mlflow"
        made = self.ask("POST", f"{here}/experiments/create", {"name": CANARIES[0]}).json()
        run = self.ask("POST", f"{here}/runs/create", {**made, "run_name": CANARIES[0]}).json()["run"]["info"]
        tag = {"run_id": run["run_id"], "key": "secret", "value": CANARIES[0]}
        self.ask("POST", f"{here}/runs/set-tag", tag)
        path = f"{made['experiment_id']}/{run['run_id']}/artifacts/secret.txt"
        upload = f"{self.server.url}/workspaces/beta/api/2.0/mlflow-artifacts/artifacts/{path}"
        httpx.put(upload, content=CANARIES[1], headers=self.headers, timeout=120).raise_for_status()

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.keeper}"}

    def ask(self, method: str, path: str, body: object = None) -> httpx.Response:
        url = self.server.url + path
        answer = httpx.request(method, url, json=body, headers=self.headers, timeout=120)
        answer.raise_for_status()
        return answer


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    lab = Lab(tmp_path_factory.mktemp("fuzz"))
    yield lab
    lab.server.close()


@pytest.mark.scaled
@pytest.mark.parametrize(
    ("person", "phases"),
    [("reader", "fuzzing"), ("owner", "coverage,fuzzing"), ("administrator", "fuzzing")],
)
def test_s32_no_request_makes_the_server_fail_or_tell_what_it_should_not(lab, person, phases, tmp_path):
    assert PROGRAM.exists(), "`make test` installs it: python3 scripts/bootstrap.py test"
    address = f"{lab.server.url}/workspaces/alpha"
    left_out = LEFT_OUT_OF_ADMINISTRATORS if person == "administrator" else LEFT_OUT
    seen = tmp_path / "seen.yaml"
    (tmp_path / "schemathesis.toml").write_text(CHECKS)
    command = [str(PROGRAM), "run", f"{address}/api/v1/openapi.json", "--url", address, "--no-color"]
    command += ["--header", f"Authorization: Bearer {lab.people[person]}", "--seed", SEED]
    command += ["--checks", "not_a_server_error,response_schema_conformance,content_type_conformance"]
    command += ["--phases", phases, "--max-examples", str(EXAMPLES), "--continue-on-failure"]
    command += ["--exclude-path-regex", left_out, "--request-timeout", "60", "--warnings", "off"]
    command += ["--generation-database", "none", "--suppress-health-check", "all"]
    command += ["--report", "vcr", "--report-vcr-path", str(seen), "--output-sanitize", "false"]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert ended.returncode == 0, ended.stdout[-6000:] + ended.stderr[-2000:]
    assert f"Bearer {lab.people[person]}" in seen.read_text(), "the report is not what it was"
    who = httpx.get(
        f"{lab.server.url}/api/v1/caller",
        headers={"Authorization": f"Bearer {lab.people[person]}"},
        timeout=60,
    ).json()
    assert (who["name"], who["is_administrator"]) == (person, person == "administrator")
    if person != "administrator":
        told = seen.read_text()
        assert [canary for canary in CANARIES[:2] if canary in told] == []
    assert CANARIES[2] not in seen.read_text()


@pytest.mark.scaled
def test_s32_the_server_is_whole_afterwards(lab):
    assert lab.ask("GET", "/api/v1/check").json()["faults"] == []
    assert lab.ask("GET", "/api/v1/audit/verify").json()["is_whole"] is True
    assert (lab.server.home / "canary.txt").read_text() == CANARIES[2]
    assert "Traceback" not in lab.server.output
