"""Typed calls below one address: a message goes out, a message comes back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import msgspec

from runyard.decoding import learnt
from runyard.errors import InternalError, InvalidParameter
from runyard.protocol.columns import CONTENT_TYPE, ColumnReader
from runyard.protocol.messages.common import Empty
from runyard.protocol.wire import wire_float
from runyard.sdk.addresses import server_url
from runyard.sdk.arguments import shown
from runyard.sdk.credentials import FixedToken, find_credential, known_secret
from runyard.sdk.transport import Answer, HttpTransport, Request, Transport

MLFLOW = "/api/2.0/mlflow"
BINARY = "application/octet-stream"

Message = TypeVar("Message", bound=msgspec.Struct)


class Connection:
    """Calls to one server, all below one prefix.

    Args:
        transport: Carries the requests.
        prefix: Put in front of each path: empty, or ``/workspaces/{name}``.
    """

    def __init__(self, transport: Transport, prefix: str = "") -> None:
        self._transport = transport
        self._prefix = prefix

    def get(self, path: str, answer: type[Message], query: msgspec.Struct | None = None) -> Message:
        """Send ``query`` in the query string and return the answer.

        Raises:
            RunyardError: What the server raised.
        """
        received = self._transport.send(
            Request("GET", self._prefix + path, query=_pairs(query), is_repeatable=True)
        )
        return _decoded(received.read(), answer)

    def post(
        self, path: str, body: msgspec.Struct, answer: type[Message], *, is_repeatable: bool = False
    ) -> Message:
        """Send ``body`` as JSON and return the answer.

        Args:
            path: Below the prefix.
            body: The message to send.
            answer: What to read the answer as.
            is_repeatable: Whether the call may be sent again when its outcome is not known.

        Raises:
            RunyardError: What the server raised.
        """
        received = self._transport.send(
            Request("POST", self._prefix + path, body=_encoded(body), is_repeatable=is_repeatable)
        )
        return _decoded(received.read(), answer)

    def change(self, method: str, path: str, body: msgspec.Struct, answer: type[Message]) -> Message:
        """Send ``body`` as JSON by PUT or PATCH, which may be repeated, and return the answer.

        Raises:
            RunyardError: What the server raised.
        """
        request = Request(method, self._prefix + path, body=_encoded(body), is_repeatable=True)
        return _decoded(self._transport.send(request).read(), answer)

    def read_columns(
        self, path: str, body: msgspec.Struct, header: type[Message]
    ) -> tuple[Message, ColumnReader]:
        """Send ``body`` as JSON to a call that may be repeated; return the header and the columns behind it.

        Raises:
            RunyardError: What the server raised.
        """
        received = self._transport.send(
            Request("POST", self._prefix + path, body=_encoded(body), is_repeatable=True, accept=CONTENT_TYPE)
        )
        try:
            columns = ColumnReader(received.read())
        except ValueError as error:
            raise _of_another_version(error) from None
        return _decoded(columns.header, header), columns

    def tell(self, path: str, body: msgspec.Struct, method: str = "POST") -> None:
        """Send ``body`` to a call that may be repeated and whose answer nobody needs.

        Raises:
            RunyardError: What the server raised.
        """
        request = Request(method, self._prefix + path, body=_encoded(body), is_repeatable=True)
        _decoded(self._transport.send(request).read(), Empty)

    def tell_encoded(self, path: str, body: bytes) -> None:
        """Send JSON that is ready to a call that may be repeated and whose answer nobody needs.

        Raises:
            RunyardError: What the server raised.
        """
        request = Request("POST", self._prefix + path, body=body, is_repeatable=True)
        _decoded(self._transport.send(request).read(), Empty)

    def delete(self, path: str, query: msgspec.Struct, answer: type[Message]) -> Message:
        """Send ``query`` to a deletion that may be repeated and return the answer.

        Raises:
            RunyardError: What the server raised.
        """
        request = Request("DELETE", self._prefix + path, query=_pairs(query), is_repeatable=True)
        return _decoded(self._transport.send(request).read(), answer)

    def put(self, path: str, content: bytes, content_type: str) -> None:
        """Store ``content`` at ``path``.

        Raises:
            RunyardError: What the server raised.
        """
        request = Request(
            "PUT", self._prefix + path, body=content, content_type=content_type, is_repeatable=True
        )
        self._transport.send(request).read()

    def put_message(self, path: str, body: msgspec.Struct, answer: type[Message]) -> Message:
        """Put ``body`` as JSON in place of what was there and return the answer.

        Raises:
            RunyardError: What the server raised.
        """
        request = Request("PUT", self._prefix + path, body=_encoded(body), is_repeatable=True)
        return _decoded(self._transport.send(request).read(), answer)

    def put_file(self, path: str, local: Path) -> None:
        """Store the content of a file of this machine at ``path``, however large it is.

        Raises:
            OSError: The file can't be read.
            RunyardError: What the server raised.
        """
        with local.open("rb") as content:
            self.put_open_file(path, content, local.stat().st_size)

    def put_open_file(self, path: str, content: BinaryIO, size_bytes: int) -> None:
        """Store the content of an open file, which can be read again from its beginning, at ``path``.

        Raises:
            OSError: The file can't be read.
            RunyardError: What the server raised.
        """
        if not size_bytes:
            # A stream of unknown length is what an empty file would become.
            self.put(path, b"", BINARY)
            return
        request = Request("PUT", self._prefix + path, body=content, content_type=BINARY, is_repeatable=True)
        self._transport.send(request).read()

    def send(self, request: Request) -> bytes:
        """Send a request whose path is below the prefix, and return the body of the answer.

        Raises:
            RunyardError: What the server raised.
        """
        return self._transport.send(replace(request, path=self._prefix + request.path)).read()

    def open(self, path: str, query: tuple[tuple[str, str], ...]) -> Answer:
        """Return an answer whose body is still to be read; the caller closes it.

        Raises:
            RunyardError: What the server raised.
        """
        return self._transport.send(Request("GET", self._prefix + path, query=query, is_repeatable=True))

    def below(self, prefix: str) -> Connection:
        """Return a connection over the same transport with a longer prefix."""
        return Connection(self._transport, self._prefix + prefix)


def connection_of(workspace: object) -> Connection:
    """Return the connection of what was given as a workspace.

    Raises:
        InvalidParameter: It is none, as a name is.
    """
    connection = getattr(workspace, "connection", None)
    if not isinstance(connection, Connection):
        raise InvalidParameter(
            f"workspace must be a Workspace, as Workspace.from_config() returns, not {shown(workspace)}."
        )
    return connection


def connect_by_key(url: str) -> Connection:
    """Return a connection that sends the API key itself: what makes another one takes no token.

    Args:
        url: Address of the server.

    Raises:
        InvalidParameter: ``url`` is not a server's address.
    """
    checked = server_url(url)
    secret = known_secret(checked)
    return Connection(HttpTransport(checked, None if secret is None else FixedToken(secret)))


def connect(url: str) -> Connection:
    """Return a connection to the server at ``url`` with the credential that is known for it.

    Args:
        url: Address of the server.

    Raises:
        InvalidParameter: ``url`` is not a server's address.
    """
    checked = server_url(url)
    return Connection(HttpTransport(checked, find_credential(checked)))


def _pairs(query: msgspec.Struct | None) -> tuple[tuple[str, str], ...]:
    """Return the fields that were set as pairs; the items of a list become pairs of the same name."""
    fields = msgspec.to_builtins(query) if query is not None else {}
    return tuple(
        (name, str(item))
        for name, value in fields.items()
        if value is not None
        for item in (value if isinstance(value, list) else [value])
    )


def _encoded(body: msgspec.Struct) -> bytes:
    return msgspec.json.encode(_with_words(msgspec.to_builtins(body)))


def _with_words(content: Any) -> Any:
    """Return plain values with words for NaN and infinities, for which JSON has no number."""
    if isinstance(content, float):
        return wire_float(content)
    if isinstance(content, dict):
        return {name: _with_words(value) for name, value in content.items()}
    if isinstance(content, list):
        return [_with_words(value) for value in content]
    return content


def _decoded(body: bytes, answer: type[Message]) -> Message:
    try:
        return msgspec.json.decode(body or b"{}", type=learnt(answer))
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _of_another_version(error) from None


def _of_another_version(error: Exception) -> InternalError:
    return InternalError(f"What answered is no Runyard server, or one of another version: {error}")
