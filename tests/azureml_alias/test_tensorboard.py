"""The metrics of runs become files that TensorBoard reads, and Azure's notebooks about it run as they are."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from runyard import Experiment, Workspace
from runyard.azureml.event_files import first_event, records, scalar_event
from runyard.azureml.tensorboard import export_to_tensorboard
from runyard.errors import InvalidParameter
from tests.azureml_alias.test_alias import SCRIPTS, configured, python
from tests.running_server import RunningServer

__all__ = ["configured"]
LONG = f"Größe/{'x' * 120}"
# Written by TensorBoard 2.21: its RecordWriter, its messages, the same four events.
GENUINE = (
    "1800000000000000a37f4b2209000000000000f83f1a0d627261696e2e4576656e743a322a28646c"
    "1800000000000000a37f4b220900000000000002402a0d0a0b0a046c6f7373150000003fef815071"
    "9a0000000000000011c3204a09000000000000084010ac022a8b010a88010a80014772c3b6c39f652f"
    + "78"
    * 120
    + "15000080ff860b0f8b"
    "2300000000000000b09f774309000000000000104010ffffffffffffffffff012a0d0a0b0a046c6f7373156f12833a2469b705"
)
Point = tuple[str, int, float]


def points_of(folder: Path) -> list[Point]:
    """Read the points of the only file of a folder: names, steps and values."""
    (file,) = folder.iterdir()
    assert "tfevents" in file.name
    return [_point(event) for event in list(_contents(file.read_bytes()))[1:]]


def _contents(content: bytes) -> Iterator[bytes]:
    while content:
        (size,) = struct.unpack_from("<Q", content)
        yield content[12 : 12 + size]
        content = content[16 + size :]


def _point(event: bytes) -> Point:
    """Read an event whose name, step and length are shorter than 128."""
    rest, step = event[9:], 0
    if rest[0] == 0x10:
        step, rest = rest[1], rest[2:]
    size = rest[5]
    return rest[6 : 6 + size].decode(), step, struct.unpack_from("<f", rest, 7 + size)[0]


def in_four_bytes(value: float) -> float:
    """Return the number that is left of one in a file of events."""
    (left,) = struct.unpack("<f", struct.pack("<f", value))
    return float(left)


def test_events_are_those_that_tensorboard_itself_writes():
    events = [
        first_event(1.5),
        scalar_event(2.25, 0, "loss", 0.5),
        scalar_event(3.0, 300, LONG, -1e300),
        scalar_event(4.0, -1, "loss", 1e-3),
    ]
    assert b"".join(records(events)).hex() == GENUINE


def test_a_run_that_goes_on_is_written_anew(server: RunningServer, tmp_path: Path):
    workspace = Workspace.get("default", url=server.url)
    with Experiment(workspace, "written-anew").start_logging() as run:
        run.log("loss", 0.5, step=3)
        with run.child_run() as child, child.child_run() as grandchild:
            grandchild.log("loss", 1.0, step=1)
        export_to_tensorboard([run, grandchild], tmp_path / "deep" / "logs")
        run.log("loss", 0.25, step=4)
        export_to_tensorboard(run, str(tmp_path / "deep" / "logs"), recursive=False)
    written = tmp_path / "deep" / "logs"
    assert {each.name for each in written.iterdir()} == {run.id, grandchild.id}
    assert points_of(written / run.id) == [("loss", 3, 0.5), ("loss", 4, 0.25)]
    assert points_of(written / grandchild.id) == [("loss", 1, 1.0)]


@pytest.mark.parametrize("given", ["a run", ["a run"], None])
def test_only_runs_are_written(tmp_path: Path, given: object):
    with pytest.raises(InvalidParameter, match="'run_data' must be a run or a list of runs"):
        export_to_tensorboard(given, tmp_path)  # type: ignore[arg-type]


def test_notebooks_about_tensorboard_run_as_they_are(configured: Path):
    ended = python(configured, "-m", "runyard.azureml", SCRIPTS / "tensorboard_cells.py")
    assert ended.returncode == 0, ended.stderr + ended.stdout
    said = json.loads(ended.stdout.splitlines()[-1])
    assert said["events"] == ["events.out.tfevents.1.here"]
    assert said["refused"].startswith("Runyard has no azureml.tensorboard.Tensorboard.")
    assert "tensorboard --logdir" in said["refused"]
    written = configured / "exportedTBlogs"
    assert len(list(written.iterdir())) == 4
    assert points_of(written / said["root"]) == [
        ("alpha", step, in_four_bytes(value)) for step, value in enumerate((0.1, 0.2, 0.3))
    ]
    assert points_of(written / said["last"]) == [("mse", 7, in_four_bytes(0.6))]
