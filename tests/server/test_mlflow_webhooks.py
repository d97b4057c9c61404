"""MLflow's webhooks: the same noun, told by MLflow's protocol."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from runyard.entities.event import Event, EventKind
from runyard.services import events
from runyard.services.call import system_now_ms
from runyard.services.deliveries import Courier, deliver_due
from runyard.services.mlflow_webhooks import EXAMPLES
from runyard.services.outbound import OutboundClient
from runyard.services.sealing import Sealer
from runyard.services.webhooks import seal_secrets
from runyard.settings import Settings
from tests.engines import SqlEngine
from tests.receiver import Received, Receiver, receiving
from tests.server.local import Local, good, refusal
from tests.server.team import Team
from tests.server.test_outbound import S18_URLS

HOOKS = "/api/2.0/mlflow/webhooks"
OWN = "/api/v1/webhooks"
MADE = {"entity": "MODEL_VERSION", "action": "CREATED"}
LOOPBACK = ("127.0.0.1",)
SECRET = "a secret of the receiver's"


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


def add(local: Local, receiver: Receiver, headers: dict[str, str] | None = None, **fields: Any) -> Any:
    body = {"name": "hook", "url": f"http://127.0.0.1:{receiver.port}/hook", "events": [MADE], **fields}
    return good(local.ask("POST", HOOKS, headers, json=body))["webhook"]


def announce(
    local: Local, kind: EventKind = EventKind.MODEL_VERSION_CREATED, workspace: str = "default"
) -> None:
    """Note an event as the registry does."""
    payload = EXAMPLES.get(kind)
    local.stores.metadata.events.add_event(
        Event(kind, workspace, system_now_ms(), "It was made.", {"name": "m"}, payload=payload)
    )


def work(local: Local, at_ms: int | None = None, allow: tuple[str, ...] = LOOPBACK) -> int:
    """Do what the server does behind the requests, and return how many deliveries were tried."""
    now_ms = at_ms or system_now_ms()
    events.tell_new(local.stores, now_ms)
    courier = Courier(OutboundClient(Settings(outbound_allow=allow)), Sealer(local.settings))
    return deliver_due(local.stores, courier, lambda: now_ms, lambda worked_s: None)


def is_signed(came: Received, secret: str) -> bool:
    """Check a signature as MLflow's documentation has receivers do it."""
    signed = (
        f"{came.headers['x-mlflow-delivery-id']}.{came.headers['x-mlflow-timestamp']}.{came.body.decode()}"
    )
    digest = hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest()
    return came.headers["x-mlflow-signature"] == "v1," + base64.b64encode(digest).decode()


def test_a_webhook_is_answered_as_it_was_made(local: Local, receiver: Receiver):
    made = add(local, receiver, description="Tells us", secret=SECRET)
    assert set(made) == {
        "webhook_id", "name", "url", "events", "description", "status", "creation_timestamp",
        "last_updated_timestamp",
    }  # fmt: skip
    assert (made["name"], made["events"], made["status"]) == ("hook", [MADE], "ACTIVE")
    assert good(local.ask("GET", f"{HOOKS}/{made['webhook_id']}"))["webhook"] == made
    assert good(local.ask("GET", HOOKS))["webhooks"] == [made]
    assert good(local.ask("GET", f"/ajax-api/2.0/mlflow/webhooks/{made['webhook_id']}"))["webhook"] == made
    (own,) = good(local.ask("GET", OWN))["webhooks"]
    assert (own["webhook_id"], own["is_mlflow"], own["kinds"]) == (
        made["webhook_id"], True, ["model_version.created"],
    )  # fmt: skip


def test_a_webhook_is_told_as_mlflow_tells(local: Local, receiver: Receiver):
    add(local, receiver, secret=SECRET)
    announce(local)
    announce(local, EventKind.PROMPT_CREATED)
    assert work(local) == 1
    (came,) = receiver.received
    told = json.loads(came.body)
    assert (told["entity"], told["action"], told["workspace"]) == ("model_version", "created", "default")
    assert told["data"] == EXAMPLES[EventKind.MODEL_VERSION_CREATED]
    assert told["timestamp"].endswith("+00:00")
    assert is_signed(came, SECRET)
    assert not is_signed(came, "another")
    assert len(came.headers["x-mlflow-delivery-id"]) == 36


def test_what_the_registry_does_is_told(local: Local, receiver: Receiver):
    words = [
        "PROMPT.CREATED", "MODEL_VERSION.CREATED", "MODEL_VERSION_ALIAS.CREATED", "MODEL_VERSION_TAG.SET",
    ]  # fmt: skip
    named = [dict(zip(("entity", "action"), word.split("."), strict=True)) for word in words]
    add(local, receiver, events=named, secret=SECRET)
    local.post("/registered-models/create", name="m")
    is_prompt = {"key": "mlflow.prompt.is_prompt", "value": "true"}
    local.post("/registered-models/create", name="p", tags=[is_prompt])
    run_id = local.run()
    source = f"runs:/{run_id}/model"
    local.post("/model-versions/create", name="m", source=source, run_id=run_id)
    local.post("/registered-models/alias", name="m", alias="best", version="1")
    local.post("/model-versions/set-tag", name="m", version="1", key="k", value="v")
    work(local)
    told = [json.loads(came.body) for came in receiver.received]
    assert [f"{each['entity']}.{each['action']}".upper() for each in told] == words
    assert told[1]["data"]["run_id"] == run_id
    assert told[2]["data"] == {"name": "m", "alias": "best", "version": "1"}
    assert told[3]["data"] == {"name": "m", "version": "1", "key": "k", "value": "v"}
    assert all(is_signed(came, SECRET) for came in receiver.received)


@pytest.mark.parametrize("kind", EXAMPLES)
def test_each_event_of_mlflows_is_told_with_its_data(kind: EventKind, tmp_path, receiver: Receiver):
    local = Local(tmp_path / "home", outbound_allow=LOOPBACK)
    entity, action = kind.value.upper().split(".")
    add(local, receiver, events=[{"entity": entity, "action": action}])
    announce(local, kind)
    assert work(local) == 1
    told = json.loads(receiver.received[0].body)
    assert f"{told['entity']}.{told['action']}" == kind.value
    assert told["data"] == EXAMPLES[kind]
    assert "x-mlflow-signature" not in receiver.received[0].headers
    local.close()


def test_what_failed_comes_again_under_the_same_id(local: Local, receiver: Receiver):
    made = add(local, receiver, secret=SECRET)
    receiver.statuses[:] = [500, 200]
    announce(local)
    now_ms = system_now_ms()
    assert work(local, now_ms) == 1
    assert work(local, now_ms + 500) == 0
    assert work(local, now_ms + 3_600_000) == 1
    first, second = receiver.received
    assert first.headers["x-mlflow-delivery-id"] == second.headers["x-mlflow-delivery-id"]
    assert first.headers["x-mlflow-timestamp"] != second.headers["x-mlflow-timestamp"]
    assert is_signed(first, SECRET)
    assert is_signed(second, SECRET)
    (delivery,) = good(local.ask("GET", f"{OWN}/{made['webhook_id']}/deliveries"))["deliveries"]
    assert (delivery["state"], delivery["attempts"]) == ("delivered", 2)


def test_a_disabled_webhook_is_not_told(local: Local, receiver: Receiver):
    made = add(local, receiver, status="DISABLED")
    assert made["status"] == "DISABLED"
    announce(local)
    assert work(local) == 0
    enabled = good(local.ask("PATCH", f"{HOOKS}/{made['webhook_id']}", json={"status": "ACTIVE"}))["webhook"]
    assert (enabled["status"], enabled["name"]) == ("ACTIVE", "hook")
    announce(local)
    assert work(local) == 1


def test_what_is_changed_changes_and_the_rest_stays(local: Local, receiver: Receiver):
    made = add(local, receiver, secret=SECRET, description="first")
    path = f"{HOOKS}/{made['webhook_id']}"
    alias = {"entity": "MODEL_VERSION_ALIAS", "action": "CREATED"}
    changed = good(local.ask("PATCH", path, json={"name": "other", "events": [alias], "description": ""}))[
        "webhook"
    ]
    assert changed["last_updated_timestamp"] >= made["last_updated_timestamp"]
    same = {key: made[key] for key in ("webhook_id", "url", "status", "creation_timestamp")}
    assert changed == same | {
        "name": "other",
        "events": [alias],
        "last_updated_timestamp": changed["last_updated_timestamp"],
    }
    announce(local, EventKind.MODEL_VERSION_ALIAS_CREATED)
    work(local)
    assert is_signed(receiver.received[-1], SECRET)
    good(local.ask("PATCH", path, json={"secret": "new"}))
    announce(local, EventKind.MODEL_VERSION_ALIAS_CREATED)
    work(local)
    assert is_signed(receiver.received[-1], "new")
    good(local.ask("DELETE", path))
    assert refusal(local.ask("GET", path))[:2] == (404, "RESOURCE_DOES_NOT_EXIST")
    assert good(local.ask("GET", HOOKS)) == {}


def test_webhooks_are_of_one_workspace(local: Local, receiver: Receiver):
    good(local.ask("POST", "/api/v1/workspaces", json={"name": "vision"}))
    made = add(local, receiver, {"X-MLFLOW-WORKSPACE": "vision"})
    assert good(local.ask("GET", HOOKS)) == {}
    for method, path in (("GET", ""), ("PATCH", ""), ("POST", "/test"), ("DELETE", "")):
        sent: dict[str, Any] = {} if method in ("GET", "DELETE") else {"json": {}}
        asked = local.ask(method, f"{HOOKS}/{made['webhook_id']}{path}", **sent)
        assert refusal(asked)[:2] == (404, "RESOURCE_DOES_NOT_EXIST")
    announce(local)
    announce(local, workspace="vision")
    assert work(local) == 1
    assert json.loads(receiver.received[0].body)["workspace"] == "vision"


def test_webhooks_told_otherwise_are_not_mlflows(local: Local, receiver: Receiver):
    own = good(
        local.ask("POST", OWN, json={"url": f"http://127.0.0.1:{receiver.port}/", "workspace": "default"})
    )
    assert good(local.ask("GET", HOOKS)) == {}
    assert refusal(local.ask("GET", f"{HOOKS}/{own['webhook']['webhook_id']}"))[0] == 404
    made = add(local, receiver)
    wrongs: tuple[dict[str, Any], ...] = ({"kinds": ["run.failed"]}, {"kinds": []}, {"workspace": None})
    for wrong in wrongs:
        body = {"url": made["url"], "kinds": ["prompt.created"], "workspace": "default"} | wrong
        told = refusal(local.ask("PUT", f"{OWN}/{made['webhook_id']}", json=body))
        assert "told by MLflow's protocol" in told[2]


def test_a_list_is_paged_the_last_made_first(local: Local, receiver: Receiver):
    made = [add(local, receiver, name=f"hook-{number}")["webhook_id"] for number in range(5)]
    seen, token = [], None
    while True:
        query = {"max_results": 2} | ({"page_token": token} if token else {})
        page = good(local.ask("GET", HOOKS, params=query))
        seen += [each["webhook_id"] for each in page["webhooks"]]
        token = page.get("next_page_token")
        if not token:
            break
    assert sorted(seen) == sorted(made)
    told = refusal(local.ask("GET", HOOKS, params={"max_results": 1001}))
    assert told[2] == "max_results must be between 1 and 1000."


@pytest.mark.parametrize(
    ("fields", "status", "told"),
    [
        ({"name": ""}, 400, "required parameter 'name'"),
        ({"name": "-hook"}, 400, "Webhook name '-hook' is invalid"),
        ({"name": "a b"}, 400, "Webhook name 'a b' is invalid"),
        ({"name": "a" * 64}, 400, "is invalid"),
        ({"url": ""}, 400, "required parameter 'url'"),
        ({"url": "   "}, 400, "Webhook URL cannot be empty or just whitespace: '   '"),
        ({"url": "ftp://example.org/"}, 400, "Invalid webhook URL scheme: 'ftp'. Allowed schemes are: "),
        ({"url": "hook"}, 400, "Invalid webhook URL scheme: ''. Allowed schemes are: http, https."),
        ({"url": "http://[invalid"}, 400, "Invalid webhook URL 'http://[invalid': "),
        ({"url": "http://"}, 400, "Webhook URL must include a hostname: 'http://'"),
        ({"events": []}, 400, "must be a non-empty list"),
        (
            {"events": [{"entity": "RUN", "action": "CREATED"}]},
            400,
            "Expected some of registered_model.created",
        ),
        (
            {"events": [{"entity": "MODEL_VERSION", "action": "SET"}]},
            400,
            "Invalid action 'set' for entity 'model_version'. Valid actions are: ['created']",
        ),
        (
            {"events": [{"entity": "PROMPT_TAG"}]},
            400,
            "Invalid action '' for entity 'prompt_tag'. Valid actions are: ['deleted', 'set']",
        ),
        ({"events": [{"entity": "BUDGET_POLICY", "action": "EXCEEDED"}]}, 501, "has no budgets"),
        ({"status": "SLEEPING"}, 400, "Expected ACTIVE or DISABLED"),
        ({"secret": "x" * 1001}, 400, "'secret' exceeds the maximum length"),
        ({"description": "x" * 5001}, 400, "'description' exceeds the maximum length"),
    ],
)
def test_what_a_webhook_cannot_be_is_refused(
    local: Local, receiver: Receiver, fields: dict, status: int, told: str
):
    body = {"name": "hook", "url": f"http://127.0.0.1:{receiver.port}/", "events": [MADE], **fields}
    answer = local.ask("POST", HOOKS, json=body)
    assert answer.status_code == status
    assert told in answer.json()["message"]
    assert good(local.ask("GET", HOOKS)) == {}


def test_a_webhook_is_not_moved_to_where_it_could_not_be_made(local: Local, receiver: Receiver):
    made = add(local, receiver)
    for url, told in (
        ("   ", "Webhook URL cannot be empty or just whitespace"),
        ("ftp://example.org", "Invalid webhook URL scheme: 'ftp'"),
        ("http://[invalid", "Invalid webhook URL 'http://[invalid'"),
        ("http://10.0.0.1/", "Invalid value for 'url': this server sends nothing to it"),
    ):
        refused = refusal(local.ask("PATCH", f"{HOOKS}/{made['webhook_id']}", json={"url": url}))
        assert refused[:2] == (400, "INVALID_PARAMETER_VALUE")
        assert refused[2].startswith(told)
    assert good(local.ask("GET", HOOKS))["webhooks"] == [made]


def test_events_come_in_mlflows_order_and_a_test_is_of_the_first(local: Local, receiver: Receiver):
    words = ("PROMPT.CREATED", "MODEL_VERSION_ALIAS.CREATED", "MODEL_VERSION.CREATED", "PROMPT.CREATED")
    named = [dict(zip(("entity", "action"), word.split("."), strict=True)) for word in words]
    made = add(local, receiver, events=named)
    assert made["events"] == [named[2], named[1], named[0]]
    assert "description" not in made
    good(local.ask("POST", f"{HOOKS}/{made['webhook_id']}/test", json={}))
    assert json.loads(receiver.received[0].body)["entity"] == "model_version"


@pytest.mark.parametrize("url", S18_URLS)
def test_s18_a_webhook_goes_to_public_addresses_alone(url: str, tmp_path):
    local = Local(tmp_path / "home")
    body = {"name": "hook", "url": url, "events": [MADE]}
    assert refusal(local.ask("POST", HOOKS, json=body))[:2] == (400, "INVALID_PARAMETER_VALUE")
    local.close()


def test_s18_an_address_that_is_not_allowed_any_more_is_neither_tested_nor_told(tmp_path, receiver: Receiver):
    home = tmp_path / "home"
    local = Local(home, outbound_allow=LOOPBACK)
    made = add(local, receiver)
    announce(local)
    assert work(local, allow=()) == 1
    local.close()
    local = Local(home)
    result = good(local.ask("POST", f"{HOOKS}/{made['webhook_id']}/test", json={}))["result"]
    assert set(result) == {"success", "error_message"}
    assert result["success"] is False
    assert "not a public address" in result["error_message"]
    assert receiver.received == []
    local.close()


# --- tests ------------------------------------------------------------------------------------------------


def test_a_test_tells_an_example_and_what_was_answered(local: Local, receiver: Receiver):
    made = add(local, receiver, secret=SECRET)
    path = f"{HOOKS}/{made['webhook_id']}/test"
    result = good(local.ask("POST", path, json={}))["result"]
    assert result == {"success": True, "response_status": 200, "response_body": "thank you"}
    event = {"entity": "PROMPT_VERSION", "action": "CREATED"}
    good(local.ask("POST", path, json={"event": event}))
    first, second = (json.loads(came.body) for came in receiver.received)
    assert (first["entity"], first["data"]) == ("model_version", EXAMPLES[EventKind.MODEL_VERSION_CREATED])
    assert (second["entity"], second["data"]) == (
        "prompt_version",
        EXAMPLES[EventKind.PROMPT_VERSION_CREATED],
    )
    assert all(is_signed(came, SECRET) for came in receiver.received)
    assert good(local.ask("GET", f"{OWN}/{made['webhook_id']}/deliveries"))["deliveries"] == []
    own = good(local.ask("POST", f"{OWN}/{made['webhook_id']}/test", json={}))["delivery"]
    assert own["state"] == "delivered"
    assert json.loads(receiver.received[-1].body)["entity"] == "model_version"


@pytest.mark.parametrize(("status", "is_success"), [(204, True), (302, True), (404, False), (500, False)])
def test_a_test_says_what_was_answered(local: Local, receiver: Receiver, status: int, is_success: bool):
    made = add(local, receiver)
    receiver.statuses[:] = [status]
    receiver.answer_headers["Location"] = f"http://127.0.0.1:{receiver.port}/elsewhere"
    result = good(local.ask("POST", f"{HOOKS}/{made['webhook_id']}/test", json={}))["result"]
    assert (result["success"], result["response_status"]) == (is_success, status)
    assert [came.path for came in receiver.received] == ["/hook"]


def test_of_a_giant_answer_the_beginning_is_shown(local: Local, receiver: Receiver):
    made = add(local, receiver)
    receiver.answer = "é".encode() * 4_000_000
    result = good(local.ask("POST", f"{HOOKS}/{made['webhook_id']}/test", json={}))["result"]
    assert result["response_body"] == "é" * 5000


# --- who may, and what is kept ----------------------------------------------------------------------------


def test_webhooks_are_for_administrators(tmp_path):
    team = Team(tmp_path / "home", outbound_allow=LOOPBACK)
    key = team.person("odo")
    team.grant("odo", "owner", "alpha")
    body = {"name": "hook", "url": "http://127.0.0.1:9/", "events": [MADE]}
    assert team.ask("POST", f"/workspaces/alpha{HOOKS}", body, key=key).status_code == 403
    made = good(team.ask("POST", f"/workspaces/alpha{HOOKS}", body, key=team.admin_key))["webhook"]
    path = f"/workspaces/alpha{HOOKS}/{made['webhook_id']}"
    for method, more in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/test")):
        assert team.ask(method, path + more, {}, key=key).status_code == 403
    team.close()


def test_a_secret_lies_in_no_row_no_answer_and_no_log(tmp_path, receiver: Receiver, caplog):
    team = Team(tmp_path / "home", outbound_allow=LOOPBACK)
    body = {"name": "hook", "url": f"http://127.0.0.1:{receiver.port}/", "events": [MADE], "secret": SECRET}
    answers = [team.ask("POST", HOOKS, body, key=team.admin_key)]
    webhook_id = good(answers[0])["webhook"]["webhook_id"]
    for method, path in (
        ("GET", HOOKS), ("GET", f"{HOOKS}/{webhook_id}"), ("GET", OWN), ("GET", "/api/v1/audit"),
        ("PATCH", f"{HOOKS}/{webhook_id}"), ("POST", f"{HOOKS}/{webhook_id}/test"),
    ):  # fmt: skip
        answers.append(team.ask(method, path, {}, key=team.admin_key))
    assert all(answer.status_code == 200 for answer in answers)
    assert not any(SECRET in answer.text for answer in answers)
    assert not any(SECRET in line for line in team.kept())
    assert SECRET not in caplog.text
    assert is_signed(receiver.received[0], SECRET)
    key_file = team.settings.home / "secrets.key"
    assert key_file.stat().st_mode & 0o777 == 0o600
    team.close()


def test_a_secret_of_before_secrets_were_sealed_is_sealed_and_goes_on_signing(tmp_path, receiver: Receiver):
    local = Local(tmp_path / "home", outbound_allow=LOOPBACK)
    made = add(local, receiver, secret=SECRET)
    webhooks = local.stores.metadata.webhooks
    webhooks.update_webhook(replace(webhooks.get_webhook(made["webhook_id"]), secret="whsec_plain"))
    for _ in range(2):
        seal_secrets(local.stores, Sealer(local.settings))
        assert Sealer.is_sealed(webhooks.get_webhook(made["webhook_id"]).secret)
    announce(local)
    work(local)
    assert is_signed(receiver.received[0], "whsec_plain")
    local.close()


def test_without_the_key_nothing_is_sent_and_the_log_of_deliveries_says_why(tmp_path, receiver: Receiver):
    home = tmp_path / "home"
    local = Local(home, outbound_allow=LOOPBACK)
    made = add(local, receiver, secret=SECRET)
    (home / "secrets.key").unlink()
    announce(local)
    assert work(local) == 1
    (delivery,) = good(local.ask("GET", f"{OWN}/{made['webhook_id']}/deliveries"))["deliveries"]
    assert delivery["state"] == "waiting"
    assert "encrypted with another key" in delivery["last_error"]
    assert receiver.received == []
    good(local.ask("PATCH", f"{HOOKS}/{made['webhook_id']}", json={"secret": "new"}))
    assert work(local, system_now_ms() + 3_600_000) == 1
    assert is_signed(receiver.received[0], "new")
    local.close()
