"""One frozen ``Settings``, read once from flags and ``RUNYARD_*`` variables."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import Enum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from runyard.errors import InvalidParameter

MAX_ADDRESS_S = 900  # such an address is a credential of whoever has it, and can't be taken back


class Mode(str, Enum):
    """Who the server is for: one person at this machine, or a team with credentials."""

    UP = "up"
    SERVE = "serve"


class Durability(str, Enum):
    """What a commit to SQLite waits for: the operating system, or the disk as well."""

    COMMIT = "commit"
    FULL = "full"

    @property
    def promise(self) -> str:
        """What an acknowledged write survives, in words for people."""
        if self is Durability.FULL:
            return "full: an acknowledged write survives kill -9 and loss of power"
        return "commit: an acknowledged write survives kill -9; loss of power may take the last moments"


@dataclass(frozen=True, slots=True)
class Settings:
    """How a server runs; each field but ``mode`` is also the variable ``RUNYARD_<NAME>``."""

    mode: Mode = field(
        default=Mode.UP,
        metadata={"help": "'up' for one person on loopback, 'serve' for a team with credentials."},
    )
    home: Path = field(
        default=Path("~/.runyard"), metadata={"help": "Folder that holds the database and the artifacts."}
    )
    host: str = field(
        default="127.0.0.1", metadata={"help": "Address to listen on; 'up' takes loopback addresses alone."}
    )
    port: int = field(default=5000, metadata={"help": "Port to listen on; 0 takes a free one."})
    allowed_hosts: tuple[str, ...] = field(
        default=(),
        metadata={
            "help": "Names that requests may be addressed to, besides those of this machine; '*' allows all."
        },
    )
    allowed_origins: tuple[str, ...] = field(
        default=(),
        metadata={"help": "Origins ('https://host:port') whose pages may call this server, besides its own."},
    )
    tls_cert: Path | None = field(default=None, metadata={"help": "Certificate chain (PEM) for HTTPS."})
    tls_key: Path | None = field(default=None, metadata={"help": "Private key (PEM) for HTTPS."})
    insecure_http: bool = field(
        default=False,
        metadata={"help": "Allow 'serve' on other addresses without TLS, as behind a proxy that has it."},
    )
    max_body_bytes: int = field(
        default=32 * 1024 * 1024, metadata={"help": "Largest JSON body that is read."}
    )
    artifact_store: str = field(
        default="",
        metadata={
            "help": "Where artifacts are kept: s3://bucket/prefix, az://container/prefix or "
            "gs://bucket/prefix; left out, a folder in the home."
        },
    )
    artifact_address_s: int = field(
        default=0,
        metadata={
            "help": "How long an address to download an artifact straight from the object store is good "
            "for, at most 900 seconds; 0 gives none, so that all bytes pass through the server."
        },
    )
    max_upload_bytes: int = field(
        default=0, metadata={"help": "Largest artifact that is taken; 0 for no limit."}
    )
    durability: Durability = field(
        default=Durability.COMMIT,
        metadata={
            "help": "What an acknowledged write survives on SQLite: 'commit' for kill -9, 'full' for loss "
            "of power too. PostgreSQL always has the latter."
        },
    )
    database: str = field(
        default="",
        repr=False,  # it may hold a password
        metadata={"help": "PostgreSQL, as postgresql://user@host/name; left out, a SQLite file in the home."},
    )
    database_connections: int = field(
        default=16, metadata={"help": "Most connections that this server opens to PostgreSQL."}
    )
    drain_s: int = field(
        default=0,
        metadata={
            "help": "How long a server that was told to stop takes requests while /readyz says 503, so that "
            "a load balancer turns to another one first."
        },
    )
    graceful_stop_s: int = field(
        default=5,
        metadata={"help": "How long a server that stops waits for the requests that it has begun."},
    )
    log_level: str = field(
        default="warning", metadata={"help": "How much the server logs: debug, info, warning, error."}
    )

    @property
    def database_path(self) -> Path:
        """The SQLite file."""
        return self.home / "runyard.db"

    @property
    def database_shown(self) -> str:
        """Where the database is, for people: without the password."""
        if not self.database:
            return str(self.database_path)
        address = urlsplit(self.database)
        user, at, host = address.netloc.rpartition("@")
        return f"{address.scheme}://{user.partition(':')[0]}{at}{host}{address.path}"

    @property
    def artifact_root(self) -> Path:
        """The folder of all artifacts."""
        return self.home / "artifacts"


def read_settings(mode: Mode, environment: Mapping[str, str] | None = None, **flags: Any) -> Settings:
    """Return the settings: a flag that is not ``None`` wins over its variable, that over the default.

    Raises:
        InvalidParameter: A variable holds no value of its kind, or one out of its limits; the text names it.
    """
    environment = os.environ if environment is None else environment
    values: dict[str, Any] = {"mode": mode}
    for item in fields(Settings):
        variable = f"RUNYARD_{item.name.upper()}"
        if flags.get(item.name) is not None:
            values[item.name] = _from_flag(item.name, flags[item.name], item.default)
        elif item.name != "mode" and environment.get(variable):
            values[item.name] = _parse(variable, environment[variable], item.default)
    settings = Settings(**values)
    if settings.artifact_address_s > MAX_ADDRESS_S:
        raise InvalidParameter(
            f"artifact_address_s must be at most {MAX_ADDRESS_S} seconds, not {settings.artifact_address_s}."
        )
    home = settings.home.expanduser().absolute()
    return Settings(**{**values, "home": home})


def _from_flag(name: str, value: Any, default: Any) -> Any:
    return _parse_enum(f"--{name.replace('_', '-')}", value, default) if isinstance(default, Enum) else value


def _parse(variable: str, text: str, default: Any) -> Any:
    if isinstance(default, Enum):
        return _parse_enum(variable, text.strip().lower(), default)
    if isinstance(default, bool):
        return _parse_bool(variable, text)
    if isinstance(default, int):
        if not text.strip().isdecimal():
            raise InvalidParameter(f"{variable} must be a whole number, not {text!r}.")
        return int(text)
    if isinstance(default, tuple):
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if isinstance(default, Path) or default is None:
        return Path(text)
    return text


def _parse_enum(name: str, text: str, default: Enum) -> Enum:
    try:
        return type(default)(text)
    except ValueError:
        words = " or ".join(str(each.value) for each in type(default))
        raise InvalidParameter(f"{name} must be {words}, not {text!r}.") from None


def _parse_bool(variable: str, text: str) -> bool:
    word = text.strip().lower()
    if word in ("1", "true", "yes", "on"):
        return True
    if word in ("0", "false", "no", "off"):
        return False
    raise InvalidParameter(f"{variable} must be true or false, not {text!r}.")
