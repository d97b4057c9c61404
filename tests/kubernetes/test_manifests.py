"""What is sent to a cluster, held against Kubernetes' published schemas as the tests' own server does."""

from __future__ import annotations

import base64
import copy
import io
import json
import zipfile

import msgspec
import pytest
from kubernetes_validate import validate

from runyard.compute.base import Launch
from runyard.compute.kubernetes import KIND
from runyard.compute.kubernetes_manifests import (
    ATTEMPT,
    RUN,
    KubernetesSettings,
    agent_of_all,
    job_of,
    secret_of,
    told_of,
)
from runyard.errors import InvalidParameter
from runyard.services.launchers import checked_settings
from runyard.testing.launcher_rules import RUN_ID, assignment
from tests.kubernetes.checks import faults_of, faults_of_change

SERVER = "https://runyard.example"
ALL = {
    "namespace": "ml",
    "image": "registry.example:5000/team/train@sha256:0f",
    "cpu": "1.5",
    "memory": "1536Mi",
    "gpus": 2,
    "gpu_name": "amd.com/gpu",
    "node_selector": {"pool": "gpu", "kubernetes.io/arch": "amd64"},
    "tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}, {"key": "a", "value": "b"}],
    "service_account": "trainer",
    "image_pull_secrets": ["registry"],
    "cache_claim": "environments",
    "run_as_user": 1000,
}


def settings(**told) -> KubernetesSettings:
    return msgspec.convert(told, KubernetesSettings)


def job(told=None, slots=1, attempt=1, **wanted):
    launch = Launch(RUN_ID, attempt, told or assignment(), slots)
    return job_of(launch, settings(**wanted), "0" * 16, "my cluster")


def pod(found):
    return found["spec"]["template"]["spec"]


@pytest.mark.parametrize("version", ["1.28", "1.31", "1.34", "1.37"])
@pytest.mark.parametrize("wanted", [{}, ALL], ids=["least", "all"])
def test_manifests_are_what_clusters_of_many_versions_take(version: str, wanted):
    made = job(**wanted, slots=3)
    secret = secret_of(
        {"metadata": {**made["metadata"], "uid": "u"}}, told_of(Launch(RUN_ID, 1, assignment()), SERVER)
    )
    for each in (made, secret, agent_of_all()):
        assert validate(each, version, strict=True) == version
        assert faults_of(each["kind"], each) == []


def test_a_name_tells_attempts_apart_and_is_short_enough():
    names = {job(attempt=attempt)["metadata"]["name"] for attempt in (1, 1, 2, 999_999)}
    assert len(names) == 4
    assert max(map(len, names)) <= 63
    labels = job(attempt=2)["spec"]["template"]["metadata"]["labels"]
    assert (labels[RUN], labels[ATTEMPT]) == (RUN_ID, "2")


def test_the_pod_has_no_more_rights_than_it_needs():
    least, most = pod(job()), pod(job(run_as_user=1000))
    for each in (least, most):
        (container,) = each["containers"]
        assert each["automountServiceAccountToken"] is False
        assert each["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert not any("hostPath" in volume for volume in each["volumes"])
    assert most["securityContext"]["runAsNonRoot"] is True
    assert most["containers"][0]["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert most["containers"][0]["env"] == [{"name": "HOME", "value": "/runyard/job"}]


def test_the_words_of_the_container_are_the_same_for_every_job():
    told = assignment(command=["$(touch x)", "$(HOME)"], variables={"A": "$(B)"})
    made = job(told)
    assert pod(made)["containers"][0]["command"] == ["python3", "/runyard/agent/agent.pyz"]
    assert "touch" not in json.dumps(made)
    assert told["key"] not in json.dumps(made)


def test_the_agent_is_there_for_longer_than_it_takes_to_stop():
    assert pod(job(assignment(stop_grace_s=10.0)))["terminationGracePeriodSeconds"] >= 10 + 10 + 30


def test_slots_are_counted_in_what_nodes_have():
    limits = pod(job(slots=3, **ALL))["containers"][0]["resources"]["limits"]
    assert limits == {"cpu": "4.5", "memory": "4608Mi", "amd.com/gpu": "6"}
    for written, total in (("0.05", "0.15"), (0.5, "1.5"), (2, "6.0"), ("250m", "750m"), ("9", "27")):
        assert pod(job(slots=3, cpu=written))["containers"][0]["resources"]["requests"]["cpu"] == total


def test_the_image_of_the_environment_counts_and_its_shared_memory():
    told = assignment()
    told["environment"]["docker"] = {"image": "own/image:1", "dockerfile": "", "shm_size": "2g"}
    made = job(told, image="python:3.12")
    assert pod(made)["containers"][0]["image"] == "own/image:1"
    assert pod(made)["volumes"][-1] == {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "2Gi"}}
    assert faults_of("Job", made) == []
    # The agent is in that container already; what it can't be in, it refuses itself.
    assert told_of(Launch(RUN_ID, 1, told), SERVER)["environment"]["docker"] == {}
    told["environment"]["docker"] = {"image": "", "dockerfile": "FROM x", "shm_size": ""}
    assert told_of(Launch(RUN_ID, 1, told), SERVER)["environment"]["docker"]["dockerfile"] == "FROM x"
    assert told_of(Launch(RUN_ID, 1, told), SERVER)["has_containers"] is False


def test_the_agents_file_fits_into_a_map_and_is_one_for_all():
    (content,) = agent_of_all()["binaryData"].values()
    assert len(content) < 1 << 19  # a cluster takes twice as much
    assert "__main__.py" in zipfile.ZipFile(io.BytesIO(base64.b64decode(content))).namelist()
    assert agent_of_all() == agent_of_all()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("namespace", "a/b"),
        ("namespace", "../x"),
        ("namespace", "ml\n"),
        ("image", "two words"),
        ("image", ""),
        ("server_url", "file:///etc"),
        ("cpu", "1; rm"),
        ("memory", "lots"),
        ("gpus", -1),
        ("gpu_name", "gpu"),
        ("service_account", "A"),
        ("image_pull_secrets", ["a_b"]),
        ("cache_claim", "a/../b"),
        ("run_as_user", 0),
        ("tolerations", [{"operator": "Is"}]),
        ("host_path", "/"),
    ],
    ids=str,
)
def test_settings_that_can_not_be_are_refused_by_name(name: str, value: object):
    with pytest.raises(InvalidParameter, match=f"settings.*{name}"):
        checked_settings(KIND, {name: value})
    assert checked_settings(KIND, ALL)["gpus"] == 2


# --- the tests' own server --------------------------------------------------------------------------------


def broken(change):
    made = copy.deepcopy(job(gpus=1))
    change(made)
    return faults_of("Job", made)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda made: made["spec"].update(backofLimit=0), "backofLimit"),
        (lambda made: made["spec"].update(backoffLimit="0"), "backoffLimit"),
        (lambda made: made["spec"].pop("template"), "template"),
        (lambda made: made["metadata"].update(name="A_b"), "metadata.name"),
        (lambda made: made["metadata"].update(name="a" * 64), "63 characters"),
        (lambda made: made["metadata"]["labels"].update(a="b c"), "labels"),
        (lambda made: pod(made).update(restartPolicy="Always"), "restartPolicy"),
        (lambda made: pod(made)["containers"][0].pop("name"), "name"),
        (lambda made: pod(made)["volumes"].pop(0), "Not found"),
        (lambda made: pod(made)["containers"][0]["resources"]["limits"].update(cpu="1 core"), "cpu"),
        (lambda made: pod(made)["containers"][0]["resources"]["limits"].update(cpu="1m"), "limit"),
        (lambda made: pod(made)["containers"][0]["volumeMounts"].append({"name": "job"}), "mountPath"),
    ],
    ids=[
        "unknown",
        "type",
        "required",
        "name",
        "length",
        "label",
        "policy",
        "container",
        "volume",
        "quantity",
        "limit",
        "mount",
    ],
)
def test_the_server_of_the_tests_refuses_what_kubernetes_does(change, what: str):
    assert broken(lambda made: None) == []
    assert what in "; ".join(broken(change))


def test_the_server_of_the_tests_keeps_what_may_not_change():
    before = job()
    after = copy.deepcopy(before)
    after["spec"]["suspend"] = False
    assert faults_of_change("Job", before, after) == []
    after["spec"]["template"]["spec"]["restartPolicy"] = "OnFailure"
    assert faults_of_change("Job", before, after) == ["spec.template: field is immutable"]
