"""Jobs that their target refused, and for how long they let others go first."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

FIRST_S = 5.0
LONGEST_S = 300.0


@dataclass(frozen=True, slots=True)
class _Refusal:
    count: int
    at_s: float


class JobRefusals:
    """Remembers them for one server; for any thread.

    A job that its target never takes, as its queue has no such nodes, would keep the slots that it asks for
    from all others for ever. So it lets them go first for a while, which doubles with each refusal.

    Args:
        clock_s: Tells the time.
    """

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._kept: dict[str, _Refusal] = {}

    def note(self, run_id: str) -> None:
        """Remember that a job was refused just now."""
        before = self._kept.get(run_id)
        self._kept[run_id] = _Refusal(1 if before is None else before.count + 1, self._clock_s())

    def last_s(self, run_id: str) -> float:
        """Return when a job was refused last; 0 for never."""
        found = self._kept.get(run_id)
        return 0.0 if found is None else found.at_s

    def lets_others_pass(self, run_id: str) -> bool:
        """Whether other jobs go before it, though it has waited longer."""
        found = self._kept.get(run_id)
        if found is None:
            return False
        # The exponent has a bound of its own: after a week of refusals the number has none.
        wait_s = min(FIRST_S * 2.0 ** min(found.count, 16), LONGEST_S)
        return self._clock_s() - found.at_s < wait_s

    def forget_all_but(self, run_ids: Collection[str]) -> None:
        """Forget all jobs but these."""
        for run_id in self._kept.keys() - set(run_ids):
            self._kept.pop(run_id, None)
