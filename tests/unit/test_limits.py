"""MLflow's limits in MLflow's words."""

from __future__ import annotations

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runyard.entities.metric import Metric, MetricBatch
from runyard.errors import InvalidParameter
from runyard.protocol import limits
from runyard.protocol.messages.common import KeyValue
from runyard.testing.strategies import keys

CHARACTERS = (
    "Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), colon(:) "
    "and slashes (/)."
)
AS_FILES = (
    "Names may be treated as files in certain cases, and must not resolve to other names when treated as "
    "such. This name would resolve to "
)


def refusal(check, *arguments, **named):
    with pytest.raises(InvalidParameter) as refused:
        check(*arguments, **named)
    return str(refused.value)


@pytest.mark.parametrize(
    "key", ["a", "val/loss", "a.b-c_d e:f", "é", "数据", "a/..b", "a/...", ".a", "a.", "k" * 1000, " "]
)
def test_keys_that_mlflow_takes_are_taken(key):
    limits.check_key(key, "key")


@pytest.mark.parametrize("key", ["a$b", "a\n", "a\\b", "a;b", "🏃", "a\tb", 'a"b', "a%b"])
def test_keys_of_other_characters_are_refused(key):
    text = refusal(limits.check_key, key, "key")
    assert text.startswith("Invalid value ")
    assert text.endswith(f" for parameter 'key' supplied: {CHARACTERS}")


@pytest.mark.parametrize("key", [".", "..", "../a", "/a", "a//b", "a/", "./a", "a/../b", "a/.", "..."])
def test_keys_that_would_be_other_files_are_refused(key):
    assert refusal(limits.check_key, key, "params[3].key") == (
        f"Invalid value \"{key}\" for parameter 'params[3].key' supplied: "
        f"{AS_FILES}{posixpath.normpath(key)!r}"
    )


def test_an_empty_key_is_refused():
    assert "A key name must be provided." in refusal(limits.check_key, "", "key")


@given(keys())
def test_a_key_is_taken_exactly_if_it_is_its_own_path(key):
    is_own_path = posixpath.normpath(key) == key and key != "." and not key.startswith(("..", "/"))
    try:
        limits.check_key(key, "key")
    except InvalidParameter:
        assert not is_own_path
    else:
        assert is_own_path


@pytest.mark.parametrize(
    ("check", "at_most", "message"),
    [
        (lambda n: limits.check_metrics(MetricBatch.of([Metric("k" * n, 1.0, 1)]), in_batch=True), 250,
         "'Metric name' exceeds the maximum length of 250 characters"),
        (lambda n: limits.check_params([KeyValue(key="k" * n)], in_batch=True), 250,
         "'Param key' exceeds the maximum length of 250 characters"),
        (lambda n: limits.check_tags([KeyValue(key="k" * n)], in_batch=True), 250,
         "'tags[0].key' exceeds the maximum length of 250 characters"),
        (lambda n: limits.check_tags([KeyValue(key="k" * n)], in_batch=False), 250,
         "'key' exceeds the maximum length of 250 characters"),
        (lambda n: limits.check_experiment_tags({"k" * n: ""}), 250,
         "'key' exceeds the maximum length of 250 characters"),
        (lambda n: limits.check_experiment_tags({"k": "v" * n}), 20_000,
         "'value' exceeds the maximum length of 20000 characters"),
        (lambda n: limits.check_experiment_name("n" * n), 500,
         "'name' exceeds the maximum length of 500 characters"),
        (lambda n: limits.check_params([KeyValue(key="k", value="v" * n)], in_batch=True), 65_535,
         "'Param value' exceeds the maximum length of 65535 characters"),
        (lambda n: limits.check_tags([KeyValue(key="k", value="v" * n)], in_batch=False), 65_535,
         "'value' exceeds the maximum length of 65535 characters"),
    ],
)  # fmt: skip
def test_lengths_are_taken_up_to_their_limit(check, at_most, message):
    check(at_most)
    assert refusal(check, at_most + 1) == message


@pytest.mark.parametrize(
    ("counts", "what"),
    [
        ((1001, 0, 0), "at most 1000 metrics. Got 1001 metrics. Please split up metrics across"),
        ((0, 101, 0), "at most 100 params. Got 101 params. Please split up params across"),
        ((0, 0, 101), "at most 100 tags. Got 101 tags. Please split up tags across"),
        ((900, 50, 51), "at most 1000 metrics, params, and tags. Got 1001 metrics, params, and tags. Please "
                        "split up metrics, params, and tags across"),
    ],
)  # fmt: skip
def test_a_batch_holds_no_more_than_mlflows(counts, what):
    text = f"A batch logging request can contain {what} multiple requests and try again."
    assert refusal(limits.check_batch, *counts) == text


@pytest.mark.parametrize("counts", [(0, 0, 0), (1000, 0, 0), (800, 100, 100), (0, 100, 100)])
def test_a_batch_may_be_as_large_as_mlflows(counts):
    limits.check_batch(*counts)


def test_a_param_may_come_once_in_a_batch_even_with_the_same_value():
    params = [KeyValue(key=key, value="1") for key in ("a", "b", "a", "a", "b")]
    assert refusal(limits.check_params, params, in_batch=True) == (
        "Duplicate parameter keys have been submitted: ['a', 'a', 'b']. Please ensure the request contains "
        "only one param value per param key."
    )


def test_a_metric_before_the_epoch_is_refused():
    metrics = MetricBatch.of([Metric("a", 1.0, 0), Metric("m", 1.0, -1)])
    why = "supplied: metric 'm' (value=1.0). Timestamp must be a nonnegative long (64-bit integer) "
    in_batch = refusal(limits.check_metrics, metrics, in_batch=True)
    assert in_batch == f"Invalid value -1 for parameter 'metrics[1].timestamp' {why}"
    alone = refusal(limits.check_metrics, MetricBatch.of([Metric("m", 1.0, -1)]), in_batch=False)
    assert alone == f"Invalid value -1 for parameter 'timestamp' {why}"


def test_a_good_key_is_remembered_and_a_bad_one_beside_it_is_not():
    """What was taken once is taken without a second look; that must not let others through."""
    good, bad = (
        MetricBatch.of([Metric("good", 1.0, 1)]),
        MetricBatch.of([Metric("good", 1.0, 1), Metric("b$", 1.0, 1)]),
    )
    for _ in range(2):
        limits.check_metrics(good, in_batch=True)
        assert "'metrics[1].name'" in refusal(limits.check_metrics, bad, in_batch=True)
        late = MetricBatch.of([Metric("good", 1.0, -5)])
        assert "'metrics[0].timestamp'" in refusal(limits.check_metrics, late, in_batch=True)


def test_the_memory_of_good_keys_is_bounded(monkeypatch):
    monkeypatch.setattr(limits, "MAX_KNOWN_KEYS", 10)
    for number in range(100):
        limits.check_metrics(MetricBatch.of([Metric(f"k{number}", 1.0, 1)]), in_batch=True)
    assert len(vars(limits)["_known_keys"]) <= 10


@pytest.mark.parametrize("name", ["", " ", "\t\n"])
def test_an_experiment_needs_a_name_that_can_be_seen(name):
    assert refusal(limits.check_experiment_name, name).startswith("Invalid experiment name")


@pytest.mark.parametrize(
    ("text", "number"), [("0", 0), ("42", 42), ("007", 7), ("9" * 18, 10**18 - 1), ("-1337", -1337)]
)
def test_an_experiment_id_is_a_whole_number(text, number):
    assert limits.check_experiment_id(text) == number


@pytest.mark.parametrize(
    "text", ["", "abc", "-", "--1", "1.5", "1e3", " 1", "٣", "²", "9" * 19, "9" * 5000, "0x1"]
)
def test_what_is_no_whole_number_is_no_experiment_id(text):
    refused = refusal(limits.check_experiment_id, text)
    assert refused == f"Invalid experiment ID '{text[:100]}'. Experiment ID must be a valid integer."


@pytest.mark.parametrize("name", ["a", "0", "default", "team-1", "a" * 63, "a--b", "a-"])
def test_workspace_names_that_can_be_part_of_an_address(name):
    limits.check_workspace_name(name)


@pytest.mark.parametrize("name", ["", "-a", "A", "a_b", "a.b", "a/b", "..", "é", "a\n", "a" * 64, "a b"])
def test_other_workspace_names_are_refused(name):
    assert "for parameter 'name' supplied" in refusal(limits.check_workspace_name, name)


@pytest.mark.parametrize("count", [1, 50_000])
def test_page_sizes_within_the_limit_are_taken(count):
    limits.check_page_size(count, 50_000)


@given(st.integers(max_value=0))
def test_a_page_holds_something(count):
    text = refusal(limits.check_page_size, count, 50_000)
    assert (
        text == f"Invalid value {count} for parameter 'max_results' supplied. It must be a positive integer"
    )


def test_a_page_holds_no_more_than_its_limit():
    text = refusal(limits.check_page_size, 50_001, 50_000)
    assert text == "Invalid value 50001 for parameter 'max_results' supplied. It must be at most 50000"
