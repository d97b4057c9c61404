"""What comes before a script: its code, its environment, the words that start it."""

from __future__ import annotations

import itertools
import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from runyard.agent import unsent
from runyard.agent.assignment import Assignment
from runyard.agent.data import INPUTS, RESULTS, JobData
from runyard.agent.engines import find_engine
from runyard.agent.environments import Environments, Python
from runyard.agent.images import Images
from runyard.agent.inside import Around, Inside, Mount
from runyard.agent.limits import within_own
from runyard.agent.marks import write_whole
from runyard.agent.orders import Orders
from runyard.agent.outputs import make_folders
from runyard.agent.process import Command
from runyard.agent.server import GivenUp, Refused, Server, patiently
from runyard.agent.snapshot import LIMITS, UnsafeArchive, sha256_of, unpack
from runyard.agent.steps import CannotPrepare, Steps, Stopped
from runyard.agent.variables import (
    RESOURCE_GROUP,
    SUBSCRIPTION_ID,
    contained,
    script_variables,
    server_address,
)

MAX_WHEEL_BYTES = 500_000_000
SERVED = "/api/"
DOWNLOADS = 3
HOME = "home"
"""The home of a script in a container, in the agent's folder."""

_WHEEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]*\.whl")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_ALIAS = ("-m", "runyard.azureml")
# Python with what it may be told without a further word, and where a shell is told to run it.
_PYTHON = re.compile(r"(?:\S*/)?python(?:3(?:\.\d+)?)?")
_FLAGS = re.compile(r"-[BOu]+")
_IN_SHELL = re.compile(rf"((?:\A|&&)\s*{_PYTHON.pattern}(?:[ \t]+{_FLAGS.pattern})*)[ \t]+(?=[\w./-]+\.py\b)")


@dataclass(frozen=True, slots=True)
class Preparation:
    """Makes all ready for the script of an assignment.

    Args:
        assignment: The job.
        folder: The agent's folder.
        server: Has the code.
        orders: Tell when to stop.
        steps: Runs what is to be run.
        umask: Which permissions the script does not give to files that it makes.
    """

    assignment: Assignment
    folder: Path
    server: Server
    orders: Orders
    steps: Steps
    umask: int

    @property
    def code(self) -> Path:
        """Where the script runs."""
        return self.folder / "code"

    def command(self) -> Command:
        """Return what to run; code and environment are there then.

        Raises:
            CannotPrepare: The job can't be run as it was asked for.
            Stopped: The agent was told to stop.
            OSError: A file can't be written.
        """
        self._bring_code()
        make_folders(self.code)
        self._write_configuration()
        job = self.assignment
        data = JobData(self.folder, job.inputs, job.outputs)
        data.prepare(self.server, self.orders, self.steps)
        python = self._python()
        write_whole(self.folder / unsent.PYTHON, str(python.path).encode())
        inside = python.inside
        begins_with = None if inside is None else contained(inside.image.variables, self.folder / HOME)
        variables = script_variables(job, python.path, self._ca_file(), python.activated, begins_with)
        # By itself the client would keep it where other jobs do, and nobody would know whose it is.
        variables["RUNYARD_SPOOL_DIR"] = str(self.folder / unsent.FOLDER)
        variables |= data.variables()
        words = self._words(python, data)
        around = self._around(python, variables)
        if job.is_azureml:
            self._check_sdk(python, around)
        if inside is not None:
            sync = [str(python.path), *unsent.sync_words(self.folder)]
            unsent.write_command(self.folder, inside.command(sync, around, self.umask))
            return inside.command(words, around, self.umask)
        return Command(words, variables, self.code, self.umask, job.share.cpus)

    def _python(self) -> Python:
        job, wheel = self.assignment, self._wheel()
        environments = Environments(job.cache, self.steps)
        if not job.environment.is_contained:
            return environments.python_for(job.environment, self.code, wheel, is_azureml=job.is_azureml)
        if not job.has_containers:
            what = f"the image {job.environment.image!r}" if job.environment.image else "a Dockerfile"
            raise CannotPrepare(
                f"The environment names {what}, and this compute target runs no containers for jobs. Take "
                "docker out of it and list its packages instead, or choose another target."
            )
        engine = find_engine(self.steps)
        image = Images(engine, job.cache / "images", self.steps).bring(job.environment)
        inside = Inside(engine, image, self.folder, self.steps)
        return environments.python_inside(inside, job.environment, wheel, is_azureml=job.is_azureml)

    def _around(self, python: Python, variables: Mapping[str, str]) -> Around:
        """Return what a container has of the machine: folders of the job, none with what the agent obeys."""
        mounts = [Mount(self.code, is_writable=True)]
        for name in (INPUTS, RESULTS, unsent.FOLDER, HOME):
            folder = self.folder / name
            folder.mkdir(mode=0o700, exist_ok=True)
            mounts.append(Mount(folder, is_writable=True))
        read = [self.folder / ".runyard", self.folder / "ca.pem", *([python.place] if python.place else [])]
        mounts += [Mount(path) for path in read if path.exists()]
        share = within_own(self.assignment.share)
        own = {**variables, **share.variables_inside}
        return Around(own, mounts, self.code, share, self.assignment.environment.shm_size)

    def _bring_code(self) -> None:
        wanted = self.assignment.snapshot
        if self.code.is_dir():
            return
        if not wanted:
            self.code.mkdir(mode=0o700)
            return
        if not _SHA256.fullmatch(wanted):
            raise CannotPrepare(f"{wanted[:100]!r} is no SHA-256 of a snapshot.")
        archive = self.folder / "code.tar.gz"
        self._download_code(wanted, archive)
        try:
            count = unpack(archive, self.code)
        except UnsafeArchive as error:
            raise CannotPrepare(f"The snapshot of the code is refused: {error}.") from None
        archive.unlink()
        self.steps.say(f"The code is there: {count} {'file' if count == 1 else 'files'}.")

    def _download_code(self, wanted: str, archive: Path) -> None:
        for _ in range(DOWNLOADS):
            self._download(f"/api/v1/snapshots/{wanted}/content", archive, LIMITS.archive_bytes, "The code")
            if sha256_of(archive) == wanted:
                return
            self.steps.say("The code did not arrive as it was sent.")
        raise CannotPrepare(f"What the server sends as snapshot {wanted} has another SHA-256.")

    def _download(self, path: str, target: Path, max_bytes: int, what: str) -> None:
        try:
            patiently(
                lambda: self.server.download(path, target, max_bytes),
                lambda: self.orders.is_to_stop,
                self.orders.count_answers,
            )
        except GivenUp:
            raise Stopped from None
        except (Refused, ValueError) as error:
            raise CannotPrepare(f"{what} could not be got from the server: {error}") from None

    def _wheel(self) -> Path | None:
        named = self.assignment.sdk_wheel
        if not named:
            return None
        name = named.rsplit("/", 1)[-1]
        if not _WHEEL.fullmatch(name):
            raise CannotPrepare(f"{named!r} is no wheel.")
        target = self.folder / name
        if not named.startswith(SERVED):
            try:
                # It lies in a folder that may be cleared, and a job may wait long for an environment.
                shutil.copyfile(named, target)
            except OSError as error:
                raise CannotPrepare(
                    f"The wheel {named!r} of the job's machine can't be had: {error}"
                ) from None
            return target
        self._download(named, target, MAX_WHEEL_BYTES, "Runyard's SDK")
        return target

    def _write_configuration(self) -> None:
        """Say which workspace it is where the SDK looks for that, above the code and below nobody else's."""
        target = self.folder / ".runyard" / "config.json"
        target.parent.mkdir(mode=0o700, exist_ok=True)
        content = {
            "subscription_id": SUBSCRIPTION_ID,
            "resource_group": RESOURCE_GROUP,
            "workspace_name": self.assignment.workspace,
            "runyard_url": server_address(self.assignment.url),
        }
        write_whole(target, json.dumps(content, indent=4).encode("ascii"))

    def _ca_file(self) -> Path | None:
        if not self.assignment.ca:
            return None
        target = self.folder / "ca.pem"
        write_whole(target, self.assignment.ca.encode("ascii"))
        return target

    def _check_sdk(self, python: Python, around: Around) -> None:
        words = [str(python.path), "-c", "import runyard.azureml"]
        if python.inside is None:
            answer = self.steps.answer(words, around.variables)
        else:
            answer = python.inside.answer(words, around)
        if answer is None:
            raise CannotPrepare(
                f"{python.path} can't import Runyard's SDK, which a script in Azure's words needs. Add "
                "`runyard` to the pip packages of its environment, or submit it without the alias."
            )

    def _words(self, python: Python, data: JobData) -> list[str]:
        job = self.assignment
        if not job.script:
            if not job.command:
                raise CannotPrepare("There is neither a script nor a command.")
            return _with_alias(data.words(job.command)) if job.is_azureml else data.words(job.command)
        parts = Path(job.script).parts
        if job.script.startswith("/") or ".." in parts or not (self.code / job.script).is_file():
            raise CannotPrepare(f"There is no script {job.script!r} in the code.")
        # One that begins with a dash would be an option.
        script = f"./{job.script}" if job.script.startswith("-") else job.script
        module = _ALIAS if job.is_azureml else ()
        return [str(python.path), *module, script, *data.words(job.arguments)]


def _with_alias(words: list[str]) -> list[str]:
    """Return the words of a command, its script with the names of Microsoft's packages.

    That is where Python runs a script of the code; what another program starts imports the alias itself.
    """
    match words:
        case ["sh", "-c", text]:
            return ["sh", "-c", _IN_SHELL.sub(rf"\1 {' '.join(_ALIAS)} ", text)]
        case [python, *rest] if _PYTHON.fullmatch(python):
            flags = list(itertools.takewhile(_FLAGS.fullmatch, rest))
            script = rest[len(flags) :]
            if script and script[0].endswith(".py") and not script[0].startswith("-"):
                return [python, *flags, *_ALIAS, *script]
    return words
