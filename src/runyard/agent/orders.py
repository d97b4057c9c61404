"""What the agent is told while it works, and the beats by which the server tells it."""

from __future__ import annotations

import logging
import signal
import threading
import time
from types import FrameType

from runyard.agent.assignment import Assignment
from runyard.agent.server import FIRST_REST_S, Away, Refused, Server

_log = logging.getLogger("runyard.agent")
LONGEST_BEAT_S = 10.0

_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Orders:
    """Whether the agent is to go on. Once it is told to stop, that stays so.

    Args:
        stops_within_s: For how long after a signal to stop what there is may be sent still.
    """

    def __init__(self, stops_within_s: float = 10.0) -> None:
        self.is_canceled = False
        """Somebody asked that the job be ended."""
        self.dismissal = ""
        """What the server said when it refused this agent; empty while it has not."""
        self.stopped_by = ""
        """The signal that this process was told to stop by; empty while it was not."""
        self.answered_beats = 0
        """How many beats the server has answered."""
        self._stops_within_s = stops_within_s
        self._stopped_s = 0.0

    @property
    def is_to_stop(self) -> bool:
        """Whether there is a reason to stop."""
        return self.is_canceled or bool(self.dismissal) or bool(self.stopped_by)

    @property
    def is_dismissed(self) -> bool:
        """Whether the job is not this agent's any more."""
        return bool(self.dismissal)

    @property
    def is_over(self) -> bool:
        """Whether there is no time for anything more, not even for what is still to be sent."""
        is_late = bool(self.stopped_by) and time.monotonic() - self._stopped_s > self._stops_within_s
        return self.is_dismissed or is_late

    def count_answers(self) -> int:
        """Return how many beats the server has answered."""
        return self.answered_beats

    def cancel(self) -> None:
        """Let the job be ended."""
        self.is_canceled = True

    def dismiss(self, why: str) -> None:
        """Let go of the job."""
        self.dismissal = why or "refused"

    def obey_signals(self) -> None:
        """Take signals that ask this process to stop as a reason to."""
        for number in _STOPPING:
            signal.signal(number, self._stop)

    def _stop(self, number: int, _: FrameType | None) -> None:
        # Nothing else: a lock that the interrupted code holds would never be let go.
        if not self.stopped_by:
            self._stopped_s = time.monotonic()
            self.stopped_by = signal.Signals(number).name


class Heart:
    """Reports that the agent lives, in a thread of its own, and takes what the server answers as orders.

    Args:
        server: The server.
        assignment: The job.
        agent_id: Which agent this is.
        orders: Where to say what the server wants.
    """

    def __init__(self, server: Server, assignment: Assignment, agent_id: str, orders: Orders) -> None:
        self._server = server
        self._assignment = assignment
        self._agent_id = agent_id
        self._orders = orders
        self._status = "preparing"
        self._now = threading.Event()
        self._is_stopped = False
        self._thread = threading.Thread(target=self._beat, name="heart", daemon=True)

    def start(self) -> None:
        """Begin to report."""
        self._thread.start()

    def says(self, status: str) -> None:
        """Report another status from now on, and at once."""
        self._status = status
        self._now.set()

    def stop(self) -> None:
        """Report no more; the answer to a report that is under way does not count."""
        self._is_stopped = True
        self._now.set()

    def _beat(self) -> None:
        rest_s = FIRST_REST_S
        while not self._is_stopped and not self._orders.is_dismissed:
            self._now.clear()
            try:
                self._report()
                wait_s, rest_s = self._assignment.beat_s, FIRST_REST_S
            except Away as away:
                _log.info("%s", away)
                wait_s, rest_s = max(rest_s, away.rest_s), rest_s * 2
            # All others wait for an answer to this one.
            self._now.wait(min(wait_s, max(self._assignment.beat_s, LONGEST_BEAT_S)))

    def _report(self) -> None:
        body = {
            "attempt": self._assignment.attempt,
            "agent_id": self._agent_id,
            "status": self._status,
        }
        try:
            answer = self._server.post(f"/api/v1/jobs/{self._assignment.run_id}/report", body)
        except Refused as refused:
            if not self._is_stopped:
                self._orders.dismiss(refused.message)
            return
        self._orders.answered_beats += 1
        if answer.get("is_cancel_requested") is True and not self._is_stopped:
            self._orders.cancel()
