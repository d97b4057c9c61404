"""The few pages that the server makes itself, in plain HTML without scripts."""

from __future__ import annotations

from html import escape

from starlette.requests import Request
from starlette.responses import Response

from runyard.errors import RunyardError
from runyard.server.answers import Answer

_POLICY = b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>Runyard: not signed in</title>
</head>
<body>
<main>
<h1>You are not signed in</h1>
<p>{why}</p>
<p><a href="{home}">Back to the sign-in page</a></p>
</main>
</body>
</html>
"""


def refusal_page(error: RunyardError, http: Request, *headers: tuple[bytes, bytes]) -> Response:
    """Return the page that says why a sign-in did not come to its end."""
    home = escape(http.scope.get("root_path", "") + "/", quote=True)
    page = _PAGE.format(why=escape(error.message, quote=True), home=home)
    policy = (b"content-security-policy", _POLICY)
    return Answer(page.encode(), error.http_status, b"text/html; charset=utf-8", (policy, *headers))
