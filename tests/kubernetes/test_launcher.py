"""The launcher of Kubernetes against the rules, with real agents in the pods of the tests' own cluster."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from runyard.compute.base import AgentState, Launch, Opening
from runyard.compute.kubernetes import KIND, KubernetesLauncher
from runyard.compute.kubernetes_manifests import KubernetesSettings
from runyard.errors import Unavailable
from runyard.testing.launcher_rules import NOBODY, RUN_ID, LauncherRules, assignment, report_of, state_of
from tests.kubernetes.cluster import KubernetesCluster
from tests.waiting import until

pytestmark = pytest.mark.slow
HANDLE = f"{RUN_ID}/1"
Open = Callable[..., KubernetesLauncher]


def opening(cluster: KubernetesCluster, folder: Path, **settings: object) -> Opening:
    told = {"namespace": "ml", "server_url": NOBODY, "cpu": "100m", "memory": "64Mi", **settings}
    return Opening(
        folder, "cluster", msgspec.convert(told, KubernetesSettings), {"kubeconfig": cluster.kubeconfig()}
    )


class TestKubernetesLauncher(LauncherRules):
    @pytest.fixture(autouse=True)
    def _at(self, cluster: KubernetesCluster) -> None:
        self.cluster = cluster

    def open_launcher(self, folder: Path) -> KubernetesLauncher:
        return KubernetesLauncher(opening(self.cluster, folder))

    def open_launcher_to(self, folder: Path, server: str) -> KubernetesLauncher:
        return KubernetesLauncher(opening(self.cluster, folder, server_url=server))

    def kill_agent(self, launched: str) -> None:
        self.cluster.kill_agent(launched)


@pytest.fixture
def launch(cluster: KubernetesCluster, tmp_path: Path):
    """Return what opens a launcher with settings; what it has launched is ended."""
    opened = []

    def open_it(**settings: object) -> KubernetesLauncher:
        opened.append(KubernetesLauncher(opening(cluster, tmp_path, **settings)))
        return opened[-1]

    yield open_it
    for launched in opened[0].list_launched() if opened else ():
        opened[0].forget(launched)


def runs(cluster: KubernetesCluster) -> bool:
    pod = cluster.pod_of(HANDLE)
    return pod is not None and pod["status"]["phase"] == "Running"


def test_the_agent_ends_when_its_pod_is_told_to(launch: Open, cluster: KubernetesCluster):
    launcher = launch()
    launcher.check()
    launcher.submit(Launch(RUN_ID, 1, assignment()))
    until(lambda: runs(cluster))
    pid = cluster.agent_pid(HANDLE)
    until(lambda: catches(pid, signal.SIGTERM))
    launcher.cancel(HANDLE)
    until(lambda: state_of(launcher, HANDLE) is AgentState.GONE)
    until(lambda: not Path(f"/proc/{pid}").exists())


def catches(pid: int, number: int) -> bool:
    caught = re.search(r"^SigCgt:\t([0-9a-f]+)$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return caught is not None and bool(int(caught[1], 16) >> (number - 1) & 1)


def test_the_key_is_in_no_job_and_goes_with_it(launch: Open, cluster: KubernetesCluster):
    launcher = launch()
    launcher.submit(Launch(RUN_ID, 1, assignment()))
    kept = [json.dumps(cluster.objects.list(each)) for each in ("jobs", "pods", "configmaps")]
    assert not any("ryj_" in each for each in kept)
    (secret,) = cluster.objects.list("secrets")
    (job,) = cluster.objects.list("jobs")
    assert secret["metadata"]["ownerReferences"][0]["uid"] == job["metadata"]["uid"]
    launcher.forget(HANDLE)
    assert cluster.objects.list("secrets") == []
    until(lambda: cluster.pod_of(HANDLE) is None)


def test_a_pod_that_can_not_begin_says_why_and_waits(launch: Open, cluster: KubernetesCluster):
    launcher = launch(gpus=1)
    launcher.submit(Launch(RUN_ID, 1, assignment(), slots=2))
    until(lambda: "Insufficient nvidia.com/gpu" in report_of(launcher, HANDLE).reason)
    assert state_of(launcher, HANDLE) is AgentState.ALIVE
    pod = cluster.pod_of(HANDLE)
    assert pod is not None
    assert pod["spec"]["containers"][0]["resources"]["limits"] == {
        "cpu": "200m",
        "memory": "128Mi",
        "nvidia.com/gpu": "2",
    }


def test_an_image_that_can_not_be_pulled_is_said_and_may_be_canceled(
    launch: Open, cluster: KubernetesCluster
):
    launcher = launch()
    launcher.submit(Launch(RUN_ID, 2, with_image("no/such:1")))
    until(lambda: "ImagePullBackOff" in report_of(launcher, f"{RUN_ID}/2").reason)
    launcher.cancel(f"{RUN_ID}/2")
    until(lambda: state_of(launcher, f"{RUN_ID}/2") is AgentState.GONE)


def with_image(image: str):
    told = assignment()
    told["environment"]["docker"]["image"] = image
    return told


def test_an_evicted_pod_is_gone_with_the_nodes_words(launch: Open, cluster: KubernetesCluster):
    launcher = launch()
    launcher.submit(Launch(RUN_ID, 1, assignment()))
    until(lambda: runs(cluster))
    pod = cluster.pod_of(HANDLE)
    assert pod is not None
    cluster.kubelet.evict(pod)
    until(lambda: state_of(launcher, HANDLE) is AgentState.GONE)
    assert report_of(launcher, HANDLE).reason == "Evicted: The node was low on resource: memory."


def test_an_agent_that_can_not_start_says_why(launch: Open, cluster: KubernetesCluster):
    launcher = launch()
    launcher.submit(Launch(RUN_ID, 1, {"url": "no assignment"}))
    until(lambda: state_of(launcher, HANDLE) is AgentState.GONE)
    assert "KeyError" in report_of(launcher, HANDLE).reason


def test_a_job_that_was_never_let_go_is_gone_and_found(launch: Open, cluster: KubernetesCluster):
    """As a server leaves it that dies before the secret is there."""
    launcher = launch()
    cluster.objects.create("jobs", launcher._job_of(Launch(RUN_ID, 1, assignment())))
    assert (launcher.find(RUN_ID, 1), state_of(launcher, HANDLE)) == (HANDLE, AgentState.GONE)
    assert cluster.pod_of(HANDLE) is None
    launcher.submit(Launch(RUN_ID, 1, assignment()))
    until(lambda: runs(cluster))
    assert len(cluster.objects.list("jobs")) == 1


def test_a_launch_that_is_refused_in_the_middle_leaves_nothing(
    launch: Open, cluster: KubernetesCluster, monkeypatch: pytest.MonkeyPatch
):
    launcher = launch()
    rules = [each for each in cluster.api.rules if "secrets" not in each["resources"]]
    monkeypatch.setattr(cluster.api, "rules", rules)
    with pytest.raises(Unavailable, match="cannot create resource"):
        launcher.submit(Launch(RUN_ID, 1, assignment()))
    assert (cluster.objects.list("jobs"), cluster.pod_of(HANDLE)) == ([], None)


def test_another_servers_jobs_are_not_seen(launch: Open, cluster: KubernetesCluster, tmp_path: Path):
    launcher = launch()
    launcher.submit(Launch(RUN_ID, 1, assignment()))
    other = KubernetesLauncher(opening(cluster, tmp_path / "other"))
    assert (list(other.list_launched()), other.find(RUN_ID, 1)) == ([], None)
    other.forget(HANDLE)
    assert list(launcher.list_launched()) == [HANDLE]


def test_a_cluster_that_does_not_answer_is_unknown(cluster: KubernetesCluster, tmp_path: Path):
    config = cluster.kubeconfig(server="https://127.0.0.1:9")
    settings = KubernetesSettings(server_url=NOBODY)
    launcher = KubernetesLauncher(Opening(tmp_path, "cluster", settings, {"kubeconfig": config}))
    report = launcher.reports_of([HANDLE])[HANDLE]
    assert (report.state, launcher.reports_of([])) == (AgentState.UNKNOWN, {})
    assert "refused" in report.reason
    with pytest.raises(Unavailable, match="refused"):
        launcher.list_launched()


def test_a_target_without_the_servers_address_is_refused(cluster: KubernetesCluster, tmp_path: Path):
    launcher = KIND.open(opening(cluster, tmp_path, server_url=""))
    with pytest.raises(Unavailable, match="server_url"):
        launcher.check()
