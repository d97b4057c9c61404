"""A small network that really learns, in plain Python, so that the demo needs no library."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Sample(NamedTuple):
    """A point of the plane and the moon, 0 or 1, that it belongs to."""

    x: float
    y: float
    label: int


def two_moons(count: int, noise: float, seed: int) -> list[Sample]:
    """Return points of two half circles that reach into one another."""
    chance = random.Random(seed)
    samples = []
    for index in range(count):
        angle, label = chance.uniform(0, math.pi), index % 2
        x, y = math.cos(angle), math.sin(angle)
        if label:
            x, y = 1 - x, 0.5 - y
        samples.append(Sample(x + chance.gauss(0, noise), y + chance.gauss(0, noise), label))
    return samples


@dataclass(frozen=True, slots=True)
class Score:
    """How well a network does: mean cross-entropy, and the share that it gets right."""

    loss: float
    accuracy: float


class Network:
    """Two inputs, one layer of ``hidden`` tanh units, one probability.

    Args:
        hidden: How many units.
        seed: What its first weights are drawn from.
    """

    def __init__(self, hidden: int, seed: int) -> None:
        chance = random.Random(seed)
        self.units = [[chance.gauss(0, 1), chance.gauss(0, 1), 0.0] for _ in range(hidden)]
        self.outer = [chance.gauss(0, 1 / math.sqrt(hidden)) for _ in range(hidden)] + [0.0]

    def probability(self, x: float, y: float) -> float:
        """Return how likely the point belongs to moon 1."""
        return self._forward(x, y)[1]

    def train_epoch(self, samples: Sequence[Sample], learning_rate: float) -> float:
        """Take one step of gradient descent per sample; return the mean length of the gradients."""
        lengths = 0.0
        for sample in samples:
            active, probability = self._forward(sample.x, sample.y)
            slope = probability - sample.label
            length = slope * slope
            for index, unit in enumerate(self.units):
                back = slope * self.outer[index] * (1 - active[index] ** 2)
                self.outer[index] -= learning_rate * slope * active[index]
                unit[0] -= learning_rate * back * sample.x
                unit[1] -= learning_rate * back * sample.y
                unit[2] -= learning_rate * back
                length += back * back * (1 + sample.x**2 + sample.y**2) + (slope * active[index]) ** 2
            self.outer[-1] -= learning_rate * slope
            lengths += math.sqrt(length)
        return lengths / len(samples)

    def score(self, samples: Sequence[Sample]) -> Score:
        """Return how well it does on samples."""
        loss, right = 0.0, 0
        for sample in samples:
            probability = min(max(self.probability(sample.x, sample.y), 1e-9), 1 - 1e-9)
            loss -= math.log(probability if sample.label else 1 - probability)
            right += (probability > 0.5) == bool(sample.label)
        return Score(loss / len(samples), right / len(samples))

    def weights(self) -> dict[str, list[list[float]] | list[float]]:
        """Return all that it has learned."""
        return {"hidden": self.units, "outer": self.outer}

    def _forward(self, x: float, y: float) -> tuple[list[float], float]:
        active = [math.tanh(unit[0] * x + unit[1] * y + unit[2]) for unit in self.units]
        total = self.outer[-1] + sum(map(float.__mul__, self.outer, active))
        return active, 1 / (1 + math.exp(-min(max(total, -60.0), 60.0)))


def epochs_of(network: Network, learning_rate: float, epochs: int, seed: int) -> Iterator[dict[str, float]]:
    """Train a network and yield the metrics of each epoch."""
    training, held_out = two_moons(160, 0.18, seed), two_moons(80, 0.18, seed + 1)
    order = random.Random(seed)
    for _ in range(epochs):
        order.shuffle(training)
        gradient_norm = network.train_epoch(training, learning_rate)
        fit, test = network.score(training), network.score(held_out)
        yield {
            "train/loss": fit.loss,
            "train/accuracy": fit.accuracy,
            "val/loss": test.loss,
            "val/accuracy": test.accuracy,
            "gradient_norm": gradient_norm,
        }
