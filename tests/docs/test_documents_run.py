"""Every command and script in the documents runs, in the order of its page, as a reader would run it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.documents import DOCUMENTS, ROOT, Block, all_blocks, blocks_of
from tests.running_server import free_port, is_healthy, scrubbed

PORT_IN_DOCUMENTS = "5000"
READY_WITHIN_S = 300
BLOCK_WITHIN_S = 300
# A block that is not run is a promise that nobody holds: adding one means raising this number, with a reason.
# Most need a bucket, a cluster, a certificate or a browser of the reader's own; three, packages not in here.
BLOCKS_NOT_RUN = 46


class Reader:
    """A person who works through one page: a shell that remembers, a folder, and servers left running."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "work"
        self.folder.mkdir(parents=True)
        self.port = free_port()
        home = folder / "home"
        home.mkdir()
        self._state = folder / "state.sh"
        self._state.write_text(f"cd {self.folder}\n")
        self._environment = scrubbed(os.environ) | {
            "HOME": str(home),
            "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
            "RUNYARD_PORT": str(self.port),
            "PYTHONUNBUFFERED": "1",
        }
        self._background: list[subprocess.Popen[bytes]] = []

    def work_through(self, block: Block) -> None:
        """Do with a block what its mark says."""
        code = block.code.replace(PORT_IN_DOCUMENTS, str(self.port))
        if block.mark == "file":
            (self.folder / block.detail).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / block.detail).write_text(code)
        elif block.mark == "background":
            self._leave_running(code)
        elif block.language == "python":
            script = self.folder / "block.py"
            script.write_text(code)
            self._run(block, f'python "{script}"')
        elif block.language == "sh":
            self._run(block, code)
        elif block.language == "json":
            json.loads(code)

    def close(self) -> None:
        """Stop what was left running."""
        for process in self._background:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _run(self, block: Block, code: str) -> None:
        remember = f'{{ declare -px; echo "cd \\"$PWD\\""; }} > "{self._state}"'
        script = f'source "{self._state}"\nset -euo pipefail\n{code}\n{remember}\n'
        done = subprocess.run(
            ["bash", "-c", script],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=BLOCK_WITHIN_S,
            check=False,
        )
        assert done.returncode == 0, f"{block} failed:\n{block.code}\n{done.stdout}\n{done.stderr}"

    def _leave_running(self, code: str) -> None:
        process = subprocess.Popen(
            ["bash", "-c", f'source "{self._state}"\nexec {code}'],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._background.append(process)
        deadline = time.monotonic() + READY_WITHIN_S
        # A server that makes its certificate itself says in its home whom to trust.
        home = re.search(r"--home (\S+) .*--tls self", code)
        scheme, authority = ("https", self.folder / home[1] / "tls" / "ca.pem") if home else ("http", None)
        while not is_healthy(f"{scheme}://127.0.0.1:{self.port}", authority):
            assert process.poll() is None, f"this ended at once: {code}"
            assert time.monotonic() < deadline, f"no server after {READY_WITHIN_S} s: {code}"
            time.sleep(0.05)


@pytest.fixture
def reader(tmp_path) -> Iterator[Reader]:
    person = Reader(tmp_path)
    yield person
    person.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    "document",
    [document for document in DOCUMENTS if blocks_of(document)],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_a_page_can_be_worked_through(document: Path, reader: Reader):
    for block in blocks_of(document):
        if block.mark != "not run":
            reader.work_through(block)


def test_blocks_that_are_not_run_are_few_and_say_why():
    left_out = [block for block in all_blocks() if block.mark == "not run"]
    assert len(left_out) <= BLOCKS_NOT_RUN
    assert [str(block) for block in left_out if not block.detail] == []


def test_every_block_is_in_a_language_that_is_run():
    known = {
        "text",
        "sh",
        "python",
        "json",
        "js",
        "toml",
    }  # tests/server/test_series_columns.py runs the last
    shown = {"sql", "nginx", "haproxy", "yaml"}  # marked as not run, or run by the test that their mark names
    unknown = [block for block in all_blocks() if block.language not in known]
    assert [str(block) for block in unknown if block.language not in shown or block.mark != "not run"] == []
