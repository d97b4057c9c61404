"""Access tokens of Google's for a service account, asked for by the guarded client.

obstore could do that itself, and would then read what else the key's file says: an endpoint to send all to.
"""

from __future__ import annotations

import json
import threading
import time
from datetime import datetime, timezone
from typing import Any, Final
from urllib.parse import urlencode

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from runyard.errors import InvalidParameter, Unavailable
from runyard.services.outbound import OutboundClient

TOKEN_URL: Final = "https://oauth2.googleapis.com/token"
SCOPE: Final = "https://www.googleapis.com/auth/devstorage.read_write"
LIFETIME_S: Final = 3600
_RENEWED_BEFORE_S: Final = 300
_GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"


def plain_account_key(text: str) -> str:
    """Return of a service account's key file what signs requests, and nothing that leads elsewhere.

    Raises:
        InvalidParameter: It is no such file.
    """
    try:
        read: Any = json.loads(text)
        kept = {name: read[name] for name in ("client_email", "private_key")}
        RSAKey.import_key(kept["private_key"])
        kept["client_email"] = str(kept["client_email"])
    except (ValueError, KeyError, TypeError, JoseError):
        raise InvalidParameter(
            "'credential.service_account_key' is not the JSON of a service account's key: it needs "
            "'client_email' and an RSA 'private_key'."
        ) from None
    return json.dumps(kept)


class GoogleTokens:
    """The tokens of one service account; calling it returns one and when it ends. For any thread.

    Args:
        client: Asks for them.
        account_key: What :func:`plain_account_key` returned.
    """

    def __init__(self, client: OutboundClient, account_key: str) -> None:
        self._client = client
        self._account_key = account_key
        self._renewing = threading.Lock()
        self._token, self._until_s = "", 0.0

    def __call__(self) -> tuple[str, datetime]:
        """Return a token that is good for some minutes at least.

        Raises:
            Unavailable: Google does not answer, or takes the key for none of its own.
        """
        with self._renewing:
            if time.time() > self._until_s - _RENEWED_BEFORE_S:
                self._token, self._until_s = self._asked_for()
            return self._token, datetime.fromtimestamp(self._until_s, timezone.utc)

    def _asked_for(self) -> tuple[str, float]:
        now_s = int(time.time())
        body = urlencode({"grant_type": _GRANT, "assertion": self._assertion(now_s)}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = self._client.send("POST", TOKEN_URL, headers, body)
        try:
            told = json.loads(answer.body)
            token, lifetime_s = str(told["access_token"]), int(told.get("expires_in", LIFETIME_S))
        except (ValueError, KeyError, TypeError):
            raise Unavailable(
                f"Google gives no token for the service account of this datastore (status {answer.status})."
            ) from None
        return token, now_s + lifetime_s

    def _assertion(self, now_s: int) -> str:
        account = json.loads(self._account_key)
        claims = {
            "iss": account["client_email"],
            "scope": SCOPE,
            "aud": TOKEN_URL,
            "iat": now_s,
            "exp": now_s + LIFETIME_S,
        }
        return jwt.encode({"alg": "RS256"}, claims, RSAKey.import_key(account["private_key"]))
