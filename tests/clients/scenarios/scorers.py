"""Scorers as `mlflow.genai.scorers` of 3.17 registers them; none is run, so no language model is asked."""

import uuid

import mlflow
from expecting import refused, same
from mlflow.genai.judges import make_judge
from mlflow.genai.scorers import (
    Guidelines,
    RelevanceToQuery,
    ScorerSamplingConfig,
    delete_scorer,
    get_scorer,
    list_scorers,
)
from mlflow.genai.scorers.registry import list_scorer_versions
from mlflow.tracking import MlflowClient

client = MlflowClient()


def _experiment():
    return mlflow.set_experiment(f"judged-{uuid.uuid4().hex[:8]}").experiment_id


def _judge(name="polite", model="openai:/gpt-4.1", words="Is {{ outputs }} polite?"):
    return make_judge(name=name, instructions=words, model=model)


def a_scorer_is_registered_in_versions():
    experiment_id = _experiment()
    for words in ("Is {{ outputs }} polite?", "Is {{ outputs }} kind?"):
        _judge(words=words).register()
    same(get_scorer(name="polite").instructions, "Is {{ outputs }} kind?")
    same(get_scorer(name="polite", version=1).instructions, "Is {{ outputs }} polite?")
    same(get_scorer(name="polite", experiment_id=experiment_id).model, "openai:/gpt-4.1")
    versions = list_scorer_versions(name="polite")
    same([(scorer.name, version) for scorer, version in versions], [("polite", 1), ("polite", 2)])


def built_in_scorers_are_listed_by_name():
    experiment_id = _experiment()
    RelevanceToQuery().register(name="relevance")
    Guidelines(name="english", guidelines=["Answer in English."]).register(experiment_id=experiment_id)
    found = list_scorers(experiment_id=experiment_id)
    same([scorer.name for scorer in found], ["english", "relevance"])
    same(found[0].guidelines, ["Answer in English."])
    assert isinstance(found[1], RelevanceToQuery)
    same(list_scorers(experiment_id=_experiment()), [])


def a_scorer_is_deleted_by_version_or_as_a_whole():
    experiment_id = _experiment()
    for _ in range(3):
        _judge().register()
    delete_scorer(name="polite", version=2)
    same([version for _, version in list_scorer_versions(name="polite")], [1, 3])
    with refused("RESOURCE_DOES_NOT_EXIST"):
        get_scorer(name="polite", version=2)
    with refused("RESOURCE_DOES_NOT_EXIST"):
        delete_scorer(name="polite", version=2)
    delete_scorer(name="polite", experiment_id=experiment_id, version="all")
    for gone in (lambda: get_scorer(name="polite"), lambda: delete_scorer(name="polite", version="all")):
        with refused("RESOURCE_DOES_NOT_EXIST"):
            gone()
    same(list_scorers(), [])


def a_scorer_that_asks_a_gateway_is_told_how_much_to_judge():
    experiment_id = _experiment()
    registered = _judge(model="gateway:/judges").register()
    started = registered.start(
        sampling_config=ScorerSamplingConfig(sample_rate=0.25, filter_string="trace.status = 'OK'")
    )
    same(started.sample_rate, 0.25)
    (listed,) = list_scorers(experiment_id=experiment_id)
    same((listed.sample_rate, listed.filter_string), (0.25, "trace.status = 'OK'"))
    changed = listed.update(sampling_config=ScorerSamplingConfig(sample_rate=0.5))
    same((changed.sample_rate, get_scorer(name="polite").sample_rate), (0.5, 0.5))
    same(get_scorer(name="polite").stop().sample_rate, 0)


def only_what_asks_a_gateway_judges_new_traces():
    _experiment()
    registered = _judge().register()
    with refused("INVALID_PARAMETER_VALUE"):
        registered.start(sampling_config=ScorerSamplingConfig(sample_rate=0.5))


def an_experiment_that_is_not_there_has_no_scorers():
    with refused("RESOURCE_DOES_NOT_EXIST"):
        _judge().register(experiment_id="99999999")
    with refused("RESOURCE_DOES_NOT_EXIST"):
        list_scorers(experiment_id="99999999")
