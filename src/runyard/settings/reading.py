"""Chooses the value of each setting: flag over variable over file over default."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import Field, dataclass, fields
from enum import Enum
from pathlib import Path
from typing import Any

from runyard.errors import InvalidParameter
from runyard.settings.definition import MAX_ADDRESS_S, Mode, Settings, without_password
from runyard.settings.file import Written, read_file
from runyard.settings.parsing import parse, parse_enum

FILE_NAME = "runyard.toml"
CONFIG_VARIABLE = "RUNYARD_CONFIG"


MAX_PORT = 65_535


@dataclass(frozen=True, slots=True)
class Chosen:
    """The value of one setting.

    Args:
        value: The value.
        origin: Where it comes from, for people: a flag, a variable, a line of a file, or "default".
    """

    value: Any
    origin: str


def names() -> dict[str, Field[Any]]:
    """Return all settings by name, in their order; the mode is the command's and none of them."""
    return {setting.name: setting for setting in fields(Settings) if setting.name != "mode"}


def read_settings(
    mode: Mode, environment: Mapping[str, str] | None = None, config: Path | None = None, **flags: Any
) -> Settings:
    """Return the settings: a flag that is not ``None`` wins over its variable, that over the file.

    Args:
        mode: Who the server is for.
        environment: Where the variables are; by default those of the process.
        config: The file; by default the one that ``RUNYARD_CONFIG`` names, else ``runyard.toml`` in the home.
        flags: Values by name.

    Raises:
        InvalidParameter: A value is not of its kind, or out of its limits, or the file can't be read; the
            text names the place.
    """
    chosen = choose_settings(environment, config, **flags)
    return Settings(mode=mode, **{name: each.value for name, each in chosen.items()})


def choose_settings(
    environment: Mapping[str, str] | None = None, config: Path | None = None, **flags: Any
) -> dict[str, Chosen]:
    """Return the value of each setting and where it comes from; as :func:`read_settings`."""
    environment = os.environ if environment is None else environment
    given = {name: found for name in names() if (found := _given(name, environment, flags)) is not None}
    written = _written(environment, config, given)
    chosen = {
        name: given.get(name) or written.get(name) or Chosen(setting.default, "default")
        for name, setting in names().items()
    }
    _check_limits(chosen)
    return chosen | {"home": _absolute(chosen["home"])}


def _check_limits(chosen: Mapping[str, Chosen]) -> None:
    if chosen["artifact_address_s"].value > MAX_ADDRESS_S:
        raise InvalidParameter(
            f"artifact_address_s must be at most {MAX_ADDRESS_S} seconds, "
            f"not {chosen['artifact_address_s'].value}."
        )
    port = chosen["port"]
    if not 0 <= port.value <= MAX_PORT:
        raise InvalidParameter(f"port must be from 0 to {MAX_PORT}, not {port.value} ({port.origin}).")
    pattern = chosen["model_source_pattern"]
    try:
        re.compile(pattern.value)
    except re.error as error:
        raise InvalidParameter(
            f"model_source_pattern must be a regular expression, not {pattern.value!r}: {error} "
            f"({pattern.origin})."
        ) from None


def shown(name: str, value: Any) -> Any:
    """Return a value as JSON has it and people may see it: without a password or a secret."""
    if names()[name].metadata.get("is_secret") and value:
        return "(not shown)"
    if names()[name].metadata.get("has_password") and value:
        return without_password(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        return list(value)
    return str(value) if isinstance(value, Path) else value


def _given(name: str, environment: Mapping[str, str], flags: Mapping[str, Any]) -> Chosen | None:
    """The value that a flag or a variable gives."""
    flag, variable = f"--{name.replace('_', '-')}", f"RUNYARD_{name.upper()}"
    default = names()[name].default
    if flags.get(name) is not None:
        value = flags[name]
        return Chosen(
            parse_enum(flag, value, default) if isinstance(default, Enum) else value, f"flag {flag}"
        )
    if environment.get(variable):
        return Chosen(parse(variable, environment[variable], default), f"variable {variable}")
    return None


def _written(
    environment: Mapping[str, str], config: Path | None, given: Mapping[str, Chosen]
) -> dict[str, Chosen]:
    """The values that the file gives."""
    named = config or (Path(environment[CONFIG_VARIABLE]) if environment.get(CONFIG_VARIABLE) else None)
    if named is not None:
        return {name: _of(line) for name, line in read_file(named.expanduser().absolute(), names()).items()}
    home = _absolute(given.get("home") or Chosen(names()["home"].default, "default")).value
    try:
        if not (home / FILE_NAME).is_file():
            return {}
    except OSError as error:
        raise InvalidParameter(f"home can't be the folder '{home}': {error.strerror}.") from None
    lines = read_file(home / FILE_NAME, names())
    if "home" in lines:
        raise InvalidParameter(
            f"{lines['home'].place}: this file was found by way of the home, so it can't name another one. "
            f"Name the file with --config or {CONFIG_VARIABLE}."
        )
    return {name: _of(line) for name, line in lines.items()}


def _of(written: Written) -> Chosen:
    return Chosen(written.value, written.place)


def _absolute(home: Chosen) -> Chosen:
    return Chosen(home.value.expanduser().absolute(), home.origin)
