"""How a cluster is reached: what of a credential is taken, what is refused, and where connections go."""

from __future__ import annotations

import base64
import os
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from runyard.compute.base import Opening
from runyard.compute.kubernetes import KubernetesLauncher
from runyard.compute.kubernetes_access import Access, access_of
from runyard.compute.kubernetes_cluster import Cluster
from runyard.compute.kubernetes_manifests import KubernetesSettings
from runyard.errors import InvalidParameter, Unavailable
from tests.kubernetes.cluster import KubernetesCluster, base64_of

SELECTOR = "runyard/owner=x"
CA = "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"


def opening(credential, lookup=None, **settings) -> Opening:
    given = {} if lookup is None else {"lookup": lookup}
    return Opening(Path("/nonexistent"), "c", KubernetesSettings(**settings), credential, **given)


def kubeconfig(user=None, cluster=None, context=None, **more) -> str:
    where = {"server": "https://k.example:6443", "certificate-authority-data": base64_of(CA)}
    content = {
        "clusters": [{"name": "lab", "cluster": where | (cluster or {})}],
        "users": [{"name": "me", "user": {"token": "t"} if user is None else user}],
        "contexts": [{"name": "c", "context": {"cluster": "lab", "user": "me"} | (context or {})}],
        "current-context": "c",
    }
    text: str = yaml.safe_dump(content | more)
    return text


def test_a_kubeconfig_that_holds_all_in_itself_is_taken():
    found = access_of(opening({"kubeconfig": kubeconfig(cluster={"tls-server-name": "in.side"})}))
    assert found == Access("k.example", 6443, "", CA, "in.side", "t")
    user = {"client-certificate-data": base64_of(CA), "client-key-data": base64_of("key")}
    found = access_of(opening({"kubeconfig": kubeconfig(user, {"server": "https://k.example/k8s/c-1/"})}))
    assert (found.port, found.path, found.certificate, found.key) == (443, "/k8s/c-1", CA, "key")
    # That a context has a namespace changes nothing: the target's setting counts.
    assert access_of(opening({"kubeconfig": kubeconfig(context={"namespace": "x"})})).host == "k.example"


@pytest.mark.parametrize("key", ["exec", "auth-provider"])
def test_a_kubeconfig_that_would_run_a_program_is_refused(tmp_path: Path, key: str):
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "touch",
        "args": [str(tmp_path / "x")],
    }
    user = {"token": "t", key: plugin}
    with pytest.raises(Unavailable, match=f"{key}.*runs a program on the server's machine"):
        Cluster(opening({"kubeconfig": kubeconfig(user)})).list_jobs(SELECTOR)
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("key", ["tokenFile", "client-certificate", "client-key"])
def test_a_kubeconfig_that_would_read_a_file_of_the_server_is_refused(key: str):
    with pytest.raises(Unavailable, match=f"{key}.*it is a path"):
        access_of(opening({"kubeconfig": kubeconfig({"token": "t", key: "/etc/passwd"})}))
    with pytest.raises(Unavailable, match=r"certificate-authority'.*it is a path"):
        access_of(opening({"kubeconfig": kubeconfig(cluster={"certificate-authority": "/etc/passwd"})}))


@pytest.mark.parametrize(
    ("cluster", "user"),
    [
        ({"insecure-skip-tls-verify": True}, None),
        ({"proxy-url": "http://169.254.169.254"}, None),
        ({"made-up": 1}, None),
        ({}, {"username": "u", "password": "p"}),
        ({}, {"token": "t", "as": "system:admin"}),
        ({}, {}),
        ({}, {"client-certificate-data": base64_of(CA)}),
        ({"server": "http://k.example"}, None),
        ({"server": "https://u:p@k.example"}, None),
        ({"server": "https://k.example:99999"}, None),
        ({"server": "file:///etc/passwd"}, None),
        ({"certificate-authority-data": "é"}, None),
        ({"server": "https://a b"}, None),
        ({"server": "https://k.example/?x"}, None),
        ({"server": "https://k.example\n"}, None),
        ({"tls-server-name": "a\0"}, None),
        ({}, {"token": "a\r\nb"}),
        ({}, {"token": 1}),
    ],
    ids=str,
)
def test_a_kubeconfig_with_what_this_server_does_not_do_is_refused(cluster, user):
    with pytest.raises(Unavailable):
        access_of(opening({"kubeconfig": kubeconfig(user, cluster)}))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "a: [",
        "x",
        "[" * 20_000,
        "!!python/object/apply:os.system ['true']",
        "clusters: 1\ncurrent-context: c",
    ],
    ids=["empty", "list", "open", "word", "deep", "object", "number"],
)
def test_what_is_no_kubeconfig_is_refused_and_never_shown(text: str):
    with pytest.raises(Unavailable, match="kubeconfig") as refused:
        access_of(opening({"kubeconfig": f"{text}\n# secret"}))
    assert "secret" not in str(refused.value)


def test_a_few_lines_that_stand_for_very_many_are_not_written_out():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    with pytest.raises(Unavailable, match="aliases"):
        access_of(opening({"kubeconfig": "\n".join([*lines, "current-context: *a11"])}))
    merged = ["a0: &a0 {x: 1}"]
    merged += [f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 10)}]}}" for i in range(1, 12)]
    with pytest.raises(Unavailable, match="aliases"):
        access_of(opening({"kubeconfig": "\n".join(merged)}))


def test_a_ca_that_is_no_text_of_a_certificate_is_refused():
    with pytest.raises(Unavailable, match="ca is no PEM"):
        access_of(opening({"token": "t", "ca": "é"}, server="https://k.example:6443"))


def test_an_address_may_be_a_number():
    for server, host in (("https://[::1]:6443", "::1"), ("https://10.0.0.1:6443", "10.0.0.1")):
        assert access_of(opening({"token": "t"}, server=server)).host == host


def test_a_token_needs_a_server_and_a_kubeconfig_is_enough():
    server = "https://k.example:6443"
    assert access_of(opening({"token": "t", "ca": CA}, server=server)).token == "t"
    for credential, settings in (
        ({}, {}),
        ({"token": "t"}, {}),
        ({"ca": CA}, {"server": server}),
        ({"kubeconfig": kubeconfig(), "token": "t"}, {}),
        ({"kubeconfig": kubeconfig()}, {"server": server}),
    ):
        with pytest.raises(Unavailable, match="kubeconfig"):
            access_of(opening(credential, **settings))


# --- against the cluster ----------------------------------------------------------------------------------


@pytest.fixture
def ask(cluster: KubernetesCluster):
    """Return what asks for the jobs of the cluster with some credential."""
    opened = []

    def asked(credential, lookup=None, **settings):
        opened.append(Cluster(opening(credential, lookup, namespace="ml", **settings)))
        return opened[-1].list_jobs(SELECTOR)

    yield asked
    for each in opened:
        each.close()


def test_a_token_and_a_certificate_let_in(ask, cluster: KubernetesCluster):
    assert ask({"token": cluster.token, "ca": cluster.ca}, server=cluster.server) == []
    pair = {
        "client-certificate-data": base64_of(cluster.client_certificate),
        "client-key-data": base64_of(cluster.client_key),
    }
    assert ask({"kubeconfig": cluster.kubeconfig(pair)}) == []


def test_connections_go_to_the_address_that_was_looked_up_under_the_name_that_was_given(
    ask, cluster: KubernetesCluster
):
    looked_up = []

    def lookup(host, port):
        looked_up.append((host, port))
        return ["127.0.0.1"]

    port = cluster.api.port
    other_name: dict[str, Any] = {"tls-server-name": "localhost"}
    config = cluster.kubeconfig(server=f"https://k.example:{port}", **other_name)
    assert ask({"kubeconfig": config}, lookup) == []
    assert looked_up == [("k.example", port)]
    assert cluster.api.headers[-1]["Host"] == f"k.example:{port}"
    # Without the other name, the certificate is another one's.
    with pytest.raises(Unavailable, match=r"k\.example"):
        ask({"kubeconfig": cluster.kubeconfig(server=f"https://k.example:{port}")}, lookup)


def test_an_address_that_the_server_may_not_connect_to_is_not_asked(ask, cluster: KubernetesCluster):
    def refuses(host, port):
        raise InvalidParameter(f"{host!r} is not a public address")

    before = len(cluster.api.headers)
    with pytest.raises(Unavailable, match="not a public address"):
        ask({"kubeconfig": cluster.kubeconfig()}, refuses)
    with pytest.raises(Unavailable, match="no address"):
        ask({"kubeconfig": cluster.kubeconfig()}, lambda host, port: [])

    def unknown(host, port):
        raise OSError

    with pytest.raises(Unavailable, match="not known"):
        ask({"kubeconfig": cluster.kubeconfig()}, unknown)
    assert len(cluster.api.headers) == before


def test_a_cluster_sends_nobody_elsewhere(ask, cluster: KubernetesCluster, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(cluster.api, "redirects_to", f"{cluster.server}/apis/batch/v1/namespaces/ml/jobs")
    before = len(cluster.api.headers)
    with pytest.raises(Unavailable, match="status 307"):
        ask({"kubeconfig": cluster.kubeconfig()})
    assert len(cluster.api.headers) == before + 1


def test_a_proxy_of_the_servers_environment_does_not_get_the_token(
    ask, cluster: KubernetesCluster, monkeypatch: pytest.MonkeyPatch
):
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    assert ask({"kubeconfig": cluster.kubeconfig()}) == []


def test_a_cluster_that_nobody_vouches_for_is_not_told_the_token(ask, cluster: KubernetesCluster):
    before = len(cluster.api.headers)
    with pytest.raises(Unavailable, match="CERTIFICATE_VERIFY_FAILED"):
        ask({"token": cluster.token, "ca": cluster.client_certificate}, server=cluster.server)
    with pytest.raises(Unavailable, match="PEM is expected"):
        ask({"token": cluster.token, "ca": "no certificate"}, server=cluster.server)
    assert len(cluster.api.headers) == before


def test_what_the_cluster_refuses_is_said_in_its_words(
    ask, cluster: KubernetesCluster, monkeypatch: pytest.MonkeyPatch
):
    with pytest.raises(Unavailable, match="Unauthorized"):
        ask({"token": "wrong", "ca": cluster.ca}, server=cluster.server)
    monkeypatch.setattr(cluster.api, "rules", [])
    with pytest.raises(Unavailable, match='cannot list resource "jobs"'):
        ask({"kubeconfig": cluster.kubeconfig()})


def test_a_client_key_leaves_no_file_behind(ask, cluster: KubernetesCluster, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    pair = {
        "client-certificate-data": base64_of(cluster.client_certificate),
        "client-key-data": base64_of(cluster.client_key),
    }
    assert ask({"kubeconfig": cluster.kubeconfig(pair)}) == []
    assert os.listdir(tmp_path) == []
    with pytest.raises(Unavailable, match="PEM is expected"):
        ask({"kubeconfig": cluster.kubeconfig(pair | {"client-key-data": base64.b64encode(b"x").decode()})})


@pytest.mark.parametrize("said", [{}, {"items": "x"}, {"items": [{}]}, {"metadata": {"name": "x"}}])
def test_what_answers_as_no_cluster_does_is_none(
    said, cluster: KubernetesCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(cluster.api, "answer", lambda *asked: said)
    found = opening({"kubeconfig": cluster.kubeconfig()}, namespace="ml", server_url="https://r.example")
    launcher = KubernetesLauncher(replace(found, folder=tmp_path))
    with closing(launcher), pytest.raises(Unavailable, match="no API server"):
        launcher.check()
