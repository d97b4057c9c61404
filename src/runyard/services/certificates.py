"""A development authority and a certificate of it, kept in the home, for servers that nobody gave one.

``tls/ca.pem`` is what clients are told to trust. Its key, and the server's, lie beside it, readable by the
owner alone. The authority signs nothing but the certificate of this server.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import ipaddress
import os
import secrets
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from runyard.errors import InvalidState
from runyard.settings import Settings

FOLDER: Final = "tls"
AUTHORITY: Final = "ca.pem"
AUTHORITY_DAYS: Final = 3650
SERVER_DAYS: Final = 90
RENEWED_BEFORE_DAYS: Final = 30

_AUTHORITY_KEY: Final = "ca-key.pem"
_SERVER: Final = "server.pem"
_SERVER_KEY: Final = "server-key.pem"
_ANY: Final = ("", "0.0.0.0", "::")
_PublicName = x509.GeneralName


@dataclass(frozen=True, slots=True)
class Certificates:
    """Where the files are, and how people can tell the authority from another one.

    Args:
        authority: The certificate of the authority, for clients.
        fingerprint: The SHA-256 of it, in hexadecimal, as browsers and ``openssl`` show it.
        chain: The certificate of the server and the authority's.
        key: The private key of the server.
    """

    authority: Path
    fingerprint: str
    chain: Path
    key: Path


class Authority:
    """The development authority of a home.

    Args:
        settings: Where the home is, and which names the server answers to.
    """

    def __init__(self, settings: Settings) -> None:
        self._folder = settings.home / FOLDER
        self._names = _names_of(settings)

    def certificates(self, now: dt.datetime | None = None) -> Certificates:
        """Return the certificates, made or renewed where that is due.

        It is for the server's when it ends within a month or is not of all the names that the server has; for
        the authority's in its last year. Clients must then be told of the new one.

        Raises:
            InvalidState: The files can't be read, or are none that this made.
        """
        now = now or dt.datetime.now(dt.timezone.utc)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._alone():
            try:
                authority, authority_key = self._authority(now)
                if not self._is_good(authority, now):
                    self._make_server(authority, authority_key, now)
            except (ValueError, TypeError) as error:
                raise InvalidState(
                    f"The files in {self._folder} are not those that Runyard made: {error}. Move that folder "
                    "away; new ones are made at the next start."
                ) from error
        return Certificates(
            authority=self._folder / AUTHORITY,
            fingerprint=_shown(authority.fingerprint(hashes.SHA256())),
            chain=self._folder / _SERVER,
            key=self._folder / _SERVER_KEY,
        )

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Several servers on one database may share a home and begin at the same moment."""
        with (self._folder / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _authority(self, now: dt.datetime) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        path, key_path = self._folder / AUTHORITY, self._folder / _AUTHORITY_KEY
        if path.exists() and key_path.exists():
            kept = x509.load_pem_x509_certificate(path.read_bytes())
            if kept.not_valid_after_utc - now > dt.timedelta(days=365):
                return kept, _read_key(key_path)
        key = ec.generate_private_key(ec.SECP256R1())
        made = _authority_certificate(key, now)
        _write(key_path, _key_pem(key), 0o600)
        _write(path, made.public_bytes(Encoding.PEM), 0o644)
        return made, key

    def _is_good(self, authority: x509.Certificate, now: dt.datetime) -> bool:
        """Whether the server's certificate is of this authority, of all the names, and not near its end."""
        path, key_path = self._folder / _SERVER, self._folder / _SERVER_KEY
        if not path.exists() or not key_path.exists():
            return False
        kept = x509.load_pem_x509_certificates(path.read_bytes())
        if kept[-1] != authority or kept[0].not_valid_after_utc - now < dt.timedelta(
            days=RENEWED_BEFORE_DAYS
        ):
            return False
        named = kept[0].extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return set(self._names) <= set(named) and _read_key(key_path).public_key() == kept[0].public_key()

    def _make_server(
        self, authority: x509.Certificate, authority_key: ec.EllipticCurvePrivateKey, now: dt.datetime
    ) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        made = (
            _begun("Runyard server", authority.subject, key, now, SERVER_DAYS)
            .add_extension(x509.SubjectAlternativeName(self._names), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(is_authority=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False
            )
            .sign(authority_key, hashes.SHA256())
        )
        _write(self._folder / _SERVER_KEY, _key_pem(key), 0o600)
        _write(
            self._folder / _SERVER,
            made.public_bytes(Encoding.PEM) + authority.public_bytes(Encoding.PEM),
            0o644,
        )


def _authority_certificate(key: ec.EllipticCurvePrivateKey, now: dt.datetime) -> x509.Certificate:
    name = f"Runyard development authority {secrets.token_hex(4)}"
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    return (
        _begun(name, subject, key, now, AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(is_authority=True), critical=True)
        .sign(key, hashes.SHA256())
    )


def _begun(
    name: str, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: dt.datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # A client's clock may be behind.
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _key_usage(*, is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        encipher_only=False,
        decipher_only=False,
    )


def _names_of(settings: Settings) -> Sequence[_PublicName]:
    """All that clients may call the server: this machine, where it listens, and what the settings add."""
    machine = socket.gethostname().lower()
    given = [settings.host.strip("[]"), machine, machine.partition(".")[0], *settings.allowed_hosts]
    names = ["localhost", "127.0.0.1", "::1", *(name.lower() for name in given)]
    return [_general_name(name) for name in dict.fromkeys(names) if name not in _ANY and name != "*"]


def _general_name(name: str) -> _PublicName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name.strip("[]")))
    except ValueError:
        return x509.DNSName(name)


def _read_key(path: Path) -> ec.EllipticCurvePrivateKey:
    key = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{path.name} is no key of an elliptic curve")
    return key


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write(path: Path, content: bytes, mode: int) -> None:
    new = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def _shown(fingerprint: bytes) -> str:
    return ":".join(f"{byte:02X}" for byte in fingerprint)
