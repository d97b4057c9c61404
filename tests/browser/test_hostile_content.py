"""S20 in a real browser: what names, notes and files say is text in the Studio and in MLflow's pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Look, Visitor
from tests.browser.hostile_content import (
    FILES,
    LINK,
    LOG_PATH,
    MARKUP,
    MODEL_NAME,
    PROMPT_NAME,
    Hostile,
    fill_hostile,
)
from tests.browser.test_mlflow_pages import CLOSED_PANEL, WORKSPACE, served
from tests.waiting import until

pytestmark = pytest.mark.browser
Visit = Callable[..., Visitor]

# What a page refuses is told before any script of its own runs, in frames as well. Two things MLflow's
# bundle tries whatever there is to show: Plotly, whether it may make code out of text, and a film of the
# product's own at its makers'.
TELLS_REFUSALS = """
document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI, sourceFile }) => {
  if (blockedURI === "eval" && sourceFile.includes("/mlflow/static-files/static/js/")) return;
  if (violatedDirective === "media-src" && blockedURI.startsWith("https://mlflow.org/docs/")) return;
  window.tellRefusal(`${violatedDirective} ${blockedURI} ${sourceFile}`);
}, true);
"""
UNSAFE_LINKS = """
[...document.querySelectorAll("[href], [src], [action], [formaction]")]
  .flatMap((one) => ["href", "src", "action", "formaction"].map((name) => one.getAttribute(name)))
  .filter((address) => /^\\s*(javascript|vbscript|data:text)/i.test(address ?? ""))
"""


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hostile]:
    running = served(tmp_path_factory.mktemp("hostile") / "home")
    yield fill_hostile(running.url)
    running.close()


class Walker:
    """Walks pages and keeps what their policy refused.

    Args:
        visitor: Whose browser it is.
        look: Keeps pictures, if asked to.
        theirs: The pages are MLflow's: those ask on and on, so that they are never quiet, and what they let
            fail or link to is not ours.
    """

    def __init__(self, visitor: Visitor, look: Look, *, theirs: bool) -> None:
        self.page = visitor.page
        self.refused: list[str] = []
        self.complaints = visitor.complaints
        self._visitor = visitor
        self._look = look
        self._theirs = theirs
        self.page.expose_function("tellRefusal", lambda told: self.refused.append(told))
        self.page.add_init_script(TELLS_REFUSALS)
        # An empty page, and a frame of its own origin, keep nothing.
        self.page.add_init_script(f"if (location.origin !== 'null') {CLOSED_PANEL}")

    def walk(self, at: str, places: dict[str, tuple[str, str]]) -> None:
        """Open each place, by a name for its picture, and wait until it shows what it must."""
        for name, (address, shown) in places.items():
            self._visitor.open(f"{at}{address}")
            self.see(name, shown)

    def see(self, name: str, shown: str) -> None:
        """Wait for a text on the page; nothing ran, was refused, or can be clicked to run."""
        expect(self.page.get_by_text(shown).first).to_be_visible()
        if not self._theirs:
            self.page.wait_for_load_state("networkidle")
        self.page.evaluate("new Promise((done) => requestIdleCallback(done))")
        self._look(self.page, f"hostile-{name}")
        assert self.refused == [], name
        assert [told for told in self.complaints if told.startswith("dialog:") or not self._theirs] == [], (
            name
        )
        assert self._theirs or self.page.evaluate(UNSAFE_LINKS) == [], name
        assert self.page.evaluate("({}).polluted") is None, name


def of_studio(hostile: Hostile) -> dict[str, tuple[str, str]]:
    """The screens that show it, and what each must show for its text to have come."""
    experiment = f"#/experiments/{hostile.experiment_id}"
    run = f"{experiment}/runs/{hostile.run_id}"
    model = f"#/models/{quote(MODEL_NAME, safe='')}"
    prompt = f"#/prompts/{quote(PROMPT_NAME, safe='')}"
    both = f"{hostile.run_id},{hostile.other_run_id}"
    files = {
        f"file-{number}": (f"{run}/artifacts/{quote(path, safe='/')}", path.rpartition("/")[2])
        for number, path in enumerate(FILES)
    }
    return {
        "experiments": ("#/experiments", MARKUP),
        "runs": (experiment, MARKUP),
        "compare": (f"{experiment}?pane=compare&sel={both}", MARKUP),
        "run": (run, MARKUP),
        "metrics": (f"{run}/metrics", "a b/c: d.e"),
        "logs": (f"{run}/logs", "after it"),
        **files,
        "model": (f"{experiment}/models/{hostile.model_id}", MARKUP),
        "registry": ("#/models", MODEL_NAME),
        "registered": (model, "A note"),
        "version": (f"{model}/versions/1", "A note"),
        "prompts": ("#/prompts", PROMPT_NAME),
        "prompt": (f"{prompt}/versions/1", "A note"),
        "traces": (f"{experiment}/traces", MARKUP),
        "trace": (f"{experiment}/traces/{hostile.trace_id}", MARKUP),
        "sessions": (f"{experiment}/chat-sessions", MARKUP),
        "session": (f"{experiment}/chat-sessions/{quote(MARKUP, safe='')}", MARKUP),
        "evaluations": (f"{experiment}/evaluation-runs", MARKUP),
    }


def test_s20_the_studio_shows_hostile_text_as_text(visit: Visit, hostile: Hostile, look: Look) -> None:
    Walker(visit(), look, theirs=False).walk(f"{hostile.url}/", of_studio(hostile))


def of_mlflow(hostile: Hostile) -> dict[str, tuple[str, str]]:
    """MLflow's own pages of the same."""
    experiment = f"#/experiments/{hostile.experiment_id}"
    run = f"{experiment}/runs/{hostile.run_id}"
    model = f"#/models/{quote(MODEL_NAME, safe='')}"
    both = f'["{hostile.run_id}","{hostile.other_run_id}"]'
    here = f'["{hostile.experiment_id}"]'
    compared = f"runs={quote(both)}&experiments={quote(here)}"
    return {
        "mlflow-runs": (f"{experiment}/runs", MARKUP),
        "mlflow-run": (run, "A note"),
        "mlflow-compare": (f"#/compare-runs?{compared}", MARKUP),
        "mlflow-model": (f"{experiment}/models/{hostile.model_id}", MARKUP),
        "mlflow-registered": (model, "A note"),
        "mlflow-version": (f"{model}/versions/1", "A note"),
        "mlflow-prompt": (f"#/prompts/{quote(PROMPT_NAME, safe='')}", "A note"),
        "mlflow-trace": (f"{experiment}/traces?selectedEvaluationId={hostile.trace_id}", MARKUP),
    }


@pytest.fixture
def mlflow_walker(visit: Visit, look: Look) -> Iterator[Walker]:
    walker = Walker(visit(), look, theirs=True)
    yield walker
    walker.complaints[:] = [told for told in walker.complaints if told.startswith("dialog:")]


def test_s20_mlflows_pages_show_hostile_text_as_text(mlflow_walker: Walker, hostile: Hostile) -> None:
    mlflow_walker.walk(f"{hostile.url}{WORKSPACE}", of_mlflow(hostile))


def test_s20_mlflows_pages_preview_files_without_running_them(
    mlflow_walker: Walker, hostile: Hostile
) -> None:
    page = mlflow_walker.page
    run = f"#/experiments/{hostile.experiment_id}/runs/{hostile.run_id}"
    page.goto(f"{hostile.url}{WORKSPACE}{run}/artifacts")
    for number, path in enumerate(FILES):
        if path not in ("page.html", LOG_PATH):
            page.get_by_text(path, exact=True).first.click()
            mlflow_walker.see(f"mlflow-file-{number}", f"/{path}")
    page.get_by_text("page.html", exact=True).first.click()
    expect(page.frame_locator("iframe").get_by_role("heading", name="report")).to_be_visible()
    # That frame is shut off, and has the page's policy: its script was refused, and nothing else.
    until(lambda: page.evaluate("1") == 1 and bool(mlflow_walker.refused))
    assert mlflow_walker.refused == ["script-src-elem inline blob"]


def test_s20_a_link_of_a_version_to_a_script_leads_nowhere(
    mlflow_walker: Walker, hostile: Hostile, look: Look
) -> None:
    """MLflow's page makes a link of whatever a client says that the run's address is."""
    page, refused = mlflow_walker.page, mlflow_walker.refused
    page.goto(f"{hostile.url}{WORKSPACE}{of_mlflow(hostile)['mlflow-version'][0]}")
    page.locator("[href^='javascript:']").first.click()
    until(lambda: page.evaluate("1") == 1 and bool(refused))
    assert {told.split()[0] for told in refused} == {"script-src-elem"}
    look(page, "hostile-mlflow-link")


@pytest.mark.parametrize("markup", [MARKUP, f'<a href="{LINK}">here</a>'])
def test_the_walk_would_notice_what_is_let_in(
    visit: Visit, hostile: Hostile, look: Look, markup: str
) -> None:
    walker = Walker(visit(), look, theirs=False)
    walker.page.goto(f"{hostile.url}/#/experiments")
    expect(walker.page.get_by_text(MARKUP).first).to_be_visible()
    walker.page.evaluate(
        "(markup) => document.body.insertAdjacentHTML('beforeend', markup)", f"A row {markup}"
    )
    with pytest.raises(AssertionError, match=r"script-src|javascript:"):
        walker.see("planted", "A row")
    walker.complaints.clear()
