"""A provider of identities on loopback that lies as a test says: the genuine one makes no such faults."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey

from tests.sdk.scripted_server import Received, Scripted, ScriptedServer

CLIENT_ID = "runyard"
KEYS = {
    "rsa": RSAKey.generate_key(2048, {"kid": "rsa"}),
    "ec": ECKey.generate_key("P-256", {"kid": "ec"}),
    "okp": OKPKey.generate_key("Ed25519", {"kid": "okp"}),
}
FOREIGN = RSAKey.generate_key(2048, {"kid": "rsa"})


@dataclass
class LyingProvider:
    """What it answers; a test changes it.

    Args:
        issuer: Its own address.
        server: Where its requests are kept.
        document: What its discovery document says besides the usual.
        claims: What its ID token says besides the usual; ``None`` leaves a claim out.
        keys: What it shows as its public keys.
        token: The ID token, in place of one that it makes.
        told: What it tells on request.
        nonce: The nonce of the attempt.
    """

    issuer: str = ""
    server: ScriptedServer | None = None
    document: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    keys: Any = field(default_factory=lambda: [key.as_dict(private=False) for key in KEYS.values()])
    token: Any = None
    told: dict[str, Any] | None = None
    nonce: str = "nonce"

    def usual_claims(self) -> dict[str, Any]:
        """What the ID token says, with the changes of the test."""
        now_s = int(time.time())
        usual = {"iss": self.issuer, "aud": CLIENT_ID, "sub": "s-1", "nonce": self.nonce}
        claims = usual | {"iat": now_s, "exp": now_s + 300} | self.claims
        return {name: value for name, value in claims.items() if value is not None}

    def signed(self, alg: str = "RS256", key: Any = None, **header: Any) -> str:
        """Return an ID token with the usual claims."""
        key = key or KEYS["rsa"]
        header = {"alg": alg, "kid": key.kid} | header
        return jwt.encode(header, self.usual_claims(), key, algorithms=[alg])

    def asked(self, path: str) -> list[Received]:
        """The requests that came to a path."""
        assert self.server is not None
        return [each for each in self.server.received if each.path == path]

    def form(self) -> dict[str, list[str]]:
        """What the last request for a token said."""
        return parse_qs(self.asked("/token")[-1].body.decode())

    def answer(self, request: Received) -> Scripted:
        """Answer one request."""
        usual = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
        }
        if self.told is not None:
            usual["userinfo_endpoint"] = f"{self.issuer}/me"
        bodies: dict[str, Any] = {
            "/.well-known/openid-configuration": usual | self.document,
            "/token": {
                "access_token": "access",
                "id_token": self.signed() if self.token is None else self.token,
            },
            "/keys": {"keys": self.keys},
            "/me": self.told,
        }
        body = bodies.get(request.path)
        if isinstance(body, Scripted):
            return body
        return Scripted(404 if body is None else 200, json.dumps(body).encode())


@contextlib.contextmanager
def lying_provider() -> Iterator[LyingProvider]:
    """One, for as long as the block runs."""
    provider = LyingProvider()
    with ScriptedServer(provider.answer) as server:
        provider.server, provider.issuer = server, server.url
        yield provider
