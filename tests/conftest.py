"""What every test gets: a clean environment, and the real server for those that ask for it."""

import os
import signal
import sys
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, settings

from tests.engines import PostgresEngine, SqlEngine, SqliteEngine
from tests.postgres_server import PostgresServer, installed
from tests.running_server import RunningServer, scrubbed

# How long an example takes is up to the machine; a test says whether the answer is right. A change gets the
# same examples wherever it is tried; a night (`--hypothesis-profile=nightly`) draws others each time.
settings.register_profile("nightly", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("change", settings.get_profile("nightly"), derandomize=True)
settings.load_profile("change")

LONG = ("slow", "clients", "browser")
GZIP = b"\x1f\x8b"
UNDER_CI = os.environ.get("CI") == "true"
Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)
ServerStarter = Callable[..., RunningServer]


def pytest_configure() -> None:
    """Have what tests start hear a Ctrl-C: where a shell began these in the background, nobody would."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name what gzip has packed by its place, not by its bytes: they hold the second in which a worker began.

    Two workers that collect tests of other names run none.
    """
    return argname if isinstance(val, bytes) and val.startswith(GZIP) else None


@pytest.fixture(autouse=True)
def _scrubbed_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep the machine's settings out of the tests, and the tests out of the person's home."""
    kept = scrubbed(os.environ)
    for name in os.environ.keys() - kept.keys():
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path_factory.getbasetemp() / "home"))


@pytest.fixture(autouse=True)
def _mlflow_stays_out() -> Iterator[None]:
    """Hold tests to it that MLflow is loaded by processes of their own.

    In this one it would hide the packages that tests put in its place, and leave event loops open, whichever
    tests come next.
    """
    was_loaded = "mlflow" in sys.modules
    yield
    assert was_loaded or "mlflow" not in sys.modules, "this test has loaded MLflow into its own process"


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[ServerStarter]:
    """Start real servers: `start_server(home=..., port=..., mode="serve", environment={...})`.

    All are optional; without a home each gets an empty one. They are killed when the test ends.
    """
    servers: list[RunningServer] = []

    def start(
        home: Path | None = None,
        port: int | None = None,
        mode: str = "up",
        environment: Mapping[str, str] | None = None,
    ) -> RunningServer:
        home = home or tmp_path / f"home-{len(servers)}"
        running = RunningServer(home, port, mode, environment)
        servers.append(running)
        return running.start()

    yield start
    for running in servers:
        running.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One `runyard up` on an empty home, shared by the tests of a module."""
    running = RunningServer(tmp_path_factory.mktemp("server") / "home").start()
    yield running
    running.close()


@pytest.fixture(scope="session")
def cluster() -> Iterator[PostgresServer]:
    """One PostgreSQL for all tests; it does not wait for the disk."""
    running = PostgresServer(_postgres())
    yield running
    running.close()


@pytest.fixture(params=["sqlite", "postgres"])
def engine(request: pytest.FixtureRequest) -> Iterator[SqlEngine]:
    """Each SQL engine in turn: a test that asks for it runs on both."""
    on = SqliteEngine() if request.param == "sqlite" else PostgresEngine(request.getfixturevalue("cluster"))
    yield on
    on.close()


def _postgres() -> Path:
    programs = installed()
    if programs is None:
        pytest.skip("no PostgreSQL on this machine: `make test` installs it")
    return programs


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what takes long first, so that in the end no core waits for one that has just begun with it."""
    items.sort(key=lambda item: not any(item.get_closest_marker(name) for name in LONG))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Under CI a skipped test is a failed one: what isn't run isn't known."""
    return _without_skip((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Under CI a skipped file is a failed one too."""
    return _without_skip((yield))


def _without_skip(report: Report) -> Report:
    if UNDER_CI and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which fails under CI: {report.longrepr}"
    return report
