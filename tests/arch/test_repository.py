"""What no file of the repository may hold, and what its documents must keep true."""

import ast
import functools
import re
import subprocess
from pathlib import Path

import pytest

from tests.arch.source_tree import ROOT, tree_of

# Spelled in halves, so that this file does not name what it forbids.
PACKAGE_HOSTS = (
    "pypi" + ".org",
    "files.python" + "hosted",
    "registry.npm" + "js",
    "registry.yarn" + "pkg",
    "deb.debian" + ".org",
    "npm" + "mirror",
)
MACHINE_PATH = re.compile(
    r"(?<![\w.{])/(work/|root/\.|opt/wheels|opt/pypi|home/[a-z]+/|Users/[A-Za-z]+/)[\w.-]*"
)
LINK = re.compile(r"\[[^\]]*\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)")
FRAGMENT = re.compile(r"(\d+|\+[a-z0-9-]+)\.(added|changed|fixed|removed)(\.\d+)?\.md")
# An ignore says which rule and why: codes, a dash, the reason (noqa); codes, a comment (type ignore).
BARE_NOQA = re.compile(r"#\s*noqa(?!:\s*[A-Z]+\d+(,\s*[A-Z]+\d+)*\s*[-–(#]+\s*\w)")
BARE_TYPE_IGNORE = re.compile(r"#\s*type:\s*ignore(?!\[[a-z-]+(,\s*[a-z-]+)*\]\s*#\s*\w)")


@functools.cache
def _files(*patterns: str) -> tuple[Path, ...]:
    """Return what git tracks or would add: a file is held to the rules before it is committed."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode()
    return tuple(path for name in listed.split("\0") if name and (path := ROOT / name).is_file())


def _lines_matching(pattern: re.Pattern[str], paths: tuple[Path, ...]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in paths
        for number, line in enumerate(path.read_bytes().decode(errors="replace").splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_file_names_a_package_host():
    assert _lines_matching(re.compile("|".join(map(re.escape, PACKAGE_HOSTS))), _files()) == []


def test_no_file_names_a_folder_of_somebodys_machine():
    assert _lines_matching(MACHINE_PATH, _files()) == []


def test_every_ignored_rule_says_which_and_why():
    ours = ("src/*.py", "scripts/*.py", "examples/*.py", "hatch_build.py")
    everywhere = tuple(path for path in _files(*ours, "tests/*.py") if path != Path(__file__))
    # What a test ignores of its types is mostly the very mistake that it makes on purpose.
    assert _lines_matching(BARE_NOQA, everywhere) + _lines_matching(BARE_TYPE_IGNORE, _files(*ours)) == []


def _impatient_calls(path: Path) -> list[str]:
    """Return where a file asks a server by httpx and leaves it to httpx to give up, after five seconds."""
    asking = {"get", "post", "put", "delete", "patch", "head", "request", "stream", "Client"}
    return [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in {f"httpx.{name}" for name in asking}
        and "timeout" not in {keyword.arg for keyword in node.keywords}
    ]


def test_every_test_says_how_long_it_waits_for_a_server():
    assert [call for path in _files("tests/*.py") for call in _impatient_calls(path)] == []


def test_no_file_left_a_conflict_behind():
    assert _lines_matching(re.compile(r"^(<{7}|>{7}) "), _files()) == []


@pytest.mark.parametrize("document", _files("*.md"), ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_documents_lead_somewhere(document: Path):
    for target, anchor in LINK.findall(document.read_text()):
        linked = (document.parent / target).resolve() if target else document
        assert linked.exists(), f"{document.name} links to {target}"
        if anchor and linked.suffix == ".md":
            assert anchor in _anchors(linked), f"{document.name} links to {target}#{anchor}"


def _anchors(document: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", document.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_change_notes_are_named_by_issue_and_kind():
    names = [path.name for path in _files("changes/*") if path.name not in {"README.md", "template.md.jinja"}]
    assert [name for name in names if not FRAGMENT.fullmatch(name)] == []


def test_every_change_note_is_a_sentence():
    notes = [path for path in _files("changes/*") if FRAGMENT.fullmatch(path.name)]
    assert [path.name for path in notes if not path.read_text().rstrip().endswith(".")] == []
