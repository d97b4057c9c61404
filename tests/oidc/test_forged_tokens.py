"""ID tokens that no real provider would send: forged, for others, too old, of keys that are not its own."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from runyard.errors import Forbidden, Unavailable
from runyard.services.oidc import Attempt, OidcProvider, open_provider
from runyard.settings import Settings

ATTEMPT = Attempt("state", "nonce", "v" * 43, "/")
RSA = RSAKey.generate_key(2048, {"kid": "one"})
OTHER = RSAKey.generate_key(2048, {"kid": "one"})
EC = ECKey.generate_key("P-256", {"kid": "two"})


class Impostor:
    """Answers as a provider does, with whatever a test has put in place."""

    def __init__(self) -> None:
        impostor = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.answer()

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                self.answer()

            def answer(self) -> None:
                impostor.asked.append(self.path)
                body = json.dumps(impostor.documents[self.path]).encode()
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self.asked: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"
        self.documents: dict[str, Any] = {
            "/.well-known/openid-configuration": {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/auth",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
            },
            "/keys": {"keys": [RSA.as_dict(private=False), EC.as_dict(private=False)]},
        }
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def impostor() -> Iterator[Impostor]:
    impostor = Impostor()
    yield impostor
    impostor.close()


def provider_at(issuer: str) -> OidcProvider:
    found = open_provider(Settings(oidc_issuer=issuer, oidc_client_id="runyard", oidc_client_secret="s"))
    assert found is not None
    return found


def claims(impostor: Impostor, **changes: Any) -> dict[str, Any]:
    now_s = int(time.time())
    told = {"iss": impostor.issuer, "aud": "runyard", "sub": "42", "nonce": "nonce", "iat": now_s}
    told |= {"exp": now_s + 60} | changes
    return {name: value for name, value in told.items() if value is not None}


def identified(impostor: Impostor, token: str) -> str:
    impostor.documents["/token"] = {"id_token": token, "token_type": "Bearer"}
    return provider_at(impostor.issuer).identify("code", ATTEMPT, "http://here/callback").subject


def signed(content: dict[str, Any], key: Any = RSA, algorithm: str = "RS256") -> str:
    header = {"alg": algorithm, "kid": key.kid}
    return jwt.encode(header, content, key, algorithms=[algorithm])


def test_a_good_token_is_taken(impostor):
    assert identified(impostor, signed(claims(impostor))) == "42"
    assert identified(impostor, signed(claims(impostor), EC, "ES256")) == "42"
    several = claims(impostor, aud=["runyard", "other"], azp="runyard")
    assert identified(impostor, signed(several)) == "42"


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": "another"},
        {"aud": None},
        {"aud": ["runyard", "other"]},
        {"aud": ["runyard", "other"], "azp": "other"},
        {"azp": "other"},
        {"nonce": "another"},
        {"nonce": None},
        {"sub": None},
        {"sub": ""},
        {"sub": "s" * 256},
        {"sub": 42},
        {"exp": int(time.time()) - 3600},
        {"exp": None},
        {"iat": None},
        {"nbf": int(time.time()) + 3600},
    ],
)
def test_s12_a_token_for_others_or_another_time_is_refused(impostor, change):
    with pytest.raises(Forbidden):
        identified(impostor, signed(claims(impostor, **change)))


def test_s12_a_token_of_another_key_is_refused(impostor):
    with pytest.raises(Forbidden):
        identified(impostor, signed(claims(impostor), OTHER))


def test_s12_a_token_without_a_signature_is_refused(impostor):
    def part(content: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()

    for algorithm in ("none", "None", "NONE"):
        token = f"{part({'alg': algorithm})}.{part(claims(impostor))}."
        with pytest.raises(Forbidden):
            identified(impostor, token)


def test_s12_a_public_key_is_no_shared_secret(impostor):
    header = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"one"}').rstrip(b"=").decode()
    body = base64.urlsafe_b64encode(json.dumps(claims(impostor)).encode()).rstrip(b"=").decode()
    mac = hmac.new(RSA.as_pem(private=False), f"{header}.{body}".encode(), hashlib.sha256).digest()
    token = f"{header}.{body}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"
    with pytest.raises(Forbidden):
        identified(impostor, token)


@pytest.mark.parametrize("token", ["", "a.b.c", "x" * 70_000, None, 42])
def test_what_is_no_token_is_refused(impostor, token):
    with pytest.raises((Forbidden, Unavailable)):
        identified(impostor, token)


def test_what_userinfo_says_of_somebody_else_is_not_used(impostor):
    discovered = impostor.documents["/.well-known/openid-configuration"]
    discovered["userinfo_endpoint"] = f"{impostor.issuer}/me"
    impostor.documents["/me"] = {"sub": "43", "email": "a@b", "email_verified": True, "groups": ["admins"]}
    impostor.documents["/token"] = {"id_token": signed(claims(impostor)), "access_token": "t"}
    found = provider_at(impostor.issuer).identify("code", ATTEMPT, "http://here/callback")
    assert (found.subject, found.email, found.groups) == ("42", None, ())


def test_a_new_key_of_the_provider_is_fetched_once_a_minute(impostor):
    provider = OidcProvider(
        Settings(oidc_issuer=impostor.issuer, oidc_client_id="runyard"),
        provider_at(impostor.issuer)._client,
        clock := Clock(),
    )
    impostor.documents["/token"] = {"id_token": signed(claims(impostor), OTHER)}
    for _ in range(3):
        with pytest.raises(Forbidden):
            provider.identify("code", ATTEMPT, "http://here/callback")
    assert impostor.asked.count("/keys") == 1
    impostor.documents["/keys"] = {"keys": [OTHER.as_dict(private=False)]}
    clock.now_s += 61
    assert provider.identify("code", ATTEMPT, "http://here/callback").subject == "42"
    assert impostor.asked.count("/keys") == 2


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.mark.parametrize(
    "endpoint", ["http://evil.example/token", "ftp://evil.example", "http://169.254.169.254/token", 42, None]
)
def test_s18_a_provider_sends_this_server_nowhere(impostor, endpoint):
    impostor.documents["/.well-known/openid-configuration"]["token_endpoint"] = endpoint
    with pytest.raises(Unavailable):
        identified(impostor, signed(claims(impostor)))


def test_a_provider_of_another_name_is_refused(impostor):
    impostor.documents["/.well-known/openid-configuration"]["issuer"] = f"{impostor.issuer}/"
    with pytest.raises(Unavailable, match="letter by letter"):
        identified(impostor, signed(claims(impostor)))
