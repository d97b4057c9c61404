"""Pools: on the cluster that the workspace has for them, else on the server's own machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from runyard.entities.compute_target import FOR_POOLS
from runyard.sdk.compute import ComputeTarget
from runyard.sdk.compute_pool import AmlCompute
from runyard.sdk.compute_ray import RayCluster
from runyard.services.launchers import credential_of
from tests.server.local import Local, good, refusal

COMPUTE = "/api/v1/compute"
SETTINGS = {"address": "http://head.example:8265", "server_url": "https://runyard.example"}


@pytest.fixture
def local(tmp_path: Path):
    local = Local(tmp_path / "home", local_slots=2)
    yield local
    local.close()


def create(local: Local, name: str, **more: object):
    return local.ask("POST", COMPUTE, json={"name": name, "skip_validation": True} | more)


def cluster(local: Local, tag: str = "true", name: str = "ray", token: str = "t0ken") -> None:
    more = {"settings": SETTINGS, "credential": {"token": token}, "tags": {FOR_POOLS: tag}}
    good(create(local, name, kind="ray", **more))


def test_without_a_cluster_a_pool_is_on_this_machine(local: Local):
    made = good(create(local, "pool", kind="pool", slots=3))["compute_target"]
    assert (made["kind"], made["slots"], made["settings"]) == ("local", 3, {})


def test_a_pool_is_on_the_cluster_that_is_for_pools(local: Local):
    cluster(local, tag="false", name="another", token="other")
    cluster(local)
    made = good(create(local, "pool", kind="pool", slots=3, tags={"a": "b"}))["compute_target"]
    assert (made["kind"], made["slots"], made["tags"]) == ("ray", 3, {"a": "b"})
    assert made["settings"].items() >= SETTINGS.items()
    kept = local.stores.metadata.compute_targets.find_target("default", "pool")
    assert kept is not None
    assert credential_of(local.settings, kept) == {"token": "t0ken"}
    assert "t0ken" not in local.ask("GET", COMPUTE).text


@pytest.mark.parametrize(
    "more", [{"settings": SETTINGS}, {"credential": {"token": "t"}}], ids=["how", "with"]
)
def test_a_pool_is_not_told_how_it_is_reached(local: Local, more):
    status, _, message = refusal(create(local, "pool", kind="pool", **more))
    assert (status, "'kind'" in message) == (400, True)
    assert [each["name"] for each in good(local.ask("GET", COMPUTE))["compute_targets"]] == ["local"]


def test_the_words_for_a_cluster_make_its_configuration():
    made = RayCluster.attach_configuration("http://head:8265", "t", slots=4, is_for_pools=True, python="py")
    assert (made.kind, made.slots, made.tags) == ("ray", 4, {FOR_POOLS: "true"})
    assert (made.settings, made.credential) == (
        {"address": "http://head:8265", "python": "py"},
        {"token": "t"},
    )
    assert RayCluster.attach_configuration("http://head:8265").credential == {}
    assert ComputeTarget._classes["ray"] is AmlCompute
