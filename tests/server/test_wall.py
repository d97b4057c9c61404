"""The wall: S14 to S17, bounded bodies, strict headers, request ids, faults that give nothing away.

The application behind it counts what reaches it: a refused request must not have.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import PlainTextResponse

from runyard.errors import Forbidden, InvalidParameter, StorageFull
from runyard.protocol.error_classes import error_body
from runyard.server import bodies
from runyard.server.middleware import STRICT_HEADERS, Wall, wall
from runyard.server.origins import AllowedHosts, AllowedOrigins
from runyard.settings import Mode, Settings

UPLOAD = "/api/2.0/mlflow-artifacts/artifacts/1/run/artifacts/model.bin"
JSON = {"Content-Type": "application/json"}
SECRET = "ry_0123456789ab_" + "s" * 43


class Behind:
    """The application behind the wall: reads the body, and counts the requests that got through."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.reached = 0
        self.read_bytes = 0
        self.fault = fault

    async def __call__(self, scope, receive, send):
        self.reached += 1
        if self.fault is not None:
            raise self.fault
        async for part in Request(scope, receive).stream():
            self.read_bytes += len(part)
        await PlainTextResponse("through", headers={"Referrer-Policy": "no-referrer"})(scope, receive, send)


def settings(mode=Mode.UP, **changes):
    return Settings(mode=mode, home=Path("home"), **changes)


def ask(app, method="GET", path="/x", host="127.0.0.1:5000", headers=(), content=None, scheme="http"):
    """Send one request through the wall; ``host`` may be a list, to send the header several times."""
    pairs = list(headers.items()) if isinstance(headers, dict) else list(headers)

    async def send():
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=f"{scheme}://unused") as client:
            request = client.build_request(method, path, content=content)
            kept = [(name, value) for name, value in request.headers.raw if name.lower() != b"host"]
            hosts = [host] if isinstance(host, str) else host
            # As a server hands them over: names in lower case, in the order sent, repeated if need be.
            sent = [(b"host", one.encode("latin-1")) for one in hosts] + kept
            sent += [(name.lower().encode(), value.encode("latin-1")) for name, value in pairs]
            request.headers = httpx.Headers(sent)
            return await client.send(request)

    return asyncio.run(send())


def is_refused(answer, status=403, code="PERMISSION_DENIED"):
    body = answer.json()
    assert answer.status_code == status, answer.text
    assert body["error_code"] == code
    assert body["message"]
    assert not any(name.startswith("access-control-") for name in answer.headers)
    return True


# --- S15: Host --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost:5000", "LocalHost:1", "127.0.0.1", "127.0.0.1:65535", "[::1]", "[::1]:5000"],
)
@pytest.mark.parametrize("mode", Mode)
def test_s15_a_loopback_name_gets_through_at_any_port(host, mode):
    assert ask(wall(Behind(), settings(mode)), host=host).text == "through"


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:5000",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "localhost.",
        "localhost:5000:5000",
        "localhost:five",
        "evil@localhost",
        "localhost/evil",
        "localhost evil.example",
        "localhost,evil.example",
        "local\xadhost",
        "[::1",
        "[::ffff:10.0.0.1]",
        "10.1.2.3:5000",
        "169.254.169.254",
        "0.0.0.0:5000",
        "2130706433",
        "0x7f.1",
        "",
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "DELETE"])
def test_s15_up_answers_for_no_other_host(host, method):
    behind = Behind()
    answer = ask(wall(behind, settings()), method, host=host)
    assert answer.status_code == 403
    assert method == "HEAD" or is_refused(answer)
    assert behind.reached == 0


def test_s15_a_second_host_header_is_refused_even_if_both_are_good():
    behind = Behind()
    app = wall(behind, settings())
    for hosts in (["127.0.0.1", "evil.example"], ["evil.example", "127.0.0.1"], ["127.0.0.1", "127.0.0.1"]):
        assert is_refused(ask(app, host=hosts))
    assert behind.reached == 0


def test_s15_a_request_without_a_host_is_refused():
    assert is_refused(ask(wall(Behind(), settings()), host=[]))


@pytest.mark.parametrize("name", ["Authorization", "X-MLFLOW-WORKSPACE", "Content-Type", "Origin"])
def test_a_header_that_decides_something_comes_once(name):
    behind = Behind()
    assert is_refused(ask(wall(behind, settings()), headers=[(name, "a"), (name, "a")]))
    assert behind.reached == 0


def test_serve_answers_for_its_address_its_names_and_what_the_settings_name():
    app = wall(
        Behind(), settings(Mode.SERVE, host="ml.internal.example", allowed_hosts=("Runyard.Example", "other"))
    )
    for host in ("ml.internal.example:5000", "runyard.example", "OTHER:443", "10.1.2.3:5000", "[fd00::1]"):
        assert ask(app, host=host).text == "through"
    for host in ("evil.example", "runyard.example.evil", "evilrunyard.example", "x.other"):
        assert is_refused(ask(app, host=host))


def test_serve_answers_for_the_name_of_its_machine(monkeypatch):
    monkeypatch.setattr("socket.gethostname", lambda: "Box7.lab.example")
    app = wall(Behind(), settings(Mode.SERVE, host="0.0.0.0"))
    for host in ("box7:5000", "box7.lab.example"):
        assert ask(app, host=host).text == "through"
    assert is_refused(ask(app, host="box8.lab.example"))
    assert is_refused(ask(wall(Behind(), settings()), host="box7"))


def test_serve_answers_for_every_host_only_if_somebody_says_so():
    app = wall(Behind(), settings(Mode.SERVE, allowed_hosts=("*",)))
    assert ask(app, host="anything.example").text == "through"
    assert is_refused(ask(app, host="not a host"))


def test_up_never_answers_for_every_host():
    with pytest.raises(InvalidParameter, match="is for `runyard serve`"):
        wall(Behind(), settings(allowed_hosts=("*",)))


def test_up_answers_for_a_host_that_its_owner_names():
    app = wall(Behind(), settings(allowed_hosts=("notebook.lab.example",)))
    assert ask(app, host="notebook.lab.example:8443").text == "through"


@given(st.text(max_size=40))
def test_s15_no_text_but_a_loopback_name_is_a_host_of_up(text):
    try:
        AllowedHosts(settings()).check(text)
    except Forbidden:
        return
    assert re.fullmatch(r"(localhost|127\.[0-9.]+|\[[0:]*:0*1\])(:[0-9]{1,5})?", text, re.IGNORECASE)


# --- S16, S17: Origin -------------------------------------------------------------------------------------

UNSAFE = ["POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"]
FOREIGN = [
    "http://evil.example",
    "https://evil.example",
    "null",
    "",
    "http://127.0.0.1",
    "http://127.0.0.1:5001",
    "http://localhost:5000",
    "http://127.0.0.1:5000.evil.example",
    "http://127.0.0.1:5000@evil.example",
    "http://127.0.0.1:5000/",
    "http://127.0.0.1:5000 http://evil.example",
    "HTTP://127.0.0.1:5000",
    "ftp://127.0.0.1:5000",
    "file://",
    "chrome-extension://abcdef",
    "//127.0.0.1:5000",
    "127.0.0.1:5000",
]


@pytest.mark.parametrize("origin", FOREIGN)
@pytest.mark.parametrize("method", UNSAFE)
def test_s16_a_foreign_page_changes_nothing(origin, method):
    behind = Behind()
    mode = Mode.SERVE if method == "PATCH" else Mode.UP
    answer = ask(wall(behind, settings(mode)), method, headers={"Origin": origin, **JSON}, content=b"{}")
    assert is_refused(answer)
    assert behind.reached == 0


@pytest.mark.parametrize("method", UNSAFE)
def test_s16_the_servers_own_page_and_programs_get_through(method):
    app = wall(Behind(), settings())
    assert ask(app, method, headers=JSON).text == "through"
    assert ask(app, method, headers={"Origin": "http://127.0.0.1:5000", **JSON}).text == "through"


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("localhost:5000", "http://localhost:5000"),
        ("LOCALHOST:5000", "http://localhost:5000"),
        ("localhost", "http://localhost"),
        ("localhost:80", "http://localhost"),
        ("[::1]:5000", "http://[::1]:5000"),
        # A proxy ends TLS and hands on the name that the browser used.
        ("localhost", "https://localhost"),
        ("localhost:8443", "https://localhost:8443"),
    ],
)
def test_s16_an_origin_is_compared_with_the_host_that_was_asked(host, origin):
    assert ask(wall(Behind(), settings()), "POST", host=host, headers={"Origin": origin}).text == "through"


def test_s16_a_page_without_tls_is_not_the_page_of_a_server_with_it():
    app = wall(Behind(), settings())
    headers = {"Origin": "http://localhost:5000"}
    assert is_refused(ask(app, "POST", host="localhost:5000", headers=headers, scheme="https"))


def test_s16_a_cross_site_request_without_an_origin_is_refused():
    behind = Behind()
    app = wall(behind, settings())
    assert is_refused(ask(app, "POST", headers={"Sec-Fetch-Site": "cross-site", **JSON}))
    assert behind.reached == 0
    for site in ("same-origin", "none"):
        assert ask(app, "POST", headers={"Sec-Fetch-Site": site}).text == "through"


def test_a_page_that_the_settings_name_gets_through_but_its_look_alikes_do_not():
    app = wall(Behind(), settings(allowed_origins=("https://good.example",)))
    assert ask(app, "POST", headers={"Origin": "https://good.example"}).text == "through"
    for origin in (
        "https://good.example.evil",
        "https://evilgood.example",
        "http://good.example",
        "https://GOOD.example",
        "https://good.example:444",
    ):
        assert is_refused(ask(app, "POST", headers={"Origin": origin}))


@pytest.mark.parametrize(
    "origin", ["*", "null", "good.example", "https://good.example/", "https://*.example"]
)
def test_an_allowed_origin_that_is_none_is_refused_at_the_start(origin):
    with pytest.raises(InvalidParameter, match="allowed_origins"):
        AllowedOrigins([origin])


@pytest.mark.parametrize("origin", [*FOREIGN, "http://good.example.evil", "http://127.0.0.1:5000"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST"])
def test_s17_no_answer_lets_another_page_read_it(origin, method):
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    answer = ask(wall(Behind(), settings()), method, headers=headers)
    assert not any(name.startswith("access-control-") for name in answer.headers)


# --- bodies -----------------------------------------------------------------------------------------------


def in_parts(size, part=1000):
    async def parts():
        for _ in range(size // part):
            yield b"x" * part

    return parts()


def test_a_declared_body_over_the_limit_is_refused_before_it_is_read():
    behind = Behind()
    answer = ask(wall(behind, settings(max_body_bytes=1000)), "POST", content=b"x" * 1001)
    assert is_refused(answer, 413, "REQUEST_LIMIT_EXCEEDED")
    assert "1000 bytes" in answer.json()["message"]
    assert behind.reached == 0


def test_a_body_at_the_limit_gets_through():
    behind = Behind()
    assert ask(wall(behind, settings(max_body_bytes=1000)), "POST", content=b"x" * 1000).text == "through"
    assert behind.read_bytes == 1000


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE", "GET", "PUT"])
def test_s27_a_body_of_unknown_length_is_cut_at_the_limit(method):
    behind = Behind()
    app = wall(behind, settings(max_body_bytes=10_000))
    answer = ask(app, method, content=in_parts(1_000_000))
    assert is_refused(answer, 413, "REQUEST_LIMIT_EXCEEDED")
    assert behind.read_bytes <= 10_000
    assert answer.headers["connection"] == "close"


def test_s27_a_sender_whose_body_may_never_end_is_not_waited_for():
    class Hasty(Behind):
        async def __call__(self, scope, receive, send):
            await PlainTextResponse("no")(scope, receive, send)

    app = wall(Hasty(), settings())
    assert ask(app, "PUT", UPLOAD, content=in_parts(5000)).headers["connection"] == "close"
    for content in (None, b"", b"x" * 5000):
        assert "connection" not in ask(app, "PUT", UPLOAD, content=content).headers
    assert "connection" not in ask(wall(Behind(), settings()), "POST", content=in_parts(5000)).headers
    huge = [("content-length", str(10**12))]
    assert ask(app, "PUT", UPLOAD, headers=huge, content=in_parts(5000)).headers["connection"] == "close"


@pytest.mark.parametrize("length", ["-1", "1e9", "9" * 5000, "١٢", "0x10"])
def test_s27_a_strange_content_length_is_no_way_around_the_limit(length):
    behind = Behind()
    app = wall(behind, settings(max_body_bytes=1000))
    headers = [("content-length", length.encode().decode("latin-1"))]
    answer = ask(app, "POST", headers=headers, content=in_parts(5000))
    assert is_refused(answer, 413, "REQUEST_LIMIT_EXCEEDED")
    assert behind.read_bytes <= 1000


@pytest.mark.parametrize(
    "path",
    [
        UPLOAD,
        "/workspaces/a" + UPLOAD,
        "/ajax-" + UPLOAD[1:],
        "/mlflow/v1.0/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/a"
        + UPLOAD,
        "/workspaces/a/mlflow/ajax-" + UPLOAD[1:],
        "/api/v1/datastores/a/files/b/c",
        "/blobs.blob.core.windows.net/a/b",
    ],
)
def test_an_upload_is_not_bound_by_the_limit_for_bodies(path):
    behind = Behind()
    app = wall(behind, settings(max_body_bytes=1000))
    assert ask(app, "PUT", path, content=b"x" * 5000).text == "through"
    assert ask(app, "PUT", path, content=in_parts(5000)).text == "through"
    assert behind.read_bytes == 10_000


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", UPLOAD),
        ("PUT", "/api/2.0/mlflow/runs/update"),
        ("PUT", "/api/v1/secrets/a/api/v1/snapshots/b"),
        ("PUT", f"/workspaces/a/api/v1/secrets/a{UPLOAD}"),
        ("PUT", "/data/api/v1/datastores/a/files/b"),
        ("PUT", "/x/blobs.blob.core.windows.net/a/b"),
    ],
)
def test_s27_what_only_looks_like_an_upload_is_bound_by_the_limit(method, path):
    answer = ask(wall(Behind(), settings(max_body_bytes=1000)), method, path, content=b"x" * 5000)
    assert is_refused(answer, 413, "REQUEST_LIMIT_EXCEEDED")


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "GZIP", "identity, gzip"])
def test_s27_a_compressed_body_is_refused(encoding):
    behind = Behind()
    answer = ask(
        wall(behind, settings()), "POST", headers={"Content-Encoding": encoding}, content=b"\x1f\x8b"
    )
    assert is_refused(answer, 400, "INVALID_PARAMETER_VALUE")
    assert "Content-Encoding" in answer.json()["message"]
    assert behind.reached == 0
    assert (
        ask(wall(behind, settings()), "PUT", UPLOAD, headers={"Content-Encoding": encoding}).text == "through"
    )


def drive(app, messages, method="POST", path="/x"):
    """Run the app on raw ASGI messages; a number among them is a wait in seconds. Return what it sent."""
    sent = []
    coming = iter(messages)

    async def receive():
        message = next(coming)
        if isinstance(message, float):
            await asyncio.sleep(message)
            message = next(coming)
        return message

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": b"",
        "scheme": "http",
        "headers": [(b"host", b"localhost"), (b"transfer-encoding", b"chunked")],
    }
    asyncio.run(app(scope, receive, send))
    return sent


def part(body=b"x", more=True):
    return {"type": "http.request", "body": body, "more_body": more}


def test_s27_a_body_that_does_not_arrive_in_time_is_refused():
    app = Wall(Behind(), settings(), body_timeout_s=0.05)
    start, body = drive(app, [part(), 30.0, part(more=False)])
    assert start["status"] == 408  # which clients send again, and 400 they do not
    assert "did not arrive within 0.05 seconds" in json.loads(body["body"])["message"]


def test_s27_a_body_that_trickles_has_no_more_time_than_one_that_stalls():
    trickle = [message for _ in range(1000) for message in (0.01, part())]
    start, _ = drive(Wall(Behind(), settings(), body_timeout_s=0.05), trickle)
    assert start["status"] == 408


def test_a_body_over_a_slow_line_has_the_time_that_its_size_takes():
    pieces = [message for _ in range(20) for message in (0.01, part(b"x" * 1000))]
    behind = Behind()
    start, _ = drive(Wall(behind, settings(), body_timeout_s=0.05), [*pieces, part(more=False)])
    assert (start["status"], behind.read_bytes) == (200, 20_001)


def test_s27_what_came_fast_is_no_time_to_stall_in():
    app = Wall(Behind(), settings(), body_timeout_s=0.05)
    start, _ = drive(app, [part(b"x" * 1_000_000), 30.0, part(more=False)])
    assert start["status"] == 408


def test_s27_an_upload_takes_as_long_as_it_needs_but_is_not_waited_for_if_nothing_comes(monkeypatch):
    monkeypatch.setattr(bodies, "UPLOAD_SILENCE_S", 0.1)
    behind = Behind()
    slowly = [message for _ in range(20) for message in (0.01, part())]
    app = Wall(behind, settings(), body_timeout_s=0.05)
    start, _ = drive(app, [*slowly, part(more=False)], "PUT", UPLOAD)
    assert (start["status"], behind.read_bytes) == (200, 21)
    start, body = drive(app, [part(), 30.0, part(more=False)], "PUT", UPLOAD)
    assert start["status"] == 408
    assert "Nothing came of the upload for 0.1 seconds" in json.loads(body["body"])["message"]


def test_the_time_for_the_body_does_not_run_on_while_the_answer_is_made():
    class Slow(Behind):
        async def __call__(self, scope, receive, send):
            await Request(scope, receive).body()
            assert (await receive())["type"] == "http.disconnect"
            await PlainTextResponse("through")(scope, receive, send)

    app = Wall(Slow(), settings(), body_timeout_s=0.05)
    start, _ = drive(app, [part(more=False), 0.2, {"type": "http.disconnect"}])
    assert start["status"] == 200


# --- answers ----------------------------------------------------------------------------------------------


def test_every_answer_keeps_browsers_strict_and_names_its_request():
    for fault in (None, Forbidden("no"), RuntimeError("broken")):
        answer = ask(wall(Behind(fault), settings()))
        for name, value in STRICT_HEADERS:
            given = answer.headers.get_list(name.decode())
            assert given == [value.decode()] or (fault is None and name == b"referrer-policy"), name
        assert re.fullmatch("[0-9a-f]{16}", answer.headers["x-request-id"])
        assert "server" not in answer.headers


def test_what_the_application_sets_itself_stays():
    assert ask(wall(Behind(), settings())).headers.get_list("referrer-policy") == ["no-referrer"]


def test_a_request_id_is_made_here_and_not_taken_from_the_sender():
    app = wall(Behind(), settings())
    sent = {"X-Request-Id": "evil\tlog line"}
    ids = {ask(app, headers=sent).headers["x-request-id"] for _ in range(5)}
    assert len(ids) == 5
    assert sent["X-Request-Id"] not in ids


def test_s29_a_fault_gives_nothing_away_but_the_request_id(caplog):
    fault = ValueError("SELECT password FROM /srv/runyard/runyard.db")
    with caplog.at_level(logging.ERROR, "runyard.server"):
        answer = ask(wall(Behind(fault), settings()))
    assert is_refused(answer, 500, "INTERNAL_ERROR")
    request_id = answer.headers["x-request-id"]
    assert answer.json()["request_id"] == request_id
    assert set(answer.json()) == {*error_body("INTERNAL_ERROR", ""), "request_id"}
    assert "SELECT" not in answer.text
    assert "/srv" not in answer.text
    assert [record.exc_info[1] for record in caplog.records] == [fault]
    assert request_id in caplog.text


def test_an_error_of_ours_that_reaches_the_wall_keeps_its_code():
    answer = ask(wall(Behind(StorageFull("The disk is full.")), settings()))
    assert is_refused(answer, 507, "RESOURCE_EXHAUSTED")
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert "request_id" not in ask(wall(Behind(Forbidden("no")), settings())).json()


def test_s30_no_credential_reaches_the_log_of_a_fault(caplog):
    behind = Behind(ValueError("broken"))
    headers = {"Authorization": f"Bearer {SECRET}", "Cookie": f"session={SECRET}"}
    with caplog.at_level(logging.DEBUG):
        answer = ask(wall(behind, settings()), "POST", headers=headers)
    assert caplog.records
    assert SECRET not in caplog.text
    assert SECRET not in answer.text


def test_half_an_answer_is_cut_off_and_not_made_to_look_whole():
    class Breaks(Behind):
        async def __call__(self, scope, receive, send):
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"half", "more_body": True})
            raise OSError("the disk went away")

    with pytest.raises(Exception, match="The server failed"):
        drive(wall(Breaks(), settings()), [part(more=False)])


def test_a_websocket_is_closed_and_nothing_else_than_http_is_looked_at():
    behind = Behind()
    sent = []

    async def receive():
        raise AssertionError("nothing is read")

    async def send(message):
        sent.append(message)

    asyncio.run(Wall(behind, settings(), 1.0)({"type": "websocket", "headers": []}, receive, send))
    assert sent == [{"type": "websocket.close", "code": 1008}]
    assert behind.reached == 0
