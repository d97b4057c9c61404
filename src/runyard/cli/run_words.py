"""Telling a script and its arguments from a group's commands and our own options."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

COMMANDS = frozenset(
    ("list", "show", "metrics", "compare", "tail", "open", "rename", "tag", "download", "delete", "restore")
)
FLAGS = frozenset({"--system-metrics"})
WITH_VALUE = frozenset({"--experiment", "-e", "--name", "--url", "--workspace", "-w", "--module", "-m"})

_MODULE = ("-m", "--module")


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a command that takes a script.

    Args:
        flags: Those without a value.
        with_value: Those with one.
        before_program: Those whose value is what runs, so that all behind it is its own.
    """

    flags: frozenset[str]
    with_value: frozenset[str]
    before_program: tuple[str, ...] = ()


AZUREML_RUN = Options(frozenset(), frozenset())
RUN = Options(FLAGS, WITH_VALUE, _MODULE)
SUBMIT = Options(
    frozenset({"--command", "--azureml", "--stream", "--json"}),
    frozenset(
        {
            *(
                "--attempts",
                "--compute",
                "--conda",
                "--env",
                "--environment",
                "--experiment",
                "-e",
                "--file",
                "-f",
            ),
            *("--folder", "--max-duration", "--name", "--pip-requirements", "--priority", "--slots", "--tag"),
            *("--url", "--workspace", "-w"),
        }
    ),
)


def with_end_of_options(words: Sequence[str]) -> list[str]:
    """Return the words behind `runyard run`, with `--` where those of the script begin.

    Words that call a command of the group stay as they are.
    """
    return list(words) if not words or words[0] in COMMANDS else script_marked(words, RUN)


def options_among(words: Sequence[str], options: Options) -> list[str]:
    """Return those of a script's own words that are spelt as long options of a command are.

    Those behind a ``--`` are meant for the script.
    """
    known = {name for name in options.flags | options.with_value if name.startswith("--")}
    said = words[: list(words).index("--")] if "--" in words else words
    return [word for word in said if word.partition("=")[0] in known]


def script_marked(words: Sequence[str], options: Options) -> list[str]:
    """Return the words behind a command, with `--` where those of the script begin.

    The parser finds options anywhere, and a script's own must reach the script. Words that no script is found
    in stay as they are.
    """
    at = 0
    while at < len(words):
        word = words[at]
        name, equals, _ = word.partition("=")
        if name in options.before_program and (equals or at + 1 < len(words)):
            after = at + (1 if equals else 2)
            return [*words[:after], "--", *words[after:]]
        if name in options.with_value:
            at += 1 if equals else 2
        elif word in options.flags:
            at += 1
        elif word.startswith("-"):
            return list(words)
        else:
            return [*words[:at], "--", *words[at:]]
    return list(words)
