"""The runs table and its charts, as a person meets them."""

from __future__ import annotations

import csv
import json
import re
import struct
from collections.abc import Callable
from xml.etree import ElementTree

import pytest
from playwright.sync_api import Page, expect

from tests.browser.charts import wait_for_lines, wait_for_other_lines
from tests.browser.conftest import Connect, Look, Visitor
from tests.browser.workspace_content import Content, Logger
from tests.conftest import ServerStarter

pytestmark = pytest.mark.browser
Visit = Callable[..., Visitor]


def open_runs(visitor: Visitor, content: Content, query: str = "") -> Page:
    """Open the experiment with four runs and wait for them."""
    page = visitor.open(f"{content.url}/#/experiments/{content.experiment_id}{query}")
    expect(names(page).first).to_be_visible()
    return page


def names(page: Page):
    """The names of the runs in the table, from top to bottom."""
    return page.get_by_role("region", name="Runs", exact=True).locator("tbody a")


def test_a_new_server_shows_how_to_log_the_first_run(
    visit: Visit, start_server: ServerStarter, look: Look
) -> None:
    server = start_server()
    page = visit().open(server.url)
    expect(page.get_by_role("link", name="Default", exact=True)).to_be_visible()
    expect(page.get_by_text(f'mlflow.set_tracking_uri("{server.url}")')).to_be_visible()
    page.get_by_role("link", name="Default", exact=True).click()
    expect(page.get_by_role("heading", name="No runs yet")).to_be_visible()
    expect(page.get_by_text(f'mlflow.set_tracking_uri("{server.url}")')).to_be_visible()
    look(page, "empty")


def test_the_first_run_appears_by_itself(visit: Visit, start_server: ServerStarter, connect: Connect) -> None:
    server = start_server()
    page = visit().open(f"{server.url}/#/experiments/0")
    expect(page.get_by_role("heading", name="No runs yet")).to_be_visible()
    connect(server.url).create_run("0", "first-ever")
    expect(names(page)).to_have_text(["first-ever"])


def test_the_table_shows_every_run_and_the_charts_their_lines(
    visit: Visit, content: Content, look: Look
) -> None:
    page = open_runs(visit(), content)
    expect(names(page)).to_have_text(["ridge-3", "ridge-2", "ridge-1", "ridge-0"])
    for title in ("train/loss", "val/accuracy", "alpha", "model"):
        expect(page.get_by_role("columnheader", name=title).first).to_be_visible()
    wait_for_lines(page, "train/loss")
    wait_for_lines(page, "val/accuracy")
    # A metric that was logged once has no line, but a bar for each run.
    expect(page.get_by_role("region", name="Value of each run").get_by_text("0.43")).to_be_visible()
    look(page, "runs")


def test_a_live_point_reaches_the_table_and_the_chart(
    visit: Visit, start_server: ServerStarter, connect: Connect
) -> None:
    server = start_server()
    logger = connect(server.url)
    run_id = logger.create_run("0", "live-run")
    logger.log_line(run_id, "loss", [1.0, 0.9, 0.8])
    page = visit().open(f"{server.url}/#/experiments/0")
    before = wait_for_lines(page, "loss", 50)
    row = page.get_by_role("row", name=re.compile("live-run"))
    expect(row).to_contain_text("Running")
    logger.log_line(run_id, "loss", [0.1, 0.7, 0.125], first_step=3)
    expect(row).to_contain_text("0.125")
    expect(page.get_by_role("figure", name="Chart of loss")).to_contain_text("0.125")
    wait_for_other_lines(page, "loss", before)
    logger.finish(run_id)
    expect(row).to_contain_text("Finished")


def test_the_filter_is_the_servers_and_so_are_its_complaints(
    visit: Visit, content: Content, look: Look
) -> None:
    page = open_runs(visit(), content)
    page.keyboard.press("/")
    box = page.get_by_role("textbox", name="Filter runs")
    expect(box).to_be_focused()
    box.fill("params.alpha = '0.2'")
    box.press("Enter")
    expect(names(page)).to_have_text(["ridge-1"])
    expect(page).to_have_url(re.compile(r"filter=params\.alpha"))
    box.fill("ridge-2")
    box.press("Enter")
    expect(names(page)).to_have_text(["ridge-2"])
    box.fill("wrong.key = 3")
    box.press("Enter")
    expect(page.get_by_role("search").get_by_role("alert")).to_be_visible()
    expect(names(page)).to_have_text(["ridge-2"])
    look(page, "filter-error")
    page.get_by_role("button", name="Clear the filter").click()
    expect(names(page)).to_have_count(4)


def test_a_click_on_a_column_sorts_on_the_server(visit: Visit, content: Content) -> None:
    page = open_runs(visit(), content)
    page.get_by_role("button", name="Sort by metrics r2").click()
    expect(names(page)).to_have_text(["ridge-3", "ridge-2", "ridge-1", "ridge-0"])
    page.get_by_role("button", name="Sort by metrics r2").click()
    expect(names(page)).to_have_text(["ridge-0", "ridge-1", "ridge-2", "ridge-3"])
    expect(page).to_have_url(re.compile(r"order=metrics\.r2%3Aasc"))
    expect(page.get_by_role("columnheader", name=re.compile("r2"))).to_have_attribute(
        "aria-sort", "ascending"
    )


def test_keys_move_select_and_open(visit: Visit, content: Content) -> None:
    page = open_runs(visit(), content)
    for key in "jjx":
        page.keyboard.press(key)
    expect(page.get_by_role("checkbox", name="Select ridge-2")).to_be_checked()
    for key in ("j", "j", "k", "X"):
        page.keyboard.press(key)
    expect(page.get_by_text("2 runs selected")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="ridge-1")).to_be_visible()


def test_the_focus_is_never_lost_to_who_has_only_keys(visit: Visit, content: Content) -> None:
    page = open_runs(visit(), content)
    menu = page.get_by_role("button", name="Column alpha")
    menu.focus()
    for key in ("Enter", "ArrowDown", "ArrowUp", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    expect(page).to_have_url(re.compile(r"pin=params\.alpha"))
    expect(menu).to_be_focused()
    # The focus somewhere else closes what it came out of.
    page.keyboard.press("Enter")
    sheet = page.get_by_role("group", name="Column alpha")
    expect(sheet).to_be_visible()
    for _ in range(5):
        page.keyboard.press("Tab")
    expect(sheet).to_have_count(0)
    menu.focus()
    for key in ("Enter", "ArrowDown", "ArrowDown", "ArrowDown", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    expect(menu).to_have_count(0)
    expect(page.get_by_role("region", name="Runs", exact=True)).to_be_focused()
    # j reads out the row that it goes to; the run's page has the focus, then the tab that is chosen there.
    page.keyboard.press("j")
    expect(page.get_by_role("link", name="ridge-3")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    tab = page.get_by_role("link", name="Metrics")
    tab.press("Enter")
    expect(tab).to_have_attribute("aria-current", "page")
    expect(tab).to_be_focused()
    # A panel over the whole page has the focus to itself.
    whole = page.get_by_role("figure", name="Chart of r2").get_by_role("button")
    whole.last.press("Enter")
    for _ in range(3):
        page.keyboard.press("Tab")
    expect(whole.first).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Leave full screen")).to_have_count(0)


def test_shift_selects_a_range_and_the_link_carries_it(visit: Visit, content: Content) -> None:
    page = open_runs(visit(), content)
    page.get_by_role("checkbox", name="Select ridge-3").click()
    page.get_by_role("checkbox", name="Select ridge-1").click(modifiers=["Shift"])
    expect(page.get_by_text("3 runs selected")).to_be_visible()
    other = visit().open(page.url)
    expect(other.get_by_text("3 runs selected")).to_be_visible()


def test_selected_runs_are_compared_by_what_differs(visit: Visit, content: Content, look: Look) -> None:
    page = open_runs(visit(), content)
    page.get_by_role("checkbox", name="Select ridge-3").click()
    page.get_by_role("checkbox", name="Select ridge-2").click()
    page.get_by_role("button", name="Compare", exact=True).click()
    side_by_side = page.get_by_role("region", name="Side by side")
    expect(side_by_side.get_by_role("rowheader", name="alpha")).to_be_visible()
    expect(side_by_side.get_by_role("rowheader", name="model")).to_have_count(0)
    wait_for_lines(page, "train/loss", 60)
    expect(page.get_by_role("figure", name="Chart of train/loss").get_by_role("listitem")).to_have_count(2)
    look(page, "compare")
    side_by_side.get_by_role("checkbox", name="Only what differs").uncheck()
    expect(side_by_side.get_by_role("rowheader", name="model")).to_be_visible()


def test_the_eye_takes_a_run_off_the_charts(visit: Visit, content: Content) -> None:
    page = open_runs(visit(), content)
    legend = page.get_by_role("figure", name="Chart of train/loss").get_by_role("listitem")
    expect(legend).to_have_count(4)
    page.get_by_role("button", name="Hide ridge-0 on the charts").click()
    expect(legend).to_have_text(["ridge-3", "ridge-2", "ridge-1"])


def test_columns_are_hidden_and_pinned_and_the_address_knows(visit: Visit, content: Content) -> None:
    page = open_runs(visit(), content)
    page.get_by_role("button", name="Columns").click()
    page.get_by_role("checkbox", name="model").uncheck()
    page.get_by_role("checkbox", name="team").check()
    page.keyboard.press("Escape")
    expect(page.get_by_role("columnheader", name=re.compile("model"))).to_have_count(0)
    expect(page.get_by_role("columnheader", name=re.compile("team"))).to_have_count(1)
    page.get_by_role("button", name="Column r2").click()
    page.get_by_role("button", name="Pin to the left").click()
    headers = page.get_by_role("columnheader")
    expect(headers.nth(1)).to_contain_text("r2")
    page.reload()
    expect(headers.nth(1)).to_contain_text("r2")
    expect(page.get_by_role("columnheader", name=re.compile("team"))).to_have_count(1)


def test_of_hundreds_of_columns_those_in_sight_are_in_the_page(
    visit: Visit, start_server: ServerStarter, connect: Connect
) -> None:
    server = start_server()
    logger = connect(server.url)
    run_id = logger.create_run("0", "wide")
    keys = [f"m{number:03}" for number in range(300)]
    now = [{"key": key, "value": int(key[1:]) + 0.5, "step": 0, "timestamp": 1} for key in keys]
    logger.post("runs/log-batch", run_id=run_id, metrics=now)
    columns = ",".join(f"metrics.{key}" for key in keys)
    page = visit().open(f"{server.url}/#/experiments/0?panels=none&pin=metrics.m007&cols={columns}")
    row = page.get_by_role("row", name="wide")
    expect(row).to_contain_text("0.5")
    assert row.locator("td").count() < 50
    table = page.get_by_role("region", name="Runs", exact=True)
    table.evaluate("(scroller) => { scroller.scrollLeft = scroller.scrollWidth; }")
    expect(row.get_by_text("299.5")).to_be_in_viewport()
    header = page.get_by_role("columnheader", name="Sort by metrics m299")
    expect(header).to_have_attribute("aria-colindex", "301")
    # What is pinned stays, and a column stands below its own header.
    expect(row.get_by_text("7.5", exact=True)).to_be_in_viewport()
    places = [part.bounding_box() for part in (header, row.locator("td").last)]
    assert places[0] is not None
    assert places[1] is not None
    assert abs(places[0]["x"] - places[1]["x"]) < 1
    # Back at the left the first ones are there again.
    table.evaluate("(scroller) => { scroller.scrollLeft = 0; }")
    expect(row.get_by_text("0.5", exact=True)).to_be_in_viewport()
    assert row.locator("td").count() < 50
    # A header half behind those that stay comes out with the focus.
    hidden = """(sort) => {
        const pinned = [...document.querySelectorAll('.runs th.pinned')];
        const edges = pinned.map((head) => head.getBoundingClientRect().right);
        return Math.max(...edges) - sort.getBoundingClientRect().left;
    }"""
    sort = page.get_by_role("button", name="Sort by metrics m001")
    distance = sort.evaluate(hidden)
    table.evaluate("(scroller, distance) => { scroller.scrollLeft = 40 - distance; }", distance)
    assert 39 < sort.evaluate(hidden) < 41
    sort.focus()
    assert sort.evaluate(hidden) <= 0


def test_runs_with_the_same_param_are_drawn_as_one_line(visit: Visit, content: Content, look: Look) -> None:
    page = open_runs(visit(), content)
    wait_for_lines(page, "train/loss")
    panel = page.get_by_role("figure", name="Chart of train/loss")
    legend = panel.get_by_role("list", name="Runs on this chart").get_by_role("listitem")
    expect(legend).to_have_count(4)
    page.get_by_role("combobox", name="Group runs by").select_option("params.model")
    expect(legend).to_have_text(["model: ridge (4)"])
    wait_for_lines(page, "train/loss")
    look(page, "grouped")
    # The table has the colour of the group beside each of its runs.
    rows = page.get_by_role("row", name="ridge-")
    expect(rows).to_have_count(4)
    colours = rows.locator(".dot[style]").evaluate_all(
        "(dots) => dots.map((dot) => getComputedStyle(dot).backgroundColor)"
    )
    assert len(colours) == 4
    assert len(set(colours)) == 1
    # A link carries the groups.
    page = visit().open(page.url)
    expect(page.get_by_role("figure", name="Chart of train/loss")).to_contain_text("model: ridge (4)")
    page.get_by_role("combobox", name="Group runs by").select_option("A line a run")
    expect(page.get_by_role("figure", name="Chart of train/loss").get_by_role("listitem")).to_have_count(4)


def test_a_drag_zooms_all_panels_by_asking_for_the_finer_range(visit: Visit, content: Content) -> None:
    visitor = visit()
    page = open_runs(visitor, content)
    wait_for_lines(page, "train/loss")
    over = page.get_by_role("figure", name="Chart of train/loss").locator(".u-over")
    box = over.bounding_box()
    assert box is not None
    with page.expect_request(
        lambda request: "/api/v1/series" in request.url and '"start"' in (request.post_data or "")
    ) as asked:
        page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 40)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 60, steps=5)
        page.mouse.up()
    body = json.loads(asked.value.post_data or "")
    assert 600 < body["start"] < 900
    assert 1300 < body["end"] < 1600
    expect(page).to_have_url(re.compile("zoom="))
    over.dblclick()
    page.wait_for_url(lambda url: "zoom=" not in url)


def test_the_crosshair_names_each_run_and_its_value(visit: Visit, content: Content, look: Look) -> None:
    page = open_runs(visit(), content)
    wait_for_lines(page, "val/accuracy")
    panel = page.get_by_role("figure", name="Chart of val/accuracy")
    panel.locator(".u-over").hover()
    tooltip = panel.locator(".tooltip")
    expect(tooltip).to_contain_text(re.compile(r"step \d+"))
    expect(tooltip).to_contain_text("ridge-0")
    expect(page.get_by_role("figure", name="Chart of train/loss").locator(".tooltip")).to_be_hidden()
    look(page, "crosshair")


def test_a_panel_is_saved_as_csv_and_as_a_picture(visit: Visit, content: Content) -> None:
    page = open_runs(visit(), content)
    wait_for_lines(page, "val/accuracy")
    save = page.get_by_role("button", name="Save val/accuracy")
    with page.expect_download() as table:
        save.click()
        page.get_by_role("button", name="Table (CSV)").click()
    lines = table.value.path().read_text().splitlines()
    assert lines[0] == "run_id,run_name,metric,step,value,min,max"
    assert len(lines) == 1 + 4 * 60
    with page.expect_download() as drawing:
        save.click()
        page.get_by_role("button", name="Picture (PNG)").click()
    saved = drawing.value.path().read_bytes()
    assert saved.startswith(b"\x89PNG")
    # The title stands above the lines and the names of the runs below them, so it is higher than they are.
    canvas = page.get_by_role("figure", name="Chart of val/accuracy").locator("canvas")
    wide, high = struct.unpack(">II", saved[16:24])
    assert wide > canvas.evaluate("(canvas) => canvas.width")
    assert high >= canvas.evaluate("(canvas) => canvas.height") + 60
    with page.expect_download() as vector:
        save.click()
        page.get_by_role("button", name="Drawing (SVG)").click()
    root = ElementTree.fromstring(vector.value.path().read_text())
    space = "{http://www.w3.org/2000/svg}"
    texts = [text.text for text in root.iter(f"{space}text")]
    assert texts[0] == "val/accuracy"
    assert {"0", "1", "20", "ridge-0", "ridge-3"} <= set(texts)
    lines = [
        path.get("d", "")
        for path in root.iter("{http://www.w3.org/2000/svg}path")
        if path.get("stroke-width")
    ]
    assert [line.count("L") for line in lines] == [59] * 4
    # And the runs themselves, with all that is known of them.
    with page.expect_download() as runs:
        page.get_by_role("button", name="Save the 4 loaded runs as CSV").click()
    head, *rows = csv.reader(runs.value.path().read_text().splitlines())
    assert [row[1] for row in rows] == ["ridge-3", "ridge-2", "ridge-1", "ridge-0"]
    assert {"status", "metrics.r2", "params.model", "tags.team"} <= set(head)


def test_the_x_axis_is_logarithmic_when_asked(visit: Visit, content: Content, look: Look) -> None:
    page = open_runs(visit(), content)
    before = wait_for_lines(page, "train/loss")
    page.get_by_role("button", name="log x").click()
    wait_for_other_lines(page, "train/loss", before)
    expect(page).to_have_url(re.compile("xs=log"))
    look(page, "log-x")
    page.get_by_role("button", name="Time").click()
    expect(page.get_by_role("button", name="log x")).to_be_disabled()


def test_many_runs_are_loaded_as_they_are_scrolled_to(visit: Visit, content: Content) -> None:
    page = visit().open(f"{content.url}/#/experiments/{content.many_id}")
    expect(page.get_by_text("first 100 runs")).to_be_visible()
    assert names(page).count() < 80
    table = page.get_by_role("region", name="Runs", exact=True)
    table.evaluate("table => { table.scrollTop = table.scrollHeight }")
    expect(page.get_by_text("130 runs", exact=True)).to_be_visible()
    table.evaluate("table => { table.scrollTop = table.scrollHeight }")
    expect(names(page).last).to_have_text("trial-0000")
    # A run more, far above what is in sight, and a run less.
    logger = Logger(content.url)
    run_id = logger.create_run(content.many_id, "late")
    expect(page.get_by_text("131 runs", exact=True)).to_be_visible()
    expect(names(page).last).to_have_text("trial-0000")
    logger.post("runs/delete", run_id=run_id)
    logger.close()
    expect(page.get_by_text("130 runs", exact=True)).to_be_visible()
    table.evaluate("table => { table.scrollTop = 0 }")
    expect(names(page).first).to_have_text("trial-0129")


def test_a_link_compares_runs_that_no_page_has_loaded(visit: Visit, content: Content) -> None:
    last_page = Logger(content.url)
    found = last_page.post("runs/search", experiment_ids=[content.many_id], max_results=130)["runs"]
    last_page.close()
    ids = ",".join(run["info"]["run_id"] for run in found[-2:])
    page = visit().open(f"{content.url}/#/experiments/{content.many_id}?pane=compare&sel={ids}")
    side_by_side = page.get_by_role("region", name="Side by side")
    expect(side_by_side.get_by_role("link")).to_have_text(["Their traces", "trial-0001", "trial-0000"])


def test_runs_are_deleted_restored_and_renamed(
    visit: Visit, start_server: ServerStarter, connect: Connect
) -> None:
    server = start_server()
    logger = connect(server.url)
    for name in ("one", "two", "three"):
        logger.finish(logger.create_run("0", name))
    page = visit().open(f"{server.url}/#/experiments/0")
    expect(names(page)).to_have_text(["three", "two", "one"])
    page.get_by_role("checkbox", name="Select one").click()
    page.get_by_role("button", name="Rename").click()
    page.get_by_role("textbox", name="Name").fill("uno")
    page.get_by_role("dialog").get_by_role("button", name="Rename").click()
    expect(names(page)).to_have_text(["three", "two", "uno"])
    page.get_by_role("checkbox", name="Select two").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(names(page)).to_have_text(["three"])
    page.get_by_role("button", name="Deleted").click()
    expect(names(page)).to_have_text(["two", "uno"])
    page.get_by_role("checkbox", name="Select all loaded runs").click()
    page.get_by_role("button", name="Restore").click()
    expect(page.get_by_role("heading", name="No run matches")).to_be_visible()
    page.get_by_role("button", name="Active").click()
    expect(names(page)).to_have_text(["three", "two", "uno"])
