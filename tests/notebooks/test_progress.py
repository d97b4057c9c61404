"""Bars are seen on a terminal and in a notebook, and leave no trace in a pipe, a log or an error."""

import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from runyard import Experiment, Workspace
from runyard.sdk.progress import Bars
from tests.notebooks.kernel import cells, outputs, printed, run_notebook
from tests.running_server import RunningServer, scrubbed

UPLOAD = """
from runyard import Experiment, Workspace
run = Experiment(Workspace.get("default", url={url!r}), "bars").start_logging()
print("before")
run.upload_folder("model", "model")
run.complete()
print(run.wait_for_completion(show_output=True)["status"])
"""
SIZE_BYTES = 3_000_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a file whose name looks like markup, and is none."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "[red]weights.bin").write_bytes(b"w" * SIZE_BYTES)
    return tmp_path


def on_terminal(
    code: str, folder: Path, watch: Callable[[str], None] = lambda shown: None, **variables: str
) -> tuple[str, str]:
    """Run a script whose stderr is a terminal and whose stdout is a pipe; return what each got.

    Whenever the terminal gets something, ``watch`` is told all that it has shown.
    """
    terminal, stderr = pty.openpty()
    environment = scrubbed(os.environ) | {"TERM": "xterm", "COLUMNS": "120", **variables}
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
    ) as script:
        os.close(stderr)
        shown = _read_to_the_end(terminal, watch)
        assert script.stdout is not None
        said = script.stdout.read()
    assert script.returncode == 0, shown
    return said, shown


def _read_to_the_end(terminal: int, watch: Callable[[str], None]) -> str:
    shown = b""
    while piece := _read(terminal):
        shown += piece
        watch(shown.decode(errors="replace"))
    os.close(terminal)
    return shown.decode(errors="replace")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # a terminal whose other side was closed ends so
        return b""


def test_a_terminal_shows_the_files_on_their_way_and_the_pipe_gets_what_was_printed(
    server: RunningServer, folder: Path
):
    said, shown = on_terminal(UPLOAD.format(url=server.url), folder)
    assert said.splitlines()[0] == "before"
    assert said.splitlines()[-1] == "Completed"
    assert ": Completed" in said.splitlines()[1]
    assert "model/[red]weights.bin" in shown
    assert "3.0 MB" in shown


def test_a_person_may_switch_bars_off(server: RunningServer, folder: Path):
    said, shown = on_terminal(UPLOAD.format(url=server.url), folder, RUNYARD_PROGRESS="off")
    assert "Completed" in said
    assert shown == ""


def test_a_log_gets_no_bars(server: RunningServer, folder: Path):
    ended = subprocess.run(
        [sys.executable, "-c", UPLOAD.format(url=server.url)],
        cwd=folder,
        env=scrubbed(os.environ) | {"FORCE_COLOR": "1", "TTY_COMPATIBLE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stderr == ""
    assert "weights" not in ended.stdout


def test_an_error_comes_as_it_is_after_the_bars_are_gone(server: RunningServer, folder: Path):
    code = (
        "from runyard import Datastore, Workspace\n"
        "from runyard.errors import InvalidParameter\n"
        "from runyard.sdk.progress import Bars\n"
        "try:\n"
        "    with Bars() as bars:\n"
        "        bars.begin('halfway', 2)\n"
        "        raise InvalidParameter('said after the bars')\n"
        "except InvalidParameter as error:\n"
        "    print(error)\n"
    )
    said, shown = on_terminal(code, folder)
    assert said == "said after the bars\n"
    assert shown.rstrip().endswith("\x1b[2K")  # the line of the bar is empty again


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_program_without_output_transfers_all_the_same(stream: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(f"sys.{stream}", None)
    with Bars() as bars:
        bars.advance(bars.begin("silent", 1), 1)
    assert not bars.is_shown


@pytest.mark.slow
def test_a_notebook_shows_the_bars_below_the_cell_and_takes_them_away(server: RunningServer, folder: Path):
    watching = (
        "from IPython.core.displaypub import DisplayPublisher\n"
        "shown, publish = [], get_ipython().display_pub.publish\n"
        "def note(data, *rest, **options):\n"
        "    shown.append(data.get('text/html'))\n"
        "    return publish(data, *rest, **options)\n"
        "get_ipython().display_pub.publish = note\n"
    )
    telling = "print(shown[0][:4], any('3.0' in html for html in shown), repr(shown[-1]), len(shown) < 200)"
    ran = run_notebook(cells(watching, UPLOAD.format(url=server.url), telling), folder)
    assert printed(ran).splitlines()[-1] == "<pre True '' True"
    left = [output.data for output in outputs(ran) if output.output_type == "display_data"]
    assert [data["text/html"] for data in left] == [""] * len(left)
    assert [output for output in outputs(ran) if output.get("name") == "stderr"] == []


@pytest.mark.slow
def test_a_notebook_may_switch_bars_off_too(server: RunningServer, folder: Path):
    ran = run_notebook(cells(UPLOAD.format(url=server.url)), folder, {"RUNYARD_PROGRESS": "off"})
    assert [output.output_type for output in outputs(ran)] == ["stream"]


def test_who_wants_no_bars_of_a_datastore_gets_none(server: RunningServer, folder: Path):
    code = (
        "from runyard import Workspace\n"
        f"store = Workspace.get('default', url={server.url!r}).get_default_datastore()\n"
        "store.upload('model', 'of-bars', overwrite=True, show_progress={shown})\n"
        "store.download('back-{shown}', 'of-bars', show_progress={shown})\n"
    )
    assert on_terminal(code.format(shown=False), folder) == ("", "")
    assert "weights" in on_terminal(code.format(shown=True), folder)[1]


def test_a_wait_shows_where_the_run_is(server: RunningServer, folder: Path):
    run = Experiment(Workspace.get("default", url=server.url), "waits").start_logging()
    run.flush()
    code = (
        "from runyard import Workspace\n"
        f"Workspace.get('default', url={server.url!r}).get_run({run.id!r}).wait_for_completion()\n"
    )
    completed: list[bool] = []

    def complete_once_it_is_shown(shown: str) -> None:
        if f"Run {run.id}: Running" in shown and not completed:
            completed.append(True)
            run.complete()

    said, shown = on_terminal(code, folder, complete_once_it_is_shown)
    assert said == ""
    assert completed
    assert "0:00:0" in shown
