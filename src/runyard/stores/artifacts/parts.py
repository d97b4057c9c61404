"""Files that clients send to an object store itself, in parts: how that begins and ends on S3 and Azure.

obstore signs a method and a path. What a part needs besides is put into the query: Azure does not sign that,
and S3's signature is made anew, for the key, the endpoint and the moment that obstore has signed with.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import logging
import re
import secrets
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl, quote, urlsplit, urlunsplit

from runyard.errors import InvalidParameter, NotFound, Unavailable

TIMEOUT_S: Final = 60.0
MAX_PARTS: Final = 10_000
MAX_ANSWER_BYTES: Final = 16 * 1024 * 1024

_log = logging.getLogger("runyard.stores")

_CODE = re.compile(rb"<Code>([^<]*)</Code>")
_UPLOAD_ID = re.compile(rb"<UploadId>([^<]+)</UploadId>")
_S3_PART = re.compile(rb"<PartNumber>(\d+)</PartNumber>.*?<Size>(\d+)</Size>", re.DOTALL)
_S3_NEXT = re.compile(rb"<IsTruncated>true</IsTruncated>")
_AZURE_BLOCK = re.compile(rb"<Name>([^<]*)</Name>\s*<Size>(\d+)</Size>")
_OURS = re.compile(r"[0-9a-f]{16}")
_NO_UPLOAD = "There is no such upload: it has ended, or was never begun."


@dataclass(frozen=True, slots=True)
class Answered:
    """What a service answered."""

    status: int
    body: bytes

    @property
    def code(self) -> str:
        """The service's own word for what is wrong, which S3 may send with a status of 200; else empty."""
        found = _CODE.search(self.body)
        return found[1].decode("ascii", "replace") if found else ""


def signed_anew(url: str, method: str, more: Mapping[str, str], secret: str) -> str:
    """Return an address that S3 has signed (version 4, in the query) with more in its query.

    Args:
        url: The address of the object; who may use it and until when stays as it is.
        method: What it is to be good for.
        more: The names and values that are added.
        secret: The secret of the key that it was signed with.
    """
    parts = urlsplit(url)
    asked = {**dict(parse_qsl(parts.query, keep_blank_values=True)), **more}
    asked.pop("X-Amz-Signature", None)
    query = "&".join(f"{_escaped(name)}={_escaped(asked[name])}" for name in sorted(asked))
    request = "\n".join((method, parts.path, query, f"host:{parts.netloc}\n", "host", "UNSIGNED-PAYLOAD"))
    scope = asked["X-Amz-Credential"].partition("/")[2]
    digest = hashlib.sha256(request.encode()).hexdigest()
    text = "\n".join(("AWS4-HMAC-SHA256", asked["X-Amz-Date"], scope, digest))
    key = f"AWS4{secret}".encode()
    for word in scope.split("/"):
        key = hmac.digest(key, word.encode(), "sha256")
    signature = hmac.new(key, text.encode(), "sha256").hexdigest()
    return urlunsplit(parts._replace(query=f"{query}&X-Amz-Signature={signature}"))


def _escaped(text: str) -> str:
    return quote(text, safe="-_.~")


class S3Parts:
    """The parts of one object on S3.

    Args:
        url: Its address, signed for any method.
        secret: The secret of the key that signed it.
    """

    def __init__(self, url: str, secret: str) -> None:
        self._url = url
        self._secret = secret

    @property
    def can_sign(self) -> bool:
        """Whether the secret is that of the key: roles have keys of their own, which obstore alone knows."""
        return bool(self._secret) and signed_anew(self._url, "PUT", {}, self._secret) == self._url

    def begin(self) -> str:
        """Begin an upload and return its id."""
        found = _UPLOAD_ID.search(self._ask("POST", {"uploads": ""}).body)
        if found is None:
            raise Unavailable("The object store began no upload.")
        return found[1].decode()

    def address(self, upload_id: str, number: int) -> str:
        """Return where one part is to be put."""
        return self._signed("PUT", {"partNumber": str(number), "uploadId": upload_id})

    def sizes(self, upload_id: str) -> dict[int, int]:
        """Return the lengths of the parts that have come, by number."""
        found: dict[int, int] = {}
        while True:
            after = {"part-number-marker": str(max(found))} if found else {}
            answer = self._ask("GET", {"uploadId": upload_id, **after})
            page = {int(number): int(size) for number, size in _S3_PART.findall(answer.body)}
            found |= page
            if not page or not _S3_NEXT.search(answer.body):
                return found

    def finish(self, upload_id: str, etags: Mapping[int, str]) -> None:
        """Make the object of its parts."""
        listed = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{_in_xml(etags[number])}</ETag></Part>"
            for number in sorted(etags)
        )
        body = f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>"
        self._ask("POST", {"uploadId": upload_id}, body.encode())

    def drop(self, upload_id: str) -> None:
        """Give up an upload; its parts go."""
        self._ask("DELETE", {"uploadId": upload_id})

    def _ask(self, method: str, more: Mapping[str, str], body: bytes = b"") -> Answered:
        return _told(_sent(method, self._signed(method, more), body))

    def _signed(self, method: str, more: Mapping[str, str]) -> str:
        return signed_anew(self._url, method, more, self._secret)


class AzureParts:
    """The blocks of one blob, which Azure forgets after a week unless they are made a blob.

    Args:
        write_url: Its address, signed for writing.
        read_url: The same for reading.
    """

    def __init__(self, write_url: str, read_url: str) -> None:
        self._write_url = write_url
        self._read_url = read_url

    @property
    def can_sign(self) -> bool:
        """Whether its name lets it: obstore signs the escaped name, Azure checks the plain one."""
        return "%" not in urlsplit(self._write_url).path

    def begin(self) -> str:
        """Return an id, which will be in the names of the blocks; Azure needs nothing else to begin."""
        return secrets.token_hex(8)

    def address(self, upload_id: str, number: int) -> str:
        """Return where one part is to be put."""
        return f"{self._write_url}&comp=block&blockid={quote(_block(upload_id, number), safe='')}"

    def sizes(self, upload_id: str) -> dict[int, int]:
        """Return the lengths of the parts that have come, by number."""
        answer = _told(_sent("GET", f"{self._read_url}&comp=blocklist&blocklisttype=uncommitted"))
        named = {name.decode(): int(size) for name, size in _AZURE_BLOCK.findall(answer.body)}
        numbers = {_block(upload_id, number): number for number in range(1, MAX_PARTS + 1)}
        return {numbers[name]: size for name, size in named.items() if name in numbers}

    def finish(self, upload_id: str, etags: Mapping[int, str]) -> None:
        """Make the blob of its blocks; Azure has no use for their etags."""
        listed = "".join(
            f"<Uncommitted>{_block(upload_id, number)}</Uncommitted>" for number in sorted(etags)
        )
        body = f'<?xml version="1.0" encoding="utf-8"?><BlockList>{listed}</BlockList>'
        _told(_sent("PUT", f"{self._write_url}&comp=blocklist", body.encode()))

    def drop(self, upload_id: str) -> None:
        """Nothing can be done but to wait; say so of an id that can be none."""
        if not _OURS.fullmatch(upload_id):
            raise NotFound(_NO_UPLOAD)


def _block(upload_id: str, number: int) -> str:
    return base64.b64encode(f"{upload_id}-{number:05}".encode()).decode()


def _in_xml(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def checked_numbers(numbers: Sequence[int]) -> None:
    """Refuse parts that are not the first, the second and so on of a file.

    Raises:
        InvalidParameter: They are not, or are too many.
    """
    if not 1 <= len(numbers) <= MAX_PARTS or sorted(numbers) != list(range(1, len(numbers) + 1)):
        raise InvalidParameter(
            f"'parts' must be numbered from 1 on, without gaps, up to {MAX_PARTS} of them."
        )


def _told(answer: Answered) -> Answered:
    """Return what a service answered, unless it is an error.

    Raises:
        InvalidParameter: The parts are not what they must be.
        NotFound: There is no such upload.
        Unavailable: Anything else.
    """
    code = answer.code
    if answer.status < HTTPStatus.BAD_REQUEST and not code:
        return answer
    if answer.status == HTTPStatus.NOT_FOUND or code == "NoSuchUpload":
        raise NotFound(_NO_UPLOAD)
    if answer.status == HTTPStatus.BAD_REQUEST:
        raise InvalidParameter(
            f"The object store does not take these parts: {code or 'it does not say why'}."
        )
    _log.warning("object store: %s %s to an upload in parts", answer.status, ascii(code))
    raise Unavailable("The object store did not do what it was asked for.")


def _sent(method: str, url: str, body: bytes = b"") -> Answered:
    """Ask a service at an address that is signed already, which goes into no log."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    try:
        with closing(kind(parts.netloc, timeout=TIMEOUT_S)) as connection:
            connection.request(
                method, f"{parts.path}?{parts.query}", body, {"Content-Type": "application/xml"}
            )
            answer = connection.getresponse()
            return Answered(answer.status, answer.read(MAX_ANSWER_BYTES))
    except (OSError, http.client.HTTPException) as error:
        _log.warning("object store: %s", type(error).__name__)
        raise Unavailable("The object store can't be reached.") from error
