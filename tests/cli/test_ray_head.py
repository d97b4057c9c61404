"""`runyard compute create ray --kind ray`: a real head, in a network namespace, as Ray listens everywhere."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from runyard.cli.ray_head import RayHead
from runyard.errors import Unavailable
from tests.killing import kill_all
from tests.ray_cluster import PROGRAMS, ROOT, is_possible
from tests.running_server import free_port, scrubbed
from tests.waiting import until

WITHIN_S = 900
NAMESPACE = f"ryh{os.getpid()}"
URL = "http://127.0.0.1:5000"


class Person:
    """Somebody who has installed Runyard with Ray, on a machine that has no network but its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server: subprocess.Popen[bytes] | None = None
        self.environment = scrubbed(os.environ) | {
            "HOME": str(folder),
            "PYTHONPATH": str(ROOT / "src"),
            "RUNYARD_URL": URL,
            # Short, since Ray's sockets are below it.
            "TMPDIR": tempfile.mkdtemp(prefix="ryh"),
        }

    def words(self, *words: str) -> list[str]:
        """Return a command of Runyard's as it is run there."""
        return ["ip", "netns", "exec", NAMESPACE, str(PROGRAMS / "python"), "-m", "runyard", *words]

    def runs(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command of Runyard's."""
        return subprocess.run(
            self.words(*words),
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
            check=False,
        )

    def does(self, *words: str) -> str:
        """Run a command of Runyard's, which must succeed, and return what it prints."""
        ran = self.runs(*words)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    def starts_a_server(self) -> None:
        with (self.folder / "up.log").open("wb") as log:
            self.server = subprocess.Popen(
                self.words("up"), cwd=self.folder, env=self.environment, stdout=log, stderr=log
            )
        until(lambda: self.runs("compute", "list").returncode == 0, WITHIN_S)

    def processes(self) -> list[int]:
        listed = subprocess.run(
            ["ip", "netns", "pids", NAMESPACE], capture_output=True, text=True, check=True
        )
        return [int(pid) for pid in listed.stdout.split()]


@pytest.fixture
def person(tmp_path: Path) -> Iterator[Person]:
    subprocess.run(["ip", "netns", "add", NAMESPACE], check=True)
    subprocess.run(["ip", "-n", NAMESPACE, "link", "set", "lo", "up"], check=True)
    person = Person(tmp_path)
    yield person
    kill_all(person.processes)
    if person.server is not None:
        person.server.wait()
    shutil.rmtree(person.environment["TMPDIR"])
    subprocess.run(["ip", "netns", "del", NAMESPACE], check=True)


@pytest.mark.slow
@pytest.mark.skipif(not is_possible(), reason="needs Ray, iproute2 and root for network namespaces")
def test_a_cluster_is_started_runs_jobs_has_the_pools_and_ends_with_its_last_target(person: Person):
    (person.folder / "code").mkdir()
    (person.folder / "code" / "train.py").write_text(
        "import os\nprint('on', os.environ['RAY_ADDRESS'].rpartition(':')[2])\n"
    )
    person.starts_a_server()
    before = set(person.processes())
    assert "by ray" in person.does("compute", "create", "ray", "--kind", "ray", "--slots", "2")
    person.does("compute", "create", "more", "--kind", "ray")
    said = person.does("job", "submit", "--compute", "ray", "--stream", "code/train.py")
    assert "on 6379" in said
    token = (person.folder / ".runyard" / "ray" / "token").read_text()
    assert token not in person.does("compute", "show", "ray", "--json")
    # Who has no token is let in nowhere; Ray's own programs say so.
    address = ["ip", "netns", "exec", NAMESPACE, str(PROGRAMS / "ray"), "status"]
    asked = subprocess.run(
        address, env=person.environment | {"RAY_AUTH_MODE": "disabled"}, capture_output=True, text=True
    )
    assert asked.returncode != 0
    person.does("compute", "delete", "more")
    assert set(person.processes()) > before
    assert "has ended" in person.does("compute", "delete", "ray")
    until(lambda: set(person.processes()) <= before, WITHIN_S)
    assert not list(Path(person.environment["TMPDIR"]).glob("runyard-ray-*"))


def test_without_ray_it_says_what_to_install(tmp_path: Path):
    head = RayHead(tmp_path / "ray")
    with pytest.raises(Unavailable, match=r"pip install 'runyard\[ray\]'"):
        head.start()
    assert not head.is_running
    head.stop()


# What Ray does on a machine that is too busy, twice; then it is there, and leaves files behind.
GIVES_UP = """#!{python}
import http.server, os, sys

with open({starts!r}, "a") as starts:
    starts.write("started\\n")
    count = starts.tell() // len("started\\n")
word = lambda name: sys.argv[sys.argv.index(name) + 1]
os.makedirs(word("--temp-dir"))
if count < 3:
    sys.exit("Exception: The current node timed out during startup. This could happen because.")

class Dashboard(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

http.server.HTTPServer(("127.0.0.1", int(word("--dashboard-port"))), Dashboard).serve_forever()
"""
STARTS = """
import sys
from pathlib import Path
from runyard.cli import ray_head

ray_head.PORT = int(sys.argv[1])
head = ray_head.RayHead(Path("ray"))
head.start()
print(head.is_running, len(list(Path("own").iterdir())))
head.stop()
print(head.is_running, len(list(Path("own").iterdir())))
"""


def test_a_ray_that_gives_up_on_a_busy_machine_is_started_again(tmp_path: Path):
    for name in ("bin", "own"):
        (tmp_path / name).mkdir()
    python = tmp_path / "bin" / "python"
    python.symlink_to(sys.executable)
    program = python.with_name("ray")
    program.write_text(GIVES_UP.format(python=sys.executable, starts=str(tmp_path / "starts")))
    program.chmod(0o755)
    environment = scrubbed(os.environ) | {"PYTHONPATH": ":".join(sys.path), "TMPDIR": str(tmp_path / "own")}
    ran = subprocess.run(
        [python, "-c", STARTS, str(free_port())],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (0, "True 1\nFalse 0\n"), ran.stderr
    assert (tmp_path / "starts").read_text() == "started\n" * 3


def test_its_token_is_made_once_and_for_nobody_else(tmp_path: Path):
    head = RayHead(tmp_path / "ray")
    assert head.token == RayHead(tmp_path / "ray").token
    assert (tmp_path / "ray" / "token").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "ray").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("words", "told"),
    [(("--kind", "ray"), "pip install 'runyard[ray]'"), (("--kind", "abacus"), "compute attach")],
    ids=["no ray", "no kind"],
)
def test_what_can_not_be_started_is_refused(server, tmp_path: Path, words, told):
    ran = subprocess.run(
        [sys.executable, "-m", "runyard", "compute", "create", "x", *words],
        env=scrubbed(os.environ) | {"RUNYARD_URL": server.url, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )
    assert (ran.returncode != 0, told in " ".join(ran.stderr.split())) == (True, True), ran.stderr
