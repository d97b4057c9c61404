"""MLflow's own web pages, out of the package ``mlflow`` if that is installed beside the server.

Nothing of the package is imported: it takes seconds and much memory, and what its pages ask for this
server answers itself.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Final

from starlette.responses import FileResponse, Response

from runyard.server.pages import HASHED_FILE_CACHE, HTML, MEDIA_TYPES, message_page, page_headers

# As narrow as the bundle bears. Its components write their styles into the page; nothing of it needs eval.
# blob: are pictures, and documents in sandboxed frames, which inherit this policy: no script in them runs.
CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' blob: data:",
        "media-src 'self' blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "worker-src 'self'",
        "manifest-src 'self'",
        "frame-src blob:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
# Two plots of compared runs draw their few points by WebGL, through code that is compiled in the page, which
# the policy forbids. The same library draws the same points as SVG.
_COMPILED_POINTS: Final = b'type:"scattergl",mode:"markers"'
_DRAWN_POINTS: Final = b'type:"scatter",mode:"markers"'
# The parts of the pages are small; the libraries, where no such words stand, have megabytes.
_LOOKED_INTO_BYTES: Final = 256 * 1024
_PACKAGE: Final = "mlflow"
_BUILT: Final = Path("server", "js", "build")
_INDEX: Final = "index.html"
_FILES: Final = "static-files/"
_ABSENT: Final = (
    "MLflow's pages are not installed",
    "They come with the package mlflow. Install it beside this server, and start the server again:",
    "pip install 'runyard[mlflow-ui]'",
)
_TURNED_OFF: Final = (
    "MLflow's pages are turned off",
    "Whoever runs this server has set, in its settings:",
    "mlflow_ui = false",
)


def find_built_pages() -> Path | None:
    """Return the folder of the built pages, or ``None`` without a package that has them."""
    spec = find_spec(_PACKAGE)
    for place in (spec.submodule_search_locations if spec else None) or ():
        folder = Path(place) / _BUILT
        if (folder / _INDEX).is_file():
            return folder
    return None


class MlflowPages:
    """Answers MLflow's page and the files next to it.

    The names of all files are read when the server starts, so what a caller asks for is looked up among
    known names.

    Args:
        folder: The build of MLflow's pages; ``None`` if there is none.
        is_on: Whether they are to be shown.
    """

    def __init__(self, folder: Path | None, *, is_on: bool = True) -> None:
        self._is_on = is_on
        self._folder = folder if is_on else None
        self._files = dict(_named_files(self._folder)) if self._folder else {}

    @property
    def are_there(self) -> bool:
        """Whether there are pages to show."""
        return self._folder is not None

    def page(self, path: str) -> Response | None:
        """Answer the page itself, or why there is none.

        Args:
            path: ``"/"`` or ``"/index.html"``, below the address of the pages.

        Returns:
            The response, or ``None`` if that is not where the page lies.
        """
        if path not in ("/", f"/{_INDEX}"):
            return None
        if self._folder is None:
            return message_page(404, *(_ABSENT if self._is_on else _TURNED_OFF))
        return _file_response(self._folder / _INDEX, HTML, "no-cache")

    def file(self, path: str) -> Response | None:
        """Answer a file that the page loads, or ``None`` if there is none of that name.

        Args:
            path: ``"/static-files/<name>"``.
        """
        name = path.removeprefix("/").removeprefix(_FILES)
        if f"/{_FILES}{name}" != path or name not in self._files:
            return None
        file = self._files[name]
        cache = HASHED_FILE_CACHE if name.startswith("static/") else "no-cache"
        return _drawn_without_compiling(file, cache) or _file_response(file, MEDIA_TYPES[file.suffix], cache)


def _named_files(folder: Path) -> list[tuple[str, Path]]:
    """The files by their names below ``static-files/``; other pages that lie there are for notebooks."""
    files = sorted(path for path in folder.rglob("*") if path.suffix in MEDIA_TYPES and path.is_file())
    return [(file.relative_to(folder).as_posix(), file) for file in files]


def _drawn_without_compiling(file: Path, cache_control: str) -> Response | None:
    """Answer a script whose points are drawn otherwise here; ``None`` if it is good as it is."""
    if file.suffix != ".js" or file.stat().st_size > _LOOKED_INTO_BYTES:
        return None
    content = file.read_bytes()
    if _COMPILED_POINTS not in content:
        return None
    headers = page_headers(CONTENT_SECURITY_POLICY, MEDIA_TYPES[file.suffix], cache_control)
    return Response(content.replace(_COMPILED_POINTS, _DRAWN_POINTS), headers=headers)


def _file_response(file: Path, media_type: str, cache_control: str) -> Response:
    return FileResponse(file, headers=page_headers(CONTENT_SECURITY_POLICY, media_type, cache_control))
