"""The one client for requests to others: whom it asks, whom never, and for how long it waits."""

import contextlib
import datetime
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from runyard.compute.ray_dashboard import RayDashboard
from runyard.compute.ssh_address import SshAddress
from runyard.compute.ssh_machine import SshMachine
from runyard.errors import InvalidParameter, Unavailable
from runyard.services.outbound import MAX_URL_LENGTH, OutboundClient
from runyard.settings import Settings
from tests.receiver import Receiver, receiving

S18_URLS = [
    "http://127.0.0.1:{port}/",
    "http://127.1:{port}/",
    "http://2130706433:{port}/",
    "http://0x7f000001:{port}/",
    "http://0177.0.0.1:{port}/",
    "http://localhost:{port}/",
    "http://LOCALHOST.:{port}/",
    "http://0:{port}/",
    "http://0.0.0.0:{port}/",
    "http://[::1]:{port}/",
    "http://[::]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::ffff:7f00:1]:{port}/",
    "http://[64:ff9b::7f00:1]:{port}/",
    "http://[2002:7f00:1::]:{port}/",
    "http://\uff11\uff12\uff17.0.0.1:{port}/",
    "https://127.0.0.1:{port}/",
    "http://168.63.129.16/machine/?comp=goalstate",
    "http://169.254.169.254/latest/meta-data/",
    "http://2852039166/",
    "http://[::ffff:169.254.169.254]/",
    "http://[fd00:ec2::254]/",
    "http://10.0.0.1/",
    "http://user:secret@127.0.0.1:{port}/",
    "http://example.org@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}\\@example.org/",
    "http://[fe80::1%25lo]:{port}/",
    "file:///etc/hostname",
    "file://127.0.0.1/etc/hostname",
    "gopher://127.0.0.1:{port}/_GET",
    "ftp://127.0.0.1:{port}/",
    "//127.0.0.1:{port}/",
    "127.0.0.1:{port}",
    "http:///path",
    "http://",
    "",
]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


def client(*allow: str, **choices) -> OutboundClient:
    return OutboundClient(Settings(outbound_allow=allow), **choices)


def at(*addresses: str):
    """Say that every name is at these addresses, those of the first look-up first."""
    answers = list(addresses)
    return lambda host, port: [answers.pop(0) if len(answers) > 1 else answers[0]]


@pytest.mark.parametrize("url", S18_URLS)
def test_s18_what_is_not_public_is_refused_when_given_and_when_used(url, receiver):
    url = url.format(port=receiver.port)
    with pytest.raises(InvalidParameter, match="'hook': this server sends nothing to it"):
        client().check(url, "hook")
    with pytest.raises(InvalidParameter, match="this server sends nothing to it"):
        client().send("POST", url, body=b"secret")
    assert receiver.connections == []


def test_s18_a_name_that_is_public_when_given_and_loopback_when_used_gets_nothing(receiver):
    flipping = client(resolve=at("93.184.216.34", "127.0.0.1"))
    url = f"http://flips.example:{receiver.port}/"
    flipping.check(url)
    with pytest.raises(InvalidParameter, match=r"'flips\.example' is at 127\.0\.0\.1"):
        flipping.send("POST", url)
    assert receiver.connections == []


def test_s18_a_name_is_looked_up_once_for_a_request_and_that_address_is_connected_to(receiver):
    asked = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["192.0.2.1"]

    answer = client("127.0.0.1", resolve=resolve).send("GET", f"http://flips.example:{receiver.port}/")
    assert (answer.status, asked) == (200, ["flips.example"])
    assert receiver.received[0].headers["host"] == f"flips.example:{receiver.port}"


def test_s18_a_name_with_one_address_that_is_not_public_is_refused_whole(receiver):
    mixed = client(resolve=lambda host, port: ["93.184.216.34", "127.0.0.1"])
    with pytest.raises(InvalidParameter, match="not a public address"):
        mixed.send("GET", f"http://mixed.example:{receiver.port}/")
    assert receiver.connections == []


@contextlib.contextmanager
def hanging_up(address: str, port: int = 0) -> Iterator[tuple[int, list[object]]]:
    """A listener that ends each connection at once: its port, and who came."""
    came: list[object] = []
    with socket.create_server((address, port)) as listener:

        def accept() -> None:
            with contextlib.suppress(OSError):  # the end of the listener
                while True:
                    connection, peer = listener.accept()
                    came.append(peer)
                    connection.close()

        accepting = threading.Thread(target=accept)
        accepting.start()
        yield listener.getsockname()[1], came
        listener.shutdown(socket.SHUT_RDWR)
        accepting.join()


def _ask_ray(port: int, lookup) -> None:
    RayDashboard(f"http://flips.example:{port}", lookup).list_jobs()


def _ask_ssh(port: int, lookup) -> None:
    fingerprint = f"SHA256:{'A' * 43}"
    address = SshAddress(host="flips.example", username="u", port=port, host_key_fingerprint=fingerprint)
    with contextlib.closing(SshMachine(address, {"password": "x"}, lookup)) as machine:
        machine.run(["true"])


@pytest.mark.parametrize("ask", [_ask_ray, _ask_ssh])
def test_s18_a_compute_target_that_flips_is_met_where_it_was_looked_at_or_nowhere(ask):
    """The name means nothing to this machine's resolver: who looked it up again would come nowhere."""
    with hanging_up("127.0.0.1") as (port, at_first), hanging_up("127.0.0.2", port) as (_, then):
        lookup = client("127.0.0.1", resolve=at("127.0.0.1", "127.0.0.2")).lookup
        with pytest.raises(Unavailable):
            ask(port, lookup)
        assert len(at_first) == 1
        with pytest.raises(Unavailable, match="not a public address"):
            ask(port, lookup)
    assert (len(at_first), then) == (1, [])


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_s18_a_redirect_is_not_followed(status, receiver):
    with receiving() as inner:
        receiver.statuses = [status]
        receiver.answer_headers["Location"] = f"http://127.0.0.1:{inner.port}/"
        answer = client("redirects.example", resolve=at("127.0.0.1")).send(
            "POST", f"http://redirects.example:{receiver.port}/"
        )
        assert (answer.status, answer.is_success) == (status, False)
        assert inner.connections == []


def test_a_proxy_that_the_environment_names_is_not_used(receiver, monkeypatch):
    with receiving() as proxy:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert client("127.0.0.1").send("GET", f"http://127.0.0.1:{receiver.port}/").status == 200
        assert proxy.connections == []


def test_a_request_arrives_as_it_was_sent(receiver):
    url = f"http://127.0.0.1:{receiver.port}/a b?q=\u00e4&r=1#part".replace(" ", "%20")
    answer = client("127.0.0.0/8").send("POST", url, {"X-Of-Ours": "yes"}, b'{"a":1}')
    came = receiver.received[0]
    assert (came.method, came.path, came.body) == ("POST", "/a%20b?q=%C3%A4&r=1", b'{"a":1}')
    assert came.headers["x-of-ours"] == "yes"
    assert came.headers["user-agent"].startswith("runyard/")
    assert (answer.status, answer.body, answer.is_whole, answer.is_success) == (200, b"thank you", True, True)


def test_no_more_than_the_limit_is_read_of_an_answer(receiver):
    receiver.answer = b"x" * 5000
    answer = client("127.0.0.1", max_answer_bytes=100).send("GET", f"http://127.0.0.1:{receiver.port}/")
    assert (answer.body, answer.is_whole) == (b"x" * 100, False)


def test_the_next_address_is_asked_where_the_first_does_not_answer(receiver):
    both = client("127.0.0.0/8", resolve=lambda host, port: ["127.0.0.2", "127.0.0.1"])
    assert both.send("GET", f"http://two.example:{receiver.port}/").status == 200


def test_a_host_that_is_not_there_is_told_apart_from_one_that_is_refused():
    def nowhere(host: str, port: int) -> list[str]:
        raise socket.gaierror("unknown")

    with pytest.raises(InvalidParameter, match=r"the host 'no\.example' is not known"):
        client(resolve=nowhere).check("https://no.example/")
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1 refuses the connection"):
        client("127.0.0.1").send("GET", f"http://127.0.0.1:{port}/")


def test_a_url_that_is_too_long_is_refused_with_the_limit():
    with pytest.raises(InvalidParameter, match=f"at most {MAX_URL_LENGTH}"):
        client().check("http://example.org/" + "a" * MAX_URL_LENGTH)


@pytest.mark.parametrize("port", ["0", "65536", "-1", "x"])
def test_a_port_that_is_none_is_refused(port):
    with pytest.raises(InvalidParameter):
        client(resolve=at("93.184.216.34")).check(f"http://example.org:{port}/")


@pytest.mark.parametrize("first", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_who_sends_a_byte_now_and_then_does_not_hold_a_request_for_ever(first):
    """Each byte comes within the socket's own time limit, so that alone would never end it."""
    with _dripping(first) as port, pytest.raises(Unavailable, match="did not answer in time"):
        client("127.0.0.1", within_s=0.5).send("GET", f"http://127.0.0.1:{port}/")


def test_a_request_that_is_under_way_is_cut_by_the_end_and_none_is_sent_after_it(receiver):
    asked = client("127.0.0.1", within_s=60)
    with _dripping(b"HTTP/1.1 200 OK\r\n") as port:
        ended = threading.Timer(0.3, asked.close)
        ended.start()
        with pytest.raises(Unavailable):
            asked.send("GET", f"http://127.0.0.1:{port}/")
        ended.join()
    with pytest.raises(Unavailable):
        asked.send("GET", f"http://127.0.0.1:{receiver.port}/")
    assert receiver.received == []


def test_tls_is_held_against_the_name_of_the_host_and_not_its_address(tmp_path):
    serving, trusting = _certificate(tmp_path, "hooks.example")
    with receiving(serving) as receiver:
        asked = client("127.0.0.1", resolve=at("127.0.0.1"), tls=trusting)
        assert asked.send("GET", f"https://hooks.example:{receiver.port}/").status == 200
        for other in (f"https://other.example:{receiver.port}/", f"https://127.0.0.1:{receiver.port}/"):
            with pytest.raises(Unavailable, match="a certificate that is not good"):
                asked.send("GET", other)
        assert len(receiver.received) == 1


def test_tls_of_nobody_that_the_system_believes_is_refused(tmp_path):
    serving, _ = _certificate(tmp_path, "hooks.example")
    with receiving(serving) as receiver:
        asked = client("127.0.0.1", resolve=at("127.0.0.1"))
        with pytest.raises(Unavailable, match="a certificate that is not good"):
            asked.send("POST", f"https://hooks.example:{receiver.port}/", body=b"secret")
        assert receiver.received == []


@contextlib.contextmanager
def _dripping(first: bytes) -> Iterator[int]:
    """A server that answers ``first`` and then one byte after the other, until nobody listens."""
    is_over = threading.Event()

    def drip(listener: socket.socket) -> None:
        accepted, _ = listener.accept()
        with accepted, contextlib.suppress(OSError):
            accepted.sendall(first)
            while not is_over.wait(0.05):
                accepted.sendall(b"X")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=(listener,))
        thread.start()
        yield listener.getsockname()[1]
        is_over.set()
        thread.join()


def _certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """What shows a certificate for ``name`` that it has signed itself, and what believes it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("192.0.2.7"))]
            ),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    shown, private = folder / "cert.pem", folder / "key.pem"
    shown.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(shown, private)
    return serving, ssl.create_default_context(cafile=str(shown))
