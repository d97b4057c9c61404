"""Short-lived tokens (JWT), signed by this server and never wider than what they were made from."""

from __future__ import annotations

import functools
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import GuestProtocol, OKPKey

from runyard.auth.permissions import UNAUTHENTICATED_TEXT, Caller, Proof, Scope
from runyard.decoding import learnt
from runyard.entities.credential import SigningKey
from runyard.errors import Forbidden, InvalidParameter, Unauthenticated, Unavailable

ALGORITHM = "Ed25519"
AUDIENCE = "runyard:api"
MAX_LIFETIME_S = 3600
MAX_RENEWED_S = 7 * 24 * 3600
LEEWAY_S = 60
MAX_TOKEN_LENGTH = 4096
SETTLED_MS = 2_000
"""After so long every server on the database knows of a new key."""

_REMEMBERED_TOKENS = 1024


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token for its bearer; its ``repr`` leaves the text out, so that a log can't have it."""

    text: str = field(repr=False)
    scope: Scope
    workspace: str | None
    expires_ms: int


class _Claims(msgspec.Struct, frozen=True):
    """What a token says. No field has a default: a token that leaves one out is refused."""

    iss: str
    aud: str
    sub: str
    name: str
    iat: int
    nbf: int
    since: int
    exp: int
    jti: str
    scope: Scope
    workspace: str | None
    key: str | None


class TokenIssuer:
    """Makes the tokens of one server, and tells its own from all others.

    Args:
        server_id: Goes into each token, and must be in it when it comes back.
        keys: Its signing keys. The newest that all servers know signs; a retired one still verifies what it
            signed, for as long as such a token may live.
    """

    def __init__(self, server_id: str, keys: Sequence[SigningKey]) -> None:
        self._server_id = server_id
        self._keys = {key.key_id: key for key in keys}
        self._jwks: dict[str, OKPKey] = {
            key.key_id: OKPKey.import_key(msgspec.json.decode(key.private_jwk)) for key in keys
        }
        # Whether a signature is right never changes, and a training run sends the same token each time.
        self._signed = functools.lru_cache(_REMEMBERED_TOKENS)(self._check_signature)

    def issue(
        self, caller: Caller, workspace: str | None, scope: Scope, lifetime_s: int, now_ms: int
    ) -> IssuedToken:
        """Return a token for what ``caller`` may do, narrowed to ``workspace`` and ``scope``.

        It ends after ``lifetime_s``, or with the API key that the caller sent if that is sooner.

        Raises:
            InvalidParameter: ``lifetime_s`` is not between 1 and 3600.
            Forbidden: It would be wider than the caller's own credential, or that is itself a token:
                whoever found one could go on renewing it for ever.
            Unavailable: The server has no key to sign with.
        """
        if not 1 <= lifetime_s <= MAX_LIFETIME_S:
            raise InvalidParameter(f"'expires_in_s' must be between 1 and {MAX_LIFETIME_S}.")
        if caller.proof is Proof.TOKEN:
            raise Forbidden("A token can't be exchanged for another; send the API key.")
        if caller.job is not None:
            raise Forbidden("A job needs no token: its key is good for as long as it lives.")
        if not caller.scope.includes(scope) or caller.workspace not in {None, workspace}:
            raise Forbidden("A token can't do more than the credential that it is made from.")
        issued_s = now_ms // 1000
        expires_s = issued_s + lifetime_s
        if caller.expires_ms is not None:
            expires_s = min(expires_s, caller.expires_ms // 1000)
        return self._signed_token(
            caller, workspace, scope, since_s=issued_s, issued_s=issued_s, expires_s=expires_s
        )

    def renew(self, caller: Caller, workspace: str, scope: Scope, now_ms: int) -> IssuedToken:
        """Return another token for the bearer of one, narrowed to ``workspace`` and ``scope``.

        It ends within the hour, and seven days after the first was made from an API key at the latest. When a
        token may be renewed is for the caller of this to know.

        Raises:
            Forbidden: It would be wider than the caller's own, or they have had tokens for seven days.
        """
        if not caller.scope.includes(scope) or caller.workspace not in {None, workspace}:
            raise Forbidden("A token can't do more than the credential that it is made from.")
        issued_s, since_s = now_ms // 1000, (caller.since_ms or 0) // 1000
        expires_s = min(issued_s + MAX_LIFETIME_S, since_s + MAX_RENEWED_S)
        if expires_s <= issued_s:
            raise Forbidden("A token can be renewed for seven days; send an API key for a new one.")
        return self._signed_token(
            caller, workspace, scope, since_s=since_s, issued_s=issued_s, expires_s=expires_s
        )

    def _signed_token(
        self,
        caller: Caller,
        workspace: str | None,
        scope: Scope,
        *,
        since_s: int,
        issued_s: int,
        expires_s: int,
    ) -> IssuedToken:
        signs = self._signing_key(issued_s * 1000)
        claims = _Claims(
            iss=self._server_id,
            aud=AUDIENCE,
            sub=caller.principal_id,
            name=caller.name,
            iat=issued_s,
            nbf=issued_s,
            since=since_s,
            exp=expires_s,
            jti=secrets.token_urlsafe(12),
            scope=scope,
            workspace=workspace,
            key=caller.key_id,
        )
        header = {"alg": ALGORITHM, "kid": signs.key_id}
        key = self._jwks[signs.key_id]
        # Azure's clients read whose directory and whose account a token is of; nothing here does.
        read_by_clients = {"tid": self._server_id, "oid": caller.principal_id}
        said = msgspec.to_builtins(claims) | read_by_clients
        text = jwt.encode(header, said, key, algorithms=[ALGORITHM])
        return IssuedToken(text=text, scope=scope, workspace=workspace, expires_ms=expires_s * 1000)

    def verify(self, token: str, now_ms: int) -> Caller:
        """Return whom ``token`` speaks for, as it was when it was made.

        Whether that principal and API key are still good is not in the token: the caller of this asks.

        Raises:
            Unauthenticated: It is not a token of this server, or not valid at ``now_ms``; the text is the
                same for every reason.
        """
        if len(token) > MAX_TOKEN_LENGTH:
            raise Unauthenticated(UNAUTHENTICATED_TEXT)
        try:
            key_id, claims = self._signed(token)
            self._check_claims(self._keys[key_id], claims, now_ms)
        # Not all that joserfc raises on a hostile header is its own: a list for a string is a TypeError.
        except (JoseError, ValueError, TypeError, LookupError, AttributeError, msgspec.MsgspecError):
            raise Unauthenticated(UNAUTHENTICATED_TEXT) from None
        return Caller(
            name=claims.name,
            principal_id=claims.sub,
            scope=claims.scope,
            workspace=claims.workspace,
            proof=Proof.TOKEN,
            key_id=claims.key,
            expires_ms=claims.exp * 1000,
            since_ms=claims.since * 1000,
        )

    def _signing_key(self, now_ms: int) -> SigningKey:
        """Return the newest key that all servers know; one that was just retired still signs until then."""
        in_use = [key for key in self._keys.values() if key.retired_ms is None]
        settled = [
            key
            for key in self._keys.values()
            if key.created_ms <= now_ms - SETTLED_MS
            and (key.retired_ms is None or now_ms < key.retired_ms + SETTLED_MS)
        ]
        if not in_use:
            raise Unavailable("This server has no key to sign tokens with.")
        return max(settled or in_use, key=lambda key: (key.created_ms, key.key_id))

    def _check_signature(self, token: str) -> tuple[str, _Claims]:
        decoded = jwt.decode(token, self._named_key, algorithms=[ALGORITHM])
        return decoded.header["kid"], msgspec.convert(decoded.claims, learnt(_Claims))

    def _named_key(self, unverified: GuestProtocol) -> OKPKey:
        key_id: str = unverified.headers()["kid"]
        return self._jwks[key_id]

    def _check_claims(self, key: SigningKey, claims: _Claims, now_ms: int) -> None:
        now_s = now_ms // 1000
        if key.retired_ms is not None and now_s - LEEWAY_S >= key.retired_ms // 1000 + MAX_LIFETIME_S:
            raise ValueError
        jwt.JWTClaimsRegistry(
            now=now_s,
            leeway=LEEWAY_S,
            iss={"essential": True, "value": self._server_id},
            aud={"essential": True, "value": AUDIENCE},
        ).validate({name: getattr(claims, name) for name in ("iss", "aud", "iat", "nbf", "exp")})


def new_signing_key(now_ms: int) -> SigningKey:
    """Return a fresh Ed25519 key pair to sign tokens with."""
    key = OKPKey.generate_key("Ed25519")
    private = msgspec.json.encode(key.as_dict(private=True)).decode()
    return SigningKey(key_id=key.thumbprint(), private_jwk=private, created_ms=now_ms)
