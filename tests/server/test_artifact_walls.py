"""No request leads out of the artifact root, or to what a browser would run: S01, S02, S03, S20, S26, S28."""

import functools
import http.client
import json
import re
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

import pytest

from runyard.auth.permissions import LOCAL_OWNER
from runyard.entities.workspace import Workspace
from runyard.errors import RunyardError
from runyard.services import artifacts
from runyard.services.call import Call
from runyard.settings import Settings
from runyard.stores.opening import open_stores
from tests.hostile_paths import HOSTILE_PATHS, as_query, is_harmless
from tests.running_server import RunningServer

PROXY = "/api/2.0/mlflow-artifacts"
RUNS = "/api/2.0/mlflow/artifacts"
MODEL = "/api/2.0/mlflow/logged-models/{model_id}/artifacts"
SECRET = "the canary's secret"
TRIED = HOSTILE_PATHS[:: max(1, len(HOSTILE_PATHS) // 250)]


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Raw:
    """A connection that sends an address as it is written, which friendlier clients would tidy up."""

    def __init__(self, server: RunningServer) -> None:
        self._server = server
        self._connection: http.client.HTTPConnection | None = None

    def ask(self, method: str, address: str, body: bytes = b"", content_type: str = "") -> Answer:
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self._server.port, timeout=60)
        self._connection.putrequest(method, address)
        if content_type:
            self._connection.putheader("Content-Type", content_type)
        self._connection.putheader("Content-Length", str(len(body)))
        self._connection.endheaders(body)
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.will_close:
            self.close()
        return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, content)

    def post(self, address: str, body: Any) -> Answer:
        return self.ask("POST", address, json.dumps(body).encode(), "application/json")

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None


@pytest.fixture(scope="module")
def raw(server: RunningServer) -> Iterator[Raw]:
    connection = Raw(server)
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def run_id(raw: Raw) -> Any:
    return raw.post("/api/2.0/mlflow/runs/create", {"experiment_id": "0"}).json["run"]["info"]["run_id"]


@pytest.fixture(scope="module")
def canaries(server: RunningServer, raw: Raw, run_id: str) -> Iterator[list[Path]]:
    """Files that lie wherever a climbing path could lead, and what must be left as it is."""
    assert raw.ask("PUT", f"{PROXY}/artifacts/0/{run_id}/artifacts/kept", b"kept").status == 200
    folder = server.home / "artifacts" / "default" / "0" / run_id / "artifacts"
    beside = [server.home.parent, server.home, *list(folder.parents)[:4]]
    planted = [place / "canary" for place in beside] + [server.home / "etc" / "passwd"]
    for canary in planted:
        canary.parent.mkdir(exist_ok=True)
        canary.write_text(SECRET)
    yield planted
    for canary in planted:
        canary.unlink()


def _raw_forms(path: str) -> list[str]:
    """Return how ``path`` can be written in an address: escaped, but for its slashes or not, and as it is."""
    forms = [quote(path.encode("utf-8", "surrogatepass"), safe=safe) for safe in ("/", "")]
    is_address = path.isascii() and path.isprintable() and not set(path) & set("?# ")
    if is_address and not is_harmless(unquote(path)):
        forms.append(path)
    return list(dict.fromkeys(forms))


Ask = Callable[[Raw, str, str], list[Answer]]


def _in_address(method: str, route: str, body: Any = None) -> Ask:
    def ask(raw: Raw, run_id: str, path: str) -> list[Answer]:
        starts = [route, f"{route}0/{run_id}/artifacts/"]
        # Behind a folder's slash, one more leads nowhere else.
        starts = [start for start in starts if not is_harmless((start + path).removeprefix(route))]
        forms = [start + form for start in starts for form in _raw_forms(path)]
        if body is None:
            return [raw.ask(method, form, b"overwritten" * (method == "PUT")) for form in forms]
        return [raw.post(form, body) for form in forms]

    return ask


def _in_query(method: str, address: str, body: bytes = b"") -> Ask:
    def ask(raw: Raw, run_id: str, path: str) -> list[Answer]:
        return [raw.ask(method, f"{address.format(run_id=run_id)}path={as_query(path)}", body)]

    return ask


def _in_body(address: str) -> Ask:
    def ask(raw: Raw, run_id: str, path: str) -> list[Answer]:
        return [raw.post(address, {"run_id": run_id, "path": path})]

    return ask


@functools.cache
def _model_id(raw: Raw) -> Any:
    body = {"experiment_id": "0"}
    return raw.post("/api/2.0/mlflow/logged-models", body).json["model"]["info"]["model_id"]


def _of_a_model(address: str, name: str) -> Ask:
    def ask(raw: Raw, run_id: str, path: str) -> list[Answer]:
        return [raw.ask("GET", f"{address.format(model_id=_model_id(raw))}?{name}={as_query(path)}")]

    return ask


PART = {"path": "x", "num_parts": 1, "upload_id": "u", "parts": [{"part_number": 1}]}
WAYS_IN: dict[str, Ask] = {
    "download": _in_address("GET", f"{PROXY}/artifacts/"),
    "download by page": _in_address("GET", "/ajax-api/2.0/mlflow-artifacts/artifacts/"),
    "download of a workspace": _in_address("GET", f"/workspaces/default{PROXY}/artifacts/"),
    "upload": _in_address("PUT", f"{PROXY}/artifacts/"),
    "delete": _in_address("DELETE", f"{PROXY}/artifacts/"),
    "presigned": _in_address("GET", f"{PROXY}/presigned/"),
    "mpu create": _in_address("POST", f"{PROXY}/mpu/create/", PART),
    "mpu complete": _in_address("POST", f"{PROXY}/mpu/complete/", PART),
    "mpu abort": _in_address("POST", f"{PROXY}/mpu/abort/", PART),
    "list": _in_query("GET", f"{PROXY}/artifacts?"),
    "list of a run": _in_query("GET", f"{RUNS}/list?run_id={{run_id}}&"),
    "get-artifact": _in_query("GET", "/get-artifact?run_id={run_id}&"),
    "upload-artifact": _in_query(
        "POST", "/ajax-api/2.0/mlflow/upload-artifact?run_uuid={run_id}&", body=b"overwritten"
    ),
    "presigned download": _in_body(f"{RUNS}/presigned-download-url"),
    "presigned upload": _in_body(f"{RUNS}/presigned-upload-url"),
    "list of a model": _of_a_model(f"{MODEL}/directories", "artifact_directory_path"),
    "file of a model": _of_a_model(f"{MODEL.replace('/api', '/ajax-api')}/files", "artifact_file_path"),
}


def _tree(home: Path) -> set[str]:
    # The database comes and goes with its write-ahead log, and a server locks its jobs; no path leads there.
    own = re.compile(r"runyard\.db|jobs-\w+\.lock")
    return {str(path) for path in home.parent.rglob("*") if not own.match(path.name)}


@pytest.mark.parametrize("way", WAYS_IN)
def test_s01_no_path_leads_out_of_the_root(raw, server, run_id, canaries, way):
    before = _tree(server.home)
    assert len(TRIED) >= 200
    for path in TRIED:
        for answer in WAYS_IN[way](raw, run_id, path):
            assert 400 <= answer.status < 500, (path, answer)
            assert SECRET.encode() not in answer.body
    assert _tree(server.home) == before
    assert {canary.read_text() for canary in canaries} == {SECRET}
    assert (server.home / f"artifacts/default/0/{run_id}/artifacts/kept").read_bytes() == b"kept"


@pytest.fixture(scope="module")
def call(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Call]:
    home = tmp_path_factory.mktemp("in-process")
    stores = open_stores(home / "runyard.db", home / "artifacts")
    yield Call(stores, Settings(home=home), Workspace("default", "0", 0), LOCAL_OWNER)
    stores.close()


_events: list[str] | None = None


def _record(event: str, arguments: tuple[Any, ...]) -> None:
    if _events is not None and event.startswith(("open", "os.", "shutil.", "glob.")):
        _events.append(f"{event} {arguments}")


sys.addaudithook(_record)  # it can't be taken away again, so it records only where a test asks for it


@contextmanager
def _touches() -> Iterator[list[str]]:
    """Give what the block does to the file system, as the interpreter itself reports it."""
    global _events
    found: list[str] = []
    _events = found
    try:
        yield found
    finally:
        _events = None


def test_s01_a_hostile_path_is_refused_before_any_file_is_touched(call):
    uri = "mlflow-artifacts:/0/run/artifacts"
    services: list[Callable[[str], Any]] = [
        lambda path: artifacts.open_proxied(call, path),
        lambda path: artifacts.list_proxied(call, path),
        lambda path: artifacts.delete_proxied(call, path),
        lambda path: artifacts.begin_proxied_upload(call, path),
        lambda path: artifacts.open_file(call, uri, path),
        lambda path: artifacts.list_directory(call, uri, path),
        lambda path: artifacts.begin_upload(call, uri, path),
    ]
    with _touches() as touched:
        for path in HOSTILE_PATHS:
            for service in services:
                with pytest.raises(RunyardError) as refused:
                    service(path)
                assert refused.value.http_status == 400
    assert touched == []
    with _touches() as touched:
        assert artifacts.list_proxied(call, "0/run") == []
    assert touched, "the hook sees what an ordinary call does"


@pytest.fixture
def links(server: RunningServer, run_id: str, canaries: list[Path]) -> Iterator[list[str]]:
    folder = server.home / f"artifacts/default/0/{run_id}/artifacts"
    targets = {"file": server.home / "canary", "directory": server.home / "etc", "root": Path("/")}
    for name, target in targets.items():
        (folder / name).symlink_to(target)
    yield ["file", "directory", "directory/passwd", "root", "root/etc/passwd"]
    for name in targets:
        assert (folder / name).is_symlink()
        (folder / name).unlink()


def test_s02_no_link_is_followed(raw, run_id, links, canaries):
    below = f"0/{run_id}/artifacts"
    for link in links:
        answers = [
            raw.ask("GET", f"{PROXY}/artifacts/{below}/{link}"),
            raw.ask("HEAD", f"{PROXY}/artifacts/{below}/{link}"),
            raw.ask("DELETE", f"{PROXY}/artifacts/{below}/{link}"),
            raw.ask("PUT", f"{PROXY}/artifacts/{below}/{link}/x", b"overwritten"),
            raw.ask("GET", f"{PROXY}/artifacts?path={below}/{link}"),
            raw.ask("GET", f"{RUNS}/list?run_id={run_id}&path={link}"),
            raw.ask("GET", f"/get-artifact?run_id={run_id}&path={link}"),
        ]
        assert {answer.status for answer in answers} == {404}, link
        assert not any(SECRET.encode() in answer.body for answer in answers)
    listed = raw.ask("GET", f"{RUNS}/list?run_id={run_id}").json["files"]
    assert [item["path"] for item in listed] == ["kept"]
    assert {canary.read_text() for canary in canaries} == {SECRET}


@pytest.mark.parametrize(
    "location",
    [
        *(
            "file:///",
            "file:///etc",
            "/etc",
            "http://h/#/etc",
            "http://h/x",
            "https://h/x",
            "../x",
            "x/../../y",
        ),
        *(
            "dbfs:/..?x",
            "s3://b/../c",
            "mlflow-artifacts://h/x",
            "mlflow-artifacts:/../x",
            "C:\\x",
            "\\\\h\\x",
        ),
    ],
)
def test_s03_a_location_on_this_machine_or_another_web_host_is_refused(raw, server, location):
    before = _tree(server.home)
    body = {"name": f"at {location}", "artifact_location": location}
    answer = raw.post("/api/2.0/mlflow/experiments/create", body)
    assert answer.status == 400
    assert answer.json["error_code"] == "INVALID_PARAMETER_VALUE"
    assert "artifact_location" in answer.json["message"]
    found = raw.ask("GET", f"/api/2.0/mlflow/experiments/get-by-name?experiment_name={quote(body['name'])}")
    assert found.status == 404
    assert _tree(server.home) == before


@pytest.mark.parametrize(
    ("location", "kept"), [("s3://other", "s3://other"), ("plain", "mlflow-artifacts:/plain")]
)
def test_s03_a_remote_location_is_a_word_and_a_plain_one_lies_below_the_root(raw, server, location, kept):
    body = {"name": f"at {location}", "artifact_location": location}
    made = raw.post("/api/2.0/mlflow/experiments/create", body).json
    run = raw.post("/api/2.0/mlflow/runs/create", made).json["run"]["info"]
    assert run["artifact_uri"] == f"{kept}/{run['run_id']}/artifacts"
    answer = raw.ask("GET", f"{RUNS}/list?run_id={run['run_id']}")
    assert answer.status == (200 if location == "plain" else 400)


SCRIPT = b"<script>alert(document.cookie)</script>"
ACTIVE = ["x.html", "x.svg", "x.xml", "x.xhtml", "x.ipynb", "x.md", "MLmodel", "x.js", "x.mht", "x.pdf", "x"]


@pytest.mark.parametrize("name", ACTIVE)
def test_s20_an_artifact_is_never_a_page(raw, run_id, name):
    address = f"{PROXY}/artifacts/0/{run_id}/artifacts/active/{name}"
    assert raw.ask("PUT", address, SCRIPT, "text/html").status == 200
    for asked in (address, f"/get-artifact?run_id={run_id}&path=active/{name}"):
        answer = raw.ask("GET", asked)
        assert answer.body == SCRIPT
        assert answer.headers["content-type"] in {"text/plain", "application/octet-stream", "application/pdf"}
        assert answer.headers["content-disposition"] == f"attachment; filename={name}"
        assert answer.headers["x-content-type-options"] == "nosniff"
        policy = answer.headers["content-security-policy"].split("; ")
        assert {"default-src 'none'", "sandbox", "frame-ancestors 'none'"} <= set(policy)
    assert raw.ask("DELETE", f"{PROXY}/artifacts/0/{run_id}/artifacts/active").status == 200


def test_s20_an_error_that_repeats_the_path_is_no_page(raw, run_id):
    path = quote("<img src=x onerror=alert(1)>")
    for address in (
        f"{PROXY}/artifacts/0/{run_id}/artifacts/{path}",
        f"/get-artifact?run_id={run_id}&path={path}",
        f"/get-artifact?run_id={path}&path=x",
        f"/no/such/route/{path}",
    ):
        answer = raw.ask("GET", address)
        assert answer.status == 404
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_s26_all_that_is_made_is_for_its_owner_alone(raw, server, run_id):
    below = f"0/{run_id}/artifacts/modes"
    assert raw.ask("PUT", f"{PROXY}/artifacts/{below}/a/b.txt", b"x").status == 200
    upload = f"/ajax-api/2.0/mlflow/upload-artifact?run_uuid={run_id}&path=modes/c/d.txt"
    assert raw.ask("POST", upload, b"x").status == 200
    made = [server.home, server.home / "artifacts", *(server.home / "artifacts" / "default").rglob("*")]
    modes = {(path.is_dir(), stat.S_IMODE(path.lstat().st_mode)) for path in made if path.name != "canary"}
    assert modes == {(True, 0o700), (False, 0o600)}
    assert raw.ask("DELETE", f"{PROXY}/artifacts/{below}").status == 200


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("caf%C3%A9", "cafe%CC%81"),  # composed and decomposed
        ("twin", "twin%20"),
        ("twin", "twin."),
        ("twin/x", "twin%252Fx"),
        ("twin/x", "twin//x"),
        ("twin/x", "twin/./x"),
    ],
)
def test_s28_two_spellings_are_one_file_or_the_second_is_refused(raw, run_id, first, second):
    base = f"{PROXY}/artifacts/0/{run_id}/artifacts/twins"
    assert raw.ask("PUT", f"{base}/{first}", b"first").status == 200
    answer = raw.ask("PUT", f"{base}/{second}", b"second")
    assert answer.status in {200, 400}
    expected = b"second" if answer.status == 200 else b"first"
    assert raw.ask("GET", f"{base}/{first}").body == expected
    listed = raw.ask("GET", f"{RUNS}/list?run_id={run_id}&path=twins").json["files"]
    assert len(listed) == 1
    assert raw.ask("DELETE", base).status == 200
