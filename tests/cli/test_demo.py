"""The demo trains real networks without libraries, and says plainly what it did and what it left out."""

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from runyard import Workspace
from runyard.cli import demo
from runyard.cli.demo_image import SIDE_PX, decision_image, png
from runyard.cli.demo_training import Network, epochs_of, two_moons
from tests.cli.conftest import CommandLine
from tests.running_server import RunningServer

CHANNEL = st.integers(0, 255)


def count(values: float | list[float]) -> int:
    """How many values a metric has."""
    return len(values) if isinstance(values, list) else 1


def test_a_network_learns_to_tell_the_moons_apart():
    network = Network(hidden=12, seed=1)
    course = list(epochs_of(network, learning_rate=0.1, epochs=60, seed=1))
    assert course[-1]["train/loss"] < course[0]["train/loss"] / 3
    assert course[-1]["val/accuracy"] > 0.95
    assert network.probability(0, 1) < 0.5 < network.probability(1, -0.5)


def test_the_same_seed_trains_the_same_network():
    courses = [list(epochs_of(Network(4, 3), 0.1, 5, 3)) for _ in range(2)]
    assert courses[0] == courses[1]


def test_the_moons_are_of_equal_size():
    assert sum(sample.label for sample in two_moons(100, 0.1, 5)) == 50


@given(
    width=st.integers(1, 9),
    rows=st.lists(
        st.lists(st.tuples(CHANNEL, CHANNEL, CHANNEL), min_size=9, max_size=9), min_size=1, max_size=9
    ),
)
def test_a_picture_is_read_as_it_was_written(width: int, rows: list[list[tuple[int, int, int]]]):
    pixels = [row[:width] for row in rows]
    read = Image.open(io.BytesIO(png(pixels)))
    assert read.size == (width, len(rows))
    assert [[read.getpixel((x, y)) for x in range(width)] for y in range(len(rows))] == pixels


def test_the_picture_shows_the_plane_as_the_network_sees_it():
    network = Network(hidden=12, seed=1)
    list(epochs_of(network, learning_rate=0.1, epochs=60, seed=1))
    picture = Image.open(io.BytesIO(decision_image(network, [])))
    assert picture.size == (SIDE_PX, SIDE_PX)
    pixels = picture.convert("RGB").tobytes()
    above, below = (
        3 * (y * SIDE_PX + x) for x, y in ((SIDE_PX // 8, SIDE_PX // 8), (SIDE_PX * 3 // 4, SIDE_PX - 30))
    )
    assert pixels[above + 2] > pixels[above]  # blue
    assert pixels[below] > pixels[below + 2]  # orange


@pytest.mark.usefixtures("_at_server")
def test_the_demo_logs_curves_an_image_and_weights_and_prints_the_links(
    runyard: CommandLine, server: RunningServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(demo, "_TRAINING_LIBRARIES", ("no_such_library",))
    ended = runyard("demo", "--epochs", 7, "--experiment", "shown")
    assert ended.code == 0
    assert "no_such_library" in ended.out
    assert "pip install 'runyard[examples]'" in ended.out
    runs = list(Workspace.get("default", url=server.url).experiments["shown"].get_runs())
    assert len(runs) == len(demo.SETTINGS)
    for run in runs:
        assert run.get_portal_url() in ended.out
        assert run.get_status() == "Completed"
        assert run.get_file_names() == ["decision.png", "weights.json"]
        assert {count(values) for values in run.get_metrics().values()} == {7}


@pytest.mark.usefixtures("_at_server")
def test_a_training_that_breaks_off_ends_its_run_as_failed(
    runyard: CommandLine, server: RunningServer, monkeypatch: pytest.MonkeyPatch
):
    def no_image(*_: object) -> bytes:
        raise OSError("the image broke")

    monkeypatch.setattr(demo, "decision_image", no_image)
    ended = runyard("demo", "--epochs", 1, "--experiment", "broken")
    assert ended.code == 1
    assert "the image broke" in ended.err
    (run,) = Workspace.get("default", url=server.url).experiments["broken"].get_runs()
    assert run.get_status() == "Failed"


def test_who_tries_the_demo_is_told_of_to_nobody(
    server: RunningServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    script = tmp_path / "training.py"
    script.write_text('import os, sys\n\nsys.exit(os.environ["MLFLOW_DISABLE_TELEMETRY"])\n')
    monkeypatch.delenv("MLFLOW_DISABLE_TELEMETRY", raising=False)
    monkeypatch.setattr(demo, "_TRAINING_LIBRARIES", ())
    monkeypatch.setattr(demo, "_example", lambda name: script)
    told: list[str] = []
    demo._train_diabetes(Workspace.get("default", url=server.url), told.append)
    assert told[-1] == "  it failed: true"


@pytest.mark.slow
@pytest.mark.usefixtures("_at_server")
def test_with_the_libraries_the_demo_also_trains_on_the_diabetes_data(
    runyard: CommandLine, server: RunningServer
):
    ended = runyard("demo", "--epochs", 1, "--json")
    assert ended.code == 0
    assert len(ended.json) == len(demo.SETTINGS)
    experiment = Workspace.get("default", url=server.url).experiments["diabetes"]
    assert experiment.get_portal_url() in ended.err
    (parent,) = experiment.get_runs()
    children = list(parent.get_children())
    assert len(children) == 4
    best = min(children, key=lambda run: run.latest_metrics["rmse"])
    assert parent.get_metrics("best_rmse") == {"best_rmse": best.latest_metrics["rmse"]}
    assert count(best.get_metrics("test/rmse")["test/rmse"]) > 20
    assert "predictions.png" in best.get_file_names()
    assert best.get_details()["outputModels"]
