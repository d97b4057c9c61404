"""What is in the code of a job, over HTTP: names and contents of an archive that anybody may have made."""

from __future__ import annotations

import gzip
import hashlib
import io
import random
import tarfile

import pytest

from runyard.services import code_looks, snapshot_files
from runyard.services.call import Call
from runyard.services.code_looks import CodeLooks
from runyard.services.snapshots import open_snapshot
from runyard.stores.artifacts.base import ArtifactDownload
from tests.agent.job_folder import tarred
from tests.hostile_paths import HOSTILE_PATHS
from tests.server.local import Local, good, refusal

CODE = {"train.py": "print('é')\n", "./src/a b.py": "x = 1\n", "page.html": "<script>alert(1)</script>"}


@pytest.fixture
def local(tmp_path):
    local = Local(tmp_path / "home")
    yield local
    local.close()


def keep(local: Local, archive: bytes) -> str:
    sha256 = hashlib.sha256(archive).hexdigest()
    good(local.ask("PUT", f"/api/v1/snapshots/{sha256}", content=archive))
    return f"/api/v1/snapshots/{sha256}/files"


def archive_of(*members: tarfile.TarInfo) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for member in members:
            archive.addfile(member, io.BytesIO(b"x" * member.size))
    return content.getvalue()


def member(name: str, size_bytes: int = 1, **changes) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.size = size_bytes
    for key, value in changes.items():
        setattr(made, key, value)
    return made


def names(local: Local, path: str) -> list[str]:
    return [each["path"] for each in good(local.ask("GET", path))["files"]]


def test_the_files_of_a_jobs_code_are_listed_and_read(local):
    path = keep(local, tarred(CODE))
    assert good(local.ask("GET", path)) == {
        "files": [
            {"path": "train.py", "size_bytes": 12, "is_executable": False},
            {"path": "src/a b.py", "size_bytes": 6, "is_executable": False},
            {"path": "page.html", "size_bytes": 25, "is_executable": False},
        ],
        "is_cut": False,
    }
    assert local.ask("GET", f"{path}/src/a%20b.py").text == "x = 1\n"
    part = local.ask("GET", f"{path}/train.py", headers={"Range": "bytes=0-4"})
    assert (part.status_code, part.content) == (206, b"print")


def test_no_browser_takes_a_file_of_it_for_a_page(local):
    answer = local.ask("GET", f"{keep(local, tarred(CODE))}/page.html")
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in answer.headers["content-security-policy"]


def test_what_is_not_there_is_said(local):
    path = keep(local, tarred(CODE))
    assert refusal(local.ask("GET", f"{path}/train"))[0] == 404
    assert refusal(local.ask("GET", f"{path}/src"))[0] == 404
    assert refusal(local.ask("GET", f"/api/v1/snapshots/{'0' * 64}/files"))[0] == 404
    assert refusal(local.ask("GET", "/api/v1/snapshots/x/files"))[0] == 400


def test_s06_paths_that_lead_elsewhere_are_neither_listed_nor_read(local):
    hostile = [name[:90] for name in HOSTILE_PATHS if name != "\ud800"]
    path = keep(local, archive_of(*(member(name) for name in hostile), member("a.py")))
    listed = names(local, path)
    assert listed[-1] == "a.py"
    assert not any(each.startswith("/") or ".." in each.split("/") or "\0" in each for each in listed)
    for name in ("%2e%2e/%2e%2e/metadata.db", "..%2f..%2fmetadata.db", "%2fetc%2fpasswd"):
        assert local.ask("GET", f"{path}/{name}").status_code in (400, 404)


def test_links_and_devices_are_no_files(local):
    link = member("link", 0, type=tarfile.SYMTYPE, linkname="/etc/passwd")
    hard = member("hard", 0, type=tarfile.LNKTYPE, linkname="a.py")
    path = keep(local, archive_of(member("a.py"), link, hard, member("null", 0, type=tarfile.CHRTYPE)))
    assert names(local, path) == ["a.py"]
    assert refusal(local.ask("GET", f"{path}/link"))[0] == 404


def test_a_name_that_is_no_text_is_shown_as_far_as_it_is_one(local):
    path = keep(local, archive_of(member("caf\udce9.py")))
    assert names(local, path) == ["caf?.py"]
    assert local.ask("GET", f"{path}/caf%3F.py").content == b"x"


def test_what_is_large_is_not_shown(local, monkeypatch):
    path = keep(local, archive_of(member("data.bin", 2_000), member("a.py")))
    monkeypatch.setattr(snapshot_files, "MAX_SHOWN_BYTES", 1_000)
    status, _, message = refusal(local.ask("GET", f"{path}/data.bin"))
    assert (status, "2000 bytes" in message) == (413, True)
    assert local.ask("GET", f"{path}/a.py").content == b"x"


def test_a_listing_ends_somewhere(local, monkeypatch):
    path = keep(local, archive_of(*(member(f"{number}.py") for number in range(4))))
    monkeypatch.setattr(snapshot_files, "MAX_LISTED_FILES", 3)
    listed = good(local.ask("GET", path))
    assert ([each["path"] for each in listed["files"]], listed["is_cut"]) == (["0.py", "1.py", "2.py"], True)
    path = keep(local, archive_of(*(member(f"{number}.py") for number in range(3))))
    assert good(local.ask("GET", path))["is_cut"] is False


def test_an_archive_is_unpacked_once_to_be_listed_and_not_for_what_is_not_in_it(local, monkeypatch):
    path = keep(local, tarred(CODE))
    unpacked: list[str] = []

    def counted(call: Call, sha256: str) -> ArtifactDownload:
        unpacked.append(sha256)
        return open_snapshot(call, sha256)

    monkeypatch.setattr(snapshot_files, "open_snapshot", counted)
    for _ in range(3):
        assert len(names(local, path)) == 3
        assert refusal(local.ask("GET", f"{path}/nothing.py"))[0] == 404
    assert len(unpacked) == 1
    assert local.ask("GET", f"{path}/src/a%20b.py").text == "x = 1\n"
    assert len(unpacked) == 2


def test_a_file_is_read_without_what_comes_after_it(local, monkeypatch):
    """Whoever opens one file of a large folder doesn't wait for all of it."""
    noise = random.Random(8).randbytes(4_000_000)
    path = keep(local, tarred({"a.py": "first", **{f"{n}.bin": noise.hex() for n in range(3)}, "z.py": "z"}))
    read_bytes = [0]

    class Counted(snapshot_files._Reading):
        def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # that is what it is given
            count = super().readinto(buffer)
            read_bytes[0] += count
            return count

    monkeypatch.setattr(snapshot_files, "_Reading", Counted)
    assert local.ask("GET", f"{path}/a.py").text == "first"
    assert 0 < read_bytes[0] <= 2 * snapshot_files._READ_AT_ONCE_BYTES
    assert local.ask("GET", f"{path}/z.py").text == "z"
    assert read_bytes[0] > len(noise)


def test_what_was_sought_in_vain_is_known_of_an_archive_afterwards(local, monkeypatch):
    path = keep(local, tarred(CODE))
    assert refusal(local.ask("GET", f"{path}/nothing.py"))[0] == 404
    monkeypatch.setattr(snapshot_files, "open_snapshot", None)
    assert len(names(local, path)) == 3
    assert refusal(local.ask("GET", f"{path}/nothing.py"))[0] == 404


def test_what_was_seen_in_one_workspace_is_not_shown_in_another_that_has_it_not(local):
    path = keep(local, tarred(CODE))
    assert len(names(local, path)) == 3
    good(local.ask("POST", "/api/v1/workspaces", json={"name": "other"}))
    assert refusal(local.ask("GET", f"/workspaces/other{path}"))[0] == 404
    assert refusal(local.ask("GET", f"/workspaces/other{path}/train.py"))[0] == 404


def test_who_looks_into_an_archive_while_another_one_is_unpacked_waits_for_a_moment(local, monkeypatch):
    known, path = keep(local, tarred(CODE)), keep(local, tarred({"b.py": "2"}))
    assert len(names(local, known)) == 3
    looks = CodeLooks()
    monkeypatch.setattr(code_looks, "TURN_WITHIN_S", 0.05)
    monkeypatch.setattr(snapshot_files, "_looks_of", lambda call: looks)
    with looks.turn():
        answer = local.ask("GET", path)
        assert (answer.status_code, "Try again" in answer.text) == (503, True)
    assert names(local, path) == ["b.py"]


def test_of_the_archives_that_were_seen_the_latest_are_remembered():
    looks = CodeLooks()
    listing = code_looks.CodeListing((), is_cut=False)
    for number in range(code_looks.REMEMBERED + 1):
        looks.keep(str(number), listing)
        assert looks.find("0") is listing
    assert looks.find("1") is None
    assert looks.find("2") is listing


def test_an_archive_that_unpacks_to_more_than_anybody_reads_is_left(local, monkeypatch):
    path = keep(local, archive_of(member("a.py"), member("zeros", 5_000_000), member("b.py")))
    monkeypatch.setattr(snapshot_files, "MAX_UNPACKED_BYTES", 1_000_000)
    listed = good(local.ask("GET", path))
    assert ([each["path"] for each in listed["files"]], listed["is_cut"]) == (["a.py", "zeros"], True)
    assert refusal(local.ask("GET", f"{path}/b.py"))[0] == 413


@pytest.mark.parametrize(
    "content",
    [
        b"no archive",
        gzip.compress(b"no tar either" * 100),
        tarred(CODE)[:60],
        gzip.compress(member("x" * 200, 2**33, type=tarfile.GNUTYPE_LONGNAME).tobuf()),
        gzip.compress(member("x", 2**33, type=tarfile.XHDTYPE).tobuf()),
        gzip.compress(member("a", 0).tobuf() + member("b", -512).tobuf(tarfile.GNU_FORMAT)),
    ],
    ids=["no gzip", "no tar", "cut off", "a long name", "a long header", "a header that leads to itself"],
)
def test_what_is_no_archive_is_said_to_be_none(local, content):
    path = keep(local, content)
    for address in (path, f"{path}/a.py"):
        status, code, message = refusal(local.ask("GET", address))
        assert (status, code) == (400, "INVALID_STATE")
        assert "no tar" in message
