"""The benchmarks run: every workload yields its figures without an error, and the report shows them."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import __main__ as command
from benchmarks import chart, outcome, publishing, report
from benchmarks.contestants import CONTESTANTS
from benchmarks.figures import FIGURES, Result
from benchmarks.outcome import Claim, Measurement, Outcome
from benchmarks.workloads import WORKLOADS
from scripts import bootstrap

pytestmark = pytest.mark.slow

SCALE = "0.0005"
ONLY_WHEN_LARGE = {"interval_20_large"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder: Path = tmp_path_factory.mktemp("benchmarks")
    arguments = ["--contestants", "runyard-sqlite", "--scale", SCALE, "--repeats", "1", "--out", str(folder)]
    code = command.main(arguments)
    assert code == 0
    return folder


@pytest.fixture(scope="module")
def found(folder) -> Outcome:
    return outcome.load(folder / command.RESULTS)


def test_every_workload_yields_all_its_figures(found):
    figures = found.measurements["runyard-sqlite"].figures
    missing = {key: figures.get(key) for key in FIGURES if not figures.get(key, Result()).value}
    assert missing.keys() == ONLY_WHEN_LARGE


def test_no_request_of_any_workload_fails(found):
    figures = found.measurements["runyard-sqlite"].figures
    assert {key: result.note for key, result in figures.items() if result.failure_count} == {}


def test_every_ceiling_is_measured(found):
    assert len(found.ceilings) == 16
    assert all(one.value > 0 for one in found.ceilings)


def test_the_report_and_the_chart_show_every_figure(found, folder):
    text = (folder / "report.md").read_text()
    shown = [figure.title for key, figure in FIGURES.items() if key not in ONLY_WHEN_LARGE]
    assert [title for title in shown if f"· {title} " not in text] == []
    drawn = ET.parse(folder / "chart.svg").getroot()
    circles = [one for one in drawn.iter() if one.tag.endswith("circle")]
    assert len(circles) == len(shown) + len(found.measurements)


def test_results_can_be_rendered_again_and_published(found, folder, tmp_path):
    (tmp_path / "README.md").write_text(f"before {publishing.BEGIN} old {publishing.END} after\n")
    publishing.publish(found, tmp_path)
    readme = (tmp_path / "README.md").read_text()
    assert readme.startswith("before ")
    assert readme.endswith(" after\n")
    assert report.render(found) in readme
    assert outcome.load(tmp_path / "results.json") == found
    before = (folder / "report.md").read_text()
    assert command.main(["--render", "--out", str(folder)]) == 0
    assert (folder / "report.md").read_text() == before


def test_the_readme_has_a_place_for_results():
    readme = (publishing.FOLDER / "README.md").read_text()
    assert readme.index(publishing.BEGIN) < readme.index(publishing.END)


def test_a_part_is_added_to_what_is_there(folder, found, tmp_path):
    found.save(tmp_path / command.RESULTS)
    arguments = ["--contestants", "runyard-sqlite", "--only", "A", "--keep", "--repeats", "1"]
    assert command.main([*arguments, "--scale", SCALE, "--out", str(tmp_path)]) == 0
    kept = outcome.load(tmp_path / command.RESULTS)
    before, after = (one.measurements["runyard-sqlite"].figures for one in (found, kept))
    assert after.keys() == before.keys()
    assert {key for key in after if after[key] != before[key]} == {"create_run"}


@pytest.mark.parametrize("wrong", [["--only", "nothing"], ["--contestants", ","]])
def test_an_unknown_part_is_refused_with_what_there_is(wrong, capsys):
    with pytest.raises(SystemExit):
        command.main(wrong)
    assert "there are" in capsys.readouterr().err


def test_ratios_are_those_to_the_best_peer_whichever_way_is_better(found):
    better, worse = _with_a_peer(found, times=2), _with_a_peer(found, times=0.5)
    for key in ("create_run", "one_metric_8"):
        ours = found.value("runyard-sqlite", key)
        for beside, times in ((better, 0.5), (worse, 2)):
            best = beside.best_peer(key, "sqlite")
            assert best is not None
            assert best[0] == "fasttrackml-sqlite"
            assert FIGURES[key].times(ours, best[1]) == pytest.approx(times)
    assert better.best_peer("create_run", "postgres") is None


def test_a_target_is_reached_or_missed(found):
    slow = _valued(found, "one_metric_8", 6000.0)
    assert outcome.claims(slow, "one_metric_8", "sqlite") == [Claim("≥ 12,000", is_reached=False)]
    beside = _with_a_peer(slow, times=0.1)
    assert Claim("≥ 5.5× FastTrackML", is_reached=True) in outcome.claims(beside, "one_metric_8", "sqlite")
    assert outcome.claims(slow, "one_metric_8", "postgres") == []


def test_bars_are_as_long_as_the_logarithm_of_the_multiple(found):
    lines = chart.bars(_with_a_peer(found, times=0.1)).splitlines()
    bar_of = {
        title: {line.count("█") for line in lines if line.startswith(f"  {title} ")}
        for title in ("Runyard", "FastTrackML")
    }
    assert bar_of == {"Runyard": {chart.BAR}, "FastTrackML": {0}}


def test_a_note_stands_where_a_figure_is_missing(found):
    beside = _with_a_peer(found)
    peer = beside.measurements["fasttrackml-sqlite"]
    peer.figures["upload"] = Result(note="not offered (404)")
    text = report.render(beside)
    assert re.search(r"J · upload of 512 MB +\| +MB/s \| +[\d,.]+ \| +– ", text)
    assert "- FastTrackML: not offered (404) (J · upload of 512 MB)" in text


def test_an_besidewith_a_failed_workload_is_not_whole(found):
    assert found.is_whole
    assert not _valued(found, "upload", None, "failed: 500").is_whole


def test_every_figure_belongs_to_a_workload():
    known = {one.name for one in WORKLOADS} | set(command.OTHERS)
    assert {figure.workload for figure in FIGURES.values()} <= known
    assert all(one.figures for one in WORKLOADS)


def test_every_peer_has_an_environment_that_set_up_makes():
    made = {*bootstrap.PEERS, bootstrap.SHIPPED_MLFLOW}
    assert {one.environment for one in CONTESTANTS if not one.is_runyard} == made
    assert bootstrap.SHIPPED_MLFLOW in bootstrap.CLIENTS


def _valued(found: Outcome, key: str, value: float | None, note: str = "") -> Outcome:
    ours = found.measurements["runyard-sqlite"]
    changed = replace(ours, figures=ours.figures | {key: Result(value=value, note=note)})
    return replace(found, measurements={"runyard-sqlite": changed})


def _with_a_peer(found: Outcome, times: float = 0.1) -> Outcome:
    """Return the outcome beside a made-up FastTrackML that has everything so many times better."""
    ours = found.measurements["runyard-sqlite"]
    figures = {
        key: replace(result, value=result.value * (times if FIGURES[key].is_more_better else 1 / times))
        for key, result in ours.figures.items()
        if result.value
    }
    peer = Measurement("FastTrackML", "sqlite", "0", figures=figures)
    return replace(found, measurements={"runyard-sqlite": ours, "fasttrackml-sqlite": peer})
