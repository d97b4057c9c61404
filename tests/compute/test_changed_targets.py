"""Compute targets whose settings and credential change, by a kind of the tests' own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar

import msgspec
import pytest

from runyard.compute import kinds
from runyard.compute.base import CredentialPart, Opening, TargetKind
from runyard.compute.local import LocalLauncher
from runyard.entities.job import JobStatus
from runyard.errors import Unavailable
from runyard.services.launchers import Launchers
from tests.server.local import Local, good, refusal
from tests.server.team import Team

COMPUTE, JOBS = "/api/v1/compute", "/api/v1/jobs"


class FarSettings(msgspec.Struct, forbid_unknown_fields=True):
    """As a real kind has them.

    Args:
        host: Which machine.
        slots_per_node: How many slots a node has.
        proxy: Over which machine.
        fingerprint: By what it is known.
        over: The same of the machine before it.
    """

    host: str
    slots_per_node: Annotated[int, msgspec.Meta(ge=1)] = 1
    proxy: str | None = None
    fingerprint: str = ""
    over: dict[str, str] = {}


class Far(LocalLauncher):
    """Can be reached by one password."""

    opened: ClassVar[list[Opening]] = []

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening.folder)
        self._opening = opening
        self.opened.append(opening)

    def check(self) -> None:
        if self._opening.credential.get("password") != "hunter2":
            raise Unavailable(f"{self._opening.settings.host} lets nobody in.")


@pytest.fixture
def local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Far, "opened", [])
    parts = (CredentialPart("password", "Of the machine."), CredentialPart("key", "In its place.", True))
    kind = TargetKind("Far", "Far away.", FarSettings, parts, Far, known_by=["fingerprint"])
    monkeypatch.setitem(kinds.KINDS, "far", kind)
    local = Local(tmp_path / "home")
    yield local
    local.close()


def attach(local: Local, **more: Any) -> Any:
    body = {"name": "vm", "kind": "far", "settings": {"host": "a.example", "proxy": "p"}} | more
    return good(local.ask("POST", COMPUTE, json={"credential": {"password": "hunter2"}} | body))


def change(local: Local, **changes: Any) -> Any:
    return local.ask("PATCH", f"{COMPUTE}/vm", json=changes)


def kept(local: Local) -> Any:
    found = local.stores.metadata.compute_targets.find_target("default", "vm")
    assert found is not None
    return found


def test_the_settings_that_are_named_change(local: Local):
    attach(local)
    changed = good(change(local, settings={"slots_per_node": 4, "proxy": None}, slots=3))["compute_target"]
    untouched = {"fingerprint": "", "over": {}}
    assert changed["settings"] == {"host": "a.example", "slots_per_node": 4, "proxy": None, **untouched}
    assert (changed["slots"], changed["has_credential"]) == (3, True)
    assert (Far.opened[-1].settings.slots_per_node, Far.opened[-1].credential) == (4, {"password": "hunter2"})
    assert good(local.ask("GET", f"{COMPUTE}/vm"))["compute_target"] == changed


def test_a_credential_is_replaced_and_told_nobody(local: Local):
    attach(local)
    before = kept(local).sealed
    answer = change(local, credential={"password": "hunter3"})
    status, _, message = refusal(answer)
    assert (status, "was not changed: a.example lets nobody in" in message) == (400, True)
    assert kept(local).sealed == before
    answer = change(local, credential={"key": "-----\nhunter3"}, skip_validation=True)
    assert good(answer)["compute_target"]["has_credential"] is True
    assert "hunter" not in answer.text
    assert "hunter" not in kept(local).sealed
    Launchers(local.settings).of(kept(local))
    assert Far.opened[-1].credential == {"key": "-----\nhunter3"}
    assert (
        good(change(local, credential={}, skip_validation=True))["compute_target"]["has_credential"] is False
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"settings": {"host": None}}, "'settings.host' supplied"),
        (
            {"settings": {"slots_per_node": 0}},
            "Invalid value 0 for parameter 'settings.slots_per_node' supplied",
        ),
        ({"settings": {"port": 1}}, "'settings': Object contains unknown field `port`"),
        ({"credential": {"pin": "1"}}, "'credential'"),
    ],
)
def test_what_can_not_be_changed_so_stays(local: Local, changes: Any, said: str):
    attach(local)
    before = kept(local)
    status, code, message = refusal(change(local, **changes))
    assert (status, code, said in message) == (400, "INVALID_PARAMETER_VALUE", True), message
    assert kept(local) == before


def test_settings_stay_while_jobs_run_by_them_and_a_credential_does_not(local: Local):
    attach(local)
    body = {"experiment_id": "0", "command": ["true"], "compute": "vm"}
    run_id = good(local.ask("POST", JOBS, json=body))["job"]["run_id"]
    # One that waits is begun by what the target is then.
    good(change(local, settings={"slots_per_node": 2}))
    local.stores.metadata.jobs.update_job(run_id, status=JobStatus.RUNNING)
    status, code, message = refusal(change(local, settings={"slots_per_node": 3}))
    assert (status, code, "Pause it" in message) == (400, "INVALID_STATE", True), message
    good(change(local, settings={"slots_per_node": 2}, credential={"password": "hunter2"}, slots=2))
    assert kept(local).settings["slots_per_node"] == 2
    # A host that has another key now is not reached before that is said, nor are its jobs ended.
    good(
        change(local, settings={"slots_per_node": 2, "fingerprint": "new", "over": {"fingerprint": "newer"}})
    )
    assert kept(local).settings["fingerprint"] == "new"
    refused = refusal(
        change(local, settings={"fingerprint": "new", "over": {"fingerprint": "n", "host": "b"}})
    )
    assert refused[1] == "INVALID_STATE"


def test_kinds_say_what_they_need(local: Local):
    found = {each["name"]: each for each in good(local.ask("GET", "/api/v1/compute-kinds"))["kinds"]}
    assert found.keys() == {"local", "kubernetes", "ray", "slurm", "ssh", "far"}
    far = found["far"]
    assert (far["title"], far["summary"]) == ("Far", "Far away.")
    assert far["credential"] == [
        {"name": "password", "hint": "Of the machine.", "has_lines": False},
        {"name": "key", "hint": "In its place.", "has_lines": True},
    ]
    struct = far["settings"]["$defs"]["FarSettings"]
    assert struct["properties"]["slots_per_node"] == {
        "type": "integer",
        "minimum": 1,
        "default": 1,
        "description": "How many slots a node has.",
    }
    assert struct["required"] == ["host"]


def test_no_change_brings_jobs_to_a_machine_that_runs_none(tmp_path: Path):
    team = Team(tmp_path / "home")
    over_ssh = {"host": "h.example", "username": "u", "host_key_fingerprint": f"SHA256:{'x' * 43}"}
    body = {"name": "hpc", "kind": "slurm", "settings": {"ssh": over_ssh}, "skip_validation": True}
    try:
        team.ask("POST", COMPUTE, body, key=team.admin_key).raise_for_status()
        to_here = {"settings": {"ssh": None}, "skip_validation": True}
        answer = team.ask("PATCH", f"{COMPUTE}/hpc", to_here, key=team.admin_key)
        assert (answer.status_code, "local_slots" in answer.text) == (403, True)
        shown = team.ask("GET", f"{COMPUTE}/hpc", key=team.admin_key).json()["compute_target"]
        assert shown["settings"]["ssh"]["host"] == "h.example"
    finally:
        team.close()
