"""The queue of jobs with targets that may be cut off."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from runyard.compute import kinds
from runyard.compute.base import CredentialPart, TargetKind
from runyard.entities.compute_target import LOCAL, THIS_MACHINE, ComputeTarget
from runyard.services import launched_jobs
from runyard.services.assignments import Assignments
from runyard.services.job_queue import JobQueue
from runyard.services.launchers import Launchers
from runyard.services.operation import Operation
from tests.compute.far_targets import CutOff, FarSettings
from tests.server.local import Local


@pytest.fixture
def way(monkeypatch: pytest.MonkeyPatch):
    """The way to the machine: `is_open` may be changed, `opened` says how often it was gone."""
    monkeypatch.setattr(CutOff, "is_open", True)
    monkeypatch.setattr(CutOff, "is_full", False)
    monkeypatch.setattr(CutOff, "opened", [])
    monkeypatch.setattr(CutOff, "made", [])
    monkeypatch.setattr(CutOff, "refused", set())
    monkeypatch.setattr(CutOff, "silent", set())
    monkeypatch.setattr(CutOff, "is_answered", threading.Event())
    kind = TargetKind("Far", "Far away.", FarSettings, (CredentialPart("password", ""),), CutOff)
    monkeypatch.setitem(kinds.KINDS, "far", kind)
    monkeypatch.setattr(launched_jobs, "LAUNCHED_AGAIN_AFTER_S", 0.0)
    monkeypatch.setattr(launched_jobs, "OVER_WITHIN_S", 0.0)
    return CutOff


@pytest.fixture
def local(tmp_path: Path):
    local = Local(tmp_path / "home")
    yield local
    local.close()


@pytest.fixture
def queue(local: Local, way):
    operation = Operation(address="http://127.0.0.1:9")
    assignments = Assignments(local.stores, local.settings, operation)
    launchers = Launchers(local.settings)
    queue = JobQueue(local.stores, local.settings, assignments, launchers, "here")
    yield queue
    way.is_open = True
    way.is_answered.set()
    queue.close()
    here = launchers.of(ComputeTarget("", THIS_MACHINE, LOCAL, 1))
    for handle in here.list_launched():
        here.forget(handle)
    for launcher in way.made:
        for handle in launcher.started:  # who started an agent is its parent, and asks for its end
            launcher.forget(handle)
