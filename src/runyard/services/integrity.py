"""Whether all that a server remembers is whole. Looks, and repairs nothing."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from runyard.errors import Unavailable
from runyard.services.audit import verify_chain
from runyard.stores.artifacts.integrity import ArtifactCounts, ArtifactIntegrity
from runyard.stores.integrity import (
    Fault,
    as_far_as_it_goes,
    check_documents,
    check_evaluation_datasets,
    check_file,
    check_references,
    check_removals,
)
from runyard.stores.metrics.integrity import Counts, MetricIntegrity
from runyard.stores.opening import Stores

__all__ = ["Counts", "Fault", "Integrity", "Progress", "check_integrity"]

MOST_FAULTS = 1000
"""More are not collected: where so many are, the rest says nothing new."""

NOT_AS_WRITTEN = (
    "Somebody has changed, taken out or put in an entry past the server. Compare the log with that of the "
    "last good backup from this entry on, and see who can write into the database."
)

NOT_GUARDED = (
    "Somebody has changed the database past the server: entries may have been changed since, and the last "
    "ones taken out. Compare the log with that of the last good backup, and restore that: the triggers come "
    "with it."
)

Progress = Callable[[str, int, int], None]

_one_at_a_time = threading.Lock()


@dataclass(frozen=True, slots=True)
class Integrity:
    """What a check has found.

    Args:
        faults: What is wrong; nothing, if all is well.
        counts: How much was looked at.
        artifacts: How much of the artifacts, if these were looked at.
    """

    faults: list[Fault]
    counts: Counts
    artifacts: ArtifactCounts | None = None

    @property
    def is_whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults


def check_integrity(
    stores: Stores, on_progress: Progress = lambda what, done, total: None, *, with_artifacts: bool = False
) -> Integrity:
    """Return what is wrong with the stores; takes some seconds for a million points.

    Args:
        stores: A server may be at work on them.
        on_progress: Called with what is being looked at, how much of it is done and how much there is.
        with_artifacts: Whether to read each file whose checksum is known, and compare.

    Raises:
        Unavailable: This process is at such a check already.
    """
    if not _one_at_a_time.acquire(blocking=False):
        raise Unavailable("A check is under way already. Ask again when it is done.")
    try:
        return _check(stores, on_progress, with_artifacts)
    finally:
        _one_at_a_time.release()


def _check(stores: Stores, on_progress: Progress, with_artifacts: bool) -> Integrity:
    metrics = MetricIntegrity(stores.database, lambda done, total: on_progress("runs", done, total))
    files = ArtifactIntegrity(
        stores.artifacts, lambda done, total: on_progress("bytes of artifacts", done, total)
    )
    steps: list[tuple[str, Callable[[], Iterator[Fault]]]] = [
        ("database file", lambda: check_file(stores.database)),
        ("references", lambda: check_references(stores.database)),
        ("documents", lambda: check_documents(stores.database)),
        ("evaluation datasets", lambda: check_evaluation_datasets(stores.database)),
        ("removals", lambda: check_removals(stores.database)),
        ("audit log", lambda: _check_audit(stores)),
        ("runs", metrics.faults),
    ]
    if with_artifacts:
        steps.append(("bytes of artifacts", files.faults))
    faults: list[Fault] = []
    for name, check in steps:
        on_progress(name, 0, 0)
        found = as_far_as_it_goes(name, check())
        faults += itertools.islice(found, MOST_FAULTS - len(faults))
    return Integrity(faults, metrics.counts, files.counts if with_artifacts else None)


def _check_audit(stores: Stores) -> Iterator[Fault]:
    """Yield where the chain of the audit log breaks; what stands behind that entry proves nothing."""
    chain = verify_chain(stores.metadata.audit)
    if chain.first_broken is not None:
        what = f"it does not follow from the {chain.entries - 1} entries before it"
        yield Fault(f"audit log, entry {chain.first_broken}", what, NOT_AS_WRITTEN)
    for name in chain.lost_guards:
        what = "it is gone, altered or not the server's, so that the log can be changed"
        yield Fault(f"audit log, trigger {name}", what, NOT_GUARDED)
