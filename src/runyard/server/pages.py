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
<title>Runyard: {title}</title>
</head>
<body>
<main>
<h1>{title}</h1>
{content}
</main>
</body>
</html>
"""


def refusal_page(error: RunyardError, http: Request, *headers: tuple[bytes, bytes]) -> Response:
    """Return the page that says why a sign-in did not come to its end."""
    home = escape(http.scope.get("root_path", "") + "/", quote=True)
    why = escape(error.message, quote=True)
    content = f'<p>{why}</p>\n<p><a href="{home}">Back to the sign-in page</a></p>'
    return _page(error.http_status, "You are not signed in", content, *headers)


def message_page(status: int, title: str, text: str, line: str) -> Response:
    """Return a page that says why there is nothing here, with the line that a person may have to type."""
    content = f"<p>{escape(text)}</p>\n<pre><code>{escape(line)}</code></pre>"
    return _page(status, escape(title), content)


def _page(status: int, title: str, content: str, *headers: tuple[bytes, bytes]) -> Response:
    page = _PAGE.format(title=title, content=content)
    policy = (b"content-security-policy", _POLICY)
    return Answer(page.encode(), status, b"text/html; charset=utf-8", (policy, *headers))
