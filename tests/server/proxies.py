"""A real nginx or HAProxy in front of a server, as the guide sets them up."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.docs.documents import ROOT, blocks_of
from tests.running_server import RunningServer, free_port
from tests.waiting import until

GUIDE = {block.language: block.code for block in blocks_of(ROOT / "docs" / "how-to" / "reverse-proxy.md")}
NGINX = """
daemon off; pid {folder}/pid; error_log {folder}/log; worker_processes 1; events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{ listen 127.0.0.1:{port}; {guide} }}
}}
"""
HAPROXY = "defaults\n    timeout connect 60s\n    timeout client 60s\n    timeout server 60s\n{guide}"


def configured(name: str, server: RunningServer, port: int, folder: Path) -> str:
    """Return the guide's own lines, with this test's ports, inside of what they need around them."""
    guide = GUIDE[name].replace("127.0.0.1:5000", f"127.0.0.1:{server.port}")
    guide = guide.replace("bind :443 ssl crt /etc/ssl/ml.pem", f"bind 127.0.0.1:{port}")
    template = NGINX if name == "nginx" else HAPROXY
    return template.format(folder=folder, port=port, guide=guide)


@contextmanager
def behind(name: str, server: RunningServer, folder: Path) -> Iterator[str]:
    """Run a proxy before a server; yield the address that it shows it at. It hands the whole path on."""
    program = shutil.which(name, path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if program is None:
        pytest.skip(f"no {name} on this machine: `make test` installs it")
    port = free_port()
    (folder / "configuration").write_text(configured(name, server, port, folder))
    flag = "-c" if name == "nginx" else "-f"
    with (folder / "output").open("wb") as output:
        command = [program, flag, str(folder / "configuration")]
        proxy = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    url = f"http://127.0.0.1:{port}/runyard"
    try:
        until(lambda: proxy.poll() is not None or answers(url))
        assert proxy.poll() is None, (folder / "output").read_text()
        yield url
    finally:
        proxy.terminate()
        proxy.wait()


def answers(url: str) -> bool:
    """Tell whether what is behind the address is ready."""
    try:
        return httpx.get(f"{url}/readyz", timeout=60).status_code == 200
    except httpx.TransportError:
        return False
