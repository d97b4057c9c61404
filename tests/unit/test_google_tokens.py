"""Tokens of Google's: what is asked for, what of a key's file is kept, and how long a token is used."""

from __future__ import annotations

import json
from urllib.parse import parse_qs

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from runyard.errors import InvalidParameter, Unavailable
from runyard.services.google_tokens import SCOPE, TOKEN_URL, GoogleTokens, plain_account_key
from runyard.services.outbound import OutboundAnswer, OutboundClient
from runyard.settings import Settings

KEY = RSAKey.generate_key(2048)
FILE = {
    "type": "service_account",
    "client_email": "lab@project.iam.gserviceaccount.com",
    "private_key": KEY.as_pem(private=True).decode(),
    "token_uri": "https://evil.example/token",
    "gcs_base_url": "https://evil.example",
}


class Answering(OutboundClient):
    """Answers what it is told to, and remembers what was asked."""

    def __init__(self, body: bytes, status: int = 200) -> None:
        super().__init__(Settings())
        self.asked: list[tuple[str, str, bytes]] = []
        self._answer = OutboundAnswer(status, {}, body)

    def send(self, method, url, headers=None, body=None):
        self.asked.append((method, url, body or b""))
        return self._answer


def test_a_token_is_asked_for_at_googles_own_address_and_used_again():
    client = Answering(b'{"access_token": "t", "expires_in": 3600}')
    tokens = GoogleTokens(client, plain_account_key(json.dumps(FILE)))
    assert tokens()[0] == tokens()[0] == "t"
    ((method, url, body),) = client.asked
    assert (method, url) == ("POST", TOKEN_URL)
    told = jwt.decode(parse_qs(body.decode())["assertion"][0], KEY, algorithms=["RS256"]).claims
    assert (told["iss"], told["scope"], told["aud"]) == (FILE["client_email"], SCOPE, TOKEN_URL)


def test_a_token_that_ends_soon_is_renewed():
    client = Answering(b'{"access_token": "t", "expires_in": 60}')
    tokens = GoogleTokens(client, plain_account_key(json.dumps(FILE)))
    tokens()
    tokens()
    assert len(client.asked) == 2


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"error": "invalid_grant"}', b"<html>"])
def test_what_is_no_token_is_said(body: bytes):
    tokens = GoogleTokens(Answering(body, 400), plain_account_key(json.dumps(FILE)))
    with pytest.raises(Unavailable, match="status 400"):
        tokens()


def test_of_a_keys_file_only_what_signs_is_kept():
    assert set(json.loads(plain_account_key(json.dumps(FILE)))) == {"client_email", "private_key"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "hunter2",
        json.dumps({**FILE, "private_key": "hunter2"}),
        json.dumps({"client_email": "a"}),
    ],
)
def test_what_is_no_key_is_refused_and_not_repeated(text: str):
    with pytest.raises(InvalidParameter, match="service_account_key") as refused:
        plain_account_key(text)
    assert "hunter2" not in str(refused.value)
