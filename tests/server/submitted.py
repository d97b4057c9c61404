"""Jobs as the tests submit them over HTTP, and agents as the server sees them."""

from __future__ import annotations

import hashlib

from runyard.entities.job import Job
from runyard.services.job_life import begin_attempt
from tests.server.local import Local, good

JOBS, COMPUTE = "/api/v1/jobs", "/api/v1/compute"
CODE = b"an archive"
SHA256 = hashlib.sha256(CODE).hexdigest()
AGENT, OTHER_AGENT = "a" * 32, "b" * 32
NOW_MS = 1_700_000_000_000
# Who sent a credential a moment ago is remembered, and is then told that the job is not theirs.
SHUT_OUT = (400, 401)


def submit(local: Local, **more):
    body = {"experiment_id": "0", "command": ["true"]} | more
    return good(local.ask("POST", JOBS, json=body))["job"]


def job_of(local: Local, run_id: str):
    return good(local.ask("GET", f"{JOBS}/{run_id}"))["job"]


def keep_code(local: Local, code: bytes = CODE) -> str:
    sha256 = hashlib.sha256(code).hexdigest()
    good(local.ask("PUT", f"/api/v1/snapshots/{sha256}", content=code))
    return sha256


def kept_job(local: Local, run_id: str) -> Job:
    found = local.stores.metadata.jobs.find_job(run_id)
    assert found is not None
    return found


class Attempt:
    """An agent of a job, as the server sees it."""

    def __init__(self, local: Local, run_id: str, agent_id: str = AGENT, key: str | None = None) -> None:
        self.local, self.run_id, self.agent_id = local, run_id, agent_id
        self.key = key or begin_attempt(local.stores, kept_job(local, run_id), "here", NOW_MS)
        self.number = kept_job(local, run_id).attempt

    def tell(self, what: str, **more):
        body = {"attempt": self.number, "agent_id": self.agent_id} | more
        headers = {"Authorization": f"Bearer {self.key}"}
        return self.local.ask("POST", f"{JOBS}/{self.run_id}/{what}", json=body, headers=headers)
