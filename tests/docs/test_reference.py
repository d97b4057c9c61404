"""The reference leaves nothing out: each command, option, setting, route and export is on its page."""

import re
from dataclasses import fields

import pytest

import runyard
from runyard.cli.commands import app
from runyard.server.routes import ROUTES
from runyard.settings import Settings
from scripts.reference import commands, main
from tests.docs.documents import ROOT, all_blocks

REFERENCE = ROOT / "docs" / "reference"
COMMANDS = {" ".join(words): command for words, command in commands(app)}
# Commands whose examples are shown and not run, each with why: tests/cli and tests/databricks run them.
NOT_RUN = {
    **dict.fromkeys(("runyard compute attach", "runyard compute attach-ssh"), "need a machine elsewhere"),
    **dict.fromkeys(("runyard login", "runyard logout"), "need a browser, or somebody who types"),
    **{f"runyard databricks {verb}": "needs Databricks" for verb in ("link", "unlink", "list", "show")},
    **{
        f"runyard webhook {verb}": "needs a receiver on the web"
        for verb in ("add", "list", "test", "deliveries", "delete")
    },
    "runyard sweep cancel": "needs a sweep that goes on",
}


def test_the_reference_is_what_the_code_says(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["reference.py", "--check"])
    assert main() == 0, capsys.readouterr().out


def test_all_commands_are_found():
    assert {"runyard up", "runyard workspace config", "runyard admin init", "runyard run metrics"} <= set(
        COMMANDS
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_described_with_its_options(name: str):
    page = (REFERENCE / "cli.md").read_text()
    section = page.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    assert section, f"{name} is not on the page"
    shown = [argument for argument in COMMANDS[name].assemble_argument_collection() if argument.show]
    missing = [
        argument.name
        for argument in shown
        if not argument.field_info.is_positional and f"`{argument.name}`" not in section
    ]
    assert missing == []


def test_a_command_has_an_example_that_runs():
    run = "\n".join(block.code for block in all_blocks() if block.mark != "not run")
    without = [name for name in COMMANDS if not re.search(rf"\b{re.escape(name)}(?![\w-])", run)]
    assert sorted(without) == sorted(NOT_RUN)


def test_every_option_says_what_it_does():
    silent = [
        f"{name} {argument.name}"
        for name, command in COMMANDS.items()
        for argument in command.assemble_argument_collection()
        if argument.show and not argument.parameter.help
    ]
    assert silent == []


def test_every_setting_is_described():
    page = (REFERENCE / "settings.md").read_text()
    names = [f"RUNYARD_{setting.name.upper()}" for setting in fields(Settings) if setting.name != "mode"]
    assert [name for name in names if f"`{name}`" not in page] == []


def test_every_route_is_listed():
    page = (REFERENCE / "rest.md").read_text()
    own = (route for route in ROUTES if not route.path.startswith("/ajax-api/") and not route.refusal)
    rows = [(route.method, route.path) for route in own]
    assert [row for row in rows if f"| {row[0]} | `{row[1]}` |" not in page] == []


def test_every_export_of_the_package_is_documented():
    undocumented = [
        name
        for name in runyard.__all__
        if not name.startswith("__") and not (getattr(runyard, name).__doc__ or "").strip()
    ]
    assert undocumented == []
