"""What the browser tests look at: runs logged over REST, as any client logs them."""

from __future__ import annotations

import json
import math
import struct
import zlib
from dataclasses import dataclass
from typing import Any

import httpx

from runyard.services.call import system_now_ms

API = "/api/2.0/mlflow/"
HOSTILE_NAME = "<img src=x onerror=alert('S20')>"
HOSTILE_PAGE = "<!doctype html><h1>report</h1><script>alert('S20')</script>"
HOSTILE_DRAWING = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="120" height="60" onload="alert(1)">'
    '<script>alert("S20")</script><rect width="120" height="60" fill="teal"/></svg>'
)


class Logger:
    """A client of one server's MLflow API."""

    def __init__(self, url: str, prefix: str = "") -> None:
        self._client = httpx.Client(base_url=url + prefix, timeout=60)

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        """Send one call and return its answer."""
        return self.send(API + path, **body)

    def send(self, address: str, **body: Any) -> dict[str, Any]:
        """Send one call to an address of its own and return its answer."""
        answer = self._client.post(address, json=body)
        answer.raise_for_status()
        content: dict[str, Any] = answer.json()
        return content

    def create_experiment(self, name: str) -> str:
        """Make an experiment and return its id."""
        return str(self.post("experiments/create", name=name)["experiment_id"])

    def create_run(self, experiment_id: str, name: str, **tags: str) -> str:
        """Start a run and return its id."""
        pairs = [{"key": key.replace("__", "."), "value": value} for key, value in tags.items()]
        answer = self.post(
            "runs/create", experiment_id=experiment_id, run_name=name, start_time=system_now_ms(), tags=pairs
        )
        return str(answer["run"]["info"]["run_id"])

    def log_line(self, run_id: str, key: str, values: list[float | str], first_step: int = 0) -> None:
        """Log values of one metric at consecutive steps."""
        points = [
            {"key": key, "value": value, "step": step, "timestamp": system_now_ms()}
            for step, value in enumerate(values, first_step)
        ]
        for start in range(0, len(points), 1000):
            self.post("runs/log-batch", run_id=run_id, metrics=points[start : start + 1000])

    def log_params(self, run_id: str, **params: str) -> None:
        """Log params."""
        pairs = [{"key": key, "value": value} for key, value in params.items()]
        self.post("runs/log-batch", run_id=run_id, params=pairs)

    def finish(self, run_id: str, status: str = "FINISHED") -> None:
        """End a run."""
        self.post("runs/update", run_id=run_id, status=status, end_time=system_now_ms())

    def put_file(self, experiment_id: str, owner: str, path: str, content: bytes) -> None:
        """Upload a file of a run, or of `models/<id>`, as MLflow's client does."""
        address = f"/api/2.0/mlflow-artifacts/artifacts/{experiment_id}/{owner}/artifacts/{path}"
        self._client.put(address, content=content).raise_for_status()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


@dataclass(frozen=True)
class Content:
    """The names that tests look for."""

    url: str
    experiment_id: str
    run_ids: tuple[str, ...]
    run_with_files: str
    many_id: str
    hostile_id: str
    hostile_run: str
    model_id: str


def picture(width: int = 60, height: int = 40) -> bytes:
    """Return a PNG of one colour, big enough to be seen."""
    line = b"\0" + bytes((32, 110, 160)) * width

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(line * height))
        + chunk(b"IEND", b"")
    )


def fill(url: str, *, many: int = 130) -> Content:
    """Log what the tests look at into a server's default workspace."""
    logger = Logger(url)
    experiment_id = logger.create_experiment("ridge-diabetes")
    run_ids = tuple(_training(logger, experiment_id, number) for number in range(4))
    run_with_files = run_ids[-1]
    _add_files(logger, experiment_id, run_with_files)
    many_id = logger.create_experiment("many-runs")
    for number in range(many):
        run_id = logger.create_run(many_id, f"trial-{number:04}")
        logger.log_line(run_id, "score", [number / many])
        logger.finish(run_id)
    hostile_id = logger.create_experiment(HOSTILE_NAME)
    hostile_run = _hostile(logger, hostile_id)
    model = logger.post(
        "logged-models",
        experiment_id=experiment_id,
        name="ridge",
        model_type="sklearn",
        source_run_id=run_with_files,
        params=[{"key": "alpha", "value": "0.3"}],
    )
    model_id = str(model["model"]["info"]["model_id"])
    logger.put_file(experiment_id, f"models/{model_id}", "MLmodel", b"flavors:\n  sklearn: {}\n")
    logger.close()
    return Content(url, experiment_id, run_ids, run_with_files, many_id, hostile_id, hostile_run, model_id)


def _training(logger: Logger, experiment_id: str, number: int) -> str:
    run_id = logger.create_run(
        experiment_id,
        f"ridge-{number}",
        mlflow__user="ada",
        mlflow__source__name="train.py",
        mlflow__note__content="Baseline.\n<b>Not markup.</b>",
        team="tabular",
    )
    logger.log_params(run_id, alpha=str(0.1 * (number + 1)), model="ridge")
    steps = 3000 if number == 0 else 200
    loss: list[float | str] = [math.exp(-step / steps * (number + 1)) for step in range(steps)]
    loss[50] = "NaN"
    logger.log_line(run_id, "train/loss", loss)
    logger.log_line(run_id, "val/accuracy", [1 - math.exp(-step / 9) for step in range(60)])
    logger.log_line(run_id, "r2", [0.4 + number / 100])
    logger.finish(run_id)
    return run_id


def _add_files(logger: Logger, experiment_id: str, run_id: str) -> None:
    files = {
        "figures/loss.png": picture(),
        "notes.txt": b"plain text of a note",
        "metrics.json": json.dumps({"folds": [1, 2, 3]}).encode(),
        "predictions.csv": b'y,predicted,comment\n1,1.5,"one, and a half"\n2,2.5,two\n',
        "report.html": HOSTILE_PAGE.encode(),
        "drawing.svg": HOSTILE_DRAWING.encode(),
        "model/model.pkl": b"\x80\x04\x00",
    }
    for path, content in files.items():
        logger.put_file(experiment_id, run_id, path, content)


def _hostile(logger: Logger, experiment_id: str) -> str:
    run_id = logger.create_run(
        experiment_id, HOSTILE_NAME, note=HOSTILE_NAME, mlflow__note__content=HOSTILE_NAME
    )
    logger.log_params(run_id, payload=HOSTILE_NAME)
    logger.log_line(run_id, "loss", [1, 2, 3])
    logger.put_file(experiment_id, run_id, "page.html", HOSTILE_PAGE.encode())
    logger.finish(run_id)
    return run_id
