"""The flags of a server: one for each setting, made from the class that holds them."""

from __future__ import annotations

from dataclasses import fields, make_dataclass
from pathlib import Path
from typing import Annotated, Any, get_type_hints

from cyclopts import Parameter

from runyard.settings import Mode, Settings, names, read_settings

_KINDS = get_type_hints(Settings)
_FLAGS = [
    (name, Annotated[_KINDS[name] | None, Parameter(help=setting.metadata["help"])], None)
    for name, setting in names().items()
]
_CONFIG = (
    "config",
    Annotated[Path | None, Parameter(help="File of settings (TOML); by default runyard.toml in the home.")],
    None,
)


_Flags: Any = make_dataclass("_Flags", [_CONFIG, *_FLAGS], frozen=True, kw_only=True)


@Parameter(name="*")
class ServerFlags(_Flags):  # type: ignore[misc]  # made at run time, so that there is no second list
    """What was given on the command line; ``None`` for what was not."""

    def given(self) -> dict[str, Any]:
        """Return the values by name, the file's under ``config``."""
        return {flag.name: getattr(self, flag.name) for flag in fields(self)}

    def read(self, mode: Mode) -> Settings:
        """Return the settings of a server of that mode."""
        return read_settings(mode, **self.given())


NO_FLAGS = ServerFlags()
