"""Runs the examples of docstrings against a server and returns what is wrong with them."""

from __future__ import annotations

import doctest
import subprocess
import sys
from pathlib import Path

from tests.docs.example_names import WORKSPACE, ExampleNames, free_names
from tests.docs.public_names import PublicName, public_names

ADDRESS = "http://127.0.0.1:5000"
"""Where the examples have their server."""
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
PARSER = doctest.DocTestParser()
ROOT = Path(__file__).parents[2]


class _Checker(doctest.OutputChecker):
    """Compares what is printed, in which the example's own workspace is called as the examples have it.

    Args:
        workspace: Its name.
    """

    def __init__(self, workspace: str) -> None:
        self._workspace = workspace

    def check_output(self, want: str, got: str, optionflags: int) -> bool:
        return super().check_output(want, got.replace(self._workspace, WORKSPACE), optionflags)


def said_by_running(public: PublicName, url: str) -> str:
    """Run the example of a name and return what is wrong with it; empty if nothing is."""
    # MLflow stays out of the tests' own process, where others put a package of that name in its place.
    runs = _run_beside if "mlflow" in free_names(_source(public.doc)) else _run_here
    return runs(public, url)


def _run_here(public: PublicName, url: str) -> str:
    doc = public.doc.replace(ADDRESS, url)
    names = ExampleNames(url)
    names.ws.write_config(".")
    example = PARSER.get_doctest(doc, names.of(_source(doc)), public.name, public.documented.__module__, 0)
    said: list[str] = []
    runner = doctest.DocTestRunner(_Checker(names.ws.name), verbose=False, optionflags=OPTIONS)
    runner.run(example, out=said.append)
    return "".join(said)


def _run_beside(public: PublicName, url: str) -> str:
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from {__name__} import main; main()"
    words = [sys.executable, "-c", code, public.name, url]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=300)
    return ended.stdout or (ended.stderr if ended.returncode else "")


def _source(doc: str) -> str:
    return "".join(example.source for example in PARSER.get_examples(doc))


def main() -> None:
    """Print what is wrong with the example of a name on a server: the two words of the command."""
    name, url = sys.argv[1:]
    sys.stdout.write(_run_here({each.name: each for each in public_names()}[name], url))
