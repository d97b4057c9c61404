"""Finding runs, with what every client since 1.30 can say."""

import uuid

import mlflow
from expecting import refused, same
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
