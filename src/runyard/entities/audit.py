"""What the audit log holds: who did what, when, where, and what came of it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from enum import Enum


class Outcome(str, Enum):
    """What came of it."""

    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """Something that somebody did, or was not let do.

    Args:
        at_ms: When it was first asked for, in milliseconds since the epoch.
        action: Which of the server's actions, as ``grants.set_grant``.
        outcome: What came of it.
        caller: The name of who asked; empty for a stranger.
        principal_id: Their id, which stays when they are renamed.
        key_id: The API key behind the credential that they sent, or the job whose key it was.
        client: The network address that it came from.
        workspace: The workspace that was addressed.
        target: The names that were given, as ``principal=ann role=reader``; never a secret.
        request_id: The id of the request, or of the first of several.
        count: How many times it was asked for: refusals that are alike and close together are one event.
    """

    at_ms: int
    action: str
    outcome: Outcome
    caller: str = ""
    principal_id: str = ""
    key_id: str = ""
    client: str = ""
    workspace: str = ""
    target: str = ""
    request_id: str = ""
    count: int = 1

    def chained_to(self, previous_hash: str) -> str:
        """Return the hash that ties this to all events before it.

        Args:
            previous_hash: That of the event before it; empty before the first.
        """
        told = json.dumps([previous_hash, asdict(self)], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(told.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """An event as the log keeps it: with its place, and with the hash that ties it to those before it."""

    number: int
    event: AuditEvent
    chain_hash: str


@dataclass(frozen=True, slots=True)
class AuditSearch:
    """Which entries are asked for; what is left out lets everything through.

    Args:
        caller: The name of who asked, or their id.
        action: The action, or its beginning up to a dot.
        outcome: What came of it.
        workspace: The workspace that was addressed.
        target: A part of what it was about.
        since_ms: Not before this time.
        until_ms: Before this time.
        before_number: Only entries before this one, as on the next page.
        limit: How many at most.
    """

    caller: str | None = None
    action: str | None = None
    outcome: Outcome | None = None
    workspace: str | None = None
    target: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    before_number: int | None = None
    limit: int = 100
