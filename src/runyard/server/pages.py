"""The few pages that the server makes itself, in plain HTML without scripts; how built pages are sent."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from runyard.errors import RunyardError
from runyard.server.answers import Answer

HTML: Final = "text/html; charset=utf-8"
#: What the files beside a built page are, by how their names end.
MEDIA_TYPES: Final[Mapping[str, str]] = {
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".ttf": "font/ttf",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
}
#: For files whose names change with their content.
HASHED_FILE_CACHE: Final = "public, max-age=31536000, immutable"

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


def page_headers(policy: str, media_type: str, cache_control: str) -> dict[str, str]:
    """Return the headers of a built page or a file of it, under a content security policy of its own."""
    return {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cache-Control": cache_control,
        "Content-Type": media_type,
    }


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
    return Answer(page.encode(), status, HTML.encode(), (policy, *headers))
