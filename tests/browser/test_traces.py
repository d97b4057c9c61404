"""Traces in the Studio: searched, looked into, judged, deleted; and what evaluation keeps beside them."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.barriers import serious_barriers, settle
from tests.browser.conftest import Look, Visitor
from tests.browser.trace_content import HOSTILE, MANY_SPANS, SESSION, Traced, log_traces
from tests.conftest import ServerStarter
from tests.running_server import RunningServer

pytestmark = pytest.mark.browser
Visit = Callable[..., Visitor]
MOST_ROWS = 100


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traced]:
    """A server with traces, which no test deletes."""
    running = RunningServer(tmp_path_factory.mktemp("traced") / "home").start()
    yield log_traces(running.url, running.home)
    running.close()


def card(page: Page, name: str) -> Locator:
    """A card of a page by its title."""
    return page.get_by_role("region", name=name, exact=True)


def confirm(page: Page, action: str) -> None:
    """Answer the open dialog, and wait until it is gone."""
    page.get_by_role("dialog").get_by_role("button", name=action, exact=True).click()
    expect(page.locator("dialog")).to_have_count(0)


def filter_traces(page: Page, text: str) -> None:
    """Apply a filter to the list."""
    box = page.get_by_role("textbox", name="Filter traces")
    box.fill(text)
    box.press("Enter")


def rows(page: Page) -> Locator:
    """The lines of the list of traces."""
    return card(page, "Traces").locator("tbody tr")


def test_traces_of_an_experiment_are_listed_and_searched(visit: Visit, traced: Traced, look: Look) -> None:
    page = visit().open(f"{traced.url}/#/experiments/{traced.experiment_id}")
    page.get_by_role("navigation", name="Parts of the experiment").get_by_role("link", name="Traces").click()
    expect(rows(page)).to_have_count(5)
    failed = page.get_by_role("row", name="break")
    expect(failed).to_contain_text("Error")
    answered = rows(page).filter(has_text="And how is it there?")
    for text in ("answer", "OK", "It is raining.", "1,234", "brief: Yes", f"colour: {HOSTILE}"):
        expect(answered).to_contain_text(text)
    look(page, "traces")
    filter_traces(page, "zürich")
    expect(rows(page).filter(has_text="break")).to_have_count(0)
    filter_traces(page, "span.type = 'CHAT_MODEL' AND metadata.mlflow.trace.session = 'talk/1'")
    expect(rows(page)).to_have_count(2)
    filter_traces(page, "nothing = 1")
    expect(page.get_by_role("alert")).to_contain_text("nothing")
    filter_traces(page, "")
    page.get_by_role("combobox", name="State").select_option("ERROR")
    expect(rows(page)).to_have_count(1)
    page.get_by_role("combobox", name="Period").select_option("1h")
    expect(rows(page)).to_have_count(1)
    # All of it stands in the address.
    page = visit().open(page.url)
    expect(rows(page)).to_have_count(1)
    filter_traces(page, "name = 'none'")
    page.get_by_role("button", name="Show all traces").click()
    expect(rows(page)).to_have_count(5)
    page.get_by_role("combobox", name="Order").select_option("Slowest first")
    expect(rows(page).first).to_contain_text("many")


def test_a_trace_shows_its_spans_in_time_and_a_conversation_as_one(
    visit: Visit, traced: Traced, look: Look
) -> None:
    # The address of MLflow's own pages.
    page = visit().open(traced.at(f"traces?selectedEvaluationId={traced.in_session}"))
    expect(page.get_by_role("heading", level=1, name="answer")).to_be_visible()
    assert page.url == traced.at(f"traces/{traced.in_session}")
    tree = page.get_by_role("tree", name="Spans of the trace")
    expect(tree.get_by_role("treeitem")).to_have_count(3)
    details = card(page, "The chosen span")
    expect(details.get_by_role("region", name="Inputs")).to_contain_text('"And how is it there?"')
    expect(tree.get_by_role("treeitem", name="look_up")).to_have_attribute("aria-level", "2")
    tree.get_by_role("treeitem", name="ask_model").click()
    expect(details.get_by_role("region", name="Inputs")).to_contain_text("Be brief.")
    outputs = details.get_by_role("region", name="Outputs")
    expect(outputs).to_contain_text("look_up")
    expect(outputs).to_contain_text('"place": "Zürich"')
    look(page, "trace-chat")
    outputs.get_by_role("button", name="JSON").click()
    expect(outputs).to_contain_text('"choices"')
    expect(details.get_by_role("region", name="Attributes")).to_contain_text("1234")
    # Back and forth by keys, as trees go.
    tree.focus()
    page.keyboard.press("ArrowUp")
    outputs = details.get_by_role("region", name="Outputs")
    expect(outputs.locator("pre")).not_to_contain_text("A long one. " * 400)
    outputs.get_by_role("button", name=re.compile(r"Show all 24,0\d\d characters")).click()
    expect(outputs.locator("pre")).to_contain_text("A long one. " * 1999)
    page.keyboard.press("Home")
    tree.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowLeft")
    expect(tree.get_by_role("treeitem")).to_have_count(1)
    page.keyboard.press("ArrowRight")
    expect(tree.get_by_role("treeitem")).to_have_count(3)


def test_what_failed_shows_its_exception_as_text(visit: Visit, traced: Traced, look: Look) -> None:
    page = visit(scheme="dark").open(traced.at(f"traces/{traced.failed}"))
    exception = page.get_by_role("region", name="Exception")
    expect(exception).to_contain_text(f"ValueError: no answer to {HOSTILE}")
    expect(exception).to_contain_text("Traceback")
    look(page, "trace-failed-dark")


def test_thousands_of_spans_stay_usable(visit: Visit, traced: Traced, look: Look) -> None:
    page = visit().open(traced.at(f"traces/{traced.many}"))
    spans = card(page, "Spans")
    expect(spans).to_contain_text(f"{MANY_SPANS:,} spans")
    tree = page.get_by_role("tree")
    expect(tree.get_by_role("treeitem").first).to_be_visible()
    assert tree.get_by_role("treeitem").count() < MOST_ROWS
    tree.focus()
    page.keyboard.press("End")
    expect(card(page, "The chosen span")).to_contain_text(f"step-{MANY_SPANS - 2}")
    expect(tree.get_by_role("treeitem", selected=True)).to_be_visible()
    assert tree.get_by_role("treeitem").count() < MOST_ROWS
    page.get_by_role("searchbox", name="Find spans").fill("step-0042")
    expect(tree.get_by_role("treeitem")).to_have_count(2)
    tree.get_by_role("treeitem", name="step-0042").click()
    expect(card(page, "The chosen span")).to_contain_text("step-0042")
    look(page, "trace-many")


def test_a_trace_leads_to_its_run_and_its_session(visit: Visit, traced: Traced, look: Look) -> None:
    page = visit().open(traced.at(f"traces/{traced.in_run}"))
    card(page, "Details").get_by_role("link", name=traced.run_id).click()
    expect(page.get_by_role("heading", level=1, name="traced")).to_be_visible()
    page.get_by_role("navigation", name="Parts of the run").get_by_role("link", name="Traces").click()
    expect(rows(page)).to_have_count(1)
    look(page, "run-traces")
    rows(page).get_by_role("link", name="answer").click()
    expect(page.get_by_role("tree")).to_be_visible()
    page = visit().open(traced.at(f"traces/{traced.in_session}"))
    card(page, "Details").get_by_role("link", name=SESSION).click()
    expect(page.get_by_role("heading", level=1, name=f"Session {SESSION}")).to_be_visible()
    turns = page.get_by_role("region", name="Trace answer")
    expect(turns).to_have_count(2)
    expect(turns.first).to_contain_text("Where is Zürich?")
    expect(turns.last).to_contain_text("And how is it there?")
    look(page, "session")
    page.get_by_role("navigation", name="Where you are").get_by_role("link", name="Sessions").click()
    session = card(page, "Sessions").get_by_role("row", name=SESSION)
    expect(session).to_contain_text("Where is Zürich?")
    expect(session).to_contain_text("2,468")
    look(page, "sessions")


def test_assessments_are_given_overridden_and_taken_back(visit: Visit, traced: Traced, look: Look) -> None:
    page = visit().open(traced.at(f"traces/{traced.in_session}"))
    given = card(page, "Assessments")
    expect(given.get_by_role("listitem", name="Expected expected")).to_contain_text('"weather": "rain"')
    brief = given.get_by_role("listitem", name="Feedback brief")
    expect(brief).to_contain_text("Three words")
    expect(brief).to_contain_text("by code length")
    given.get_by_role("button", name="Override brief").click()
    page.get_by_role("combobox", name="Value", exact=True).select_option("No")
    page.get_by_role("textbox", name="Rationale").fill("Not brief enough")
    look(page, "assessment-override")
    confirm(page, "Save")
    expect(brief.filter(has_text="overridden")).to_contain_text("Yes")
    expect(brief.filter(has_text="overrides another")).to_contain_text("Not brief enough")
    look(page, "assessments")
    brief.filter(has_text="overrides another").get_by_role("button", name="Delete brief").click()
    confirm(page, "Delete")
    expect(brief).to_have_count(1)
    expect(brief).not_to_contain_text("overridden")
    given.get_by_role("button", name="Add").click()
    page.get_by_role("textbox", name="Name").fill("score")
    page.get_by_role("combobox", name="Value is").select_option("Number")
    page.get_by_role("textbox", name="Value", exact=True).fill("much")
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("no number")
    page.get_by_role("textbox", name="Value", exact=True).fill("0.25")
    confirm(page, "Save")
    expect(given.get_by_role("listitem", name="Feedback score")).to_contain_text("0.25")
    given.get_by_role("button", name="Delete score").click()
    confirm(page, "Delete")
    expect(given.get_by_role("listitem", name="Feedback score")).to_have_count(0)


def test_tags_of_a_trace_are_set_and_removed(visit: Visit, traced: Traced) -> None:
    page = visit().open(traced.at(f"traces/{traced.in_run}"))
    tags = card(page, "Tags")
    expect(tags).to_contain_text("No tags were set.")
    tags.get_by_role("button", name="Set a tag").click()
    page.get_by_role("textbox", name="Name").fill("looked at")
    page.get_by_role("textbox", name="Value").fill(HOSTILE)
    confirm(page, "Set")
    expect(tags).to_contain_text(HOSTILE)
    tags.get_by_role("button", name="Remove the tag looked at").click()
    confirm(page, "Remove")
    expect(tags).to_contain_text("No tags were set.")


def test_the_first_trace_appears_by_itself_and_traces_are_deleted(
    visit: Visit, start_server: ServerStarter, look: Look
) -> None:
    server = start_server()
    page = visit().open(f"{server.url}/#/experiments/0/traces")
    snippet = page.locator(".snippet pre")
    expect(snippet).to_contain_text("@mlflow.trace")
    look(page, "traces-empty")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", snippet.inner_text()],
        env={"PATH": "/usr/bin:/bin", "HOME": str(server.home)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    expect(rows(page)).to_have_count(1)
    rows(page).get_by_role("link", name="answer").click()
    expect(page.get_by_role("tree")).to_be_visible()
    page.get_by_role("button", name="Delete", exact=True).click()
    confirm(page, "Delete")
    expect(page.get_by_role("heading", name="No traces yet")).to_be_visible()

    traced = log_traces(server.url, server.home, span_count=3)
    page = visit().open(traced.at("traces"))
    rows(page).filter(has_text="break").get_by_role("checkbox").check()
    rows(page).filter(has_text="many").get_by_role("checkbox").check()
    card(page, "Selected traces").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="Delete 2 traces?")).to_be_visible()
    confirm(page, "Delete")
    expect(rows(page)).to_have_count(3)
    page.get_by_role("button", name="Select all").click()
    expect(card(page, "Selected traces")).to_contain_text("3 traces selected")
    page = visit().open(traced.at(f"traces/{traced.failed}"))
    expect(page.get_by_role("alert")).to_contain_text("nothing at this address")

    page = visit().open(traced.at(f"datasets/{traced.dataset_id}"))
    records = card(page, "Records").locator("tbody tr")
    expect(records).to_have_count(3)
    records.filter(has_text="Number 1?").get_by_role("button", name="Delete the record").click()
    confirm(page, "Delete")
    expect(records).to_have_count(2)
    page.get_by_role("button", name="Delete", exact=True).click()
    confirm(page, "Delete")
    expect(page.get_by_role("heading", name="No evaluation datasets yet")).to_be_visible()


def test_evaluation_datasets_show_their_records(visit: Visit, traced: Traced, look: Look) -> None:
    page = visit().open(traced.at("datasets"))
    row = card(page, "Evaluation datasets").get_by_role("row", name="questions")
    expect(row.get_by_role("cell").nth(1)).to_have_text("3")
    look(page, "evaluation-datasets")
    row.get_by_role("link", name="questions").click()
    expect(card(page, "Tags")).to_contain_text("weather")
    expect(card(page, "Records").locator("tbody tr")).to_have_count(3)
    expect(card(page, "Records")).to_contain_text(HOSTILE)
    look(page, "evaluation-dataset")


def test_versions_of_a_judge_are_shown_and_deleted(visit: Visit, traced: Traced, look: Look) -> None:
    page = visit().open(traced.at("judges"))
    row = card(page, "Judges").get_by_role("row", name="polite")
    expect(row).to_contain_text("Is {{ outputs }} polite?")
    expect(row.get_by_role("cell").nth(2)).to_have_text("2")
    row.get_by_role("link", name="polite").click()
    expect(card(page, "Version 1")).to_contain_text("Is {{ outputs }} polite?")
    look(page, "judge")
    card(page, "Version 1").get_by_role("button", name="Delete").click()
    confirm(page, "Delete")
    expect(card(page, "Version 1")).to_have_count(0)
    expect(card(page, "Version 2")).to_be_visible()


SCREENS = ("traces", "traces/{in_session}", "chat-sessions", "datasets/{dataset_id}", "judges/polite")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_screens_have_no_serious_barriers(visit: Visit, traced: Traced, scheme: str) -> None:
    found = []
    for tail in SCREENS:
        page = visit(scheme=scheme).open(traced.at(tail.format(**vars(traced))))
        settle(page)
        found += [f"{tail}: {barrier}" for barrier in serious_barriers(page)]
    assert found == []


def test_a_phone_shows_them_without_scrolling_sideways(visit: Visit, traced: Traced, look: Look) -> None:
    for number, tail in enumerate(SCREENS):
        page = visit(width=360, height=740).open(traced.at(tail.format(**vars(traced))))
        settle(page)
        look(page, f"traces-narrow-{number}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, tail
