"""Options among the words that a script is given: the value of one, changed where it stands."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

_NUMBER = re.compile(r"-[0-9.].*|-(inf|nan)", re.IGNORECASE)


def with_options(words: Sequence[str], values: Mapping[str, object]) -> list[str]:
    """Return the words with other values of some options.

    ``lr`` is the option ``--lr``, written as ``--lr 0.1`` or ``--lr=0.1``, or else a word ``lr=0.1``; a name
    that begins with a dash is taken as it is. Where it is said several times the last counts, as for
    argparse; where it is not said it is put behind all others.
    """
    changed = list(words)
    for name, value in values.items():
        _set(changed, name, str(value))
    return changed


def option_name(name: str) -> str:
    """Return the word that comes before the value of an option; ``lr`` and ``--lr`` are the same."""
    return name if name.startswith("-") else f"--{name}"


def _set(words: list[str], name: str, value: str) -> None:
    option = option_name(name)
    for index in range(len(words) - 1, -1, -1):
        if words[index] == option:
            has_value = index + 1 < len(words) and _is_value(words[index + 1])
            words[index + 1 : index + 1 + has_value] = [value]
            return
        for start in (f"{option}=", f"{name}="):
            if words[index].startswith(start):
                words[index] = start + value
                return
    words += [option, value]


def _is_value(word: str) -> bool:
    return not word.startswith("-") or word == "-" or _NUMBER.fullmatch(word) is not None
