"""S06 for agents: an archive with anything in it that is no plain file below the folder is refused, whole."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import stat
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runyard.agent.snapshot import Limits, UnsafeArchive, sha256_of, unpack
from tests.agent.job_folder import JobFolder, tarred
from tests.hostile_paths import HOSTILE_PATHS

names = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=20)
paths = st.lists(names.filter(lambda name: name not in (".", "..")), min_size=1, max_size=4).map("/".join)
trees = st.dictionaries(paths, st.binary(max_size=100), max_size=6)


def archive_of(path: Path, *members: tarfile.TarInfo, content: bytes = b"") -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for member in members:
            member.size = len(content) if member.isreg() else 0
            archive.addfile(member, io.BytesIO(content))
    return path


def everything_below(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Path]:
    """The folder to be made; whatever happens, nothing comes to be beside it."""
    canary = tmp_path / "canary"
    canary.write_text("sings")
    yield tmp_path / "below" / "code"
    assert canary.read_text() == "sings"
    assert {path.name for path in (tmp_path / "below").iterdir()} <= {"code", "code.unfinished", "x.tar.gz"}


@pytest.fixture
def below(tmp_path: Path) -> Path:
    folder = tmp_path / "below"
    folder.mkdir()
    return folder


def test_files_and_folders_come_out_as_they_went_in(below: Path, target: Path):
    (below / "x.tar.gz").write_bytes(tarred({"a.py": "1", "./b/c d.py": "2", "ü/'\"\n$(x)": "3"}))
    assert unpack(below / "x.tar.gz", target) == 3
    assert everything_below(target) == {"a.py": b"1", "b/c d.py": b"2", "ü/'\"\n$(x)": b"3"}


def test_programs_stay_programs_and_nothing_is_for_others(below: Path, target: Path):
    program, plain, folder = (tarfile.TarInfo(name) for name in ("run.sh", "a.py", "empty"))
    program.mode, plain.mode, folder.mode, folder.type = 0o4777, 0o666, 0o777, tarfile.DIRTYPE
    unpack(archive_of(below / "x.tar.gz", program, plain, folder), target)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (target, *target.iterdir())}
    assert modes == {"code": 0o700, "run.sh": 0o700, "a.py": 0o600, "empty": 0o700}


def link(kind: bytes, to: str) -> Callable[[], tarfile.TarInfo]:
    def made() -> tarfile.TarInfo:
        member = tarfile.TarInfo("link")
        member.type, member.linkname = kind, to
        return member

    return made


@pytest.mark.parametrize(
    "made",
    [
        link(tarfile.SYMTYPE, "../canary"),
        link(tarfile.SYMTYPE, "a.py"),
        link(tarfile.LNKTYPE, "a.py"),
        link(tarfile.LNKTYPE, "/etc/passwd"),
        link(tarfile.FIFOTYPE, ""),
        link(tarfile.CHRTYPE, ""),
        link(tarfile.BLKTYPE, ""),
        link(tarfile.GNUTYPE_SPARSE, ""),
        link(tarfile.CONTTYPE, ""),
    ],
)
def test_s06_what_is_neither_a_file_nor_a_folder_is_refused(
    below: Path, target: Path, made: Callable[[], tarfile.TarInfo]
):
    archive = archive_of(below / "x.tar.gz", tarfile.TarInfo("a.py"), made())
    with pytest.raises(UnsafeArchive, match="neither a file nor a folder"):
        unpack(archive, target)
    assert not target.exists()


@pytest.mark.parametrize(
    "name", ["../canary", "/etc/passwd", "a/../../canary", "a//b", "a/./b", "..", "", "a/.."]
)
@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.DIRTYPE])
def test_s06_a_name_that_leads_elsewhere_is_refused(below: Path, target: Path, name: str, kind: bytes):
    member = tarfile.TarInfo(name)
    member.type = kind
    with pytest.raises(UnsafeArchive, match="no plain path"):
        unpack(archive_of(below / "x.tar.gz", member), target)
    assert not target.exists()


def test_s06_hostile_names_stay_below_or_are_refused(below: Path, target: Path):
    for number, name in enumerate(HOSTILE_PATHS[::3]):
        try:
            archive = archive_of(below / "x.tar.gz", tarfile.TarInfo(name))
        except (ValueError, UnicodeError):
            continue
        made = target.with_name("code")
        try:
            unpack(archive, made)
        except (UnsafeArchive, OSError):
            continue
        assert all(path.resolve().is_relative_to(made) for path in made.rglob("*")), name
        # Where it was made it must be removed for the next one, whatever it is called.
        os.rename(made, below.parent / f"made-{number}")


@pytest.mark.parametrize("again", ["a", "a/b"])
@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.DIRTYPE])
def test_s06_a_name_is_there_once(below: Path, target: Path, again: str, kind: bytes):
    member = tarfile.TarInfo(again)
    member.type = kind
    with pytest.raises(UnsafeArchive, match=f"'{again}' is there twice"):
        unpack(archive_of(below / "x.tar.gz", tarfile.TarInfo("a"), member), target)
    assert not target.exists()


@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.DIRTYPE])
@pytest.mark.parametrize("name", ["x" * 256, "a/" + "é" * 128 + "/b"])
def test_s06_a_name_that_no_disk_takes_is_refused(below: Path, target: Path, name: str, kind: bytes):
    member = tarfile.TarInfo(name)
    member.type = kind
    with pytest.raises(UnsafeArchive, match="more than 255 bytes"):
        unpack(archive_of(below / "x.tar.gz", member), target)
    assert not target.exists()


def test_s06_a_million_members_or_bytes_are_too_many(below: Path, target: Path):
    limits = Limits(content_bytes=1_000, members=10)
    many = [tarfile.TarInfo(f"{number}") for number in range(11)]
    with pytest.raises(UnsafeArchive, match="more than 10 members"):
        unpack(archive_of(below / "x.tar.gz", *many), target, limits)
    with pytest.raises(UnsafeArchive, match="more than 1000 bytes"):
        unpack(archive_of(below / "x.tar.gz", *many[:3], content=b"x" * 400), target, limits)


def test_s06_a_bomb_is_not_unpacked_further_than_the_limit(below: Path, target: Path):
    (below / "x.tar.gz").write_bytes(gzip.compress(_header(size=1 << 33) + bytes(50_000_000), 1))
    with pytest.raises(UnsafeArchive, match="holds more than"):
        unpack(below / "x.tar.gz", target, Limits(content_bytes=1_000_000))


def test_s06_a_header_that_claims_much_is_not_read(below: Path, target: Path):
    # An extended header is read at once by Python's own library, however long it says that it is.
    claimed = _header(size=1 << 30, kind=tarfile.XHDTYPE)
    (below / "x.tar.gz").write_bytes(gzip.compress(claimed + bytes(4_000_000)))
    with pytest.raises(UnsafeArchive, match="a header in it has"):
        unpack(below / "x.tar.gz", target)


def _header(*, size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    member = tarfile.TarInfo("x")
    member.size, member.type = size, kind
    return member.tobuf()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no archive",
        gzip.compress(b"no tar"),
        gzip.compress(b"no tar" * 1_000),
        tarred({"a": "x" * 5_000})[:-20],
        gzip.compress(gzip.decompress(tarred({"a": "x" * 5_000}))[:1_000]),
        gzip.compress(_header(size=-512)),
    ],
    ids=["empty", "bytes", "short", "long", "cut gzip", "cut tar", "negative"],
)
def test_what_is_no_archive_is_refused(below: Path, target: Path, content: bytes):
    (below / "x.tar.gz").write_bytes(content)
    with pytest.raises(UnsafeArchive):
        unpack(below / "x.tar.gz", target)
    assert not target.exists()


def test_what_an_agent_that_died_had_half_unpacked_is_not_mixed_in(below: Path, target: Path):
    (below / "code.unfinished").mkdir()
    (below / "code.unfinished" / "half.py").touch()
    (below / "x.tar.gz").write_bytes(tarred({"a.py": "1"}))
    unpack(below / "x.tar.gz", target)
    assert everything_below(target) == {"a.py": b"1"}


@given(trees)
def test_any_tree_comes_out_as_it_went_in(tmp_path_factory, tree: dict[str, bytes]):
    folder = tmp_path_factory.mktemp("archive")
    with tarfile.open(folder / "x.tar.gz", "w:gz") as archive:
        for name, content in tree.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    is_twice = any(other.startswith(f"{name}/") for name in tree for other in tree)
    is_long = any(len(part.encode()) > 255 for name in tree for part in name.split("/"))
    try:
        unpack(folder / "x.tar.gz", folder / "code")
    except (UnsafeArchive, OSError):
        assert is_twice or is_long
    else:
        assert everything_below(folder / "code") == tree


@given(st.data())
def test_any_change_of_an_archive_is_harmless(tmp_path_factory, data: st.DataObject):
    folder = tmp_path_factory.mktemp("archive")
    content = bytearray(gzip.decompress(tarred({"a.py": "1", "ü" * 60 + "/" + "b" * 90: "2"})))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, 4_000))] = data.draw(st.integers(0, 255))
    (folder / "x.tar.gz").write_bytes(gzip.compress(bytes(content), 1))
    with contextlib.suppress(UnsafeArchive):
        unpack(folder / "x.tar.gz", folder / "code", Limits(content_bytes=10_000, members=50))
    assert {path.name for path in folder.iterdir()} <= {"x.tar.gz", "code", "code.unfinished"}
    assert not any(path.is_symlink() for path in folder.rglob("*"))


@pytest.mark.parametrize(
    ("change", "reason"), [(b"changed", "has another SHA-256"), (b"", "could not be got")]
)
def test_code_that_is_not_what_its_hash_says_is_not_run(job: JobFolder, change: bytes, reason: str):
    job.assign({"train.py": "print('ran')"})
    (address,) = job.server.files
    if change:
        job.server.files[address] = tarred({"train.py": "print('changed')"})
    else:
        del job.server.files[address]
    job.run()
    assert reason in job.end["reason"]
    assert job.server.console("stdout") == b""


def test_a_snapshot_that_leads_elsewhere_fails_the_job_and_says_why(job: JobFolder, tmp_path: Path):
    archive = archive_of(tmp_path / "x.tar.gz", tarfile.TarInfo("../canary"))
    job.server.files[f"/api/v1/snapshots/{sha256_of(archive)}/content"] = archive.read_bytes()
    job.assign(None, snapshot=sha256_of(archive), command=["true"]).run()
    assert job.end["reason"].startswith("The snapshot of the code is refused: '../canary' is no plain path")
    assert not (job.path / "canary").exists()


@pytest.mark.parametrize("snapshot", ["../../x", "a" * 63, "A" * 64])
def test_a_snapshot_is_named_by_a_hash(job: JobFolder, snapshot: str):
    job.assign(None, snapshot=snapshot, command=["true"]).run()
    assert "is no SHA-256 of a snapshot" in job.end["reason"]
    assert not any("snapshots" in path for _, path in job.server.requests)
