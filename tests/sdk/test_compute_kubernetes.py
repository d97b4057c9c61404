"""A cluster of Kubernetes in the SDK's words."""

from __future__ import annotations

import pytest

from runyard import KubernetesCompute
from runyard.azureml.names import HOMES
from runyard.errors import InvalidParameter


def test_what_the_server_is_told_and_what_is_kept_secret():
    wanted = KubernetesCompute.attach_configuration(
        "ml", 4, {"team": "a"}, "the lab's", server="https://k.example", token="t", ca="c", gpus=1
    )
    assert (wanted.kind, wanted.slots, wanted.tags, wanted.description) == (
        "kubernetes",
        4,
        {"team": "a"},
        "the lab's",
    )
    assert wanted.settings == {"namespace": "ml", "server": "https://k.example", "gpus": 1}
    assert wanted.credential == {"token": "t", "ca": "c"}
    assert "'t'" not in repr(wanted)


def test_what_azure_would_be_asked_for_is_said():
    with pytest.raises(InvalidParameter, match="resource_id: Runyard does not ask Azure"):
        KubernetesCompute.attach_configuration(resource_id="/subscriptions/x", namespace="ml")
    with pytest.raises(InvalidParameter, match="kubeconfig"):
        KubernetesCompute.attach_configuration("ml")
    # Beside a kubeconfig they change nothing.
    wanted = KubernetesCompute.attach_configuration("ml", kubeconfig="x", resource_group="g")
    assert wanted.settings == {"namespace": "ml"}


def test_azures_name_for_it_is_found_in_the_alias():
    home = "runyard.sdk.compute_kubernetes:KubernetesCompute"
    assert HOMES["azureml.core.compute"]["KubernetesCompute"] == home
