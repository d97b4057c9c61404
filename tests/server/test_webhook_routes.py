"""Webhooks over HTTP: who may name them, which addresses they may have, what they are told, and how often."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from runyard.auth.permissions import Scope
from runyard.services import deliveries, events
from runyard.services.call import system_now_ms
from runyard.services.deliveries import Courier, deliver_due, signature_of, wait_ms
from runyard.services.outbound import OutboundClient
from runyard.services.sealing import Sealer
from runyard.services.webhooks import MAX_WEBHOOKS
from runyard.settings import Settings
from tests.engines import SqlEngine
from tests.receiver import Received, Receiver, receiving
from tests.server.local import Local, good, refusal
from tests.server.team import Team
from tests.server.test_outbound import S18_URLS
from tests.waiting import until

HOOKS = "/api/v1/webhooks"
HOUR_MS = 3600 * 1000
LOOPBACK = ("127.0.0.1",)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture
def local(tmp_path, engine: SqlEngine) -> Iterator[Local]:
    home = tmp_path / "home"
    server = Local(home, database=engine.setting(home), outbound_allow=LOOPBACK)
    yield server
    server.close()


def add(local: Local, receiver: Receiver, **choices):
    wanted = {"url": f"http://127.0.0.1:{receiver.port}/hook", **choices}
    return good(local.ask("POST", HOOKS, json=wanted))


def work(local: Local, now_ms: int | None = None, allow: tuple[str, ...] = LOOPBACK) -> int:
    """Do what the server does behind the requests, and return how many deliveries were tried."""
    at_ms = now_ms or system_now_ms()
    events.tell_new(local.stores, at_ms)
    courier = Courier(OutboundClient(Settings(outbound_allow=allow)), Sealer(local.settings))
    return deliver_due(local.stores, courier, lambda: at_ms, lambda worked_s: None)


def end_run(local: Local, status: str = "FAILED", prefix: str = "", **fields) -> str:
    made = good(local.ask("POST", f"{prefix}/api/2.0/mlflow/runs/create", json=fields))
    body = {"run_id": made["run"]["info"]["run_id"], "status": status}
    good(local.ask("POST", f"{prefix}/api/2.0/mlflow/runs/update", json=body))
    return str(body["run_id"])


def log_of(local: Local, webhook_id: str):
    return good(local.ask("GET", f"{HOOKS}/{webhook_id}/deliveries"))["deliveries"]


def is_signed(came: Received, secret: str) -> bool:
    """Check a signature as a receiver does, written anew after the documentation."""
    time, digest = (part.partition("=")[2] for part in came.headers["x-runyard-signature"].split(","))
    signed = hmac.new(secret.encode(), time.encode() + b"." + came.body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(signed, digest) and int(time) > 1_700_000_000


def test_a_webhook_is_told_of_what_happens_and_can_tell_who_says_so(local, receiver):
    made = add(local, receiver)
    run_id = end_run(local, run_name="night")
    assert work(local) == 1
    (came,) = receiver.received
    assert (came.method, came.path, came.headers["content-type"]) == ("POST", "/hook", "application/json")
    assert came.headers["x-runyard-event"] == "run.failed"
    told = json.loads(came.body)
    assert (told["kind"], told["workspace"], told["subject"]["run_id"]) == ("run.failed", "default", run_id)
    assert is_signed(came, made["secret"])
    assert not is_signed(came, "whsec_another")
    (delivery,) = log_of(local, made["webhook"]["webhook_id"])
    assert (delivery["state"], delivery["attempts"], delivery["last_status"]) == ("delivered", 1, 200)
    assert delivery["delivery_number"] == int(came.headers["x-runyard-delivery"])
    assert work(local, system_now_ms() + HOUR_MS) == 0


def test_the_secret_is_shown_once_and_never_again(local, receiver):
    made = add(local, receiver, kinds=["run.failed"], workspace="default")
    webhook = made["webhook"]
    assert len(made["secret"]) > 40
    assert webhook["created_by"] == "local"
    assert good(local.ask("GET", HOOKS))["webhooks"] == [webhook]
    one = local.ask("GET", f"{HOOKS}/{webhook['webhook_id']}")
    assert good(one)["webhook"] == webhook
    assert made["secret"] not in one.text


def test_a_webhook_is_changed_and_removed_with_what_is_on_its_way(local, receiver):
    webhook = add(local, receiver)["webhook"]
    path = f"{HOOKS}/{webhook['webhook_id']}"
    changed = {"url": webhook["url"] + "/more", "kinds": ["run.killed"], "workspace": None}
    assert good(local.ask("PUT", path, json=changed))["webhook"] == webhook | changed
    end_run(local, "KILLED")
    events.tell_new(local.stores, system_now_ms())
    good(local.ask("DELETE", path))
    assert work(local) == 0
    for method, below in (
        ("GET", ""),
        ("DELETE", ""),
        ("PUT", ""),
        ("GET", "/deliveries"),
        ("POST", "/test"),
    ):
        sent = {"json": changed} if method in ("PUT", "POST") else {}
        assert refusal(local.ask(method, path + below, **sent))[0] == 404


def test_only_what_a_webhook_wants_is_told(local, receiver):
    good(local.ask("POST", "/api/v1/workspaces", json={"name": "other"}))
    add(local, receiver, kinds=["run.failed", "run.killed"], workspace="other")
    for prefix in ("", "/workspaces/other"):
        for status in ("FAILED", "FINISHED", "KILLED"):
            end_run(local, status, prefix, run_name=f"{prefix}{status}")
    work(local)
    told = [json.loads(came.body) for came in receiver.received]
    assert [(each["kind"], each["workspace"]) for each in told] == [
        ("run.failed", "other"),
        ("run.killed", "other"),
    ]


def test_a_webhook_that_fails_is_told_later_and_in_its_order(local, receiver):
    receiver.statuses = [500, 200]
    webhook_id = add(local, receiver)["webhook"]["webhook_id"]
    end_run(local, "FAILED")
    end_run(local, "KILLED")
    now_ms = system_now_ms()
    assert work(local, now_ms) == 1
    first = log_of(local, webhook_id)[-1]
    assert (first["state"], first["attempts"], first["last_status"]) == ("waiting", 1, 500)
    assert first["last_error"] == "It answered 500."
    assert work(local, now_ms + 500) == 0
    assert work(local, now_ms + 10_000) == 2
    assert [came.headers["x-runyard-event"] for came in receiver.received] == ["run.failed"] * 2 + [
        "run.killed"
    ]
    assert [each["state"] for each in log_of(local, webhook_id)] == ["delivered"] * 2


def test_a_webhook_that_never_answers_is_given_up_after_a_day(local, receiver):
    receiver.statuses = [503]
    webhook_id = add(local, receiver)["webhook"]["webhook_id"]
    end_run(local)
    now_ms, tries = system_now_ms(), 0
    for _ in range(60):
        tries += work(local, now_ms)
        now_ms = max(now_ms, log_of(local, webhook_id)[0]["due_ms"])
    (delivery,) = log_of(local, webhook_id)
    assert (delivery["state"], delivery["attempts"]) == ("given_up", tries)
    assert 25 <= tries <= 50
    assert len(receiver.received) == tries
    lasted_ms = delivery["tried_ms"] - delivery["created_ms"]
    assert 22 * HOUR_MS <= lasted_ms <= 24 * HOUR_MS


def test_the_waits_grow_up_to_an_hour_and_are_never_even():
    for attempts, even_ms in ((1, 1000), (2, 2000), (5, 16_000), (30, HOUR_MS)):
        drawn = {wait_ms(attempts) for _ in range(50)}
        assert len(drawn) > 10
        assert min(drawn) >= 0.75 * even_ms
        assert max(drawn) <= 1.25 * even_ms


def test_a_redirect_is_a_failure_and_is_not_followed(local, receiver):
    with receiving() as inner:
        receiver.statuses = [302]
        receiver.answer_headers["Location"] = f"http://127.0.0.1:{inner.port}/"
        webhook_id = add(local, receiver)["webhook"]["webhook_id"]
        end_run(local)
        work(local)
        assert log_of(local, webhook_id)[0]["last_error"] == "It answered 302."
        assert inner.connections == []


def test_a_test_is_told_at_once_and_says_what_became_of_it(local, receiver):
    receiver.statuses = [200, 404]
    made = add(local, receiver, kinds=["run.failed"])
    path = f"{HOOKS}/{made['webhook']['webhook_id']}/test"
    delivery = good(local.ask("POST", path, json={}))["delivery"]
    assert (delivery["state"], delivery["event"]["kind"]) == ("delivered", "webhook.test")
    assert is_signed(receiver.received[0], made["secret"])
    failed = good(local.ask("POST", path, json={}))["delivery"]
    assert (failed["state"], failed["last_error"]) == ("waiting", "It answered 404.")
    assert len(log_of(local, made["webhook"]["webhook_id"])) == 2
    assert work(local, now_ms=failed["due_ms"] - 1) == 0


def test_a_test_is_told_by_nobody_else_meanwhile(local, receiver, monkeypatch):
    path = f"{HOOKS}/{add(local, receiver)['webhook']['webhook_id']}/test"
    hooks = local.stores.metadata.webhooks
    claim = hooks.claim

    def claim_after_others_have_looked(*which):
        with ThreadPoolExecutor(1) as another_server:
            assert another_server.submit(work, local).result() == 0
        return claim(*which)

    monkeypatch.setattr(hooks, "claim", claim_after_others_have_looked)
    assert good(local.ask("POST", path, json={}))["delivery"]["state"] == "delivered"
    assert len(receiver.received) == 1


@pytest.mark.parametrize("url", S18_URLS)
def test_s18_a_webhook_of_an_address_that_is_not_public_is_a_400_and_is_not_told(tmp_path, receiver, url):
    server = Local(tmp_path / "home")
    try:
        wanted = {"url": url.format(port=receiver.port)}
        status, code, message = refusal(server.ask("POST", HOOKS, json=wanted))
        assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
        assert "'url'" in message
        assert good(server.ask("GET", HOOKS))["webhooks"] == []
        assert receiver.connections == []
    finally:
        server.close()


def test_s18_a_webhook_whose_address_is_not_allowed_any_more_is_not_told(local, receiver):
    webhook = add(local, receiver)["webhook"]
    end_run(local)
    assert work(local, allow=()) == 1
    assert receiver.connections == []
    (delivery,) = log_of(local, webhook["webhook_id"])
    assert (delivery["state"], delivery["last_status"]) == ("waiting", 0)
    assert "not a public address" in delivery["last_error"]
    bad = {"url": "http://169.254.169.254/latest/meta-data/"}
    assert refusal(local.ask("PUT", f"{HOOKS}/{webhook['webhook_id']}", json=bad))[0] == 400


@pytest.mark.parametrize(
    ("choices", "status", "named"),
    [
        ({"kinds": ["run.lost"]}, 400, "kinds"),
        ({"workspace": "nowhere"}, 404, "nowhere"),
        ({"kinds": "run.failed"}, 400, "kinds"),
    ],
)
def test_what_a_webhook_can_not_want_is_refused_by_name(local, receiver, choices, status, named):
    wanted = {"url": f"http://127.0.0.1:{receiver.port}/", **choices}
    answer = refusal(local.ask("POST", HOOKS, json=wanted))
    assert answer[0] == status
    assert named in answer[2]


def test_there_are_so_many_webhooks_and_no_more(local, receiver):
    for _ in range(MAX_WEBHOOKS):
        add(local, receiver)
    wanted = {"url": f"http://127.0.0.1:{receiver.port}/"}
    status, _, message = refusal(local.ask("POST", HOOKS, json=wanted))
    assert status == 400
    assert str(MAX_WEBHOOKS) in message


def test_webhooks_are_for_administrators(tmp_path, receiver):
    team = Team(tmp_path / "home", outbound_allow=LOOPBACK)
    try:
        wanted = {"url": f"http://127.0.0.1:{receiver.port}/"}
        made = good(team.ask("POST", HOOKS, wanted, key=team.admin_key))
        path = f"{HOOKS}/{made['webhook']['webhook_id']}"
        for key in (team.key(Scope.OWNER), team.key(Scope.OWNER, "alpha")):
            for method, each in (("GET", HOOKS), ("POST", HOOKS), ("GET", path), ("DELETE", path)):
                assert team.ask(method, each, wanted, key=key).status_code == 403
    finally:
        team.close()


def test_the_signature_is_that_of_the_time_and_the_body():
    signed = hmac.new(b"secret", b"1700000000.{}", hashlib.sha256).hexdigest()
    assert signature_of("secret", b"{}", 1_700_000_000) == f"t=1700000000,v1={signed}"


def test_what_a_killed_server_was_about_to_tell_is_told_by_the_next_one(start_server, receiver):
    environment = {"RUNYARD_OUTBOUND_ALLOW": "127.0.0.1"}
    server = start_server(environment=environment)
    url = f"http://127.0.0.1:{receiver.port}/"
    with _client(server.url) as client:
        # Of no others: the disk of the machine that tests it may be nearly full.
        client.post(HOOKS, json={"url": url, "kinds": ["run.failed"]}).raise_for_status()
        made = client.post("/api/2.0/mlflow/runs/create", json={}).json()
        body = {"run_id": made["run"]["info"]["run_id"], "status": "FAILED"}
        client.post("/api/2.0/mlflow/runs/update", json=body).raise_for_status()
    server.kill9()
    start_server(home=server.home, port=server.port, environment=environment)
    until(lambda: len(receiver.received) >= 1)
    assert {came.headers["x-runyard-event"] for came in receiver.received} == {"run.failed"}


def test_a_try_that_began_and_never_ended_is_made_again(local, receiver):
    add(local, receiver)
    end_run(local)
    now_ms = system_now_ms()
    events.tell_new(local.stores, now_ms)
    claim = local.stores.metadata.webhooks.claim_due
    assert len(claim(now_ms, now_ms + deliveries.CLAIMED_MS, 1)) == 1
    assert work(local, now_ms + deliveries.CLAIMED_MS - 1) == 0
    assert work(local, now_ms + deliveries.CLAIMED_MS) == 1
    assert len(receiver.received) == 1


def _client(url: str):
    return httpx.Client(base_url=url, timeout=60)
