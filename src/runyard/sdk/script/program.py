"""What to run: a script or a module, and the words after it."""

from __future__ import annotations

import re
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from runyard.errors import NotFound

HIDDEN = "***"

_SECRET_OPTION = re.compile(r"--?[\w-]*(passw|token|secret|api-?_?key|credential)[\w-]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Program:
    """A script of this person's.

    Args:
        name: Path of the script, or name of the module.
        arguments: What it is given, unchanged.
        is_module: Whether Python looks for it as it does for imports.
    """

    name: str
    arguments: tuple[str, ...] = ()
    is_module: bool = False

    @property
    def command(self) -> list[str]:
        """What to execute: this very Python, so that the script finds the same packages."""
        return [sys.executable, *(["-m"] if self.is_module else []), self.name, *self.arguments]

    @property
    def folder(self) -> Path:
        """Where its code lies."""
        return Path.cwd() if self.is_module else Path(self.name).absolute().parent

    def check(self) -> None:
        """Look whether it is there.

        Raises:
            NotFound: There is no such script.
        """
        if not self.is_module and not Path(self.name).is_file():
            raise NotFound(f"There is no script {self.name!r}.")

    def shown_arguments(self) -> str:
        """Return the arguments as a shell would take them, without the values of those that name a secret."""
        shown: list[str] = []
        is_secret = False
        for word in self.arguments:
            option, equals, _ = word.partition("=")
            names_secret = _SECRET_OPTION.fullmatch(option) is not None
            if is_secret and not word.startswith("-"):
                shown.append(HIDDEN)
            else:
                shown.append(f"{option}={HIDDEN}" if names_secret and equals else word)
            is_secret = names_secret and not equals
        return shlex.join(shown)
