"""A page with a widget on it: the package's own module and style, with a stand-in for a notebook's model."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

WIDGETS = files("runyard.sdk.widgets")
_MODEL = """
const model = {
  state: { content: CONTENT, selected: [] },
  heard: {},
  sent: [],
  saved: 0,
  get: (name) => model.state[name],
  set: (name, value) => { model.state[name] = value; },
  save_changes: () => { model.saved += 1; },
  send: (message) => { model.sent.push(message); },
  on: (event, heard) => { (model.heard[event] ??= []).push(heard); },
  off: (event, heard) => { model.heard[event] = model.heard[event].filter((each) => each !== heard); },
  change: (content) => {
    model.state.content = content;
    for (const heard of model.heard["change:content"] ?? []) heard();
  },
};
window.model = model;
const blob = new Blob([MODULE], { type: "text/javascript" });
const loaded = await import(URL.createObjectURL(blob));
window.end = await loaded.default.render({ model, el: document.getElementById("cell") });
"""
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>A notebook</title>
<style>body {{ font: 13px sans-serif; margin: 16px; background: {paper}; color: {ink} }}</style>
<style>{style}</style><body><div id="cell"></div><script type="module">{script}</script></body></html>"""


def page_with(content: dict[str, Any], scheme: str = "light") -> str:
    """Return a page that shows what the kernel sent, as a notebook of that scheme would."""
    script = _MODEL.replace("CONTENT", _as_script(content)).replace(
        "MODULE", _as_script(WIDGETS.joinpath("page.js").read_text())
    )
    paper, ink = ("#111418", "#e4e7eb") if scheme == "dark" else ("#ffffff", "#1b1f24")
    style = WIDGETS.joinpath("page.css").read_text()
    return _PAGE.format(paper=paper, ink=ink, style=style, script=script)


def _as_script(value: Any) -> str:
    # Refuses NaN as the kernel's own messages would; no text ends the script that it stands in.
    return json.dumps(value, allow_nan=False).replace("<", "\\u003c")
