"""Runs scenarios in a client's own interpreter and prints a JSON line for each.

    MLFLOW_TRACKING_URI=http://... python run.py core artifacts

Each public function of a named module beside this file is a scenario. It runs in an experiment of its own and
passes when it returns. Nothing of Runyard is imported here: this is any user's machine.
"""

import importlib
import inspect
import json
import os
import sys
import time
import traceback
import uuid

import mlflow


def main(module_names):
    for name in module_names:
        module = importlib.import_module(name)
        for scenario_name, scenario in inspect.getmembers(module, inspect.isfunction):
            if scenario.__module__ == name and not scenario_name.startswith("_"):
                print(json.dumps(_outcome(name, scenario_name, scenario)), flush=True)


def _outcome(module_name, scenario_name, scenario):
    started = time.monotonic()
    failure = None
    try:
        mlflow.set_experiment(f"{scenario_name}-{uuid.uuid4().hex[:8]}")
        scenario()
    except Exception:  # noqa: BLE001 - whatever a scenario raises is its outcome, and the next one runs
        failure = traceback.format_exc()
    finally:
        os.environ.pop("MLFLOW_RUN_ID", None)
        while mlflow.active_run():
            mlflow.end_run()
    return {
        "scenario": f"{module_name}.{scenario_name}",
        "failure": failure,
        "seconds": round(time.monotonic() - started, 3),
    }


if __name__ == "__main__":
    main(sys.argv[1:])
