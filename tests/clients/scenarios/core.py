"""Experiments and runs, with what every client since 1.30 can say."""

import math
import os
import threading
import time
import uuid

import mlflow
from expecting import refused, same
from mlflow.entities import Metric, Param, RunTag, ViewType
from mlflow.tracking import MlflowClient

client = MlflowClient()


def _name(word):
    return f"{word}-{uuid.uuid4().hex[:10]}"


def _here():
    """Return the id of the experiment that the runner made for this scenario."""
    with mlflow.start_run() as run:
        pass
    client.delete_run(run.info.run_id)
    return run.info.experiment_id


# Experiments


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


# Runs


def a_run_keeps_all_that_was_logged():
    with mlflow.start_run(run_name="everything", tags={"kind": "test"}, description="What it is") as run:
        mlflow.log_param("alpha", 0.5)
        mlflow.log_params({"layers": [1, 2, 3], "name": "ridge"})
        mlflow.log_metric("loss", 0.25)
        mlflow.log_metrics({"val/rmse": 1.5, "val/mae": -2}, step=3)
        mlflow.set_tag("colour", "green")
        mlflow.set_tags({"n": 1, "unicode": "ünï 🎈\nline"})
    kept = mlflow.get_run(run.info.run_id)
    same(kept.data.params, {"alpha": "0.5", "layers": "[1, 2, 3]", "name": "ridge"})
    same(kept.data.metrics, {"loss": 0.25, "val/rmse": 1.5, "val/mae": -2.0})
    for key, value in {"kind": "test", "colour": "green", "n": "1", "unicode": "ünï 🎈\nline"}.items():
        same(kept.data.tags[key], value)
    same(kept.data.tags["mlflow.note.content"], "What it is")
    same(kept.data.tags["mlflow.runName"], "everything")
    same(kept.info.run_name, "everything")
    assert kept.data.tags["mlflow.source.name"]
    assert kept.data.tags["mlflow.user"]
    same(kept.info.status, "FINISHED")
    same(kept.info.lifecycle_stage, "active")
    assert kept.info.start_time - 1000 <= kept.info.end_time  # a clock may be set back
    assert kept.info.artifact_uri.endswith(f"/{run.info.run_id}/artifacts")


def a_run_without_a_name_gets_one():
    with mlflow.start_run() as run:
        pass
    kept = mlflow.get_run(run.info.run_id)
    assert kept.info.run_name
    same(kept.data.tags["mlflow.runName"], kept.info.run_name)


def a_run_is_created_with_the_start_and_tags_it_is_given():
    run = client.create_run(_here(), start_time=1_600_000_000_123, tags={"a": "b"})
    kept = client.get_run(run.info.run_id)
    same(kept.info.start_time, 1_600_000_000_123)
    same(kept.info.status, "RUNNING")
    assert kept.info.end_time is None
    same(kept.data.tags["a"], "b")
    client.set_terminated(run.info.run_id, status="KILLED", end_time=1_600_000_001_000)
    kept = client.get_run(run.info.run_id)
    same((kept.info.status, kept.info.end_time), ("KILLED", 1_600_000_001_000))


def a_run_of_no_experiment_is_refused():
    with refused("RESOURCE_DOES_NOT_EXIST"):
        client.create_run("999999999999")


def metric_history_comes_back_in_the_order_it_was_logged():
    with mlflow.start_run() as run:
        for step in range(25):
            mlflow.log_metric("loss", 1 / (step + 1), step=step)
    history = client.get_metric_history(run.info.run_id, "loss")
    same([point.step for point in history], list(range(25)))
    same([point.value for point in history], [1 / (step + 1) for step in range(25)])
    assert all(point.key == "loss" and point.timestamp > 0 for point in history)


def the_latest_metric_is_the_one_of_the_largest_step():
    run_id = client.create_run(_here()).info.run_id
    client.log_metric(run_id, "m", 1.0, timestamp=100, step=5)
    client.log_metric(run_id, "m", 2.0, timestamp=200, step=4)
    same(client.get_run(run_id).data.metrics["m"], 1.0)
    client.log_metric(run_id, "m", 3.0, timestamp=300, step=5)
    same(client.get_run(run_id).data.metrics["m"], 3.0)
    client.log_metric(run_id, "m", 2.5, timestamp=300, step=5)
    same(client.get_run(run_id).data.metrics["m"], 3.0)
    same(len(client.get_metric_history(run_id, "m")), 4)


def the_same_point_logged_twice_is_kept_once():
    run_id = client.create_run(_here()).info.run_id
    for _ in range(3):
        client.log_metric(run_id, "m", 1.0, timestamp=100, step=1)
    same(len(client.get_metric_history(run_id, "m")), 1)


def a_step_may_be_negative_and_a_metric_may_be_an_integer():
    run_id = client.create_run(_here()).info.run_id
    client.log_metric(run_id, "m", 7, timestamp=1, step=-3)
    (point,) = client.get_metric_history(run_id, "m")
    same((point.value, point.step, point.timestamp), (7.0, -3, 1))


def nan_comes_back_as_nan():
    with mlflow.start_run() as run:
        mlflow.log_metric("m", float("nan"))
    assert math.isnan(client.get_run(run.info.run_id).data.metrics["m"])
    (point,) = client.get_metric_history(run.info.run_id, "m")
    assert math.isnan(point.value)


def infinities_come_back_as_they_were_logged():
    with mlflow.start_run() as run:
        mlflow.log_metric("up", float("inf"))
        mlflow.log_metric("down", float("-inf"))
        mlflow.log_metrics({"batch": float("inf")}, step=2)
    metrics = client.get_run(run.info.run_id).data.metrics
    same(metrics, {"up": math.inf, "down": -math.inf, "batch": math.inf})
    same([point.value for point in client.get_metric_history(run.info.run_id, "down")], [-math.inf])


def extreme_numbers_keep_every_bit():
    numbers = [1e-308, 5e-324, 1.7976931348623157e308, 0.1 + 0.2, -0.0, 123456789.123456789]
    with mlflow.start_run() as run:
        for step, number in enumerate(numbers):
            mlflow.log_metric("m", number, step=step)
    history = client.get_metric_history(run.info.run_id, "m")
    same([point.value for point in history], numbers)


def the_history_of_a_metric_that_was_never_logged_is_empty():
    with mlflow.start_run() as run:
        pass
    same(list(client.get_metric_history(run.info.run_id, "never")), [])


def a_param_may_be_repeated_but_not_changed():
    with mlflow.start_run() as run:
        mlflow.log_param("alpha", 1)
        mlflow.log_param("alpha", 1)
        with refused("INVALID_PARAMETER_VALUE"):
            mlflow.log_param("alpha", 2)
        with refused("INVALID_PARAMETER_VALUE"):
            mlflow.log_params({"beta": 1, "alpha": 3})
    same(client.get_run(run.info.run_id).data.params["alpha"], "1")


def names_may_hold_slashes_spaces_dots_and_letters_of_all_languages():
    params = {"a/b.c-d e_f": "x", "größe": "y", "学習率": "0.1"}
    with mlflow.start_run() as run:
        for key, value in params.items():
            mlflow.log_param(key, value)
        mlflow.log_metric("größe/val loss.x-y_z", 1.0)
        mlflow.set_tag("schlüssel", "wert")
    kept = client.get_run(run.info.run_id).data
    same(kept.params, params)
    same(kept.metrics, {"größe/val loss.x-y_z": 1.0})
    same(kept.tags["schlüssel"], "wert")
    same(len(client.get_metric_history(run.info.run_id, "größe/val loss.x-y_z")), 1)


def bad_names_are_refused():
    run_id = client.create_run(_here()).info.run_id
    for name in ("", "../up", "a//b", "/abs", "what?", "x" * 251):
        with refused("INVALID_PARAMETER_VALUE"):
            client.log_metric(run_id, name, 1.0)
    with refused("INVALID_PARAMETER_VALUE"):
        client.log_param(run_id, "a?b", "x")
    with refused("INVALID_PARAMETER_VALUE"):
        client.set_tag(run_id, "", "x")


def tags_are_set_overwritten_and_deleted():
    run_id = client.create_run(_here()).info.run_id
    client.set_tag(run_id, "t", "one")
    client.set_tag(run_id, "t", "two")
    same(client.get_run(run_id).data.tags["t"], "two")
    client.delete_tag(run_id, "t")
    assert "t" not in client.get_run(run_id).data.tags
    with refused("RESOURCE_DOES_NOT_EXIST"):
        client.delete_tag(run_id, "t")


def a_batch_logs_metrics_params_and_tags_at_once():
    run_id = client.create_run(_here()).info.run_id
    client.log_batch(
        run_id,
        metrics=[Metric("m", float(step), 1000 + step, step) for step in range(800)],
        params=[Param(f"p{number}", str(number)) for number in range(100)],
        tags=[RunTag(f"t{number}", str(number)) for number in range(100)],
    )
    kept = client.get_run(run_id).data
    same(kept.metrics, {"m": 799.0})
    same(len(kept.params), 100)
    same({key: value for key, value in kept.tags.items() if key[0] == "t"}["t42"], "42")
    same(len(client.get_metric_history(run_id, "m")), 800)


def a_batch_of_nothing_is_accepted():
    run_id = client.create_run(_here()).info.run_id
    client.log_batch(run_id)
    same(client.get_run(run_id).data.metrics, {})


def a_long_history_is_read_whole():
    run_id = client.create_run(_here()).info.run_id
    total = 3_000
    for start in range(0, total, 1000):
        client.log_batch(
            run_id, [Metric("m", step / 7, 10_000 + step, step) for step in range(start, start + 1000)]
        )
    history = client.get_metric_history(run_id, "m")
    same([(point.step, point.value) for point in history], [(step, step / 7) for step in range(total)])


# Lifecycle


def _break():
    raise RuntimeError("the training broke")


def a_run_that_raises_is_failed():
    try:
        with mlflow.start_run() as run:
            mlflow.log_metric("before", 1)
            _break()
    except RuntimeError:
        pass
    kept = client.get_run(run.info.run_id)
    same(kept.info.status, "FAILED")
    same(kept.data.metrics, {"before": 1.0})


def a_run_ends_with_the_status_it_is_given():
    run = mlflow.start_run()
    mlflow.end_run(status="KILLED")
    same(client.get_run(run.info.run_id).info.status, "KILLED")


def a_run_is_resumed_by_its_id():
    with mlflow.start_run() as run:
        mlflow.log_metric("m", 1.0, step=1)
    with mlflow.start_run(run_id=run.info.run_id) as resumed:
        same(resumed.info.run_id, run.info.run_id)
        same(client.get_run(run.info.run_id).info.status, "RUNNING")
        mlflow.log_metric("m", 2.0, step=2)
    kept = client.get_run(run.info.run_id)
    same(kept.info.status, "FINISHED")
    same(len(client.get_metric_history(run.info.run_id, "m")), 2)


def a_run_is_resumed_by_the_environment():
    with mlflow.start_run() as run:
        mlflow.log_param("p", "1")
    os.environ["MLFLOW_RUN_ID"] = run.info.run_id
    mlflow.log_metric("from_env", 3.0)
    same(mlflow.active_run().info.run_id, run.info.run_id)
    mlflow.end_run()
    same(client.get_run(run.info.run_id).data.metrics, {"from_env": 3.0})


def nested_runs_know_their_parent():
    with mlflow.start_run(run_name="parent") as parent:
        children = []
        for number in range(3):
            with mlflow.start_run(run_name=f"child-{number}", nested=True) as child:
                mlflow.log_metric("n", number)
                children.append(child.info.run_id)
    found = client.search_runs(
        [parent.info.experiment_id],
        f"tags.mlflow.parentRunId = '{parent.info.run_id}'",
        order_by=["metrics.n ASC"],
    )
    same([run.info.run_id for run in found], children)
    same({run.info.status for run in found}, {"FINISHED"})


def a_run_is_deleted_and_restored():
    experiment_id = _here()
    run_id = client.create_run(experiment_id).info.run_id
    client.log_metric(run_id, "m", 1.0)
    client.delete_run(run_id)
    same(client.get_run(run_id).info.lifecycle_stage, "deleted")
    same([run.info.run_id for run in client.search_runs([experiment_id])], [])
    deleted = client.search_runs([experiment_id], run_view_type=ViewType.DELETED_ONLY)
    assert run_id in {run.info.run_id for run in deleted}
    with refused("INVALID_PARAMETER_VALUE"):
        client.log_metric(run_id, "m", 2.0)
    with refused("INVALID_PARAMETER_VALUE"):
        client.set_tag(run_id, "t", "x")
    client.restore_run(run_id)
    kept = client.get_run(run_id)
    same((kept.info.lifecycle_stage, kept.data.metrics), ("active", {"m": 1.0}))
    client.log_metric(run_id, "m", 2.0, step=1)
    same(client.get_run(run_id).data.metrics, {"m": 2.0})


def a_run_is_renamed():
    with mlflow.start_run(run_name="old") as run:
        pass
    client.update_run(run.info.run_id, name="new")
    kept = client.get_run(run.info.run_id)
    same((kept.info.run_name, kept.data.tags["mlflow.runName"], kept.info.status), ("new", "new", "FINISHED"))
    client.set_tag(run.info.run_id, "mlflow.runName", "newest")
    same(client.get_run(run.info.run_id).info.run_name, "newest")


def what_is_not_there_is_an_error_with_a_code():
    missing = uuid.uuid4().hex
    for call in (
        lambda: client.get_run(missing),
        lambda: client.log_metric(missing, "m", 1.0),
        lambda: client.log_param(missing, "p", "1"),
        lambda: client.set_tag(missing, "t", "1"),
        lambda: client.delete_run(missing),
        lambda: client.set_terminated(missing),
        lambda: client.log_batch(missing, metrics=[Metric("m", 1.0, 1, 1)]),
    ):
        with refused("RESOURCE_DOES_NOT_EXIST"):
            call()


# Search


def _seeded():
    """Make six runs with an alpha, a model name, a loss and a score that is missing in one of them."""
    experiment_id = _here()
    ids = []
    for number in range(6):
        run = client.create_run(
            experiment_id,
            start_time=1_000_000 + number,
            tags={"group": "ab"[number % 2], "mlflow.runName": f"r{number}"},
        )
        run_id = run.info.run_id
        client.log_param(run_id, "alpha", str(number / 10))
        client.log_param(run_id, "model", "ridge" if number < 3 else "Lasso")
        client.log_metric(run_id, "loss", 1.0 - number / 10)
        if number != 4:
            client.log_metric(run_id, "score", number * 10)
        if number % 3 == 0:
            client.set_terminated(run_id)
        ids.append(run_id)
    return experiment_id, ids


def runs_are_found_by_what_they_hold():
    experiment_id, ids = _seeded()

    def found(filter_string):
        runs = client.search_runs([experiment_id], filter_string, order_by=["attributes.start_time ASC"])
        return [ids.index(run.info.run_id) for run in runs]

    same(found(""), [0, 1, 2, 3, 4, 5])
    same(found("metrics.loss < 0.75"), [3, 4, 5])
    same(found("metrics.loss >= 0.7 and metrics.score != 10"), [0, 2, 3])
    same(found("metrics.score > 0"), [1, 2, 3, 5])
    same(found("params.model = 'ridge'"), [0, 1, 2])
    same(found("params.model != 'ridge'"), [3, 4, 5])
    same(found("params.model LIKE 'La%'"), [3, 4, 5])
    same(found("params.model ILIKE 'la%'"), [3, 4, 5])
    same(found("params.model LIKE 'la%'"), [])
    same(found("params.alpha = '0.2' AND tags.group = 'a'"), [2])
    same(found('tags."group" = "b"'), [1, 3, 5])
    same(found("tags.`mlflow.runName` = 'r5'"), [5])
    same(found("attributes.status = 'FINISHED'"), [0, 3])
    same(found("status != 'FINISHED'"), [1, 2, 4, 5])
    same(found("attributes.start_time > 1000003"), [4, 5])
    same(found("attributes.run_name LIKE 'r%' AND metrics.loss = 1.0"), [0])
    same(found(f"attributes.run_id = '{ids[2]}'"), [2])
    same(found("metrics.nothing > 0"), [])
    same(found("tags.missing = 'x'"), [])


def bad_filters_are_refused():
    experiment_id = _here()
    for filter_string in (
        "metrics.loss >",
        "metrics.loss = 'text'",
        "params.alpha = 3",
        "nothing.x = 1",
        "metrics.loss LIKE 'a'",
        "attributes.nothing = 'x'",
    ):
        with refused("INVALID_PARAMETER_VALUE"):
            client.search_runs([experiment_id], filter_string)
            print(f"accepted: {filter_string}")
    with refused("INVALID_PARAMETER_VALUE"):
        client.search_runs([experiment_id], order_by=["nothing.x"])


def runs_are_ordered():
    experiment_id, ids = _seeded()

    def ordered(*order_by):
        runs = client.search_runs([experiment_id], order_by=list(order_by))
        return [ids.index(run.info.run_id) for run in runs]

    same(ordered(), [5, 4, 3, 2, 1, 0])
    same(ordered("metrics.loss"), [5, 4, 3, 2, 1, 0])
    same(ordered("metrics.loss DESC"), [0, 1, 2, 3, 4, 5])
    same(ordered("metrics.score DESC"), [5, 3, 2, 1, 0, 4])
    same(ordered("metrics.score ASC"), [0, 1, 2, 3, 5, 4])
    same(ordered("tags.`group` ASC", "attributes.start_time ASC"), [0, 2, 4, 1, 3, 5])
    same(ordered("params.alpha DESC"), [5, 4, 3, 2, 1, 0])
    same(ordered("start_time ASC"), [0, 1, 2, 3, 4, 5])


def runs_without_a_number_come_last():
    experiment_id = _here()
    ids = []
    for value in (float("nan"), 1.0, 3.0, None, 2.0):
        run_id = client.create_run(experiment_id).info.run_id
        if value is not None:
            client.log_metric(run_id, "m", value)
        ids.append(run_id)
    for order, expected in (("metrics.m ASC", [1, 4, 2]), ("metrics.m DESC", [2, 4, 1])):
        found = client.search_runs([experiment_id], order_by=[order])
        places = [ids.index(run.info.run_id) for run in found]
        same(places[:3], expected)
        same(set(places[3:]), {0, 3})


def runs_are_paged_each_once():
    experiment_id = _here()
    ids = {client.create_run(experiment_id, start_time=number // 3).info.run_id for number in range(23)}
    seen, token, pages = [], None, 0
    while True:
        page = client.search_runs([experiment_id], max_results=5, page_token=token)
        seen += [run.info.run_id for run in page]
        pages += 1
        token = page.token
        if not token:
            break
    same(len(seen), 23)
    same(set(seen), ids)
    same(pages, 5)


def runs_of_several_experiments_are_searched_together():
    first, second = client.create_experiment(_name("one")), client.create_experiment(_name("two"))
    ids = {client.create_run(experiment_id).info.run_id for experiment_id in (first, second, second)}
    same({run.info.run_id for run in client.search_runs([first, second])}, ids)


def the_fluent_search_lists_runs_by_experiment_name():
    name = _name("fluent")
    mlflow.set_experiment(name)
    with mlflow.start_run() as run:
        mlflow.log_metric("m", 2.0)
    found = mlflow.search_runs(experiment_names=[name], filter_string="metrics.m > 1", output_format="list")
    same([one.info.run_id for one in found], [run.info.run_id])


# At once


def eight_threads_log_into_one_run():
    run_id = client.create_run(_here()).info.run_id
    failures = []

    def log(thread):
        try:
            for step in range(20):
                client.log_metric(run_id, f"thread/{thread}", step * thread, step=step)
                client.set_tag(run_id, "last", str(thread))
        except Exception as error:  # noqa: BLE001 - a thread's failure is told by the scenario, below
            failures.append(error)

    threads = [threading.Thread(target=log, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    same(failures, [])
    for number in range(8):
        history = client.get_metric_history(run_id, f"thread/{number}")
        same([point.value for point in history], [step * number for step in range(20)])
