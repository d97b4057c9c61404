"""The one resolver: what callers write as a path or as a location becomes a value that can't leave its root.

Nothing else in the server turns a caller's text into a place in a store. A path is refused unless it
means the same to every store, operating system and client that may ever see it.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from runyard.errors import InvalidParameter

MAX_PATH_BYTES = 1024
MAX_SEGMENT_BYTES = 255  # what file systems take
MAX_LOCATION_CHARACTERS = 2048

# What the server keeps itself; clients reach it through the server, at the address that they know already.
PROXY_SCHEME = "mlflow-artifacts"

# Schemes that can't be a place to keep artifacts. MLflow's client would send its credential to the host of
# an http(s) location, so naming another host there would collect the tokens of everyone who logs to it.
_WEB_SCHEMES = frozenset({"http", "https"})
_REFUSED_SCHEMES = _WEB_SCHEMES | frozenset({"file", "runs", "models", "javascript", "vbscript", "data"})

# A text is decoded once, before it comes here. An escape of a dot, a separator or a control character that
# is still there, however often it was wrapped, waits for somebody who decodes again. A percent sign before
# a number is a plain character: MLflow 2 names images 'key%step%2500%timestamp%1795418419123%...'.
_SMUGGLED = re.compile(r"%(?:25)*(?:2[ef]|5c|7f|0[a-f]|c[01])|%0[0-9]", re.IGNORECASE)
# Segments that lead nowhere.
_NOTHING = frozenset({"", "."})
_ANY_ESCAPE = re.compile(r"%[0-9a-f]{2}", re.IGNORECASE)
_DRIVE = re.compile(r"[A-Za-z]:")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_PASSWORD = re.compile(r"//[^/@]*:[^/@]*@")
_UNDECODABLE = "\ufffd"  # what decoders put where the bytes were not UTF-8


@dataclass(frozen=True, slots=True)
class ArtifactPath:
    """A place below the root of an artifact store; without segments it is the root itself.

    Its segments are checked whoever makes it, so a path that escapes can't exist.

    Args:
        segments: The names from the root down, in Unicode's composed form (NFC).

    Raises:
        InvalidParameter: A segment is not a plain name.
    """

    segments: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for segment in self.segments:
            _check_segment(segment)

    def __truediv__(self, below: ArtifactPath) -> ArtifactPath:
        """Return the place that ``below`` names from here."""
        return ArtifactPath(self.segments + below.segments)

    def __str__(self) -> str:
        return "/".join(self.segments)

    @property
    def name(self) -> str:
        """The last segment; empty for the root."""
        return self.segments[-1] if self.segments else ""

    @property
    def parent(self) -> ArtifactPath:
        """The directory that holds this; the root's parent is the root."""
        return ArtifactPath(self.segments[:-1])


ROOT = ArtifactPath()


def datastores_of(workspace: str) -> ArtifactPath:
    """Return where the files of a workspace's datastores lie in the server's own artifact store.

    No workspace has a name like the first segment, so no path of an artifact leads there.
    """
    return ArtifactPath((".datastores", workspace))


def resolve_artifact_path(text: str, *, is_directory: bool = False) -> ArtifactPath:
    """Return the place that a caller's relative path means.

    Spellings of the same place resolve alike: composed and decomposed letters (NFC, NFD), doubled slashes and
    ``.``, which MLflow's clients send for the root and for what somebody wrote as ``./x``.

    Args:
        text: A path as the caller wrote it, percent-decoded once.
        is_directory: Whether it names a directory, which may end in a slash, or be empty for the root.

    Raises:
        InvalidParameter: The path is empty, absolute, too long, not text, or has a segment that is not a
            plain name: ``..``, a drive, a trailing dot, a backslash, an escape that was encoded twice.
    """
    normal = _normalized(text)
    if normal.startswith("/"):
        raise _invalid_path("it must be relative")
    if not is_directory and names_directory(normal):
        raise _invalid_path("it has no file name at its end")
    return ArtifactPath(tuple(segment for segment in normal.split("/") if segment not in _NOTHING))


def names_directory(text: str) -> bool:
    """Whether a path can't be a file's: it is empty, or its last segment is."""
    return text.rpartition("/")[2] in _NOTHING


def is_plain_name(name: str) -> bool:
    """Whether ``name`` can be a segment of a path, so that a caller can ask for it."""
    try:
        return _normalized(name) == name and ArtifactPath((name,)).name == name
    except InvalidParameter:
        return False


def resolve_artifact_location(text: str) -> str:
    """Return where an experiment keeps its artifacts, from what the caller asked for.

    A relative name lies below the workspace's artifact root and becomes ``mlflow-artifacts:/<name>``. The
    location of a remote store (``s3://bucket/x``, ``dbfs:/x``, ...) is kept as it is: a word for clients,
    which the server never opens.

    Raises:
        InvalidParameter: The location is on the server's disk, on another web host, climbs with ``..``, or
            carries a query, a fragment, escapes or a password.
    """
    try:
        return _resolved_location(text)
    except InvalidParameter as error:
        shown = text if len(text) <= 200 else text[:200] + "..."
        raise InvalidParameter(
            f"Invalid value {shown!r} for parameter 'artifact_location' supplied: {error.message}"
        ) from None


def proxied_path(artifact_uri: str) -> ArtifactPath | None:
    """Return where in its workspace an ``mlflow-artifacts:`` URI points, or ``None`` for a remote store's.

    Raises:
        InvalidParameter: The URI names a host, or a path that can't be.
    """
    scheme, _, rest = artifact_uri.partition(":")
    if scheme.lower() != PROXY_SCHEME:
        return None
    if not rest.startswith("/") or rest.startswith("//"):
        raise InvalidParameter(f"An {PROXY_SCHEME} URI is {PROXY_SCHEME}:/<path>, without a host.")
    return resolve_artifact_path(rest[1:], is_directory=True)


def check_remote_location(text: str) -> None:
    """Refuse an address that could not be a place in a remote store, which only clients ever open.

    Raises:
        InvalidParameter: It is on a disk, on a web host, climbs with ``..``, or carries a password.
    """
    scheme = _SCHEME.match(text)
    if scheme is None:
        raise InvalidParameter("it is no address.")
    _checked_remote(text, scheme.group(1).lower())


def _resolved_location(text: str) -> str:
    if len(text) > MAX_LOCATION_CHARACTERS:
        raise InvalidParameter(f"it is longer than {MAX_LOCATION_CHARACTERS} characters.")
    if {"#", ";"} & set(text):
        raise InvalidParameter("'artifact_location' URL can't include fragments or params.")
    if "?" in text:
        raise InvalidParameter("Invalid query string: an 'artifact_location' has none.")
    if _ANY_ESCAPE.search(text):
        raise InvalidParameter("it can't include percent escapes.")
    if text.startswith("/"):
        raise InvalidParameter(
            "artifacts can't be kept on the server's disk; give a name, or the URI of an object store."
        )
    scheme = _SCHEME.match(text)
    if scheme is None or len(scheme.group(1)) == 1:
        return f"{PROXY_SCHEME}:/{resolve_artifact_path(text)}"
    if scheme.group(1).lower() == PROXY_SCHEME:
        path = proxied_path(text)
        if path is None or path == ROOT:
            raise InvalidParameter(f"it must name a folder, as in {PROXY_SCHEME}:/<name>.")
        return f"{PROXY_SCHEME}:/{path}"
    name = scheme.group(1).lower()
    if name in _WEB_SCHEMES:
        raise InvalidParameter(
            f"'artifact_location' cannot use the '{name}' scheme: clients would send a credential to the "
            "host that it names. Give a name, or the URI of an object store."
        )
    return _checked_remote(text, name)


def _checked_remote(text: str, scheme: str) -> str:
    if scheme in _REFUSED_SCHEMES:
        raise InvalidParameter(
            f"artifacts can't be kept at '{scheme}:' addresses; give a name, or the URI of an object store."
        )
    _, _, rest = text.partition(":")
    if not rest.strip("/"):
        raise InvalidParameter("it names no place.")
    if not rest.startswith("/"):
        raise InvalidParameter("a URI goes on with a slash after its scheme.")
    if _PASSWORD.match(rest):
        raise InvalidParameter("it can't include a password.")
    if "\\" in rest or not rest.isprintable() or {".", ".."} & set(rest.split("/")):
        raise InvalidParameter("it can't include '..', backslashes or control characters.")
    return text


def _normalized(text: str) -> str:
    """Return ``text`` in NFC, refusing what no encoding or only a second decoding could read."""
    try:
        too_long = len(unicodedata.normalize("NFC", text).encode()) > MAX_PATH_BYTES
    except UnicodeEncodeError:
        raise _invalid_path("it is not valid Unicode") from None
    if too_long or len(text) > MAX_PATH_BYTES:
        raise _invalid_path(f"it is longer than {MAX_PATH_BYTES} bytes")
    if _UNDECODABLE in text:
        raise _invalid_path("it is not valid UTF-8")
    if _SMUGGLED.search(text):
        raise _invalid_path("it has an escape that was encoded twice")
    return unicodedata.normalize("NFC", text)


def _check_segment(segment: str) -> None:
    if segment in {"", ".", ".."}:
        raise InvalidParameter("Invalid path")  # MLflow's words, which its clients' tests look for
    if "/" in segment or "\\" in segment:
        raise _invalid_path("only '/' separates segments")
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in segment):
        raise _invalid_path("it has a control character")
    if segment[-1] in ". ":
        raise _invalid_path("a segment ends in a dot or a space")
    if _DRIVE.match(segment):
        raise _invalid_path("it names a drive")
    if segment[-1] == ":" or segment.lower().startswith("file:"):
        raise _invalid_path("it is an address, not a path")
    if not unicodedata.is_normalized("NFC", segment):
        raise _invalid_path("it is not in Unicode's composed form")
    if len(segment.encode()) > MAX_SEGMENT_BYTES:
        raise _invalid_path(f"a segment is longer than {MAX_SEGMENT_BYTES} bytes")


def _invalid_path(why: str) -> InvalidParameter:
    return InvalidParameter(f"Invalid path: {why}.")
