"""MLflow's webhooks, told on this machine; the server may send here."""

import base64
import contextlib
import hashlib
import hmac
import http.server
import json
import threading
import time
import uuid

from expecting import refused, same
from mlflow.entities.webhook import WebhookEvent
from mlflow.tracking import MlflowClient

client = MlflowClient()


@contextlib.contextmanager
def _receiver():
    came = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            came.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"understood")

        def log_message(self, format, *args):
            return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/hook", came
    finally:
        server.shutdown()
        server.server_close()


def _name():
    return f"hook-{uuid.uuid4().hex[:8]}"


def _signature(headers, body, secret):
    signed = f"{headers['X-Mlflow-Delivery-Id']}.{headers['X-Mlflow-Timestamp']}.{body.decode()}"
    digest = hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def a_webhook_is_made_listed_changed_and_deleted():
    with _receiver() as (url, _):
        made = client.create_webhook(
            _name(), url, ["model_version.created"], description="Tells us", secret="s"
        )
        same((made.url, made.description, made.status, made.secret), (url, "Tells us", "ACTIVE", None))
        same(made.events, [WebhookEvent.from_str("model_version.created")])
        same(client.get_webhook(made.webhook_id).name, made.name)
        assert made.webhook_id in [each.webhook_id for each in client.list_webhooks()]
        changed = client.update_webhook(made.webhook_id, events=["prompt.created"], status="DISABLED")
        same((changed.name, changed.status), (made.name, "DISABLED"))
        same(changed.events, [WebhookEvent.from_str("prompt.created")])
        same(client.update_webhook(made.webhook_id, description="").description, None)
        client.delete_webhook(made.webhook_id)
        with refused("RESOURCE_DOES_NOT_EXIST"):
            client.get_webhook(made.webhook_id)


def webhooks_are_listed_page_by_page():
    with _receiver() as (url, _):
        made = {client.create_webhook(_name(), url, ["prompt.created"]).webhook_id for _ in range(3)}
        seen, token = set(), None
        while True:
            page = client.list_webhooks(max_results=2, page_token=token)
            seen |= {each.webhook_id for each in page}
            token = page.token
            if not token:
                break
        assert made <= seen
        for webhook_id in made:
            client.delete_webhook(webhook_id)


def a_test_is_told_and_signed():
    with _receiver() as (url, came):
        made = client.create_webhook(
            _name(), url, ["model_version.created", "prompt.created"], secret="s3cret"
        )
        result = client.test_webhook(made.webhook_id)
        same((result.success, result.response_status, result.response_body), (True, 200, "understood"))
        client.test_webhook(made.webhook_id, event="prompt.created")
        told = [json.loads(body) for _, body in came]
        same(
            [(each["entity"], each["action"]) for each in told],
            [("model_version", "created"), ("prompt", "created")],
        )
        same(told[0]["data"]["name"], "example_model")
        same(told[0]["workspace"], "default")
        for headers, body in came:
            headers = {name.title(): value for name, value in headers.items()}
            same(headers["X-Mlflow-Signature"], _signature(headers, body, "s3cret"))
        client.delete_webhook(made.webhook_id)


def a_new_version_is_told():
    with _receiver() as (url, came):
        made = client.create_webhook(_name(), url, ["registered_model.created"])
        name = f"model-{uuid.uuid4().hex[:8]}"
        client.create_registered_model(name, tags={"team": "a"}, description="Told")
        until_s = time.monotonic() + 60
        while not came and time.monotonic() < until_s:
            time.sleep(0.05)
        told = json.loads(came[0][1])
        same((told["entity"], told["action"]), ("registered_model", "created"))
        same(told["data"], {"name": name, "tags": {"team": "a"}, "description": "Told"})
        client.delete_webhook(made.webhook_id)


def what_a_webhook_cannot_be_is_refused():
    for name, url, events in (
        ("-bad", "http://127.0.0.1:9/", ["prompt.created"]),
        (_name(), "http://10.0.0.1/", ["prompt.created"]),
        (_name(), "ftp://127.0.0.1/", ["prompt.created"]),
    ):
        with refused("INVALID_PARAMETER_VALUE"):
            client.create_webhook(name, url, events)
    with refused("NOT_IMPLEMENTED"):
        client.create_webhook(_name(), "http://127.0.0.1:9/", ["budget_policy.exceeded"])
