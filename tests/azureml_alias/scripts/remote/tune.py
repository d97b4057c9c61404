"""A training script whose hyperparameters are tuned with Azure ML's first SDK."""

import argparse

from azureml.core import Run

parser = argparse.ArgumentParser()
for name, kind in (
    ("--epochs", int),
    ("--learning-rate", float),
    ("--keep", float),
    ("--batch-size", int),
    ("--layers", int),
    ("--units", int),
    ("--seed", int),
    ("--noise", float),
    ("--decay", float),
    ("--a", float),
    ("--b", float),
    ("--c", float),
):
    parser.add_argument(name, type=kind, required=True)
given = parser.parse_args()

run = Run.get_context()
for epoch in range(given.epochs):
    run.log("validation_acc", given.keep + epoch / 100)
