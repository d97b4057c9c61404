"""One frozen ``Settings``, read once from flags, ``RUNYARD_*`` variables and a file."""

from runyard.settings.definition import (
    MAX_ADDRESS_S,
    Durability,
    LogFormat,
    LogLevel,
    Mode,
    Settings,
    Tls,
    without_password,
)
from runyard.settings.reading import Chosen, choose_settings, names, read_settings, shown

__all__ = [
    "MAX_ADDRESS_S",
    "Chosen",
    "Durability",
    "LogFormat",
    "LogLevel",
    "Mode",
    "Settings",
    "Tls",
    "choose_settings",
    "names",
    "read_settings",
    "shown",
    "without_password",
]
