"""The settings of a server: their names, kinds, defaults and what they do."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from urllib.parse import urlsplit

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


class Tls(str, Enum):
    """Where the certificate for HTTPS comes from: files that somebody has, or the server makes it itself."""

    FILES = "files"
    SELF = "self"


class LogLevel(str, Enum):
    """The least that the server's log tells."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(str, Enum):
    """How a line of the log is written."""

    TEXT = "text"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Settings:
    """How a server runs.

    Each field but ``mode`` is also a flag, the variable ``RUNYARD_<NAME>`` and a key of the configuration
    file; all of them are made from this class.
    """

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
    tls: Tls = field(
        default=Tls.FILES,
        metadata={
            "help": "'self' serves HTTPS with a certificate of a development authority that is made in the "
            "home; 'files' with tls_cert and tls_key, if they are given."
        },
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
            "help": "How long an address to read an artifact from the object store itself, or to send a "
            "part of one there, is good for, at most 900 seconds; 0 gives none, so that all bytes pass "
            "through the server."
        },
    )
    max_upload_bytes: int = field(
        default=0, metadata={"help": "Largest artifact that is taken; 0 for no limit."}
    )
    max_runs: int = field(
        default=0,
        metadata={
            "help": "Most runs of a workspace without a quota of its own, the trash included; 0 for any."
        },
    )
    max_experiments: int = field(
        default=0, metadata={"help": "Most experiments of such a workspace, as max_runs."}
    )
    max_artifact_bytes: int = field(
        default=0, metadata={"help": "Most bytes of artifacts of such a workspace, as max_runs."}
    )
    max_metric_points: int = field(
        default=0, metadata={"help": "Most points of metrics of such a workspace, as max_runs."}
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
        repr=False,
        metadata={
            "help": "PostgreSQL, as postgresql://user@host/name; left out, a SQLite file in the home.",
            "has_password": True,
        },
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
    session_hours: int = field(
        default=12, metadata={"help": "After how many hours a browser has to sign in again."}
    )
    login_days: int = field(
        default=90, metadata={"help": "After how many days a machine has to run `runyard login` again."}
    )
    oidc_issuer: str = field(
        default="",
        metadata={"help": "Address of the provider of identities (OpenID Connect) that people sign in by."},
    )
    oidc_client_id: str = field(
        default="", metadata={"help": "As which client this server is known to the provider."}
    )
    oidc_client_secret: str = field(
        default="",
        repr=False,
        metadata={"help": "The client's secret; left out, PKCE alone is the proof.", "is_secret": True},
    )
    oidc_name: str = field(
        default="single sign-on", metadata={"help": "What the button of the sign-in page calls the provider."}
    )
    oidc_scopes: str = field(
        default="openid email profile", metadata={"help": "What the provider is asked to tell."}
    )
    oidc_groups_claim: str = field(
        default="groups", metadata={"help": "Where the provider's ID token names the groups of a person."}
    )
    oidc_only_added: bool = field(
        default=False,
        metadata={
            "help": "Let in only people whom an administrator has added, by their email address; else "
            "whoever signs in first is added, and has what everyone has."
        },
    )
    oidc_administrators: str = field(
        default="",
        metadata={"help": "The provider's group whose members administer this server; left out, none does."},
    )
    oidc_sign_out: bool = field(
        default=False,
        metadata={
            "help": "Let `Sign out` end the session at the provider too; the server's address with a slash "
            "at its end must be registered there as a post-logout redirect URI."
        },
    )
    mlflow_ui: bool = field(
        default=True,
        metadata={
            "help": "Show MLflow's own pages below /mlflow/, where its package is installed: "
            "'runyard[mlflow-ui]'."
        },
    )
    public_url: str = field(
        default="",
        metadata={
            "help": "Address that browsers reach this server at, for the provider of identities; left out, "
            "what the request says."
        },
    )
    signing_key_days: int = field(
        default=30,
        metadata={"help": "After how many days another key signs the tokens."},
    )
    metrics_open: bool = field(
        default=False,
        metadata={
            "help": "Let /metrics answer without a credential, as a scraper in a closed network needs."
        },
    )
    log_level: LogLevel = field(
        default=LogLevel.WARNING,
        metadata={"help": "How much the server logs: debug, info, warning, error."},
    )
    log_format: LogFormat = field(
        default=LogFormat.TEXT,
        metadata={"help": "How a line of the log is written: 'text' for people, 'json' for programs."},
    )
    access_log: bool = field(
        default=False,
        metadata={"help": "Log a line for each request: id, method, route, status, duration, caller."},
    )
    traces: bool = field(
        default=False,
        metadata={
            "help": "Send a span of each request where the variables OTEL_* say; needs 'runyard[otel]'."
        },
    )
    trusted_proxies: tuple[str, ...] = field(
        default=(),
        metadata={
            "help": "Addresses or networks of proxies that are believed when they say, by X-Forwarded-For, "
            "-Proto and -Prefix, whom and under which path they answer."
        },
    )
    stuck_after_s: int = field(
        default=24 * 3600,
        metadata={
            "help": "After how many seconds without anything new of it a run that is running is reported as "
            "stuck; 0 for never."
        },
    )
    outbound_allow: tuple[str, ...] = field(
        default=(),
        metadata={
            "help": "Hosts, addresses or networks that this server may send requests to although they are "
            "not public, as the receiver of a webhook in your own network."
        },
    )
    model_source_pattern: str = field(
        default="",
        metadata={
            "help": "Regular expression that the source of a new version of a model must match somewhere, as "
            "'^mlflow-artifacts:/' for files of this server alone; left out, any source will do."
        },
    )
    datastore_folders: tuple[str, ...] = field(
        default=(),
        metadata={
            "help": "Folders of this server, outside of its home, that workspaces may register as "
            "datastores, themselves or a folder in them; whoever contributes to a workspace can then read "
            "and write there."
        },
    )
    local_slots: int = field(
        default=-1,
        metadata={
            "help": "How many slots this machine has for jobs; 0 for none, -1 for as many as it has "
            "processors on 'up' and none on 'serve': the code of a job can do whatever the user of the "
            "server's process can."
        },
    )
    max_snapshot_bytes: int = field(
        default=300 * 1024 * 1024,
        metadata={"help": "Largest archive of code that is taken with a job; 0 for no limit."},
    )
    root_path: str = field(
        default="",
        metadata={
            "help": "Path below which a proxy shows this server, as '/runyard'; it may hand it on or not."
        },
    )

    @property
    def database_path(self) -> Path:
        """The SQLite file."""
        return self.home / "runyard.db"

    @property
    def database_shown(self) -> str:
        """Where the database is, for people: without the password."""
        return without_password(self.database) if self.database else str(self.database_path)

    @property
    def slots_of_this_machine(self) -> int:
        """How many slots the server's own machine has for jobs."""
        if self.local_slots >= 0:
            return self.local_slots
        return (os.cpu_count() or 1) if self.mode is Mode.UP else 0

    @property
    def artifact_root(self) -> Path:
        """The folder of all artifacts."""
        return self.home / "artifacts"


def without_password(address: str) -> str:
    """Return the address of a database as people may see it: without password and options."""
    parts = urlsplit(address)
    if not parts.scheme:
        return "(not shown)"
    user, at, host = parts.netloc.rpartition("@")
    return f"{parts.scheme}://{user.partition(':')[0]}{at}{host}{parts.path}"
