"""Experiments, with what every client since 1.30 can say."""

import time
import uuid

import mlflow
from expecting import refused, same
from mlflow.entities import ViewType
from mlflow.tracking import MlflowClient

client = MlflowClient()


def _name(word):
    return f"{word}-{uuid.uuid4().hex[:10]}"


def an_experiment_is_found_by_id_and_by_name():
    name = _name("found")
    before_ms = int(time.time() * 1000)
    experiment_id = client.create_experiment(name, tags={"team": "vision", "empty": ""})
    by_id = client.get_experiment(experiment_id)
    by_name = client.get_experiment_by_name(name)
    same(by_id.experiment_id, experiment_id)
    same(by_name.experiment_id, experiment_id)
    same(by_id.name, name)
    same(by_id.lifecycle_stage, "active")
    same(by_id.tags["team"], "vision")
    same(by_id.tags["empty"], "")
    assert experiment_id.isdigit()
    assert by_id.artifact_location
    assert before_ms - 60_000 <= by_id.creation_time <= before_ms + 60_000
    assert by_id.last_update_time >= by_id.creation_time


def the_default_experiment_is_there():
    default = client.get_experiment("0")
    same(default.name, "Default")
    same(client.get_experiment_by_name("Default").experiment_id, "0")


def an_experiment_name_is_taken_once():
    name = _name("once")
    client.create_experiment(name)
    with refused("RESOURCE_ALREADY_EXISTS"):
        client.create_experiment(name)


def a_missing_experiment_is_none_by_name_and_an_error_by_id():
    assert client.get_experiment_by_name(_name("nowhere")) is None
    with refused("RESOURCE_DOES_NOT_EXIST"):
        client.get_experiment("999999999999")


def an_experiment_without_a_name_is_refused():
    with refused("INVALID_PARAMETER_VALUE"):
        client.create_experiment("")


def an_experiment_is_deleted_and_restored():
    name = _name("deleted")
    experiment_id = client.create_experiment(name)
    run_id = client.create_run(experiment_id).info.run_id
    client.delete_experiment(experiment_id)
    same(client.get_experiment(experiment_id).lifecycle_stage, "deleted")
    same(client.get_experiment_by_name(name).lifecycle_stage, "deleted")
    same(client.get_run(run_id).info.lifecycle_stage, "deleted")
    with refused("RESOURCE_ALREADY_EXISTS"):
        client.create_experiment(name)
    client.restore_experiment(experiment_id)
    same(client.get_experiment(experiment_id).lifecycle_stage, "active")
    same(client.get_run(run_id).info.lifecycle_stage, "active")


def a_deleted_experiment_takes_no_runs_and_cannot_be_set():
    name = _name("closed")
    experiment_id = client.create_experiment(name)
    client.delete_experiment(experiment_id)
    with refused("INVALID_STATE", "INVALID_PARAMETER_VALUE"):
        client.create_run(experiment_id)
    try:
        mlflow.set_experiment(name)
    except mlflow.exceptions.MlflowException as error:
        assert "deleted" in str(error)
    else:
        raise AssertionError("a deleted experiment was set")


def an_experiment_is_renamed():
    old, new = _name("old"), _name("new")
    experiment_id = client.create_experiment(old)
    client.rename_experiment(experiment_id, new)
    same(client.get_experiment(experiment_id).name, new)
    assert client.get_experiment_by_name(old) is None
    taken = client.create_experiment(old)
    with refused("RESOURCE_ALREADY_EXISTS"):
        client.rename_experiment(taken, new)


def experiment_tags_are_set_and_overwritten():
    experiment_id = client.create_experiment(_name("tags"))
    client.set_experiment_tag(experiment_id, "stage", "draft")
    client.set_experiment_tag(experiment_id, "stage", "final")
    client.set_experiment_tag(experiment_id, "mlflow.note.content", "# Notes\nwith ümlauts 🎈")
    tags = client.get_experiment(experiment_id).tags
    same(tags["stage"], "final")
    same(tags["mlflow.note.content"], "# Notes\nwith ümlauts 🎈")


def experiments_are_searched_by_name_tag_and_stage():
    marker = _name("search")
    ids = {
        word: client.create_experiment(f"{marker}/{word}", tags={"marker": marker, "word": word})
        for word in ("alpha", "beta", "gamma")
    }
    client.delete_experiment(ids["gamma"])

    def found(filter_string, view_type=ViewType.ACTIVE_ONLY):
        return {
            experiment.experiment_id
            for experiment in client.search_experiments(view_type=view_type, filter_string=filter_string)
        }

    same(found(f"name = '{marker}/alpha'"), {ids["alpha"]})
    same(found(f"attribute.name LIKE '{marker}/%'"), {ids["alpha"], ids["beta"]})
    same(found(f"name ILIKE '{marker.upper()}/B%'"), {ids["beta"]})
    same(found(f"tags.marker = '{marker}'"), {ids["alpha"], ids["beta"]})
    same(found(f"tags.marker = '{marker}' AND tags.word != 'alpha'"), {ids["beta"]})
    same(found(f"tags.marker = '{marker}'", ViewType.DELETED_ONLY), {ids["gamma"]})
    same(found(f"tags.marker = '{marker}'", ViewType.ALL), set(ids.values()))
    same(found(f"name LIKE '{marker}/%' AND creation_time > 0 AND tags.word LIKE 'al%'"), {ids["alpha"]})
    with refused("INVALID_PARAMETER_VALUE"):
        found("nonsense ~ 3")


def experiments_are_ordered_and_paged():
    marker = _name("pages")
    names = [f"{marker}-{number}" for number in range(7)]
    for name in names:
        client.create_experiment(name)
    for order, expected in (("name ASC", names), ("name DESC", names[::-1])):
        collected, token = [], None
        while True:
            page = client.search_experiments(
                filter_string=f"name LIKE '{marker}%'", max_results=3, order_by=[order], page_token=token
            )
            assert len(page) <= 3
            collected += [experiment.name for experiment in page]
            token = page.token
            if not token:
                break
        same(collected, expected)


def experiments_come_newest_first():
    marker = _name("newest")
    ids = []
    for number in range(3):
        ids.append(client.create_experiment(f"{marker}-{number}"))
        time.sleep(0.1)  # longer than a machine's clock is set back by
    found = client.search_experiments(filter_string=f"name LIKE '{marker}%'")
    same([experiment.experiment_id for experiment in found], ids[::-1])
