"""`runyard run`: telling a script and its arguments from the group's commands and our own options."""

from __future__ import annotations

from collections.abc import Sequence

COMMANDS = frozenset({"list", "show", "metrics", "tail", "open", "tag", "download", "delete", "restore"})
FLAGS = frozenset({"--system-metrics"})
WITH_VALUE = frozenset({"--experiment", "-e", "--name", "--url", "--workspace", "-w", "--module", "-m"})

_MODULE = ("-m", "--module")


def with_end_of_options(words: Sequence[str]) -> list[str]:
    """Return the words behind `runyard run`, with `--` where those of the script begin.

    The parser finds options anywhere, and a script's own must reach the script. Words that call a command
    of the group, or that no script is found in, stay as they are.
    """
    if not words or words[0] in COMMANDS:
        return list(words)
    at = 0
    while at < len(words):
        word = words[at]
        name, equals, _ = word.partition("=")
        if name in _MODULE and (equals or at + 1 < len(words)):
            after = at + (1 if equals else 2)
            return [*words[:after], "--", *words[after:]]
        if name in WITH_VALUE:
            at += 1 if equals else 2
        elif word in FLAGS:
            at += 1
        elif word.startswith("-"):
            return list(words)
        else:
            return [*words[:at], "--", *words[at:]]
    return list(words)
