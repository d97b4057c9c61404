"""The cluster that the tests of this folder share."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.kubernetes.cluster import KubernetesCluster


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubernetesCluster]:
    """A cluster of one node, on loopback."""
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed")
    running = KubernetesCluster(tmp_path_factory.mktemp("kubernetes"))
    yield running
    running.close()
