"""Generated spellings of a way out of the artifact root, as attackers of other servers have used them.

Each is what a route sees after it has decoded the address once. A file ``canary`` lies beside the root.
"""

from itertools import product
from urllib.parse import quote

_UP = ("..", "%2e%2e", ".%2e", "%2E.", "%252e%252e", "..;", "...", "..%00", "\u2024\u2024", "%c0%ae%c0%ae")
_SLASH = ("/", "\\", "%2f", "%5c", "%252f", "//", "/./", "\\/")
_TARGETS = ("canary", "etc/passwd")
_PREFIXES = ("", "x", "a;", "a#", "a?")

_ABSOLUTE = (
    "/canary",
    "//canary",
    "///canary",
    "/etc/passwd",
    "//etc/passwd",
    "\\canary",
    "\\\\host\\share\\canary",
    "//host/share/canary",
    "C:/canary",
    "C:\\canary",
    "C:canary",
    "c:/windows/win.ini",
    "x/C:/canary",
    "file:///etc/passwd",
    "file:/etc/passwd",
    "file:etc/passwd",
    "FILE:///etc/passwd",
    "file://localhost/etc/passwd",
    "http://127.0.0.1/canary",
    "s3://bucket/canary",
    "mlflow-artifacts:/canary",
    "data:/canary",
    "%2fcanary",
    "%2Fetc%2Fpasswd",
    "%5ccanary",
)

_MALFORMED = (
    "..",
    "../",
    "x/..",
    "/",
    "//",
    "canary\x00",
    "canary\x00.txt",
    "\x00",
    "x/\x00/y",
    "x\ny",
    "x\ry",
    "x\ty",
    "x\x1by",
    "x\x7fy",
    "x\x85y",
    "%00",
    "x%00y",
    "x%0ay",
    "x%0d%0aSet-Cookie: a=b",
    "x%7f",
    "canary.",
    "canary ",
    "canary. ",
    "canary /x",
    "canary./x",
    "x/canary.",
    "x%25252f",
    "x%252f",
    "\ufffd",
    "\ufffd\ufffd/canary",  # what is left of overlong UTF-8
    "\ud800",
    "x\udcff",
    "%c0%af",
    "%c1%9c",
    "n" * 256,
    "x/" + "é" * 128,
    "x/" * 512 + "y",
    "é" * 600,
    "y" * 100_000,
)


def _climbing() -> list[str]:
    paths = [
        f"{prefix}{slash if prefix else ''}{up}{slash}{target}"
        for up, slash, target, prefix in product(_UP, _SLASH, _TARGETS, _PREFIXES)
    ]
    twice = [f"x{slash}y{slash}" + f"{up}{slash}" * 6 + "canary" for up, slash in product(_UP, _SLASH)]
    return paths + twice


def is_harmless(path: str) -> bool:
    """Tell whether the odd dots of ``path`` are plain names: ``..;`` is one where no server strips ``;``."""
    names = [name for name in path.split("/") if name not in ("", ".")]
    is_plain = not any(name.endswith((".", " ")) for name in names)
    return is_plain and not path.startswith("/") and not any(sign in path for sign in ("\\", "%", "\x00"))


HOSTILE_PATHS: tuple[str, ...] = tuple(
    dict.fromkeys([*_ABSOLUTE, *_MALFORMED, *(path for path in _climbing() if not is_harmless(path))])
)


def as_query(path: str) -> str:
    """Return ``path`` for a query string, so that the server decodes it once to what it was."""
    return quote(path.encode("utf-8", "surrogatepass"), safe="")
