"""Which job each element of Slurm's arrays is: all elements of an array have one name there."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping

SEEN_JUST_NOW_S = 30.0
"""For so long after a look at the queue, what began and ended since is still in it."""

_SAID = re.compile(r"^(MaxArraySize|MinJobAge)\s*=\s*([0-9]+)\b", re.MULTILINE)
ReadArrays = Callable[[], Mapping[str, Mapping[str, str]]]


class SlurmArrays:
    """Remembers it; what another process has begun is read once it is seen in the queue.

    Args:
        read: Returns the handles of all elements, by their numbers as text, by the tokens of their arrays, as
            they were written down before Slurm was given the arrays.
    """

    def __init__(self, read: ReadArrays) -> None:
        self._read = read
        self._handles: dict[str, dict[int, str]] = {}
        # Those of others who use Slurm as the same user, and what was forgotten before this process began.
        self._strange: set[str] = set()

    def learn(self, tokens: Collection[str]) -> None:
        """Make sure that it is known of the arrays in the queue what their elements are, if they are ours.

        Raises:
            Unavailable: That can't be read just now.
            StorageFull: So it is.
        """
        self._strange &= set(tokens)
        self._handles = {token: each for token, each in self._handles.items() if each or token in tokens}
        unknown = set(tokens) - self._handles.keys() - self._strange
        if not unknown:
            return
        written = self._read()
        for token in unknown:
            if token in written:
                self.note(token, {int(task): handle for task, handle in written[token].items()})
            else:
                self._strange.add(token)

    def note(self, token: str, handles: Mapping[int, str]) -> None:
        """Remember what the elements of an array are, by their numbers."""
        self._handles[token] = dict(handles)

    def handle_of(self, token: str, task: int) -> str | None:
        """Return which job an element is; None if it is none of ours."""
        return self._handles.get(token, {}).get(task)

    def release(self, handles: Collection[str]) -> None:
        """Forget that these jobs are elements of arrays."""
        for token, elements in self._handles.items():
            self._handles[token] = {task: each for task, each in elements.items() if each not in handles}


def most_elements(configuration: str) -> int:
    """Return how many elements an array of a cluster may have; 1 where there is no use in arrays.

    Args:
        configuration: As ``scontrol show config`` prints it.
    """
    said = {name: int(value) for name, value in _SAID.findall(configuration)}
    remembers_s = said.get("MinJobAge", 0)
    # It never forgets at 0. What ends while it is not looked at has to be there at the next look.
    forgets_early = "MinJobAge" not in said or 0 < remembers_s < 2 * SEEN_JUST_NOW_S
    return 1 if forgets_early else max(1, said.get("MaxArraySize", 1))
