"""Keys of jobs: what a job's agent and script call the server with, for as long as the job lives."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field

from runyard.auth.api_keys import PresentedSecret

_FORM = re.compile(r"ryj_([0-9a-f]{32})_([A-Za-z0-9_-]{43})", re.ASCII)


@dataclass(frozen=True, slots=True)
class PresentedJobKey(PresentedSecret):
    """A job's key as its agent holds it; its ``repr`` has no secret."""

    run_id: str
    secret: str = field(repr=False)

    @property
    def text(self) -> str:
        """The key as it is sent."""
        return f"ryj_{self.run_id}_{self.secret}"


def new_job_key(run_id: str) -> PresentedJobKey:
    """Return a key for the job of a run that nobody had before."""
    return PresentedJobKey(run_id, secrets.token_urlsafe(32))


def read_job_key(text: str) -> PresentedJobKey | None:
    """Return the key that ``text`` spells, or ``None`` if it has another form than ``ryj_<run>_<secret>``."""
    match = _FORM.fullmatch(text)
    return PresentedJobKey(*match.groups()) if match else None
