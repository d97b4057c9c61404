"""What measures jobs on real engines starts them, asks them by themselves too, and leaves nothing behind."""

from __future__ import annotations

import re

import pytest

from tests.compute.engine_starts import ENGINES, main
from tests.compute.ssh_hosts import needs_hosts
from tests.ray_cluster import is_possible as has_ray
from tests.slurm_cluster import installed

pytestmark = [
    pytest.mark.slow,
    needs_hosts,
    pytest.mark.skipif(not installed(), reason="no Slurm, or not root"),
    pytest.mark.skipif(not has_ray(), reason="needs Ray, iproute2 and root for network namespaces"),
]
FIGURES = re.compile(r"^\| (.+?) \| ([0-9.]+) \| ([0-9.]+) \| ([0-9.]+) \|$", re.MULTILINE)


@pytest.mark.parametrize("name", sorted(ENGINES))
def test_jobs_on_an_engine_are_measured_beside_it(name: str, capfd: pytest.CaptureFixture[str]):
    assert main([name, "--repeats", "1"]) == 0
    found = {each[0]: [float(cell) for cell in each[1:]] for each in FIGURES.findall(capfd.readouterr().out)}
    assert list(found) == ["Runyard, the first", "Runyard", "the engine alone"]
    assert all(0 < least <= median <= most for median, least, most in found.values())
