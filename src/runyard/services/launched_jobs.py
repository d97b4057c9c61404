"""The jobs that this machine gives to one launcher: starts their agents, notes what becomes of them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from runyard.compute.base import AgentReport, AgentState, Launch, Launcher, NoRoom, NotTried
from runyard.entities.compute_target import ComputeTarget
from runyard.entities.job import Job, JobStatus
from runyard.errors import NotFound, RunyardError
from runyard.services.assignments import BEAT_S, STOP_GRACE_S, Assignments
from runyard.services.job_life import (
    MAX_REASON_LENGTH,
    AttemptEnd,
    begin_attempt,
    end_attempt,
    let_wait,
    may_begin_again,
    note_launched,
    take_back,
    wait_there,
)
from runyard.services.job_refusals import JobRefusals
from runyard.services.target_outages import TargetOutages
from runyard.stores.opening import Stores

CANCELED_WITHIN_S = STOP_GRACE_S + 20.0
OVER_WITHIN_S = 60.0
"""For so long an agent may live on whose job is over: it tells the end last."""
GIVEN_UP_AFTER_S = 120.0
"""Of a canceled job whose machine does not answer; if its agent lives, its key opens nothing any more."""
LAUNCHED_AGAIN_AFTER_S = 5.0
LAUNCHES_OF_AN_ATTEMPT = 3
LOOKED_AT_AGAIN_AFTER_S = 60.0
"""Whether a target answers again that could not be reached and has nothing to do."""

SettingsOf = Callable[[Job], Mapping[str, Any]]

_log = logging.getLogger("runyard.jobs")


@dataclass(slots=True)
class _Attempt:
    """What is remembered of an attempt: how often it was launched, and whether its agent was told to end."""

    launches: int = 0
    is_told_to_end: bool = False


class LaunchedJobs:
    """What one launcher does; one thread at a time works with it.

    Args:
        stores: What the server remembers.
        assignments: What agents are told.
        target: What the launcher is of; of the targets of this machine any.
        host: What this machine is called among the servers of the database.
        refusals: Remembers which jobs were refused.
        outages: Remembers which targets can't be reached.
    """

    def __init__(
        self,
        stores: Stores,
        assignments: Assignments,
        target: ComputeTarget,
        host: str,
        refusals: JobRefusals,
        outages: TargetOutages,
    ) -> None:
        self._stores = stores
        self._assignments = assignments
        self._kind = target.kind
        self._place = (target.workspace, target.name)
        self._host = host
        self._refusals = refusals
        self._outages = outages
        # Whether what was seen or refused leaves open if the target answers at all.
        self._is_in_doubt = False
        self._looks_again_s = 0.0
        self._attempts: dict[str, _Attempt] = {}
        # What the launcher has there, and since when that is an agent whose job is over.
        self._known: dict[str, float | None] | None = None
        # Handles of jobs that are not over: what was read of a job may be older than its handle.
        self._going_on: set[str] = set()
        self._rests_until_s = 0.0
        # What was not taken a moment ago is begun one by one: to take back many each time would be in vain.
        self._is_wary = False
        self._not_before_s: dict[str, float] = {}
        self._settings_of: SettingsOf = lambda job: {}

    @property
    def is_idle(self) -> bool:
        """Whether nothing of jobs that are over is left with the launcher, nor to be found out."""
        if self._is_out() and time.monotonic() >= self._looks_again_s:
            return False
        return self._known is not None and not self._known

    @property
    def rests(self) -> bool:
        """Whether the launcher could not be reached a moment ago, and is let alone."""
        return time.monotonic() < self._rests_until_s

    def work(
        self,
        launcher: Launcher,
        own: Sequence[Job],
        due: Sequence[Job],
        settings: SettingsOf,
        now_ms: int,
    ) -> None:
        """Do what is due.

        Args:
            launcher: As it is now.
            own: The jobs that were begun here.
            due: Jobs whose turn it is.
            settings: Returns those of a job's target.
            now_ms: Now.
        """
        self._going_on.clear()
        self._settings_of = settings
        self._is_in_doubt, states = False, set()
        for job, report in self._reports(launcher, own):
            states.add(report.state)
            self._take(launcher, job, report, now_ms)
        self._is_in_doubt |= bool(own) and states <= {AgentState.UNKNOWN}
        if states - {AgentState.UNKNOWN}:
            self._outages.end(self._place)
        # A job that the target never takes, as its queue has no such nodes, must not be all that is tried.
        self._launch_due(launcher, sorted(due, key=lambda job: self._refusals.last_s(job.run_id)), now_ms)
        if self._known is None or self._is_in_doubt or self._is_out():
            self._look(launcher, now_ms)
        self._clear_up(launcher)
        self._not_before_s = {
            run_id: at_s for run_id, at_s in self._not_before_s.items() if at_s > time.monotonic()
        }
        for attempt in self._attempts.keys() - {f"{job.run_id}/{job.attempt}" for job in own}:
            del self._attempts[attempt]

    def rest(self, error: RunyardError) -> None:
        """Let a launcher alone for a moment that can't be reached; its jobs wait."""
        if not self.rests:
            _log.warning("compute targets of kind %s wait: %s", self._kind, error)
        self._rests_until_s = time.monotonic() + LAUNCHED_AGAIN_AFTER_S

    def do_without(self, own: Sequence[Job], due: Sequence[Job], error: RunyardError, now_ms: int) -> None:
        """Let a launcher alone that can't be opened; canceled jobs do not wait for it for ever."""
        self.rest(error)
        self._note_outage(error, now_ms)
        for job in due:
            if job.reason != str(error)[:MAX_REASON_LENGTH]:
                self._stores.database.retrying(partial(let_wait, self._stores, job, str(error)))
        for job in own:
            end = _given_up(job, now_ms)
            if end is not None:
                self._end(job, end, now_ms)

    def _reports(self, launcher: Launcher, own: Iterable[Job]) -> Iterator[tuple[Job, AgentReport]]:
        by_handle: dict[str, Job] = {}
        for job in own:
            handle = job.launched.partition(":")[2] or self._found_again(launcher, job)
            if handle:
                by_handle[handle] = job
            elif handle is not None:
                yield job, AgentReport(AgentState.GONE)
        self._going_on.update(by_handle)
        if by_handle:
            for handle, report in launcher.reports_of(by_handle.keys()).items():
                yield by_handle[handle], report

    def _found_again(self, launcher: Launcher, job: Job) -> str | None:
        """Return what finds the agent of a job that a server began and died before it could note it.

        Empty if there is none, None if the machine does not answer.
        """
        try:
            handle = launcher.find(job.run_id, job.attempt)
        except RunyardError as error:
            self.rest(error)
            return None
        if handle is None:
            return ""
        self._note_launched(job, job.attempt, handle)
        return handle

    def _note_launched(self, job: Job, attempt: int, handle: str) -> None:
        launched = f"{self._kind}:{handle}"
        self._stores.database.retrying(
            lambda: note_launched(self._stores, job, attempt, self._host, launched)
        )

    def _take(self, launcher: Launcher, job: Job, report: AgentReport, now_ms: int) -> None:
        """Note what a launcher sees of a job's agent."""
        end = None
        if report.state is AgentState.ENDED:
            end = AttemptEnd(JobStatus(report.status), report.exit_code, report.reason)
        elif report.state is AgentState.GONE:
            # No agent has asked for the script, or one died that had yet to begin it; the next one's key
            # shuts out both.
            has_run_nothing = not job.agent_id or report.has_run_nothing
            if has_run_nothing and may_begin_again(job) and self._may_launch_again(job):
                self._launch(launcher, [job], now_ms, again=True)
                return
            said = f": {report.reason}" if report.reason else ""
            reason = f"its agent is gone; it was killed, or the machine was started anew{said}"
            end = AttemptEnd(JobStatus.FAILED, None, reason)
        elif job.canceled_ms is not None:
            if report.state is AgentState.ALIVE:
                self._end_canceled(launcher, job, (now_ms - job.canceled_ms) / 1000)
            else:
                end = _given_up(job, now_ms)
        elif report.state is AgentState.ALIVE and report.reason:
            self._wait_there(job, report.reason, now_ms)
        if end is not None:
            self._end(job, end, now_ms)

    def _wait_there(self, job: Job, reason: str, now_ms: int) -> None:
        """Speak for a job that waits in a queue of its target's own: it has no agent yet."""
        if job.reason != reason or now_ms - job.seen_ms >= BEAT_S * 1000:
            self._stores.database.retrying(lambda: wait_there(self._stores, job, reason, now_ms))

    def _end(self, job: Job, end: AttemptEnd, now_ms: int) -> None:
        self._stores.database.retrying(
            lambda: end_attempt(self._stores, job.run_id, job.attempt, end, now_ms)
        )

    def _may_launch_again(self, job: Job) -> bool:
        attempt = self._attempts.setdefault(f"{job.run_id}/{job.attempt}", _Attempt())
        attempt.launches += 1
        return attempt.launches < LAUNCHES_OF_AN_ATTEMPT

    def _end_canceled(self, launcher: Launcher, job: Job, canceled_s: float) -> None:
        handle = job.launched.partition(":")[2]
        attempt = self._attempts.setdefault(f"{job.run_id}/{job.attempt}", _Attempt())
        try:
            if not attempt.is_told_to_end:
                launcher.cancel(handle)
                attempt.is_told_to_end = True
            elif canceled_s > CANCELED_WITHIN_S:
                launcher.forget(handle)
        except RunyardError as error:
            self.rest(error)

    def _launch_due(self, launcher: Launcher, due: Sequence[Job], now_ms: int) -> None:
        """Start the agents of jobs whose turn it is, as many at a time as the launcher takes together."""
        if self._outages.is_only_here(self._place):
            return
        waiting = [job for job in due if time.monotonic() >= self._not_before_s.get(job.run_id, 0.0)]
        while waiting and not self.rests:
            count = 1 if self._is_wary else launcher.submits_at_once
            self._launch(launcher, waiting[:count], now_ms)
            waiting = waiting[count:]

    def _launch(self, launcher: Launcher, jobs: Sequence[Job], now_ms: int, *, again: bool = False) -> None:
        begun = [
            (job, launch) for job in jobs if (launch := self._begun(job, now_ms, again=again)) is not None
        ]
        outcomes = launcher.submit_many([launch for _, launch in begun]) if begun else ()
        for (job, launch), outcome in zip(begun, outcomes, strict=True):
            if isinstance(outcome, RunyardError):
                self._take_back(job, launch.attempt, outcome, now_ms)
            else:
                self._is_wary = self._is_in_doubt = False
                self._outages.end(self._place)
                self._going_on.add(outcome)
                self._note_launched(job, launch.attempt, outcome)

    def _begun(self, job: Job, now_ms: int, *, again: bool) -> Launch | None:
        """Begin an attempt of a job and return what is to be started; None if there is nothing to start."""
        key = self._stores.database.retrying(
            lambda: begin_attempt(self._stores, job, self._host, now_ms, again=again)
        )
        if key is None:
            return None
        attempt = job.attempt if again else job.attempt + 1
        try:
            assignment = self._assignments.of(job, attempt, key)
        except NotFound:  # the run is being removed for good
            return None
        except RunyardError as error:
            self._take_back(job, attempt, error, now_ms)
            return None
        return Launch(job.run_id, attempt, assignment, job.spec.slots, self._settings_of(job))

    def _take_back(self, job: Job, attempt: int, error: RunyardError, now_ms: int) -> None:
        """Let a job wait again that the launcher has not taken."""
        if isinstance(error, NoRoom):
            self._not_before_s[job.run_id] = time.monotonic() + LAUNCHED_AGAIN_AFTER_S
        else:
            self._is_wary = self._is_in_doubt = True
            self.rest(error)
            if not isinstance(error, NotTried):
                self._refusals.note(job.run_id)
        reason = str(error)
        self._stores.database.retrying(lambda: take_back(self._stores, job.run_id, attempt, reason, now_ms))

    def _look(self, launcher: Launcher, now_ms: int) -> None:
        """See what the launcher has there, and whether its target answers."""
        try:
            found = launcher.list_launched()
        except RunyardError as error:
            self.rest(error)
            self._note_outage(error, now_ms)
            return
        self._outages.end(self._place)
        if self._known is None:
            self._known = dict.fromkeys(found)

    def _note_outage(self, error: RunyardError, now_ms: int) -> None:
        self._outages.note(self._place, str(error), now_ms)
        self._looks_again_s = time.monotonic() + LOOKED_AT_AGAIN_AFTER_S

    def _is_out(self) -> bool:
        return self._outages.of(self._place) is not None or self._outages.is_only_here(self._place)

    def _clear_up(self, launcher: Launcher) -> None:
        """Remove what jobs that are over have left with the launcher."""
        if self.rests or self._known is None:
            return
        try:
            over = sorted(self._known.keys() - self._going_on)
            self._known |= dict.fromkeys(self._going_on)
            for handle, report in launcher.reports_of(over).items() if over else ():
                if self._is_to_go(handle, report):
                    launcher.forget(handle)
                    del self._known[handle]
        except RunyardError as error:
            self.rest(error)

    def _is_to_go(self, handle: str, report: AgentReport) -> bool:
        """Whether nothing more is to be expected of an agent whose job is over."""
        if report.state is not AgentState.ALIVE or self._known is None:
            return report.state is not AgentState.UNKNOWN
        since_s = self._known[handle]
        if since_s is None:
            self._known[handle] = since_s = time.monotonic()
        return time.monotonic() - since_s > OVER_WITHIN_S


def _given_up(job: Job, now_ms: int) -> AttemptEnd | None:
    """Return the end of a canceled job whose machine has not answered for long."""
    if job.canceled_ms is None or now_ms - job.canceled_ms <= GIVEN_UP_AFTER_S * 1000:
        return None
    return AttemptEnd(JobStatus.CANCELED, None, f"{job.reason}; its machine does not answer")
