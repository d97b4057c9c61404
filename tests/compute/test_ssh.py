"""The launcher of SSH hosts against the rules and real sshds, and what only it can do wrong."""

from __future__ import annotations

import json
import os
import signal
import socketserver
import sys
import threading
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from runyard.agent.station import AGENT
from runyard.compute import ssh_connection
from runyard.compute.base import AgentState, Launch, Launcher, Opening
from runyard.compute.machine import Machine
from runyard.compute.ssh import KIND, SshLauncher, SshSettings
from runyard.compute.ssh_address import NotForwarded, SshAddress
from runyard.compute.ssh_machine import SshMachine
from runyard.compute.ssh_tunnel import FILE_NAME
from runyard.errors import InvalidParameter, Unavailable
from runyard.testing.launcher_rules import RUN_ID, LauncherRules, assignment, state_of
from tests.compute.ssh_hosts import SshHost, needs_hosts
from tests.waiting import until

pytestmark = [pytest.mark.slow, needs_hosts]


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    host = SshHost(tmp_path_factory.mktemp("ssh"), "a")
    yield host
    host.close()


@pytest.fixture
def opened():
    """What is to be closed in the end."""
    opened: list[SshLauncher | Machine] = []
    yield opened
    for each in opened:
        each.close()


@pytest.fixture
def way_in(tmp_path: Path):
    """A server that answers each connection with one word."""

    class Answer(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.sendall(b"here")

    path = tmp_path / "tunnel.sock"
    with socketserver.ThreadingUnixStreamServer(str(path), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield path
        server.shutdown()
        thread.join()


def opening(host: SshHost, folder: Path, tunnel: str = "/nonexistent/tunnel.sock", **more) -> Opening:
    settings = msgspec.convert({**host.settings, **more}, SshSettings)
    return Opening(folder, "vm", settings, {"private_key": host.key}, tunnel=tunnel)


def machine_of(host: SshHost, opened: list, credential=None, **more) -> SshMachine:
    named = {name: host.settings[name] for name in ("host", "port", "username", "known_hosts")}
    address = msgspec.convert({**named, **more}, SshAddress)
    machine = SshMachine(address, {"private_key": host.key} if credential is None else credential)
    opened.append(machine)
    return machine


def connected_to(host: SshHost, port: int) -> str:
    """What a process on the host gets that connects to a port of its own loopback."""
    words = "import socket, sys; print(socket.create_connection(('127.0.0.1', int(sys.argv[1])), 5).recv(9))"
    return host.run(sys.executable, "-c", words, str(port)).stdout.strip()


class TestSshLauncher(LauncherRules):
    @pytest.fixture(autouse=True)
    def _on(self, host: SshHost, opened: list) -> None:
        self.host = host
        self.opened = opened

    @property
    def own_address(self) -> str:
        return self.host.gateway

    def open_launcher(self, folder: Path) -> SshLauncher:
        return self.kept(KIND.open(opening(self.host, folder)))

    def open_launcher_to(self, folder: Path, server: str) -> SshLauncher:
        there = {"server_url": server, "use_tunnel": False, "folder": str(self.host.home / folder.name)}
        settings = msgspec.convert({**self.host.settings, **there}, SshSettings)
        return self.kept(KIND.open(Opening(folder, "vm", settings, {"private_key": self.host.key})))

    def kept(self, launcher: Launcher) -> SshLauncher:
        assert isinstance(launcher, SshLauncher)
        self.opened.append(launcher)
        return launcher

    def kill_agent(self, launched: str) -> None:
        path = self.host.jobs / launched / AGENT
        until(path.exists)
        os.kill(json.loads(path.read_text())["pid"], signal.SIGKILL)

    def test_a_host_that_is_there_takes_jobs(self, launcher):
        launcher.check()
        assert (self.host.home / ".runyard").stat().st_mode & 0o777 == 0o700

    def test_what_another_server_or_target_runs_there_is_none_of_its_own(self, launcher, tmp_path):
        """Whatever is no job of its own, a launcher may forget."""
        launched = launcher.submit(Launch(RUN_ID, 1, assignment()))
        other = self.open_launcher(tmp_path / "other")
        assert list(other.list_launched()) == []
        other.forget(launched)
        assert state_of(launcher, launched) is AgentState.ALIVE

    def test_what_an_agent_is_told_leads_through_the_tunnel(self, launcher, tmp_path):
        launched = launcher.submit(Launch(RUN_ID, 1, assignment()))
        told = json.loads((self.host.jobs / launched / "assignment.json").read_text())
        port = int((tmp_path / FILE_NAME).read_text())
        assert told["url"] == f"http://127.0.0.1:{port}/workspaces/default"

    def test_agents_outlive_the_connection_and_are_found_again(self, launcher):
        launched = launcher.submit(Launch(RUN_ID, 1, assignment()))
        self.host.switch_off()
        assert state_of(launcher, launched) is AgentState.UNKNOWN
        for asked in (lambda: launcher.cancel(launched), lambda: launcher.find(RUN_ID, 1), launcher.check):
            with pytest.raises(Unavailable):
                asked()
        self.host.switch_on()
        assert state_of(launcher, launched) is AgentState.ALIVE

    def test_a_host_without_that_python_is_refused_with_the_reason(self, tmp_path):
        launcher = KIND.open(opening(self.host, tmp_path, python="/no/such/python"))
        self.opened.append(launcher)
        with pytest.raises(Unavailable, match="/no/such/python can't run the agent there"):
            launcher.check()

    def test_a_host_that_can_not_reach_the_server_is_refused_with_the_way_out(self, tmp_path):
        server = f"http://{self.host.gateway}:9"
        launcher = KIND.open(opening(self.host, tmp_path, server_url=server))
        self.opened.append(launcher)
        with pytest.raises(Unavailable, match=rf"can't reach the server at {server} .*use_tunnel"):
            launcher.check()

    def test_without_a_way_to_the_server_nothing_is_started(self, tmp_path):
        launcher = KIND.open(opening(self.host, tmp_path, use_tunnel=False))
        self.opened.append(launcher)
        for asked in (launcher.check, lambda: launcher.submit(Launch(RUN_ID, 1, assignment()))):
            with pytest.raises(Unavailable, match="give server_url, or use_tunnel"):
                asked()
        assert not launcher.list_launched()


# --- The tunnel -------------------------------------------------------------------------------------------


def test_the_tunnel_is_opened_again_on_the_same_port_after_any_break(host, opened, way_in, tmp_path):
    launcher = KIND.open(opening(host, tmp_path / "kept", str(way_in)))
    opened.append(launcher)
    launched = launcher.submit(Launch(RUN_ID, 1, assignment()))
    port = int((tmp_path / "kept" / FILE_NAME).read_text())
    assert connected_to(host, port) == "b'here'"
    host.switch_off()
    assert state_of(launcher, launched) is AgentState.UNKNOWN
    assert connected_to(host, port) == ""
    host.switch_on()
    assert state_of(launcher, launched) is AgentState.ALIVE
    assert connected_to(host, port) == "b'here'"
    launcher.close()
    until(lambda: connected_to(host, port) == "")
    later = KIND.open(opening(host, tmp_path / "kept", str(way_in)))
    opened.append(later)
    assert state_of(later, launched) is AgentState.ALIVE
    assert connected_to(host, port) == "b'here'"
    later.forget(launched)


def test_a_cable_that_is_pulled_out_is_noticed_and_mended(host, opened, way_in, tmp_path, monkeypatch):
    monkeypatch.setattr(ssh_connection, "ASKED_EVERY_S", 1.0)
    launcher = KIND.open(opening(host, tmp_path / "kept", str(way_in)))
    opened.append(launcher)
    launched = launcher.submit(Launch(RUN_ID, 1, assignment()))
    port = int((tmp_path / "kept" / FILE_NAME).read_text())
    host.unplug()
    with monkeypatch.context() as patched:
        patched.setattr(ssh_connection, "CONNECTED_WITHIN_S", 1.0)
        assert state_of(launcher, launched) is AgentState.UNKNOWN
    host.plug_in()
    until(lambda: state_of(launcher, launched) is AgentState.ALIVE)
    # The old sshd holds the port until it has noticed, too.
    until(lambda: state_of(launcher, launched) is AgentState.ALIVE and connected_to(host, port) == "b'here'")
    launcher.forget(launched)


def test_a_port_that_is_taken_is_waited_for_while_agents_need_it(host, opened, way_in, tmp_path, caplog):
    launcher = KIND.open(opening(host, tmp_path / "kept", str(way_in)))
    opened.append(launcher)
    launched = launcher.submit(Launch(RUN_ID, 1, assignment()))
    port = int((tmp_path / "kept" / FILE_NAME).read_text())
    launcher.close()
    until(lambda: connected_to(host, port) == "")
    other = machine_of(host, opened)
    other.forward(port, str(way_in))
    later = KIND.open(opening(host, tmp_path / "kept", str(way_in)))
    opened.append(later)
    for _ in range(2):
        assert state_of(later, launched) is AgentState.ALIVE
    assert caplog.text.count("can't reach the server") == 1
    with pytest.raises(NotForwarded, match=f"port {port}.*taken"):
        later.submit(Launch("b" * 32, 1, assignment("b" * 32)))
    assert list(later.list_launched()) == [launched]
    later.forget(launched)
    another = later.submit(Launch("b" * 32, 1, assignment("b" * 32)))
    assert int((tmp_path / "kept" / FILE_NAME).read_text()) != port
    later.forget(another)


def test_a_port_that_was_asked_for_is_the_one_or_none(host, opened, way_in, tmp_path):
    free = machine_of(host, opened)
    port = free.forward(0, str(way_in))
    assert free.forward(0, str(way_in)) == free.forward(port, str(way_in)) == port
    launcher = KIND.open(opening(host, tmp_path, str(way_in), tunnel_port=port))
    opened.append(launcher)
    for asked in (launcher.check, lambda: launcher.submit(Launch(RUN_ID, 1, assignment()))):
        with pytest.raises(NotForwarded, match=f"port {port}"):
            asked()
    free.close()
    until(lambda: connected_to(host, port) == "")
    launcher.check()


def test_the_tunnel_speaks_as_the_server_does(host, opened, way_in, tmp_path):
    launcher = KIND.open(opening(host, tmp_path, str(way_in)))
    opened.append(launcher)
    url = "https://127.0.0.1:1/workspaces/w"
    launched = launcher.submit(Launch(RUN_ID, 1, assignment(url=url, ca="CERTIFICATE")))
    told = json.loads((host.jobs / launched / "assignment.json").read_text())
    port = (tmp_path / FILE_NAME).read_text()
    assert (told["url"], told["ca"]) == (f"https://127.0.0.1:{port}/workspaces/w", "CERTIFICATE")
    launcher.forget(launched)


# --- The connection ---------------------------------------------------------------------------------------


def test_s22_words_reach_a_command_as_they_are(host, opened):
    words = [
        "a b",
        "$(touch x)",
        "`touch x`",
        "'",
        '"',
        "\n",
        "é😀",
        "",
        "--",
        "-x",
        "*",
        "~",
        "\\",
        "!!",
        ";",
    ]
    code = "import json, sys; print(json.dumps([sys.argv[1:], sys.stdin.read()]))"
    ran = machine_of(host, opened).run([sys.executable, "-c", code, *words], b"given")
    assert (ran.exit_code, json.loads(ran.stdout)) == (0, [words, "given"])
    assert not (host.home / "x").exists()


def test_what_comes_of_a_command_is_told(host, opened):
    machine = machine_of(host, opened)
    assert machine.run(["no-such-program"]).exit_code == 127
    assert machine.run(["sh", "-c", "kill -9 $$"]).exit_code == -9
    ran = machine.run(["sh", "-c", "head -c 3000000 /dev/zero >&2; echo said; exit 3"])
    assert (ran.exit_code, ran.stdout, len(ran.stderr)) == (3, b"said\n", 3_000_000)
    with pytest.raises(Unavailable, match=r"sleep did not end on .* within 2 s"):
        machine.run(["sleep", "4711"], within_s=2.0)


def test_a_host_that_says_too_much_is_not_listened_to(host, opened, monkeypatch):
    monkeypatch.setattr(ssh_connection, "MAX_ANSWER_BYTES", 1_000_000)
    with pytest.raises(Unavailable, match="more than 0 MiB"):
        machine_of(host, opened).run(["cat", "/dev/zero"])


def test_a_host_is_known_by_its_fingerprint_too(host, opened):
    machine = machine_of(host, opened, known_hosts=[], host_key_fingerprint=host.fingerprint)
    assert machine.run(["id", "-u"]).stdout == b"0\n"


def other_key(host: SshHost) -> str:
    return f"[{host.address}]:{host.port} {host.public_key}"


@pytest.mark.parametrize(
    "known",
    [
        lambda host: {"known_hosts": [other_key(host)]},
        lambda host: {"known_hosts": [f"[{host.address}]:1 {host.host_key}"]},
        lambda host: {"known_hosts": [f"@revoked {host.settings['known_hosts'][0]}"]},
        lambda host: {"known_hosts": [], "host_key_fingerprint": f"SHA256:{'A' * 43}"},
    ],
    ids=["another key", "another port", "revoked", "another fingerprint"],
)
def test_a_host_that_shows_another_key_is_not_believed(host, opened, known):
    with pytest.raises(Unavailable, match=r"is not believed: .*ssh-keyscan"):
        machine_of(host, opened, **known(host)).run(["id"])


@pytest.mark.parametrize(
    ("credential", "words"),
    [
        ({"password": "wrong"}, "does not let root in"),
        ({"private_key": "no key"}, "'private_key' can't be read"),
        ({}, "There is no credential: give private_key, or password"),
    ],
    ids=["password", "key", "none"],
)
def test_who_is_not_let_in_learns_why(host, opened, credential, words):
    with pytest.raises(Unavailable, match=words) as refused:
        machine_of(host, opened, credential).run(["id"])
    assert "wrong" not in str(refused.value)


def test_on_up_the_persons_own_keys_let_in(host, opened, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "id_ed25519").write_text(host.key)
    found = {}
    for is_own in (True, False):
        launcher = KIND.open(replace(opening(host, tmp_path), credential={}, is_of_one_person=is_own))
        opened.append(launcher)
        try:
            launcher.check()
            found[is_own] = "let in"
        except Unavailable as error:
            found[is_own] = str(error)
    assert found == {True: "let in", False: "There is no credential: give private_key, or password."}


def test_only_where_the_server_may_go_is_connected_to(host, opened):
    asked = []

    def nowhere(name: str, port: int) -> list[str]:
        asked.append((name, port))
        raise InvalidParameter("this server sends nothing to it")

    address = msgspec.convert(
        {name: host.settings[name] for name in ("host", "port", "username", "known_hosts")}, SshAddress
    )
    machine = SshMachine(address, {"private_key": host.key}, nowhere)
    opened.append(machine)
    with pytest.raises(Unavailable, match="sends nothing to it"):
        machine.run(["id"])
    assert asked == [(host.address, host.port)]


def test_the_next_address_of_a_name_is_tried(host, opened):
    address = msgspec.convert(
        {
            "host": "vm.example",
            "port": host.port,
            "username": "root",
            "known_hosts": [f"[vm.example]:{host.port} {host.host_key}"],
        },
        SshAddress,
    )
    machine = SshMachine(address, {"private_key": host.key}, lambda name, port: ["127.0.0.1", host.address])
    opened.append(machine)
    assert machine.run(["echo", "x"]).stdout == b"x\n"
    nobody = SshMachine(address, {"private_key": host.key}, lambda name, port: ["127.0.0.1"])
    opened.append(nobody)
    with pytest.raises(Unavailable, match=rf"vm\.example, port {host.port}, does not answer"):
        nobody.run(["id"])


def test_a_machine_that_was_closed_says_so_to_who_still_asks(host, opened):
    machine = machine_of(host, opened)
    faults = []

    def wait() -> None:
        try:
            machine.run(["sleep", "60"])
        except Unavailable as error:
            faults.append(str(error))

    machine.run(["true"])
    waiting = threading.Thread(target=wait)
    waiting.start()
    until(lambda: "sleep 60" in host.run("pgrep", "-fa", "^sleep").stdout)
    machine.close()
    waiting.join()
    with pytest.raises(Unavailable, match="was closed"):
        machine.run(["true"])
    assert len(faults) == 1
