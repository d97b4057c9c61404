"""A provider of identities (OpenID Connect): where it sends people, and whom it says they are.

Source: OpenID Connect Core 1.0 (authorization code flow), RFC 7636 (PKCE), RFC 9207 (``iss``).
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import quote_plus, urlencode, urlsplit

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import Key, KeySet

from runyard.errors import Forbidden, InvalidParameter, InvalidState, Unavailable
from runyard.services.logout_tokens import (
    LEEWAY_S,
    NO_LOGOUT_TOKEN,
    NOT_GOOD,
    Logout,
    logout_of,
    name_of,
)
from runyard.services.outbound import OutboundAnswer, OutboundClient
from runyard.settings import Settings

ALGORITHMS: Final = [
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
    "Ed25519",
]
"""What an ID token may be signed with: public keys alone, never ``none`` and never a shared secret."""
DISCOVERED_FOR_S: Final = 3600.0
KEYS_AT_MOST_EVERY_S: Final = 60.0
MAX_ID_TOKEN_LENGTH: Final = 64 * 1024
MAX_GROUPS: Final = 1_000
_log = logging.getLogger("runyard.server")


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a provider says that somebody is.

    Args:
        issuer: The provider.
        subject: Its own name for them, which never changes.
        names: What they may be called here, the best first.
        email: Their address, if the provider has verified it.
        groups: The groups that they are in; none if it says nothing of groups.
        session: What it calls the session that they have with it; it ends sessions here by this name.
    """

    issuer: str
    subject: str
    names: tuple[str, ...]
    email: str | None
    groups: tuple[str, ...]
    session: str | None = None

    @property
    def called(self) -> str:
        """What to call them where they may not have a name here."""
        return self.names[0] if self.names else self.subject


@dataclass(frozen=True, slots=True)
class Attempt:
    """A sign-in that is under way: what the browser must bring back from the provider.

    Args:
        state: Ties the answer to the browser that asked.
        nonce: Ties the ID token to this attempt.
        verifier: Proves to the provider that who asks for the token is who began.
        return_to: The path of this server to go on at.
    """

    state: str
    nonce: str
    verifier: str
    return_to: str

    @property
    def challenge(self) -> str:
        """What the provider is told of the verifier beforehand."""
        return _base64(hashlib.sha256(self.verifier.encode()).digest())


class OidcProvider:
    """The provider that the settings name; its documents are fetched when they are first needed.

    Args:
        settings: Issuer and client.
        client: Sends the requests.
        clock: Seconds that only go up.
    """

    def __init__(
        self, settings: Settings, client: OutboundClient, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings
        self._client = client
        self._clock = clock
        self._lock = threading.Lock()
        self._discovered: tuple[float, dict[str, Any]] | None = None
        self._keys: tuple[float, KeySet] | None = None

    def authorization_url(self, attempt: Attempt, redirect_uri: str) -> str:
        """Return where to send a browser.

        Raises:
            Unavailable: The provider does not answer, or not as it should.
        """
        endpoint = self._endpoint("authorization_endpoint")
        query = {
            "response_type": "code",
            "client_id": self._settings.oidc_client_id,
            "redirect_uri": redirect_uri,
            "scope": self._settings.oidc_scopes,
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": attempt.challenge,
            "code_challenge_method": "S256",
        }
        return _with_query(endpoint, query)

    def identify(self, code: str, attempt: Attempt, redirect_uri: str) -> Identity:
        """Return whom the provider names for the code that a browser brought back.

        Raises:
            Forbidden: The code is not good, or the ID token is not for this server and this attempt.
            Unavailable: The provider does not answer, or not as it should.
        """
        body = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": attempt.verifier,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        headers |= self._authentication(body)
        endpoint = self._endpoint("token_endpoint")
        answer = self._sent("POST", endpoint, headers, urlencode(body).encode())
        if answer.status in (400, 401, 403):
            raise Forbidden("The provider of identities did not take the sign-in. Begin again.")
        granted = _document(answer, "token endpoint")
        token = granted.get("id_token")
        if not isinstance(token, str) or len(token) > MAX_ID_TOKEN_LENGTH:
            raise Unavailable("The provider of identities sent no ID token.")
        claims = self._verified(token, attempt)
        told = self._told_on_request(granted, claims)
        if claims.get("email", told.get("email")) != told.get("email"):
            told.pop("email_verified", None)  # it is said of another address
        return self._identity({**told, **claims})

    def sign_out_url(self, return_uri: str) -> str | None:
        """Return where a browser ends its session with the provider; ``None`` if it has no such place.

        Source: OpenID Connect RP-Initiated Logout 1.0. Without an ID token, which is not kept here, the
        provider asks the person first.

        Raises:
            Unavailable: The provider does not answer, or not as it should.
        """
        if "end_session_endpoint" not in self._document():
            return None
        query = {"client_id": self._settings.oidc_client_id, "post_logout_redirect_uri": return_uri}
        return _with_query(self._endpoint("end_session_endpoint"), query)

    def read_logout(self, token: str) -> Logout:
        """Return whom the provider signs out by the logout token that it sent.

        Raises:
            InvalidParameter: It is not good, not of this provider or not for this server.
            Unavailable: The provider's keys can't be had.
        """
        if len(token) > MAX_ID_TOKEN_LENGTH:
            raise InvalidParameter("The logout token is too long.")
        try:
            decoded = self._decoded(token)
        except NOT_GOOD:
            raise InvalidParameter(NO_LOGOUT_TOKEN) from None
        return logout_of(decoded, self._settings.oidc_issuer, self._settings.oidc_client_id)

    def check_issuer(self, told: str | None) -> None:
        """Refuse an answer that says it is from another provider (RFC 9207)."""
        if told is not None and told != self._settings.oidc_issuer:
            raise Forbidden("The answer is from another provider of identities.")

    def _authentication(self, body: dict[str, str]) -> dict[str, str]:
        """Return the header that says which client asks, or put that into ``body``."""
        client_id, secret = self._settings.oidc_client_id, self._settings.oidc_client_secret
        methods = self._document().get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if not secret or "client_secret_basic" not in methods:
            body["client_id"] = client_id
            if secret:
                body["client_secret"] = secret
            return {}
        pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}

    def _told_on_request(self, granted: Mapping[str, Any], claims: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the provider tells of the person besides the ID token, if that says too little."""
        wanted, access = ("email", self._settings.oidc_groups_claim), granted.get("access_token")
        is_told = all(name in claims for name in wanted) or "userinfo_endpoint" not in self._document()
        if is_told or not isinstance(access, str) or not access.isascii() or not access.isprintable():
            return {}
        headers = {"Authorization": f"Bearer {access}", "Accept": "application/json"}
        answer = self._sent("GET", self._endpoint("userinfo_endpoint"), headers)
        told = _document(answer, "userinfo endpoint")
        # Source: OpenID Connect Core 5.3.2: what is of another subject must not be used.
        return told if told.get("sub") == claims["sub"] else {}

    def _verified(self, token: str, attempt: Attempt) -> dict[str, Any]:
        settings = self._settings
        try:
            decoded = self._decoded(token).claims
            jwt.JWTClaimsRegistry(
                now=int(time.time()),
                leeway=LEEWAY_S,
                iss={"essential": True, "value": settings.oidc_issuer},
                aud={"essential": True, "value": settings.oidc_client_id},
                sub={"essential": True},
                exp={"essential": True},
                iat={"essential": True},
                nonce={"essential": True, "value": attempt.nonce},
            ).validate(decoded)
        except NOT_GOOD:
            raise Forbidden("The ID token of the provider of identities is not good.") from None
        # The registry takes a list that has the value in it, too.
        if (decoded["iss"], decoded["nonce"]) != (settings.oidc_issuer, attempt.nonce):
            raise Forbidden("The ID token of the provider of identities is not good.")
        audiences = decoded["aud"] if isinstance(decoded["aud"], list) else [decoded["aud"]]
        party = decoded.get("azp", settings.oidc_client_id if len(audiences) == 1 else None)
        if party != settings.oidc_client_id:
            raise Forbidden("The ID token of the provider of identities is for another client.")
        return decoded

    def _decoded(self, token: str) -> jwt.Token:
        try:
            return jwt.decode(token, self._key_set(), algorithms=ALGORITHMS)
        except (JoseError, ValueError):
            # The provider may have another key by now; it is asked once a minute at most.
            return jwt.decode(token, self._key_set(is_stale=True), algorithms=ALGORITHMS)

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        subject, email = claims["sub"], claims.get("email")
        if not isinstance(subject, str) or not 0 < len(subject) <= 255:
            raise Forbidden("The provider of identities gave no name that can be kept.")
        verified = email if isinstance(email, str) and claims.get("email_verified") is True else None
        names = [claims.get(name) for name in ("preferred_username", "email", "name")]
        return Identity(
            issuer=self._settings.oidc_issuer,
            subject=subject,
            names=tuple(name for name in names if isinstance(name, str) and name),
            email=verified,
            groups=_groups(claims.get(self._settings.oidc_groups_claim)),
            session=name_of(claims, "sid"),
        )

    def _sent(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> OutboundAnswer:
        try:
            return self._client.send(method, url, headers, body)
        except InvalidParameter as error:
            # Not for whoever wants to sign in: it tells of the network.
            _log.warning("the provider of identities names an address that is not asked: %s", error)
            raise Unavailable(
                "The provider of identities can't be asked; the server's log says why."
            ) from None

    def _endpoint(self, name: str) -> str:
        url = self._document().get(name)
        if not isinstance(url, str):
            raise Unavailable(f"The provider of identities has no {name}.")
        issuer, named = urlsplit(self._settings.oidc_issuer), urlsplit(url)
        is_beside_it = (named.scheme, named.netloc) == (issuer.scheme, issuer.netloc)
        if named.scheme != "https" and not is_beside_it:
            raise Unavailable(f"The {name} of the provider of identities is not on https.")
        return url

    def _document(self) -> dict[str, Any]:
        with self._lock:
            if self._discovered is None or self._clock() - self._discovered[0] > DISCOVERED_FOR_S:
                url = f"{self._settings.oidc_issuer.rstrip('/')}/.well-known/openid-configuration"
                found = _document(self._sent("GET", url), "discovery document")
                if found.get("issuer") != self._settings.oidc_issuer:
                    raise Unavailable(
                        f"The provider of identities calls itself {str(found.get('issuer'))[:200]!r}; "
                        "the setting oidc_issuer must say the same, letter by letter."
                    )
                self._discovered = (self._clock(), found)
            return self._discovered[1]

    def _key_set(self, *, is_stale: bool = False) -> KeySet:
        url = self._endpoint("jwks_uri")
        with self._lock:
            age_s = None if self._keys is None else self._clock() - self._keys[0]
            if self._keys is None or (is_stale and age_s is not None and age_s > KEYS_AT_MOST_EVERY_S):
                self._keys = (self._clock(), _signing_keys(_document(self._sent("GET", url), "keys")))
            return self._keys[1]


def open_provider(settings: Settings) -> OidcProvider | None:
    """Return the provider that the settings name; ``None`` if they name none.

    Raises:
        InvalidState: They name one without saying as which client.
    """
    if not settings.oidc_issuer:
        return None
    if not settings.oidc_client_id:
        raise InvalidState("The setting oidc_issuer needs oidc_client_id beside it.")
    issuer = urlsplit(settings.oidc_issuer)
    if issuer.scheme not in ("https", "http") or not issuer.hostname:
        raise InvalidState("The setting oidc_issuer must be the https address of a provider of identities.")
    # An administrator has named it, so it may lie in a private network.
    allowed = replace(settings, outbound_allow=(*settings.outbound_allow, issuer.hostname))
    return OidcProvider(settings, OutboundClient(allowed))


def _document(answer: OutboundAnswer, what: str) -> dict[str, Any]:
    try:
        found = json.loads(answer.body) if answer.is_success and answer.is_whole else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Unavailable(f"The {what} of the provider of identities can't be read (HTTP {answer.status}).")
    return found


def _signing_keys(found: Mapping[str, Any]) -> KeySet:
    """Return the keys that can be used; a provider may have some for other purposes or of newer kinds."""
    usable: list[Key] = []
    for each in found["keys"] if isinstance(found.get("keys"), list) else []:
        with contextlib.suppress(JoseError, ValueError, LookupError, TypeError, AttributeError):
            if each.get("use", "sig") == "sig" and each.get("kty") != "oct":
                usable += KeySet.import_key_set({"keys": [each]}).keys
    if not usable:
        raise Unavailable("The provider of identities shows no key that its ID tokens could be signed with.")
    return KeySet(usable)


def _with_query(endpoint: str, query: Mapping[str, str]) -> str:
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"


def _groups(claim: object) -> tuple[str, ...]:
    told = [claim] if isinstance(claim, str) else claim
    return (
        tuple(each for each in told[:MAX_GROUPS] if isinstance(each, str)) if isinstance(told, list) else ()
    )


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
