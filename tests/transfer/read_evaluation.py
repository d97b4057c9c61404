"""Reads what an experiment is judged by through a genuine MLflow client: run by its interpreter, alone.

Usage: python read_evaluation.py TRACKING_URI EXPERIMENT_NAME. It prints JSON: datasets with their records,
scorers with all versions, label schemas and issues, each as the client has it.
"""

import json
import sys
from typing import Any

import mlflow
from mlflow.tracking import MlflowClient


def _dataset(client: MlflowClient, dataset: Any) -> dict[str, Any]:
    dataset = client.get_dataset(dataset.dataset_id)
    records = sorted((each.to_dict() for each in dataset.records), key=lambda each: str(each["inputs"]))
    names = {each: client.get_experiment(each).name for each in dataset.experiment_ids}
    kept = ("dataset_id", "name", "tags", "schema", "profile", "digest", "created_time", "last_update_time")
    told = {name: getattr(dataset, name) for name in kept}
    return {**told, "experiments": sorted(names.values()), "records": records}


def _scorers(store: Any, experiment_id: str) -> list[Any]:
    found = [
        each
        for latest in store.list_scorers(experiment_id)
        for each in store.list_scorer_versions(experiment_id, latest.scorer_name)
    ]
    said = store.get_online_scoring_configs([each.scorer_id for each in found])
    rates = {
        each.scorer_id: (each.online_scoring_config_id, each.sample_rate, each.filter_string) for each in said
    }
    return [
        [
            each.scorer_id,
            each.scorer_version,
            each._serialized_scorer,
            each.creation_time,
            rates[each.scorer_id],
        ]
        for each in found
    ]


def _told(each: Any, *left_out: str) -> dict[str, Any]:
    return {name: str(value) for name, value in vars(each).items() if name not in left_out}


def main(uri: str, name: str) -> None:
    mlflow.set_tracking_uri(uri)
    client = MlflowClient(uri)
    store, experiment_id = client._tracking_client.store, client.get_experiment_by_name(name).experiment_id
    datasets = client.search_datasets(experiment_ids=[experiment_id])
    schemas = [each for each in store.list_label_schemas(experiment_id) if not each.is_default]
    issues = store.search_issues(experiment_id=experiment_id)
    told = {
        "datasets": sorted((_dataset(client, each) for each in datasets), key=lambda each: each["name"]),
        "scorers": _scorers(store, experiment_id),
        "label_schemas": sorted(
            (_told(each, "experiment_id", "created_by") for each in schemas), key=lambda each: each["name"]
        ),
        "issues": [_told(each, "experiment_id", "trace_count") for each in issues],
    }
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
