"""Runs and their lives, with what every client since 1.30 can say."""

import math
import os
import threading
import uuid

import mlflow
from expecting import refused, same
from mlflow.entities import Metric, Param, RunTag, ViewType
from mlflow.tracking import MlflowClient

client = MlflowClient()


def _here():
    """Return the id of the experiment that the runner made for this scenario."""
    with mlflow.start_run() as run:
        pass
    client.delete_run(run.info.run_id)
    return run.info.experiment_id


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
