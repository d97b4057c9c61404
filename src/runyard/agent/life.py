"""The life of a job: begin, prepare, run, end; each of them once, whatever happens to the agent meanwhile.

An agent that is started again in the folder of one that died goes on where that one was: what was not begun
is begun; a script that was is never run twice, what is left of it is killed; an end that was reached is told.
"""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from runyard.agent.assignment import Assignment, UnreadableAssignment, read_assignment
from runyard.agent.console import Console
from runyard.agent.contained import as_of_process, end_left
from runyard.agent.container_memory import ContainerMemory
from runyard.agent.courier import Courier
from runyard.agent.data import RESULTS
from runyard.agent.marks import CANCELED, COMPLETED, FAILED, JobEnd, Marks
from runyard.agent.orders import Heart, Orders
from runyard.agent.orphans import adopt_orphans, bury_orphans, end_orphans
from runyard.agent.outputs import Outputs, Results
from runyard.agent.preparation import Preparation
from runyard.agent.process import Command, Process, all_oom_kills, explained, oom_kills
from runyard.agent.server import GivenUp, Refused, Server, patiently
from runyard.agent.shares import MemoryWatch, over_limit
from runyard.agent.steps import MAX_REASON_LENGTH, CannotPrepare, Steps, Stopped
from runyard.agent.unsent import Unsent

TOLD, CRASHED, WRONG_USE, DISMISSED, TAKEN, STOPPED = range(6)
"""Exit codes: the end is told; it failed itself; no assignment; not its job; another has it; told to stop."""
RUNNING = "running"
LAST_WORDS_S = 10.0

_log = logging.getLogger("runyard.agent")


def live(folder: Path) -> int:
    """Do the job of a folder and return the exit code."""
    umask = os.umask(0o077)
    try:
        assignment = read_assignment(folder)
        marks = Marks(folder, assignment.end_file)
        if not marks.take_folder():
            _log.error("Another agent lives in %s.", folder)
            return TAKEN
    except (UnreadableAssignment, OSError) as error:
        _log.error("%s", error)
        return WRONG_USE
    _log_into(folder / "agent.log")
    orders = Orders(assignment.stop_grace_s + LAST_WORDS_S)
    orders.obey_signals()
    adopt_orphans()
    return _Agent(folder, assignment, marks, orders, umask).live()


def _log_into(path: Path) -> None:
    """Let all that this process complains about go into a file."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", force=True)


@dataclass(slots=True)
class _Limits:
    """When a script that goes on is ended, and why."""

    grace_s: float
    max_duration_s: float
    began_s: float
    told_s: float | None = None
    is_killed: bool = False
    is_over_time: bool = False
    memory: MemoryWatch | None = None
    is_over_memory: bool = False

    def look(self, process: Process, orders: Orders) -> None:
        """End the script if it is time for that: first it is told to, then it is killed."""
        now_s = time.monotonic()
        if self.max_duration_s and now_s - self.began_s > self.max_duration_s and self.told_s is None:
            self.is_over_time = True
        if self.memory is not None and not self.is_killed and self.memory.is_over():
            # It would not get smaller by being asked to end, and what others need is at stake.
            self.is_over_memory = self.is_killed = True
            process.signal(signal.SIGKILL)
        elif self.told_s is None and (orders.is_to_stop or self.is_over_time):
            self.told_s = now_s
            process.signal(signal.SIGTERM)
        elif self.told_s is not None and now_s - self.told_s > self.grace_s and not self.is_killed:
            self.is_killed = True
            process.signal(signal.SIGKILL)


class _Agent:
    def __init__(
        self, folder: Path, assignment: Assignment, marks: Marks, orders: Orders, umask: int
    ) -> None:
        self._folder = folder
        self._job = assignment
        self._marks = marks
        self._orders = orders
        self._umask = umask
        self._server = Server(assignment.url, assignment.key, assignment.ca)
        self._agent_id = marks.write_agent()
        self._heart = Heart(self._server, assignment, self._agent_id, orders)
        self._console = Console(folder / "out" / "console", assignment.key)
        self._courier = Courier(self._server, self._console, self._console_path, orders)

    @property
    def _console_path(self) -> str:
        if not self._job.artifact_path:
            return ""
        below = f"attempt-{self._job.attempt}/" if self._job.attempt > 1 else ""
        return f"{self._job.artifact_path}/console/{below}".rstrip("/")

    def live(self) -> int:
        end = self._found_end()
        try:
            if end is None:
                self._begin()
            self._heart.start()
            self._courier.start()
            if end is None:
                end = self._brought_about()
                self._keep(self._marks.write_outcome, end)
            return self._tell(end)
        except GivenUp:
            return DISMISSED if self._orders.is_dismissed else STOPPED
        except Refused as refused:
            _log.warning("The server refused: %s", refused)
            return DISMISSED

    def _found_end(self) -> JobEnd | None:
        """Return the end that an agent before this one in the folder has come to."""
        end = self._marks.read_outcome()
        end_left(self._folder)
        if end is None and self._marks.has_script:
            self._marks.kill_script()
            end = JobEnd(FAILED, None, "the agent died while the script ran, and the script was ended")
            self._keep(self._marks.write_outcome, end)
        return end

    def _begin(self) -> None:
        body = {"attempt": self._job.attempt, "agent_id": self._agent_id}
        self._call("begin", body, lambda: self._orders.is_to_stop)

    def _brought_about(self) -> JobEnd:
        """Prepare and run, and return the end."""
        steps = Steps(self._console.setup, self._orders, self._folder)
        preparation = Preparation(self._job, self._folder, self._server, self._orders, steps, self._umask)
        try:
            end = self._ran(preparation.command())
        except CannotPrepare as error:
            end = JobEnd(FAILED, None, str(error)[:MAX_REASON_LENGTH])
        except Stopped:
            end = self._stopped(JobEnd(FAILED, None, ""))
        except Exception as error:  # noqa: BLE001 - whatever it is, the job must not be left without an end
            _log.exception("The agent failed.")
            end = JobEnd(
                FAILED, None, f"the agent failed: {str(error) or type(error).__name__}"[:MAX_REASON_LENGTH]
            )
        if end.reason:
            # Told by a signal alone, the agent can't know whether that was a cancellation.
            is_told = bool(self._orders.stopped_by) and end.status == FAILED
            word = "was stopped" if is_told else _past(end.status)
            self._console.setup.say(f"The job {word}: {end.reason}")
        return end

    def _ran(self, command: Command) -> JobEnd:
        if self._orders.is_to_stop:
            raise Stopped
        limits = _Limits(self._job.stop_grace_s, self._job.max_duration_s, time.monotonic())
        code, ran_out = self._followed(command, limits)
        end = explained(code, ran_out=ran_out is True)
        if ran_out is None:
            end = replace(end, reason=f"{end.reason}, and the machine ran out of memory meanwhile")
        if limits.is_over_memory and limits.memory is not None:
            return JobEnd(FAILED, end.exit_code, limits.memory.complaint)
        if limits.is_over_time:
            return JobEnd(FAILED, end.exit_code, f"it ran longer than {self._job.max_duration_s:g} s")
        if limits.told_s is not None:
            return self._stopped(JobEnd(FAILED, end.exit_code))
        if code == 0:
            return JobEnd(COMPLETED, 0)
        if code == -signal.SIGKILL and ran_out and command.container and self._job.share.memory_bytes:
            return JobEnd(FAILED, end.exit_code, over_limit(self._job.share.memory_bytes))
        last_line = self._console.stderr.last_line
        reason = end.reason if code < 0 else _with_last_word(end.reason, last_line)
        if last_line.startswith("ModuleNotFoundError: ") and self._job.environment.is_empty:
            reason = f"{reason}{_NO_PACKAGES}"[:MAX_REASON_LENGTH]
        return JobEnd(FAILED, end.exit_code, reason)

    def _followed(self, command: Command, limits: _Limits) -> tuple[int, bool | None]:
        """Run the script to its end; return its code, and whether the kernel killed for memory meanwhile.

        None if it did somewhere on the machine, and the script may have been killed by that or by somebody.
        """
        container = command.container
        kills, all_kills = oom_kills(), all_oom_kills()
        memory = None
        process = Process(command)
        try:
            self._marks.write_script(process.pid)
            if container is not None:
                container.write_down(self._folder)
            process.begin()
            self._heart.says(RUNNING)
            limits.began_s = time.monotonic()
            limits.memory = MemoryWatch(process.pid, self._job.share.memory_bytes)
            memory = None if container is None else ContainerMemory(container)
            code = process.read(
                self._console.stdout.take,
                self._console.stderr.take,
                lambda: self._look(process, limits),
            )
        finally:
            process.kill()
            kills_inside = None if memory is None else memory.close()
            if container is not None:
                container.remove(self._folder)
            end_orphans()
        if container is None:
            return code, oom_kills() > kills
        code = as_of_process(code)
        if kills_inside or oom_kills() > kills:
            return code, True
        may_be_one = code == -signal.SIGKILL and all_oom_kills() > all_kills
        # Of a container that was over too soon to be looked into, a script that was killed is taken for one.
        return code, may_be_one if kills_inside is None or not may_be_one else None

    def _look(self, process: Process, limits: _Limits) -> None:
        limits.look(process, self._orders)
        bury_orphans(process.pid)

    def _stopped(self, end: JobEnd) -> JobEnd:
        """Return an end that was asked for."""
        if self._orders.is_dismissed:
            return replace(end, status=CANCELED, reason=f"the server refused: {self._orders.dismissal}")
        if self._orders.is_canceled:
            return replace(end, status=CANCELED, reason="it was canceled")
        return replace(end, reason=f"the agent was told to stop by {self._orders.stopped_by}")

    def _keep(self, write: Callable[[JobEnd], None], end: JobEnd) -> None:
        try:
            write(end)
        except OSError:
            # The server is told all the same.
            _log.exception("The end is not on disk.")

    def _tell(self, end: JobEnd) -> int:
        """Send what is left to send, then the end."""
        if self._marks.has_script:
            outputs = Outputs(self._server, self._job.artifact_path, self._orders, self._console.setup.say)
            unsent = Unsent(self._folder, self._job, self._orders, self._console.setup.say)
            results = Results(self._server, self._job.outputs, self._orders, self._console.setup.say)
            names = [each.name for each in self._job.outputs]
            for note in (
                unsent.send(),
                outputs.send(self._folder / "code"),
                results.send(self._folder / RESULTS, names),
            ):
                if note:
                    reason = f"{end.reason}; {note}" if end.reason else note
                    end = replace(end, reason=reason[:MAX_REASON_LENGTH])
        self._courier.finish()
        # Not before: a launcher that sees it may end the job, and its key with it.
        self._keep(self._marks.write_end, end)
        body = {"attempt": self._job.attempt, "agent_id": self._agent_id, **asdict(end)}
        self._call("end", body, lambda: self._orders.is_over)
        self._heart.stop()
        return TOLD

    def _call(self, what: str, body: dict[str, object], is_given_up: Callable[[], bool]) -> None:
        path = f"/api/v1/jobs/{self._job.run_id}/{what}"
        patiently(lambda: self._server.post(path, body), is_given_up, self._orders.count_answers)


def _with_last_word(reason: str, last_line: str) -> str:
    """Return the reason with what the script said last: for Python's own errors that is the error."""
    return f"{reason}: {last_line}"[:MAX_REASON_LENGTH] if last_line else reason


_NO_PACKAGES = (
    " (the job asks for no packages: it has those of the Python it runs with; name an environment for more)"
)


def _past(status: str) -> str:
    return "was canceled" if status == CANCELED else "failed" if status == FAILED else "ended"
