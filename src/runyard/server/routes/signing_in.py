"""Runyard's own routes about signing in: browsers, a provider of identities, machines."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import parse_qs

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from runyard.auth.permissions import Open, Permission
from runyard.entities.audit import AuditEvent, Outcome
from runyard.entities.device import DeviceLogin
from runyard.errors import Forbidden, InvalidParameter, LoginExpired, NotFound, RunyardError
from runyard.protocol import wire
from runyard.protocol.messages.common import Empty
from runyard.protocol.messages.signing_in import (
    BeginLogin,
    BeginLoginAnswer,
    EndSessionAnswer,
    FetchLogin,
    FetchLoginAnswer,
    LoginAnswer,
    SessionAnswer,
    WaysToSignInAnswer,
    WireProvider,
)
from runyard.server.addresses import base_url
from runyard.server.answers import Answer
from runyard.server.asked import REQUEST_ID
from runyard.server.bodies import read_whole
from runyard.server.cookies import set_session, set_signing_in, signing_in_of
from runyard.server.pages import refusal_page
from runyard.server.routing import Routes
from runyard.services import devices, sessions, signing_in, signing_out
from runyard.services.audit import target_of
from runyard.services.call import Call
from runyard.services.keys import ShownKey
from runyard.services.oidc import Attempt, Identity, OidcProvider

routes = Routes()
_LOGIN = "/api/v1/oidc/login"
_CALLBACK = "/api/v1/oidc/callback"
_SIGNED_OUT = "/api/v1/oidc/backchannel-logout"
_MAX_OPEN_BYTES = 128 * 1024
"""Of what strangers may send."""
_DEVICES = "/api/v1/device"
_REQUEST = f"{_DEVICES}/requests/{{user_code}}"


@routes.get(
    "/api/v1/sign-in",
    permits=Open("asked by the sign-in page, before anybody has signed in; says which ways there are"),
    summary="Which ways there are to sign in.",
)
async def ways_to_sign_in(call: Call, http: Request) -> WaysToSignInAnswer | Response:
    """Answer the provider of identities, if there is one."""
    provider = WireProvider(name=call.settings.oidc_name, login_path=_LOGIN)
    there_is = call.operation.provider is not None
    return Answer(wire.encode(WaysToSignInAnswer(oidc=provider if there_is else None)))


@routes.post(
    "/api/v1/session",
    permits=Permission.IDENTIFY,
    summary="Sign a browser in with an API key.",
    is_audited=True,
)
async def create_session(call: Call, http: Request) -> SessionAnswer | Response:
    """Begin a session, which the browser keeps where no page can read it."""
    await read_whole(http.receive)
    made = await run_sync(sessions.begin_session, call, http.headers.get("user-agent", ""))
    answer = SessionAnswer(name=made.owner.name, expires_ms=made.key.expires_ms)
    return Answer(wire.encode(answer), more_headers=(_session_header(call, http, made),))


@routes.delete("/api/v1/session", permits=Permission.IDENTIFY, summary="Sign a browser out.", is_audited=True)
async def end_session(call: Call, http: Request) -> EndSessionAnswer | Response:
    """End the session that the browser sent, and say where it ends the one that it has with the provider."""
    url = None
    if await run_sync(sessions.end_session, call) and call.settings.oidc_sign_out:
        home = f"{base_url(call, http)}/"
        url = await run_sync(signing_out.provider_sign_out_url, call.operation.provider, home)
    answer = EndSessionAnswer(provider_sign_out_url=url)
    return Answer(wire.encode(answer), more_headers=(set_session(http.scope, "", 0),))


@routes.get(
    _LOGIN,
    permits=Open("begins a sign-in; sends the browser to the provider of identities and tells nothing"),
    summary="Sign in by the provider of identities.",
    is_page=True,
)
async def begin_sign_in(call: Call, http: Request) -> Response:
    """Send the browser to the provider."""
    try:
        provider = _provider(call)
        attempt = signing_in.new_attempt(http.query_params.get("return_to"))
        url = await run_sync(provider.authorization_url, attempt, _redirect_uri(call, http))
    except RunyardError as error:
        return refusal_page(error, http)
    kept = set_signing_in(http.scope, signing_in.attempt_text(attempt), signing_in.ATTEMPT_LIFETIME_S)
    return _redirect(url, kept)


@routes.get(
    _CALLBACK,
    permits=Open("the provider of identities sends the browser back here; its answer is the credential"),
    summary="Where the provider of identities sends browsers back to.",
    is_page=True,
)
async def end_sign_in(call: Call, http: Request) -> Response:
    """Begin a session for the person whom the provider names, and go on where they wanted to."""
    forget, named = set_signing_in(http.scope, "", 0), ""
    try:
        attempt = signing_in.read_attempt(signing_in_of(http.scope), http.query_params.get("state"))
        identity = await run_sync(_identified, call, http, attempt)
        named = identity.called
        made = await run_sync(_signed_in, call, http, identity)
    except RunyardError as error:
        if isinstance(error, Forbidden):
            call.operation.refusals.note(_event(call, http, Outcome.REFUSED, target_of({"name": named})))
        return refusal_page(error, http, forget)
    target = http.scope.get("root_path", "") + attempt.return_to
    return _redirect(target, forget, _session_header(call, http, made))


@routes.post(
    _SIGNED_OUT,
    permits=Open(
        "the provider of identities calls it; the logout token that it has signed is the credential"
    ),
    summary="Where the provider of identities says that somebody has signed out.",
)
async def provider_signed_out(call: Call, http: Request) -> Empty | Response:
    """End the sessions that the provider means (OpenID Connect Back-Channel Logout 1.0)."""
    token = _logout_token(await read_whole(http.receive, _MAX_OPEN_BYTES))
    await run_sync(_provider_signed_out, call, http, token)
    return Answer(b"{}")


@routes.post(
    f"{_DEVICES}/authorize",
    permits=Open("a machine that nobody has logged in yet asks to be; it gets codes that open nothing yet"),
    summary="Ask for a machine to be logged in (RFC 8628).",
)
async def begin_login(call: Call, http: Request) -> BeginLoginAnswer | Response:
    """Answer the codes: one for the machine, one for the person."""
    asked = wire.decode(BeginLogin, await read_whole(http.receive, _MAX_OPEN_BYTES))
    devices.check_machine(asked.machine)
    begun = await run_sync(devices.begin_login, call.stores, asked.machine, _client(http))
    page = f"{base_url(call, http)}/#/device"
    answer = BeginLoginAnswer(
        device_code=begun.device_code,
        user_code=begun.login.user_code,
        verification_uri=page,
        verification_uri_complete=f"{page}?code={begun.login.user_code}",
        expires_in=devices.EXPIRES_IN_S,
        interval=devices.INTERVAL_S,
    )
    return Answer(wire.encode(answer))


@routes.post(
    f"{_DEVICES}/token",
    permits=Open("the machine's own code, of 256 bits, is the credential"),
    summary="Fetch the API key of a login that was approved.",
)
async def fetch_login(call: Call, http: Request) -> FetchLoginAnswer | Response:
    """Answer the API key, once; 400 says whether to ask again."""
    guesses, client = call.operation.guesses, _client(http)
    asked = wire.decode(FetchLogin, await read_whole(http.receive, _MAX_OPEN_BYTES))
    try:
        made = await run_sync(devices.fetch_login, call.stores, call.settings, asked.device_code)
    except LoginExpired:
        guesses.check(client)
        guesses.note_wrong(client)
        raise
    answer = FetchLoginAnswer(api_key=made.text, name=made.owner.name, expires_ms=made.key.expires_ms)
    return Answer(wire.encode(answer))


@routes.get(_REQUEST, permits=Permission.IDENTIFY, summary="Which machine asks to be logged in.")
async def get_login(call: Call, http: Request, user_code: str) -> LoginAnswer | Response:
    """Answer what the machine calls itself, and where it asked from."""
    return await _guessed(call, http, lambda: devices.find_login(call, user_code))


@routes.post(f"{_REQUEST}/approve", permits=Permission.IDENTIFY, summary="Log a machine in.", is_audited=True)
async def approve_login(call: Call, http: Request, user_code: str) -> LoginAnswer | Response:
    """Give the machine an API key of the caller's, which reaches no further than what they sent."""
    await read_whole(http.receive)
    return await _guessed(call, http, lambda: devices.decide_login(call, user_code, is_approved=True))


@routes.post(
    f"{_REQUEST}/deny", permits=Permission.IDENTIFY, summary="Refuse to log a machine in.", is_audited=True
)
async def deny_login(call: Call, http: Request, user_code: str) -> LoginAnswer | Response:
    """Let the machine know that nobody wants it."""
    await read_whole(http.receive)
    return await _guessed(call, http, lambda: devices.decide_login(call, user_code, is_approved=False))


async def _guessed(call: Call, http: Request, find: Callable[[], DeviceLogin]) -> Response:
    """Answer a login that somebody names by its short code; who names wrong ones has to wait."""
    guesses, client = call.operation.guesses, _client(http)
    guesses.check(client)
    try:
        login = await run_sync(find)
    except NotFound:
        guesses.note_wrong(client)
        raise
    answer = LoginAnswer(
        user_code=login.user_code,
        machine=login.machine,
        client=login.client,
        created_ms=login.created_ms,
        expires_ms=login.expires_ms,
        state=login.state.value,
    )
    return Answer(wire.encode(answer))


def _identified(call: Call, http: Request, attempt: Attempt) -> Identity:
    """Return whom the provider names for what the browser brought back."""
    provider, query = _provider(call), http.query_params
    provider.check_issuer(query.get("iss"))
    if "code" not in query:
        raise signing_in.refused_by_provider(query.get("error"))
    return provider.identify(query["code"], attempt, _redirect_uri(call, http))


def _signed_in(call: Call, http: Request, identity: Identity) -> ShownKey:
    """Return the session of whom the provider names, and write down that they signed in."""
    agent = http.headers.get("user-agent", "")
    made = signing_in.sign_in(call.stores, call.settings, identity, agent)
    event = replace(
        _event(call, http, Outcome.DONE, ""),
        caller=made.owner.name,
        principal_id=made.owner.principal_id,
        key_id=made.key.key_id,
    )
    call.stores.metadata.audit.append([event])
    return made


def _logout_token(form: bytes) -> str:
    """Return the token of a form, which may hold other fields besides."""
    told: dict[str, list[str]] = {}
    with contextlib.suppress(ValueError):
        told = parse_qs(form.decode("ascii"), max_num_fields=10)
    tokens = told.get("logout_token", [])
    if len(tokens) != 1:
        raise InvalidParameter("Send one 'logout_token', as a form does.")
    return tokens[0]


def _provider_signed_out(call: Call, http: Request, token: str) -> None:
    """End the sessions that a logout token means, and write down whose they were."""
    logout = _provider(call).read_logout(token)
    owner, ended = signing_out.sign_out(call.stores, logout, call.now_ms())
    if owner is None:
        return
    target = target_of({"name": owner.name, "key_id": [key.key_id for key in ended]})
    event = replace(_event(call, http, Outcome.DONE, target), action="signing_in.provider_signed_out")
    call.stores.metadata.audit.append([replace(event, caller=owner.name, principal_id=owner.principal_id)])


def _event(call: Call, http: Request, outcome: Outcome, target: str) -> AuditEvent:
    return AuditEvent(
        at_ms=call.now_ms(),
        action="signing_in.end_sign_in",
        outcome=outcome,
        client=_client(http),
        target=target,
        request_id=http.scope["state"].get(REQUEST_ID, ""),
    )


def _provider(call: Call) -> OidcProvider:
    if call.operation.provider is None:
        raise NotFound("This server has no provider of identities. Sign in with an API key.")
    return call.operation.provider


def _session_header(call: Call, http: Request, made: ShownKey) -> tuple[bytes, bytes]:
    lifetime_s = max(1, ((made.key.expires_ms or 0) - call.now_ms()) // 1000)
    return set_session(http.scope, made.text, lifetime_s)


def _redirect(url: str, *cookies: tuple[bytes, bytes]) -> Response:
    response = RedirectResponse(url, status_code=303)
    response.raw_headers.extend(cookies)
    return response


def _redirect_uri(call: Call, http: Request) -> str:
    return base_url(call, http) + _CALLBACK


def _client(http: Request) -> str:
    return http.client.host if http.client else ""
