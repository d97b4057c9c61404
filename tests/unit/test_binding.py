"""S14: a server reaches other machines only once somebody can sign in and nobody can listen in."""

from __future__ import annotations

from pathlib import Path

import pytest

from runyard.errors import InvalidParameter, InvalidState
from runyard.services.binding import check_bind, is_loopback
from runyard.settings import Mode, Settings

CERT, KEY = Path("cert.pem"), Path("key.pem")
LOOPBACK = ["127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost", "LOCALHOST"]
ELSEWHERE = ["0.0.0.0", "::", "10.0.0.5", "192.168.1.2", "ml.example", "", "127.0.0.1.example", "localhost.x"]


def settings(mode, host, **changes):
    return Settings(mode=mode, home=Path("home"), host=host, **changes)


@pytest.mark.parametrize("host", LOOPBACK)
@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("has_administrator", [True, False])
def test_loopback_needs_nothing(host, mode, has_administrator):
    assert is_loopback(host)
    check_bind(settings(mode, host), has_administrator)


@pytest.mark.parametrize("host", ELSEWHERE)
def test_s14_up_never_leaves_loopback(host):
    given = settings(Mode.UP, host, tls_cert=CERT, tls_key=KEY, insecure_http=True)
    with pytest.raises(InvalidParameter, match="`runyard admin init` once, then `runyard serve`"):
        check_bind(given, has_administrator=True)


@pytest.mark.parametrize("host", ELSEWHERE)
def test_s14_serve_leaves_loopback_only_with_an_administrator(host):
    given = settings(Mode.SERVE, host, tls_cert=CERT, tls_key=KEY)
    with pytest.raises(InvalidState, match="Run `runyard admin init --home home` first"):
        check_bind(given, has_administrator=False)
    check_bind(given, has_administrator=True)


@pytest.mark.parametrize("host", ELSEWHERE)
def test_s14_serve_leaves_loopback_only_with_tls_or_somebodys_word_for_it(host):
    with pytest.raises(InvalidParameter, match="--tls-cert and --tls-key, or --insecure-http"):
        check_bind(settings(Mode.SERVE, host), has_administrator=True)
    check_bind(settings(Mode.SERVE, host, insecure_http=True), has_administrator=True)


@pytest.mark.parametrize("files", [{"tls_cert": CERT}, {"tls_key": KEY}])
@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_half_of_tls_is_refused_wherever_it_listens(files, host):
    with pytest.raises(InvalidParameter, match="--tls-cert and --tls-key together"):
        check_bind(settings(Mode.SERVE, host, insecure_http=True, **files), has_administrator=True)
