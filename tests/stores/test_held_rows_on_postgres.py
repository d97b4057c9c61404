"""Two servers on one PostgreSQL: what one of them has read in order to decide by it waits for that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import insert

from runyard.entities.webhook import Webhook
from runyard.errors import InvalidState
from runyard.stores.artifacts.paths import ArtifactPath
from runyard.stores.metadata.base_trash import Claims
from runyard.stores.metadata.schema import experiments, removed_artifacts
from runyard.stores.opening import Stores, open_stores
from tests.postgres_server import PostgresServer
from tests.stores.test_metrics import insert_run
from tests.waiting import WITHIN_S, until

REMOVED = ArtifactPath(("w", "1", "run"))
INNER = REMOVED / ArtifactPath(("inner",))
NOW_MS = 1_700_000_000_000


@pytest.fixture
def servers(cluster: PostgresServer, name: str, tmp_path: Path) -> Iterator[tuple[Stores, Stores]]:
    """Two servers on one database, in which a folder of what was removed was emptied once."""
    with ExitStack() as opened:
        here, elsewhere = (
            opened.enter_context(closing(open_stores(cluster.address(name), tmp_path, connections=4)))
            for _ in range(2)
        )
        insert_run(here.database, "other")
        row = {"path": str(REMOVED), "workspace": "w", "removed_ms": NOW_MS, "emptied_ms": NOW_MS}
        with here.database.writing() as connection:
            connection.execute(insert(removed_artifacts), row)
        yield here, elsewhere


@pytest.fixture
def wait_for(cluster: PostgresServer, name: str) -> Callable[[Future[object]], None]:
    """Wait until something is done, or waits for a lock itself."""
    waiting = f"SELECT 1 FROM pg_stat_activity WHERE datname = '{name}' AND wait_event_type = 'Lock'"
    return lambda begun: until(lambda: begun.done() or bool(cluster.execute(waiting)))


def use(stores: Stores) -> None:
    row = {
        "experiment_id": 7,
        "workspace": "w",
        "name": "inner",
        "artifact_location": f"mlflow-artifacts:/{'/'.join(INNER.segments[1:])}",
        "lifecycle_stage": "active",
        "created_ms": NOW_MS,
        "updated_ms": NOW_MS,
    }
    with stores.database.writing() as connection:
        stores.metadata.trash.use_again(INNER)
        connection.execute(insert(experiments), row)


def empty(stores: Stores) -> Claims | None:
    return stores.database.retrying(lambda: stores.metadata.trash.begin_emptying(REMOVED))


def test_a_webhook_that_is_being_changed_is_changed_by_nobody_else(servers, wait_for):
    """Its secret, which a change leaves as it was, would else be the one of before."""
    here, elsewhere = servers
    made = Webhook("wh_1", "https://example.com", "first", (), None, NOW_MS, "ann")
    here.metadata.webhooks.add_webhook(made)

    def set_secret() -> None:
        elsewhere.metadata.webhooks.update_webhook(replace(made, secret="second"))

    with ThreadPoolExecutor(1) as pool:
        with here.atomic():
            found = here.metadata.webhooks.get_webhook("wh_1")
            setting = pool.submit(elsewhere.database.retrying, set_secret)
            wait_for(setting)
            assert not setting.done()
            here.metadata.webhooks.update_webhook(replace(found, name="mine"))
        setting.result(WITHIN_S)
    assert here.metadata.webhooks.get_webhook("wh_1").secret == "second"


def test_who_empties_a_folder_keeps_what_was_about_to_be_used(servers, wait_for):
    here, elsewhere = servers
    with ThreadPoolExecutor(1) as pool:
        with here.atomic():
            use(here)
            emptying = pool.submit(empty, elsewhere)
            wait_for(emptying)
        claims = emptying.result(WITHIN_S)
    assert claims is not None
    assert claims.kept == [INNER]


def test_what_another_server_is_about_to_empty_is_not_used(servers, wait_for):
    here, elsewhere = servers
    with ThreadPoolExecutor(1) as pool:
        with elsewhere.atomic():
            assert elsewhere.metadata.trash.begin_emptying(REMOVED) is not None
            using = pool.submit(here.database.retrying, lambda: use(here))
            wait_for(using)
        with pytest.raises(InvalidState, match="being removed"):
            using.result(WITHIN_S)
    assert here.metadata.experiments.find_experiment_by_name("w", "inner") is None
