"""Batches of records in any order: a dataset holds what a plain dictionary of inputs would."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runyard.app import open_stores
from runyard.auth.permissions import LOCAL_OWNER
from runyard.errors import InvalidParameter
from runyard.protocol.json_fields import json_list
from runyard.protocol.messages.evaluation_datasets import wire_records
from runyard.services import dataset_records, evaluation_datasets
from runyard.services.call import Call
from runyard.settings import Mode, Settings

USER = "mlflow.user"
values = st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.text("aé", max_size=2), st.just([1, {}]))
keys = st.sampled_from(["a", "b", "c"])
objects = st.dictionaries(keys, values, max_size=3)
tags = st.dictionaries(st.sampled_from(["a", "b"]), values, max_size=2)
users = st.sampled_from([{}, {USER: "ann"}, {USER: "bob"}])
records = st.fixed_dictionaries(
    {"inputs": st.dictionaries(keys, st.sampled_from([0, 1, "1", None]), max_size=2)},
    optional={
        "outputs": values | objects,
        "expectations": st.none() | objects,
        "tags": st.none() | st.builds(lambda some, user: {**some, **user}, tags, users),
        "source": st.sampled_from(
            [None, {"source_type": "human"}, {"source_type": "CODE", "source_data": {}}]
        ),
    },
)
batches = st.lists(st.lists(records, max_size=6), min_size=1, max_size=4)


@pytest.fixture(scope="module")
def call(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Call]:
    home: Path = tmp_path_factory.mktemp("home")
    made = Settings(mode=Mode.UP, home=home)
    stores = open_stores(made)
    yield Call(stores, made, stores.metadata.workspaces.get_workspace("default"), LOCAL_OWNER)
    stores.close()


class Oracle:
    """What MLflow's store does with records, said over a dictionary."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[str, Any]] = {}
        self.counts = [0, 0]

    def take(self, sent: dict[str, Any]) -> None:
        key = json.dumps(sent["inputs"], sort_keys=True)
        self.counts[key in self.kept] += 1
        user = (sent.get("tags") or {}).get(USER)
        if key not in self.kept:
            kind = (sent.get("source") or {}).get("source_type")
            self.kept[key] = {
                "inputs": sent["inputs"],
                "outputs": sent.get("outputs", {}),
                "expectations": sent.get("expectations"),
                "tags": sent.get("tags") or {},
                "source": kind and kind.upper(),
                "users": (user, user),
            }
            return
        kept = self.kept[key]
        kept["outputs"] = sent.get("outputs", kept["outputs"])
        if sent.get("expectations"):
            kept["expectations"] = {**(kept["expectations"] or {}), **sent["expectations"]}
        kept["tags"] = {**kept["tags"], **(sent.get("tags") or {})}
        kept["users"] = (kept["users"][0], user or kept["users"][1])


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=batches)
def test_a_dataset_holds_each_inputs_once_with_all_that_was_said_of_it(call, batches):
    dataset_id = evaluation_datasets.create_dataset(call, "merged", [], {}).dataset_id
    oracle = Oracle()
    for batch in batches:
        oracle.counts = [0, 0]
        for sent in batch:
            oracle.take(sent)
        merged = dataset_records.merge_records(call, dataset_id, batch)
        assert [merged.inserted, merged.updated] == oracle.counts
    found = dataset_records.list_records(call, dataset_id, None, None).items
    told = {
        json.dumps(record.inputs, sort_keys=True): {
            "inputs": record.inputs,
            "outputs": record.outputs,
            "expectations": record.expectations,
            "tags": record.tags,
            "source": record.source and record.source.source_type.value,
            "users": (record.created_by, record.updated_by),
        }
        for record in found
    }
    assert told == oracle.kept
    assert len(found) == len(oracle.kept)
    dataset = evaluation_datasets.get_dataset(call, dataset_id)
    assert dataset.record_count == len(oracle.kept)
    every = [record for batch in batches for record in batch]
    if every:
        assert dataset.schema is not None
        assert set(dataset.schema["inputs"]) == {name for record in every for name in record["inputs"]}
    # A second time, all of it is known, and only the outputs, tags and expectations said last count.
    again = dataset_records.merge_records(call, dataset_id, every)
    assert (again.inserted, again.updated) == (0, len(every))


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.just("\0"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
nearly_records = st.dictionaries(
    st.sampled_from(["inputs", "outputs", "expectations", "tags", "source", "x"]), anything, max_size=5
)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sent=st.lists(nearly_records | anything, max_size=3))
def test_whatever_is_sent_is_kept_as_it_is_or_refused_as_a_whole(call, sent):
    dataset_id = evaluation_datasets.create_dataset(call, "whatever", [], {}).dataset_id
    try:
        said = json_list(json.dumps(sent), "records")
        merged = dataset_records.merge_records(call, dataset_id, said)
    except InvalidParameter:
        assert evaluation_datasets.get_dataset(call, dataset_id).record_count == 0
        return
    found = dataset_records.list_records(call, dataset_id, None, None).items
    assert len(found) == merged.inserted
    told = json.loads(wire_records(dataset_id, found))
    # As texts: NaN is not equal to itself.
    inputs = {json.dumps(record.get("inputs", {}), sort_keys=True) for record in said}
    assert {json.dumps(record["inputs"], sort_keys=True) for record in told} == inputs
