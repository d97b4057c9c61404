"""A team of three roles by the words of the guide, with a real provider; then one of them leaves.

The guide's own blocks are run, with nothing put in but what it tells the reader to put in. Each person has a
machine of their own: a shell with an empty home.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.docs.documents import ROOT
from tests.oidc.provider import CLIENT_ID, CLIENT_SECRET, Browser, OidcServer
from tests.running_server import free_port, is_healthy, scrubbed

GUIDE = ROOT / "docs" / "how-to" / "team-server.md"
SECTION = "Let your provider of identities say who has which role"
WITHIN_S = 300
GROUPS = {"ada": ["runyard-admins"], "ben": ["researchers"], "cleo": []}
_INDENTED = re.compile(r"^ *```sh\n(?P<code>.*?)^ *```$", re.MULTILINE | re.DOTALL)


def blocks_below(title: str) -> list[str]:
    """Return the commands of a section of the guide, in their order."""
    section = GUIDE.read_text().split(f"## {title}\n")[1].split("\n## ")[0]
    return [
        "".join(line.strip() + "\n" for line in found["code"].splitlines())
        for found in _INDENTED.finditer(section)
    ]


class Machine:
    """Somebody's machine: its commands know nothing but what was said on it."""

    def __init__(self, home: Path, **environment: str) -> None:
        home.mkdir()
        self.home = home
        self.environment = scrubbed(os.environ) | {
            "HOME": str(home),
            "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
            "BROWSER": "true",
            **environment,
        }

    def say(self, code: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        """Run commands and return how they ended."""
        return subprocess.run(
            ["bash", "-euc", code],
            env=self.environment,
            cwd=self.home,
            input=typed,
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
            check=False,
        )

    def done(self, code: str, typed: str = "") -> str:
        """Run commands that must succeed and return what they print."""
        ended = self.say(code, typed)
        assert ended.returncode == 0, f"{code}\n{ended.stdout}\n{ended.stderr}"
        return ended.stdout

    def log_in(self, url: str, browser: Browser) -> None:
        """Log this machine in; the code that it shows is approved in a browser where somebody signed in."""
        command = ["runyard", "login", url, "--without-browser"]
        with subprocess.Popen(
            command, env=self.environment, cwd=self.home, stderr=subprocess.PIPE, text=True
        ) as waiting:
            assert waiting.stderr is not None
            shown = next(line for line in waiting.stderr if "code=" in line)
            code = re.search(r"code=([A-Z]{4}-[A-Z]{4})", shown)
            assert code is not None
            path = f"{url}/api/v1/device/requests/{code[1]}/approve"
            browser.client.post(path, headers={"Origin": url}).raise_for_status()
            assert waiting.wait(WITHIN_S) == 0


class Lab:
    """The provider, and the machine that holds the data with the server on it."""

    def __init__(self, folder: Path) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        self.provider = OidcServer(folder, [self.url], conforms=True).start()
        for name, groups in GROUPS.items():
            self.provider.add(name, preferred_username=name, groups=groups)
        self.host = Machine(folder / "host")
        self._serving: subprocess.Popen[bytes] | None = None

    def serve(self, block: str) -> None:
        """Start the server as the guide says, with the values that are the reader's own."""
        code = block.replace("https://login.example/realms/lab", self.provider.issuer)
        code = code.replace("CLIENT_SECRET=...", f"CLIENT_SECRET='{CLIENT_SECRET}'")
        code = code.replace("https://ml.example", self.url)
        assert f"CLIENT_ID={CLIENT_ID}" in code
        lines = code.replace("\\\n", "").splitlines()
        assert lines[-1].startswith("runyard serve --host 0.0.0.0 --port 443 ")
        # Neither a certificate nor a name is at hand: it listens for its own machine, as behind a proxy.
        lines[-1] = f"exec runyard serve --port {self.url.rsplit(':', 1)[1]}"
        command = ["bash", "-euc", "export RUNYARD_HOME=$PWD/team\n" + "\n".join(lines)]
        self._serving = subprocess.Popen(command, env=self.host.environment, cwd=self.host.home)
        until_s = time.monotonic() + WITHIN_S
        while not is_healthy(self.url, None):
            assert self._serving.poll() is None, "the server ended at once"
            assert time.monotonic() < until_s
            time.sleep(0.05)

    def close(self) -> None:
        if self._serving is not None:
            self._serving.terminate()
            self._serving.wait()
        self.provider.close()


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    lab = Lab(tmp_path)
    yield lab
    lab.close()


LOGS = """
export MLFLOW_TRACKING_URI=$RUNYARD_URL/workspaces/lab RUNYARD_SPOOL=off
python -W ignore -c "
import mlflow
with mlflow.start_run():
    mlflow.log_metric('loss', 0.1)
"
"""


@pytest.mark.slow
def test_three_roles_by_the_words_of_the_guide_and_who_leaves_is_out_within_a_second(
    lab: Lab, tmp_path: Path
):
    start, roles, leaves = blocks_below(SECTION)
    first, *_ = blocks_below("Make the first administrator")
    key = lab.host.done(f"{first}\necho $RUNYARD_TOKEN").strip()
    lab.serve(start)
    desk = Machine(tmp_path / "desk", RUNYARD_URL=lab.url)
    desk.done(f"runyard login {lab.url} --api-key -", typed=key)
    desk.done(roles)

    browsers, machines = {}, {}
    for name in GROUPS:
        browsers[name] = Browser()
        browsers[name].sign_in(f"{lab.url}/api/v1/oidc/login", name)
        machines[name] = Machine(tmp_path / name, RUNYARD_URL=lab.url)
        machines[name].log_in(lab.url, browsers[name])
        assert name in machines[name].done("runyard whoami")

    machines["ben"].done(LOGS)
    assert "loss=0.1" in machines["cleo"].done("runyard run list --workspace lab")
    assert "PERMISSION_DENIED" in machines["cleo"].say(LOGS).stderr
    # Not the first administrator's key, but somebody who administers because the provider says so.
    told = machines["ada"].done(leaves)
    assert all(name in told for name in GROUPS)

    time.sleep(1)
    assert browsers["ben"].client.get(f"{lab.url}/api/v1/caller").status_code == httpx.codes.UNAUTHORIZED
    assert machines["ben"].say("runyard whoami").returncode == 4
    assert "expired or revoked" in machines["ben"].say(LOGS).stderr
    again = Browser()
    again.sign_in(f"{lab.url}/api/v1/oidc/login", "ben")
    assert again.client.get(f"{lab.url}/api/v1/caller").status_code == httpx.codes.UNAUTHORIZED
    assert machines["cleo"].say("runyard run list --workspace lab").returncode == 0
