"""Parallel coordinates: compared runs and the trials of sweeps as lines over params and metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.barriers import serious_barriers, settle
from tests.browser.conftest import Connect, Look, Visitor
from tests.browser.sweep_content import keep_long_sweep
from tests.conftest import ServerStarter
from tests.running_server import RunningServer
from tests.waiting import until

pytestmark = pytest.mark.browser
Visit = Callable[..., Visitor]
TRIALS = 400

# How many pixels of a canvas are not empty, and how many different colours they have.
PAINTED = """canvas => {
    const { width, height } = canvas;
    const bytes = canvas.getContext('2d').getImageData(0, 0, width, height).data;
    const colours = new Set();
    let count = 0;
    for (let at = 0; at < bytes.length; at += 4) {
        if (bytes[at + 3] < 200) continue;
        count += 1;
        colours.add(`${bytes[at]} ${bytes[at + 1]} ${bytes[at + 2]}`);
    }
    return [count, colours.size];
}"""

# The browser tells late how wide a part is, as it does on a slow machine: when the test lets it.
LATE_WIDTHS = """
    const [Observer, held] = [window.ResizeObserver, []];
    let isLetGo = false;
    window.ResizeObserver = class extends Observer {
        constructor(tell) {
            super((...told) => (isLetGo ? tell(...told) : held.push(() => tell(...told))));
        }
    };
    window.tellWidths = () => {
        isLetGo = true;
        for (const one of held) one();
    };
"""


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a sweep with hundreds of trials, which no test changes."""
    home = tmp_path_factory.mktemp("parallel") / "home"
    run_id = keep_long_sweep(home, TRIALS)
    running = RunningServer(home).start()
    yield f"{running.url}/#/sweeps/{run_id}"
    running.close()


@pytest.fixture
def compared(start_server: ServerStarter, connect: Connect) -> str:
    """The address of a comparison of runs with a param of names, and one without its metric."""
    server = start_server()
    logger = connect(server.url)
    experiment_id = logger.create_experiment("search")
    runs = []
    for number, optimizer in enumerate(("adam", "sgd", "adam", "lion")):
        run_id = logger.create_run(experiment_id, f"run-{number}")
        logger.log_params(run_id, lr=str(10.0**-number), optimizer=optimizer, same="1")
        if number < 3:
            logger.log_line(run_id, "loss", [1.0 + number])
        logger.finish(run_id)
        runs.append(run_id)
    return f"{server.url}/#/experiments/{experiment_id}?pane=compare&sel={','.join(runs)}"


def card_of(page: Page) -> Locator:
    """The card with the lines, once it is drawn."""
    card = page.get_by_role("region", name="Parallel coordinates")
    expect(card.get_by_role("img")).to_be_visible()
    card.scroll_into_view_if_needed()
    return card


def expect_axes(card: Locator, *keys: str) -> None:
    """Wait for these axes, and no others, from left to right."""
    grips = card.locator(".axis-grip")
    until(lambda: grips.evaluate_all("all => all.map(e => e.dataset.axis)") == list(keys))


def expect_painted(card: Locator, more_than: int, colours: int = 1) -> None:
    """Wait for so many pixels of at least so many colours: lines are painted after their axes are there."""

    def is_painted() -> bool:
        count, different = card.locator("canvas").evaluate(PAINTED)
        return bool(count > more_than and different >= colours)

    until(is_painted)


def box_of(card: Locator, axis: str) -> dict[str, float]:
    """Where an axis is on the screen."""
    box = card.locator(f".axis-grip[data-axis='{axis}']").bounding_box()
    assert box is not None
    return {"x": box["x"] + box["width"] / 2, "top": box["y"], "height": box["height"]}


def drag(page: Page, card: Locator, axis: str, start: float, end: float) -> None:
    """Draw a range over an axis, from one share of it to another, counted from above."""
    box = box_of(card, axis)
    page.mouse.move(box["x"], box["top"] + start * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"], box["top"] + (start + end) / 2 * box["height"])
    page.mouse.move(box["x"], box["top"] + end * box["height"])
    page.mouse.up()


def test_compared_runs_are_lines_over_what_differs(visit: Visit, compared: str, look: Look) -> None:
    page = visit().open(compared)
    card = card_of(page)
    expect_axes(card, "params.lr", "params.optimizer", "metrics.loss")
    for name in ("adam", "lion", "sgd"):
        expect(card.get_by_text(name, exact=True)).to_be_visible()
    expect(card.get_by_label("Colour by")).to_have_value("metrics.loss")
    expect_painted(card, 500, colours=3)
    look(page, "parallel-runs")
    # The upper half of the loss has the runs of 2 and 3; the one without a loss crosses nothing.
    drag(page, card, "metrics.loss", 0.0, 0.55)
    expect(card.get_by_text("2 of 4")).to_be_visible()
    look(page, "parallel-range")
    drag(page, card, "params.optimizer", 0.9, 1.0)
    expect(card.get_by_text("1 of 4")).to_be_visible()
    # A press on an axis takes its range away.
    box = box_of(card, "metrics.loss")
    page.mouse.click(box["x"], box["top"] + 10)
    expect(card.get_by_text("2 of 4")).to_be_visible()
    card.get_by_role("button", name="Clear the ranges").click()
    expect(card.get_by_text("of 4")).to_have_count(0)
    card.get_by_label("Colour by").select_option("")
    expect(card.get_by_label("Colour by")).to_have_value("")
    expect_painted(card, 500)


def test_axes_are_never_where_they_do_not_stay(visit: Visit, compared: str) -> None:
    visitor = visit()
    visitor.page.add_init_script(LATE_WIDTHS)
    page = visitor.open(compared)
    card = page.get_by_role("region", name="Parallel coordinates")
    expect(card.get_by_label("Colour by")).to_be_visible()
    expect(card.locator(".axis-grip")).to_have_count(0)
    page.evaluate("tellWidths()")
    card = card_of(page)
    first, last = box_of(card, "params.lr"), box_of(card, "metrics.loss")
    wide = card.bounding_box()
    assert wide is not None
    assert last["x"] - first["x"] > wide["width"] - 150


def test_axes_are_chosen_and_bounded_without_a_pointer(visit: Visit, compared: str, look: Look) -> None:
    page = visit().open(compared)
    card = card_of(page)
    card.get_by_role("button", name="Axes").press("Enter")
    sheet = page.get_by_role("group", name="Axes", exact=True)
    expect(sheet.get_by_role("checkbox", name="same", exact=True)).not_to_be_checked()
    sheet.get_by_role("checkbox", name="same", exact=True).press("Space")
    sheet.get_by_role("checkbox", name="optimizer", exact=True).press("Space")
    expect_axes(card, "params.lr", "params.same", "metrics.loss")
    sheet.get_by_role("checkbox", name="log axis of lr").press("Space")
    expect(card.get_by_text("lr (log)")).to_be_visible()
    sheet.get_by_label("lr from").fill("0.01")
    sheet.get_by_label("lr to").fill("0.5")
    expect(card.get_by_text("2 of 4")).to_be_visible()
    look(page, "parallel-axes")
    sheet.get_by_label("lr to").fill("")
    expect(card.get_by_text("3 of 4")).to_be_visible()
    page.keyboard.press("Escape")
    expect(sheet).to_have_count(0)


def test_the_line_under_the_pointer_is_named_and_opened(visit: Visit, compared: str) -> None:
    page = visit().open(compared)
    card = card_of(page)
    left, right = box_of(card, "params.lr"), box_of(card, "params.optimizer")
    # The first run has the largest rate, above, and adam, below.
    page.mouse.move((left["x"] + right["x"]) / 2, left["top"] + 0.5 * left["height"])
    expect(card.get_by_role("status").filter(has_text="run-0")).to_be_visible()
    page.mouse.down()
    page.mouse.up()
    expect(page.get_by_role("heading", level=1, name="run-0")).to_be_visible()


def test_hundreds_of_trials_are_lines_over_their_parameters(visit: Visit, sweep: str, look: Look) -> None:
    page = visit().open(sweep)
    card = card_of(page)
    expect_axes(card, "parameter.lr", "parameter.depth", "parameter.optimizer", "metric")
    # The sweep draws the rate by its logarithm, and so does the axis.
    expect(card.get_by_text("lr (log)")).to_be_visible()
    expect_painted(card, 0, colours=11)
    look(page, "parallel-trials")
    drag(page, card, "metric", 0.9, 1.0)
    kept = card.get_by_text(f"of {TRIALS - 1}")
    # While the range is drawn it is smaller, and may have none.
    until(lambda: 0 < int(kept.inner_text().split()[0]) < TRIALS / 2)
    look(page, "parallel-trials-range")


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (1440, "dark")])
def test_the_lines_have_no_barriers(visit: Visit, sweep: str, look: Look, width: int, scheme: str) -> None:
    page = visit(width=width, scheme=scheme).open(sweep)
    settle(page)
    card = card_of(page)
    look(page, f"parallel-{width}-{scheme}")
    card.get_by_role("button", name="Axes").click()
    look(page, f"parallel-axes-{width}-{scheme}")
    assert serious_barriers(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_runs_that_differ_in_nothing_say_so(
    visit: Visit, start_server: ServerStarter, connect: Connect
) -> None:
    server = start_server()
    logger = connect(server.url)
    experiment_id = logger.create_experiment("same")
    runs = [logger.create_run(experiment_id, f"run-{number}") for number in range(2)]
    page = visit().open(f"{server.url}/#/experiments/{experiment_id}?pane=compare&sel={','.join(runs)}")
    card = page.get_by_role("region", name="Parallel coordinates")
    expect(card).to_contain_text("There is something to see where these differ")
