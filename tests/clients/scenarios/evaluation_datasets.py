"""Evaluation datasets as `mlflow.genai.datasets` of 3.17 knows them."""

import time
import uuid

import mlflow
import pandas as pd
from expecting import refused, same
from mlflow.genai.datasets import (
    add_dataset_to_experiments,
    create_dataset,
    delete_dataset,
    delete_dataset_tag,
    get_dataset,
    remove_dataset_from_experiments,
    search_datasets,
    set_dataset_tags,
)
from mlflow.tracking import MlflowClient

client = MlflowClient()


def _experiment():
    return client.create_experiment(f"evaluated-{uuid.uuid4().hex[:8]}")


def _name(word="questions"):
    return f"{word}-{uuid.uuid4().hex[:8]}"


def _question(text, **more):
    return {"inputs": {"question": text}, **more}


def a_dataset_is_made_described_and_got():
    experiment_id, name = _experiment(), _name()
    made = create_dataset(name=name, experiment_id=experiment_id, tags={"team": "vision", "n": 1})
    assert made.dataset_id.startswith("d-")
    for dataset in (made, get_dataset(dataset_id=made.dataset_id), get_dataset(name=name)):
        same((dataset.name, dataset.experiment_ids), (name, [experiment_id]))
        same((dataset.tags["team"], dataset.tags["n"]), ("vision", "1"))
        same((dataset.created_by, dataset.last_updated_by), (dataset.tags["mlflow.user"],) * 2)
        same((dataset.schema, dataset.profile), (None, None))
        assert dataset.created_time == dataset.last_update_time > 0
        same(len(dataset.digest), 8)
    assert made.to_df().empty


def a_dataset_of_nobodys_experiment_is_of_the_current_one():
    here = mlflow.set_experiment(_name("current")).experiment_id
    same(create_dataset(name=_name()).experiment_ids, [here])


def records_are_merged_by_their_inputs():
    dataset = create_dataset(name=_name(), experiment_id=_experiment())
    dataset.merge_records(
        [
            _question("a", expectations={"answer": "1"}, tags={"k": "v"}),
            _question("b", outputs={"said": None}),
        ]
    )
    dataset.merge_records(
        [_question("a", expectations={"why": [1, 2]}, tags={"k": "w", "l": "x"}, outputs="one")]
    )
    df = dataset.to_df().sort_values("dataset_record_id")
    same(list(df["inputs"]), [{"question": "a"}, {"question": "b"}])
    first, second = (row for _, row in df.iterrows())
    same(first["expectations"], {"answer": "1", "why": [1, 2]})
    same({key: value for key, value in first["tags"].items() if key != "mlflow.user"}, {"k": "w", "l": "x"})
    same((first["outputs"], second["outputs"]), ("one", {"said": None}))
    same((first["source_type"], second["source_type"]), ("HUMAN", "CODE"))
    same(second["expectations"], None)
    kept = get_dataset(dataset_id=dataset.dataset_id)
    same(kept.profile, '{"num_records": 2}')
    assert '"question": "string"' in kept.schema
    assert '"why": "array"' in kept.schema


def a_digest_changes_with_the_records_and_not_with_the_tags():
    dataset = create_dataset(name=_name(), experiment_id=_experiment())
    first = dataset.digest
    set_dataset_tags(dataset_id=dataset.dataset_id, tags={"a": "b"})
    same(get_dataset(dataset_id=dataset.dataset_id).digest, first)
    time.sleep(0.05)  # longer than a machine's clock is set back by
    dataset.merge_records([_question("a")])
    assert get_dataset(dataset_id=dataset.dataset_id).digest != first


def records_come_from_a_data_frame():
    dataset = create_dataset(name=_name(), experiment_id=_experiment())
    frame = pd.DataFrame(
        [
            {
                "inputs": {"number": number, "text": "é", "deep": {"a": [None, True]}},
                "expectations": {"n": number},
            }
            for number in range(3)
        ]
    )
    dataset.merge_records(frame)
    same([row["number"] for row in dataset.to_df()["inputs"]], [0, 1, 2])
    same(dataset.to_df()["inputs"][0], {"number": 0, "text": "é", "deep": {"a": [None, True]}})


def many_records_are_read_in_pages_and_in_order():
    dataset = create_dataset(name=_name(), experiment_id=_experiment())
    dataset.merge_records([_question(f"{number}") for number in range(2100)])
    same([row["question"] for row in dataset.to_df()["inputs"]], [f"{number}" for number in range(2100)])
    same(get_dataset(dataset_id=dataset.dataset_id).profile, '{"num_records": 2100}')


def records_are_deleted():
    dataset = create_dataset(name=_name(), experiment_id=_experiment())
    dataset.merge_records([_question("a"), _question("b"), _question("c")])
    gone = list(dataset.to_df()["dataset_record_id"][:2])
    same(dataset.delete_records(gone), 2)
    same(dataset.delete_records(gone), 0)
    same([row["question"] for row in dataset.to_df()["inputs"]], ["c"])
    same(get_dataset(dataset_id=dataset.dataset_id).profile, '{"num_records": 1}')


def sessions_and_questions_are_not_mixed():
    dataset = create_dataset(name=_name(), experiment_id=_experiment())
    dataset.merge_records([{"inputs": {"goal": "find", "persona": "student"}}])
    with refused("INVALID_PARAMETER_VALUE"):
        dataset.merge_records([_question("a")])


def datasets_are_searched_and_ordered():
    experiment_id, word = _experiment(), uuid.uuid4().hex[:8]
    made = {}
    for number in range(3):
        tags = {"word": word, "parity": str(number % 2)}
        made[number] = create_dataset(name=f"{word}-{number}", experiment_id=experiment_id, tags=tags)
        time.sleep(0.05)  # longer than a machine's clock is set back by

    def found(filter_string=None, **more):
        return [each.name[-1] for each in search_datasets(filter_string=filter_string, **more)]

    same(found(experiment_ids=[experiment_id]), ["2", "1", "0"])
    same(found(f"name LIKE '{word}%'", order_by=["name ASC"]), ["0", "1", "2"])
    same(found(f"name = '{word}-1'"), ["1"])
    same(found(f"name IN ('{word}-1', '{word}-2', 'x')", order_by=["name"]), ["1", "2"])
    same(found(f"tags.word = '{word}' AND tags.parity = '0'", order_by=["created_time"]), ["0", "2"])
    same(found(f"tags.word ILIKE '{word.upper()}' AND name != '{word}-0'"), ["2", "1"])
    later = made[1].created_time
    same(found(f"created_time > {later} AND tags.word = '{word}'"), ["2"])
    same(found(f"last_update_time <= {later} AND tags.word = '{word}'", order_by=["name"]), ["0", "1"])
    same(found(f"created_by = '{made[0].created_by}' AND tags.word = '{word}'", max_results=2), ["2", "1"])
    same(found(experiment_ids=[experiment_id], max_results=1), ["2"])
    same(found(experiment_ids=[_experiment()]), [])
    for wrong in ("digest = 'x'", "params.a = '1'", "created_time = 'x'", "name > 'a'"):
        with refused("INVALID_PARAMETER_VALUE"):
            found(wrong)
    with refused("INVALID_PARAMETER_VALUE"):
        found(order_by=["created_by"])


def all_pages_of_a_search_are_found():
    experiment_id = _experiment()
    for _ in range(60):
        client.create_dataset(_name(), experiment_id=[experiment_id])
    same(len(search_datasets(experiment_ids=[experiment_id])), 60)
    page = client.search_datasets(experiment_ids=[experiment_id], max_results=40)
    rest = client.search_datasets(experiment_ids=[experiment_id], max_results=40, page_token=page.token)
    same((len(page), len(rest), bool(rest.token)), (40, 20, False))
    same(len({each.dataset_id for each in [*page, *rest]}), 60)


def tags_are_set_and_deleted():
    dataset = create_dataset(name=_name(), experiment_id=_experiment(), tags={"a": "1", "b": "2"})
    set_dataset_tags(dataset_id=dataset.dataset_id, tags={"a": "3", "c": 4})
    delete_dataset_tag(dataset_id=dataset.dataset_id, key="b")
    delete_dataset_tag(dataset_id=dataset.dataset_id, key="never")
    tags = get_dataset(dataset_id=dataset.dataset_id).tags
    same({key: tags[key] for key in tags if not key.startswith("mlflow.")}, {"a": "3", "c": "4"})
    with refused("RESOURCE_DOES_NOT_EXIST"):
        set_dataset_tags(dataset_id="d-" + "0" * 32, tags={"a": "1"})


def a_dataset_is_linked_to_experiments():
    first, second, third = (_experiment() for _ in range(3))
    dataset = create_dataset(name=_name(), experiment_id=first)
    linked = add_dataset_to_experiments(dataset_id=dataset.dataset_id, experiment_ids=[second, third, first])
    same(set(linked.experiment_ids), {first, second, third})
    same([each.dataset_id for each in search_datasets(experiment_ids=[third])], [dataset.dataset_id])
    left = remove_dataset_from_experiments(dataset_id=dataset.dataset_id, experiment_ids=[second, third])
    same(left.experiment_ids, [first])
    same(search_datasets(experiment_ids=[third]), [])
    with refused("RESOURCE_DOES_NOT_EXIST"):
        add_dataset_to_experiments(dataset_id=dataset.dataset_id, experiment_ids=["999999999"])


def a_deleted_dataset_is_gone():
    experiment_id = _experiment()
    dataset = create_dataset(name=_name(), experiment_id=experiment_id)
    dataset.merge_records([_question("a")])
    delete_dataset(dataset_id=dataset.dataset_id)
    delete_dataset(dataset_id=dataset.dataset_id)
    with refused("RESOURCE_DOES_NOT_EXIST"):
        get_dataset(dataset_id=dataset.dataset_id)
    same(search_datasets(experiment_ids=[experiment_id]), [])
    with refused("INVALID_PARAMETER_VALUE"):
        dataset.merge_records([_question("b")])
