"""Experiments are made when they are missing, searched, tagged, and moved to the trash and back."""

import threading

import pytest

from runyard import Experiment, Workspace
from runyard.errors import InvalidParameter, NotFound
from runyard.sdk import run_search
from tests.sdk.conftest import Logger


def test_an_experiment_is_made_when_it_is_missing_and_found_when_it_is_not(workspace: Workspace):
    made = Experiment(workspace, "new")
    assert Experiment(workspace, "new") == made
    assert made.name == "new"
    assert workspace.get_experiment(made.id) == made


def test_two_who_make_the_same_experiment_at_once_get_the_same(workspace: Workspace):
    together, made = threading.Barrier(8), []

    def make() -> None:
        together.wait()
        made.append(Experiment(workspace, "raced"))

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 8
    assert len(set(made)) == 1


def test_runs_come_the_newest_first_and_over_all_pages(
    experiment: Experiment, logger: Logger, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(run_search, "_PAGE_SIZE", 3)
    logged = [logger.run(experiment, started_ms=1000 + index) for index in range(8)]
    assert [run.id for run in experiment.get_runs()] == [run.id for run in reversed(logged)]


def test_runs_of_other_experiments_and_deleted_ones_are_left_out(
    workspace: Workspace, experiment: Experiment, logger: Logger
):
    kept, gone = logger.run(experiment), logger.run(experiment)
    logger.run(Experiment(workspace, "other"))
    gone.delete()
    assert list(experiment.get_runs()) == [kept]


def test_children_are_left_out_unless_they_are_asked_for(experiment: Experiment, logger: Logger):
    parent = logger.run(experiment)
    child = logger.run(experiment, tags={"mlflow.parentRunId": parent.id})
    assert list(experiment.get_runs()) == [parent]
    assert set(experiment.get_runs(include_children=True)) == {parent, child}


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("team", {"robots", "empty", "quoted", "odd key"}),
        ({"team": "robots"}, {"robots"}),
        ({"team": 'it\'s \\ "odd"'}, {"quoted"}),
        ({"team": ""}, {"empty"}),
        ({"team": "robots", "stage": "x"}, set()),
        ({"a `key`": "v", "team": None}, {"odd key"}),
        (None, {"robots", "empty", "quoted", "odd key", "none"}),
    ],
)
def test_runs_are_chosen_by_their_tags(experiment: Experiment, logger: Logger, tags, expected: set[str]):
    logged = {
        "robots": logger.run(experiment, tags={"team": "robots"}),
        "empty": logger.run(experiment, tags={"team": ""}),
        "quoted": logger.run(experiment, tags={"team": 'it\'s \\ "odd"'}),
        "odd key": logger.run(experiment, tags={"a `key`": "v", "team": "x"}),
        "none": logger.run(experiment),
    }
    assert set(experiment.get_runs(tags=tags)) == {logged[name] for name in expected}


def test_runs_are_chosen_by_type_and_properties(experiment: Experiment, logger: Logger):
    local = logger.run(experiment, tags={"mlflow.source.type": "LOCAL", "mlflow.user": "ann"})
    logger.run(experiment, tags={"mlflow.source.type": "NOTEBOOK", "mlflow.user": "bob"})
    assert list(experiment.get_runs(type="LOCAL")) == [local]
    assert list(experiment.get_runs(properties={"mlflow.user": "ann"})) == [local]
    assert list(experiment.get_runs(type="LOCAL", properties={"mlflow.user": "bob"})) == []


def test_tags_of_another_kind_are_refused(experiment: Experiment):
    with pytest.raises(InvalidParameter, match=r"tags must be a text, .* or None, not \['team'\]"):
        next(experiment.get_runs(tags=["team"]))  # type: ignore[arg-type] # the wrong type is what is tried


def test_an_experiment_goes_to_the_trash_and_comes_back(workspace: Workspace, experiment: Experiment):
    experiment.archive()
    assert experiment.archived_time is not None
    assert experiment.name not in workspace.experiments
    assert experiment.name in [found.name for found in Experiment.list(workspace, view_type="ArchivedOnly")]
    experiment.reactivate(new_name="back")
    assert workspace.experiments["back"] == experiment


def test_deleting_what_is_not_there_is_an_error(workspace: Workspace):
    with pytest.raises(NotFound):
        Experiment.delete(workspace, "987654321")


def test_the_list_is_chosen_by_name_tags_and_view(workspace: Workspace):
    first, second = Experiment(workspace, "first"), Experiment(workspace, "second")
    first.tag("team", "robots")
    assert Experiment.list(workspace, experiment_name="second") == [second]
    assert Experiment.list(workspace, tags={"team": "robots"}) == [first]
    second.archive()
    assert second not in Experiment.list(workspace)
    assert second in Experiment.list(workspace, view_type="All")
    with pytest.raises(ValueError, match="ActiveOnly, ArchivedOnly, All"):
        Experiment.list(workspace, view_type="Everything")


def test_tags_are_set_and_removed(workspace: Workspace, experiment: Experiment):
    experiment.set_tags({"a": "1", "b": None, "a/b c": "ö"})
    experiment.tag("a", "2")
    assert Experiment(workspace, experiment.name).tags == {"a": "2", "b": "", "a/b c": "ö"}
    experiment.remove_tags(["b", "never there"])
    assert experiment.tags == {"a": "2", "a/b c": "ö"}


def test_the_portal_url_is_the_studio_s_page_in_this_workspace(workspace: Workspace, experiment: Experiment):
    assert experiment.get_portal_url() == f"{workspace.tracking_uri}/#/experiments/{experiment.id}"
    assert experiment.get_portal_url() in experiment._repr_html_()
