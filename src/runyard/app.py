"""Assembles the server: home, stores, routes, the wall around them, and the socket before it."""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from runyard.errors import InvalidParameter, InvalidState, Unavailable
from runyard.server.dispatcher import Dispatcher
from runyard.server.home import UNFINISHED_RESTORE, announced, make_home, only_server_of
from runyard.server.http_protocol import StrictHttpProtocol
from runyard.server.logs import configure_logs
from runyard.server.memory import (
    LOOKS_EVERY_S,
    FreedMemory,
    leave_out_what_stays,
    reuse_what_is_freed,
    share_heaps,
)
from runyard.server.middleware import wall
from runyard.server.mlflow_pages import MlflowPages, find_built_pages
from runyard.server.open_files import allow_many_files
from runyard.server.proxies import behind_proxies
from runyard.server.routes import ROUTES
from runyard.server.shown_pages import ShownPages
from runyard.server.stopping import StoppingServer
from runyard.server.studio_files import StudioFiles
from runyard.server.tunnel import tunnel_listener
from runyard.services import backups, integrity
from runyard.services.administration import Administration
from runyard.services.backups import Manifest
from runyard.services.binding import check_bind, check_certificate
from runyard.services.call import system_now_ms
from runyard.services.certificates import Authority, Certificates
from runyard.services.document_upkeep import DocumentUpkeep
from runyard.services.housekeeping import Housekeeping
from runyard.services.identity_upkeep import IdentityUpkeep
from runyard.services.integrity import Integrity
from runyard.services.oidc import open_provider
from runyard.services.operation import Operation
from runyard.services.periodic import Periodic
from runyard.services.principals import ensure_everyone
from runyard.services.sealing import KEY_FILE
from runyard.services.tokens import authenticate, ensure_signing_key
from runyard.services.workspaces import ensure_default_workspace
from runyard.settings import Settings, Tls
from runyard.stores.artifacts.locations import check_writable
from runyard.stores.opening import AsItIs, Stores, open_as_it_is
from runyard.stores.opening import open_stores as open_stores_at

CERTIFICATE_LOOKED_AT_EVERY_S = 6 * 3600.0
KEEP_ALIVE_S = 75
"""How long an idle connection is kept: longer than clients (httpx: 5 s) and proxies (60 s) keep theirs.

Else one of them asks something on a connection that is just being closed, and gets no answer.
"""

OnReady = Callable[[str, bool], None]
"""Takes the address that a server listens at, and whether there is an administrator."""

Progress = Callable[[str, int, int], None]
"""Takes what is looked at, how much of it is done, and how much there is."""


def open_stores(settings: Settings) -> Stores:
    """Return the stores of a home, made if need be, with the workspace ``default`` in them."""
    make_home(settings.home)
    stores = open_stores_at(
        settings.database or settings.database_path,
        settings.artifact_root,
        settings.artifact_store,
        settings.database_connections,
        settings.durability,
    )
    stores.database.retrying(lambda: ensure_default_workspace(stores))
    stores.database.retrying(lambda: ensure_signing_key(stores))
    stores.database.retrying(lambda: ensure_everyone(stores))
    return stores


def check_integrity(settings: Settings, on_progress: Progress, *, with_artifacts: bool) -> Integrity:
    """Return what is wrong with a home; a server may be at work on it."""
    with contextlib.closing(open_stores(settings)) as stores:
        return integrity.check_integrity(stores, on_progress, with_artifacts=with_artifacts)


def back_up(settings: Settings, target: Path, earlier: Path | None, on_progress: Progress) -> Manifest:
    """Write a backup of a home into ``target``; a server may be at work on it.

    Raises:
        InvalidState: ``target`` is not empty, or ``earlier`` is no whole backup.
    """
    os.umask(0o077)
    with contextlib.closing(_as_it_is(settings)) as source:
        return backups.back_up(source, target, system_now_ms(), earlier, on_progress)


def restore(settings: Settings, backup: Path, on_progress: Progress) -> Manifest:
    """Make a home of what a backup holds; if that fails, the home is as empty as it was.

    Raises:
        NotFound: There is no whole backup.
        InvalidState: The home is not empty, or the backup is damaged or of a newer Runyard.
    """
    home = settings.home
    if home.exists() and any(home.iterdir()):
        raise InvalidState(f"{home} is not empty. Restore into an empty folder, named with --home.")
    make_home(home)
    (home / UNFINISHED_RESTORE).touch()
    try:
        with only_server_of(home), contextlib.closing(_as_it_is(settings)) as target:
            manifest = backups.restore(backup, target, on_progress)
    except BaseException:
        backups.clear(home)
        raise
    (home / UNFINISHED_RESTORE).unlink()
    return manifest


def authority_of(settings: Settings) -> Certificates | None:
    """Return the development authority of a server that makes its certificate itself; ``None`` for others."""
    return Authority(settings).certificates() if settings.tls is Tls.SELF else None


def administration(stores: Stores) -> Administration:
    """Return what may be done to these stores at the machine itself."""
    return Administration(stores)


def make_app(stores: Stores, settings: Settings, operation: Operation | None = None) -> ASGIApp:
    """Return the ASGI application that answers for ``stores``, as part of the server ``operation``."""
    operation = operation or Operation()
    operation.provider = open_provider(settings)

    def who(authorization: str | None) -> Any:
        return authenticate(stores, settings, authorization)

    mlflow_pages = MlflowPages(find_built_pages(), is_on=settings.mlflow_ui)
    operation.has_mlflow_pages = mlflow_pages.are_there
    pages = ShownPages(StudioFiles(), mlflow_pages)
    dispatcher = Dispatcher(stores, settings, ROUTES, who, pages, operation)
    return behind_proxies(wall(dispatcher, settings, operation), settings)


def run(settings: Settings, on_ready: OnReady = lambda url, has_administrator: None) -> None:
    """Serve until Ctrl-C or SIGTERM.

    Args:
        settings: How to run.
        on_ready: Called once, when connections are taken.

    Raises:
        InvalidState: Another server holds this home, or the address may not be bound.
        Unavailable: The port is taken, or the artifact store can't be used.
    """
    share_heaps()
    reuse_what_is_freed()
    allow_many_files()
    _end_on_sigterm()
    configure_logs(settings)
    make_home(settings.home)
    settings = _with_own_certificate(settings)
    operation = Operation()
    # Of servers on one PostgreSQL database there may be many; of those on a file of the home, one.
    held = contextlib.nullcontext() if settings.database else only_server_of(settings.home)
    with held, contextlib.closing(open_stores(settings)) as stores:
        has_administrator = stores.metadata.credentials.has_administrator()
        check_bind(settings, has_administrator)
        check_certificate(settings)
        check_writable(stores.artifacts, settings.artifact_store)
        stores.upkeep.start()
        with (
            _traced(make_app(stores, settings, operation), settings) as app,
            contextlib.closing(DocumentUpkeep(stores)) as documents,
            contextlib.closing(IdentityUpkeep(stores, operation.refusals, settings)) as identity,
            contextlib.closing(Housekeeping(stores, settings, operation)) as housekeeping,
            contextlib.closing(Periodic("memory", LOOKS_EVERY_S, FreedMemory().give_back)) as memory,
            _listening(settings) as listener,
            tunnel_listener(settings.home, listener.getsockname()[1]) as tunnel,
        ):
            url = _url(settings, listener)
            operation.address, operation.authority = url, _authority_text(settings)
            operation.tunnel = tunnel.getsockname()
            documents.start()
            identity.start()
            housekeeping.start()
            memory.start()
            config = _config(app, settings)
            server = StoppingServer(config, operation, settings.drain_s, tunnel)
            leave_out_what_stays()
            with announced(settings, url), _renewed(config, settings):
                on_ready(url, has_administrator)
                with contextlib.suppress(KeyboardInterrupt):
                    server.run(sockets=[listener])


def _config(app: ASGIApp, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="uvloop",
        http=StrictHttpProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=settings.graceful_stop_s,
        ssl_certfile=settings.tls_cert,
        ssl_keyfile=settings.tls_key,
    )


def _with_own_certificate(settings: Settings) -> Settings:
    if settings.tls is Tls.SELF and (settings.tls_cert or settings.tls_key):
        raise InvalidParameter("Give either --tls self or --tls-cert and --tls-key, not both.")
    made = authority_of(settings)
    return settings if made is None else replace(settings, tls_cert=made.chain, tls_key=made.key)


def _authority_text(settings: Settings) -> str:
    """Return the certificate by which processes of this machine trust a server that made its own."""
    made = authority_of(settings)
    return "" if made is None else made.authority.read_text()


@contextlib.contextmanager
def _renewed(config: uvicorn.Config, settings: Settings) -> Iterator[None]:
    """Have a server that made its certificate itself renew it in time; who is connected does not notice."""
    if settings.tls is not Tls.SELF:
        yield
        return
    config.load()

    def renew() -> None:
        made = Authority(settings).certificates()
        if config.ssl is not None:
            config.ssl.load_cert_chain(made.chain, made.key)

    with contextlib.closing(Periodic("certificate", CERTIFICATE_LOOKED_AT_EVERY_S, renew)) as renewing:
        renewing.start()
        yield


@contextlib.contextmanager
def _traced(app: ASGIApp, settings: Settings) -> Iterator[ASGIApp]:
    """The application, which sends a span of each request if the settings ask for that."""
    if not settings.traces:
        yield app
        return
    with contextlib.closing(importlib.import_module("runyard.server.tracing").Traced(app)) as traced:
        yield traced


def _end_on_sigterm() -> None:
    """Let SIGTERM end the server as Ctrl-C does: through every ``finally``, so that all is put away."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)


def _as_it_is(settings: Settings) -> AsItIs:
    opened = open_as_it_is(
        settings.database or settings.database_path, settings.artifact_root, settings.artifact_store
    )
    return replace(opened, secrets_key=settings.home / KEY_FILE)


@contextlib.contextmanager
def _listening(settings: Settings) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.host, settings.port))
        except OSError as error:
            raise Unavailable(
                f"Can't listen on {settings.host}:{settings.port}: {error.strerror}. Choose another port "
                "with --port, or --port 0 for a free one."
            ) from None
        listener.listen(2048)
        yield listener


def _url(settings: Settings, listener: socket.socket) -> str:
    """The address to reach the server at from this machine."""
    port = listener.getsockname()[1]
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    if settings.host in ("0.0.0.0", "::"):
        host = "localhost"
    return f"{'https' if settings.tls_cert else 'http'}://{host}:{port}"
