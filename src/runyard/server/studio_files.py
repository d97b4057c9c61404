"""The Studio's built files, read once at start-up and answered with strict headers."""

from __future__ import annotations

import gzip
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.responses import Response

from runyard.server.pages import HASHED_FILE_CACHE, HTML, MEDIA_TYPES, page_headers

#: Where the build of `studio/` puts its output.
BUILT_FOLDER: Final = Path(__file__).parent / "studio"

# Scripts, styles and calls from this server only. Pictures also from blob: (artifacts are fetched with the
# token and shown from memory) and data:. No inline styles: React and uPlot set them through the DOM.
CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' blob: data:",
        "style-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)

# Named, and not named with a weight of 0.
_GZIP: Final = re.compile(r"(?:^|,)\s*gzip\s*(?:,|$|;\s*q=(?!0(?:\.0*)?\s*(?:,|$)))", re.IGNORECASE)

_NOT_BUILT_PAGE: Final = b"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Runyard: the Studio is not built</title></head>
<body>
<h1>The Studio is not built</h1>
<p>The server is up, and its API answers. The Studio's files are not part of the source checkout:
<code>make run</code> builds them before it starts a server, <code>python hatch_build.py</code> does that
alone. Then start this server again.</p>
<p>An installed wheel has them already.</p>
</body>
</html>
"""


@dataclass(frozen=True)
class _StudioFile:
    content: bytes
    media_type: str
    cache_control: str


class StudioFiles:
    """Answers the Studio's index page and the files next to it.

    Every file is read when the server starts, so what a caller asks for is looked up among known names and
    never reaches the file system.
    """

    def __init__(self, folder: Path = BUILT_FOLDER) -> None:
        """Read the built files.

        Args:
            folder: The output of the Studio's build: ``index.html`` and a folder ``studio``. When there is no
                index, a page says how to build one.
        """
        self._files = _read_files(folder)
        self._gzip: dict[str, bytes] = {}

    @property
    def is_built(self) -> bool:
        """Whether there is a Studio to show."""
        return "index.html" in self._files

    def response(self, path: str, accepted: str = "") -> Response | None:
        """Answer the file at a path below a workspace's prefix.

        Args:
            path: ``""`` or ``"index.html"`` for the page, ``"studio/<file>"`` for what it loads.
            accepted: The request's ``Accept-Encoding``.

        Returns:
            The response, or None when there is no such file.
        """
        name = path or "index.html"
        if name == "index.html" and not self.is_built:
            return Response(_NOT_BUILT_PAGE, 503, page_headers(CONTENT_SECURITY_POLICY, HTML, "no-store"))
        file = self._files.get(name)
        if file is None:
            return None
        headers = page_headers(CONTENT_SECURITY_POLICY, file.media_type, file.cache_control)
        headers["Vary"] = "Accept-Encoding"
        if not _GZIP.search(accepted):
            return Response(file.content, headers=headers)
        return Response(self._compressed(name, file.content), headers={**headers, "Content-Encoding": "gzip"})

    def _compressed(self, name: str, content: bytes) -> bytes:
        """Return a file as gzip: made when it is first asked for, since most are not in a server's life."""
        made = self._gzip.get(name)
        if made is None:
            made = self._gzip[name] = gzip.compress(content, mtime=0)
        return made


def _read_files(folder: Path) -> dict[str, _StudioFile]:
    index = folder / "index.html"
    if not index.is_file():
        return {}
    files = {"index.html": _StudioFile(index.read_bytes(), HTML, "no-cache")}
    for file in sorted((folder / "studio").iterdir()):
        media_type = MEDIA_TYPES.get(file.suffix)
        if media_type is not None:
            files[f"studio/{file.name}"] = _StudioFile(file.read_bytes(), media_type, HASHED_FILE_CACHE)
    return files
