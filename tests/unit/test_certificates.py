"""The development authority: made once, renewed in time, and of all the names that the server has."""

from __future__ import annotations

import contextlib
import datetime as dt
import ipaddress
import ssl
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from runyard.errors import InvalidState
from runyard.services.certificates import (
    AUTHORITY_DAYS,
    FOLDER,
    RENEWED_BEFORE_DAYS,
    SERVER_DAYS,
    Authority,
    Certificates,
)
from runyard.settings import Settings, Tls

NOW = dt.datetime(2026, 11, 26, 9, 0, tzinfo=dt.timezone.utc)


def made(home: Path, now: dt.datetime = NOW, **more: object) -> Certificates:
    return Authority(Settings(home=home, tls=Tls.SELF, **more)).certificates(now)  # type: ignore[arg-type]


def server_of(certificates: Certificates) -> x509.Certificate:
    return x509.load_pem_x509_certificates(certificates.chain.read_bytes())[0]


def authority_of(certificates: Certificates) -> x509.Certificate:
    return x509.load_pem_x509_certificate(certificates.authority.read_bytes())


def test_a_client_that_trusts_the_authority_trusts_the_server(tmp_path: Path):
    found = made(tmp_path, dt.datetime.now(dt.timezone.utc))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(found.chain, found.key)
    client = ssl.create_default_context(cafile=str(found.authority))
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    for name in ("localhost", "127.0.0.1", "::1"):
        shake_hands(client, server, name)
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(client, server, "elsewhere.example")
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(ssl.create_default_context(), server, "localhost")


def shake_hands(client: ssl.SSLContext, server: ssl.SSLContext, name: str) -> None:
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    there = client.wrap_bio(to_client, to_server, server_hostname=name)
    here = server.wrap_bio(to_server, to_client, server_side=True)
    is_done = set[str]()
    while len(is_done) < 2:
        for label, end in (("there", there), ("here", here)):
            with contextlib.suppress(ssl.SSLWantReadError):
                end.do_handshake()
                is_done.add(label)


def test_the_authority_is_told_by_its_fingerprint(tmp_path: Path):
    found = made(tmp_path)
    expected = authority_of(found).fingerprint(hashes.SHA256()).hex().upper()
    assert found.fingerprint.replace(":", "") == expected
    assert found.authority == tmp_path / FOLDER / "ca.pem"


def test_what_was_made_is_used_again(tmp_path: Path):
    first, second = made(tmp_path), made(tmp_path, NOW + dt.timedelta(days=1))
    assert first == second
    assert server_of(first) == server_of(second)


def test_no_key_can_be_read_by_others(tmp_path: Path):
    found = made(tmp_path)
    keys = [found.key, *found.key.parent.glob("*-key.pem")]
    assert len(set(keys)) == 2
    assert {stat.S_IMODE(path.stat().st_mode) for path in keys} == {0o600}


def test_the_certificate_is_renewed_before_it_ends_and_the_authority_stays(tmp_path: Path):
    first = made(tmp_path)
    before, authority = server_of(first), authority_of(first)
    due = NOW + dt.timedelta(days=SERVER_DAYS - RENEWED_BEFORE_DAYS, minutes=1)
    assert server_of(made(tmp_path, due - dt.timedelta(minutes=2))) == before
    renewed = server_of(made(tmp_path, due))
    assert renewed.not_valid_after_utc == due + dt.timedelta(days=SERVER_DAYS)
    assert renewed.serial_number != before.serial_number
    assert authority_of(first) == authority


def test_an_authority_in_its_last_year_is_made_anew_with_all_that_it_signed(tmp_path: Path):
    first = made(tmp_path)
    before = first.fingerprint
    late = made(tmp_path, NOW + dt.timedelta(days=AUTHORITY_DAYS - 364))
    assert late.fingerprint != before
    assert server_of(late).issuer == authority_of(late).subject


def test_the_certificate_is_of_all_the_names_that_the_settings_give(tmp_path: Path):
    first = made(tmp_path)
    before = server_of(first)
    named = made(tmp_path, host="192.0.2.7", allowed_hosts=("lab.example", "*"))
    names = server_of(named).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "lab.example" in names.get_values_for_type(x509.DNSName)
    assert ipaddress.ip_address("192.0.2.7") in names.get_values_for_type(x509.IPAddress)
    assert "*" not in names.get_values_for_type(x509.DNSName)
    assert server_of(named) != before


def test_a_server_that_listens_everywhere_is_not_called_so(tmp_path: Path):
    names = server_of(made(tmp_path, host="0.0.0.0")).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert ipaddress.ip_address("0.0.0.0") not in names.value.get_values_for_type(x509.IPAddress)


def test_a_server_s_key_that_is_another_one_s_is_made_anew(tmp_path: Path):
    found, other = made(tmp_path / "a"), made(tmp_path / "b")
    found.key.write_bytes(other.key.read_bytes())
    again = made(tmp_path / "a")
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(again.chain, again.key)


@pytest.mark.parametrize("name", ["ca.pem", "ca-key.pem", "server.pem", "server-key.pem"])
def test_files_that_are_none_of_ours_are_said_and_left(tmp_path: Path, name: str):
    made(tmp_path)
    path = tmp_path / FOLDER / name
    path.write_text("something else")
    with pytest.raises(InvalidState, match="Move that folder away"):
        made(tmp_path)
    assert path.read_text() == "something else"
