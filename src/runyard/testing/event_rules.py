"""The rules that every store of events and of webhooks must pass."""

from __future__ import annotations

import contextlib
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest

from runyard.entities.event import Event, EventKind, EventSearch
from runyard.entities.experiment import LifecycleStage
from runyard.entities.run import RunStatus
from runyard.entities.webhook import Comparison, DeliveryState, Threshold, Webhook
from runyard.errors import NotFound, Unavailable
from runyard.stores.metadata.base_events import EventStore
from runyard.stores.metadata.base_webhooks import WebhookStore
from runyard.testing.metadata_hooks import NOW_MS, OTHER_WORKSPACE, WORKSPACE, MetadataUnderTest, new_run

TRIES = 20

Found = TypeVar("Found")
FAILED = Event(
    EventKind.RUN_FAILED, WORKSPACE, NOW_MS, "It failed.", {"run_id": "a", "steps": 3, "user": None}
)
DISK = Event(EventKind.DISK_WARNING, None, NOW_MS + 10, "It is full.")
EVERYTHING = EventSearch(workspace=None)
HOOK = Webhook("wh_1", "https://example.org/a", "whsec_1", (EventKind.RUN_FAILED,), WORKSPACE, NOW_MS, "ann")
SERVER_HOOK = Webhook("wh_2", "https://example.org/b", "whsec_2", (), None, NOW_MS + 1, "ben")


@dataclass(frozen=True, slots=True)
class EventsUnderTest:
    """The stores of events and webhooks, and the stores that they share a database with."""

    events: EventStore
    webhooks: WebhookStore
    metadata: MetadataUnderTest

    def close(self) -> None:
        """Let go of files and connections."""
        self.metadata.close()

    def add(self, *events: Event) -> list[Event]:
        """Keep events and return them with their numbers."""
        for event in events:
            self.events.add_event(event)
        return self.events.search_events(replace(EVERYTHING, limit=len(events)))[::-1]


class EventStoreRules(ABC):
    """Inherit, and implement the hook, to hold stores of events and webhooks to their contracts."""

    @abstractmethod
    def open_events(self, folder: Path) -> EventsUnderTest:
        """Return stores that keep their things in ``folder``, and find there what others kept."""

    @pytest.fixture
    def under_test(self, tmp_path: Path) -> Iterator[EventsUnderTest]:
        """Return stores without events, with two workspaces beside them."""
        with contextlib.closing(self.open_events(tmp_path)) as under_test:
            for name in (WORKSPACE, OTHER_WORKSPACE):
                under_test.metadata.workspaces.add_workspace(name, "", {}, NOW_MS)
            yield under_test

    @pytest.fixture
    def events(self, under_test: EventsUnderTest) -> EventStore:
        """Return the store of events itself."""
        return under_test.events

    @pytest.fixture
    def webhooks(self, under_test: EventsUnderTest) -> WebhookStore:
        """Return the store of webhooks, with two in it."""
        under_test.webhooks.add_webhook(HOOK)
        under_test.webhooks.add_webhook(SERVER_HOOK)
        return under_test.webhooks

    def test_events_are_found_as_they_were_kept(
        self, under_test: EventsUnderTest, events: EventStore, tmp_path: Path
    ) -> None:
        """The last one first, by another process too."""
        assert events.search_events(EVERYTHING) == []
        kept = under_test.add(FAILED, DISK)
        assert [replace(each, event_number=0) for each in kept] == [FAILED, DISK]
        assert kept[0].event_number < kept[1].event_number
        with contextlib.closing(self.open_events(tmp_path)) as again:
            assert again.events.search_events(EVERYTHING) == kept[::-1]

    def test_events_are_searched_by_workspace_kind_time_and_number(
        self, under_test: EventsUnderTest, events: EventStore
    ) -> None:
        """A workspace's are its own; those of the server are in none."""
        other = replace(FAILED, workspace=OTHER_WORKSPACE, happened_ms=NOW_MS + 20)
        kept = under_test.add(FAILED, DISK, other)

        def found(search: EventSearch) -> list[int]:
            return [kept.index(event) for event in events.search_events(search)]

        assert found(EventSearch(WORKSPACE)) == [0]
        assert found(EventSearch(None, kinds=[EventKind.RUN_FAILED])) == [2, 0]
        assert found(EventSearch(None, since_ms=NOW_MS + 10)) == [2, 1]
        assert found(EventSearch(None, before_number=kept[2].event_number)) == [1, 0]
        assert found(EventSearch(None, limit=1)) == [2]
        assert found(EventSearch(WORKSPACE, kinds=[EventKind.DISK_WARNING])) == []

    def test_what_is_told_once_is_kept_once(self, events: EventStore) -> None:
        """However many notice it at one moment."""
        with ThreadPoolExecutor(8) as pool:
            kept = list(pool.map(events.add_event, [replace(DISK, once="disk:today")] * 16))
        assert sum(kept) == 1
        assert events.add_event(replace(DISK, once="disk:tomorrow"))
        assert events.add_event(DISK)
        assert events.add_event(DISK)

    def test_each_new_event_is_taken_once(
        self, under_test: EventsUnderTest, events: EventStore, tmp_path: Path
    ) -> None:
        """The oldest first, of many that ask at once by one."""
        assert events.list_new(10) == []
        assert events.take_new([1, 2]) == []
        kept = under_test.add(*(replace(DISK, happened_ms=NOW_MS + number) for number in range(40)))
        numbers = [event.event_number for event in kept]
        assert events.list_new(5) == numbers[:5]
        assert events.take_new(numbers[:2]) == kept[:2]
        assert events.list_new(100) == numbers[2:]
        with contextlib.closing(self.open_events(tmp_path)) as other, ThreadPoolExecutor(4) as pool:
            taken = [
                event
                for some in pool.map(
                    lambda store: store.take_new(store.list_new(5)), (events, other.events) * 8
                )
                for event in some
            ]
        taken += events.take_new(numbers)
        assert sorted(event.event_number for event in taken) == numbers[2:]
        assert events.list_new(100) == []

    def test_what_was_not_asked_for_stays_new(self, under_test: EventsUnderTest, events: EventStore) -> None:
        """It may have happened after whoever takes made ready for what it knew of."""
        first, second, third = (
            event.event_number for event in under_test.add(*(replace(DISK) for _ in range(3)))
        )
        assert [event.event_number for event in events.take_new([third, first])] == [first, third]
        assert events.list_new(10) == [second]

    def test_what_is_taken_and_not_committed_is_new_again(
        self, under_test: EventsUnderTest, events: EventStore
    ) -> None:
        """Whoever took it may have died."""
        under_test.add(DISK)
        with contextlib.suppress(ZeroDivisionError), under_test.metadata.atomic():
            assert len(events.take_new(events.list_new(10))) == 1
            raise ZeroDivisionError
        assert len(events.take_new(events.list_new(10))) == 1

    def test_an_event_of_its_own_is_told_to_nobody_else(self, events: EventStore) -> None:
        """It has a number all the same."""
        number = events.add_told(replace(FAILED, once="test:1"))
        assert events.list_new(10) == []
        assert [event.event_number for event in events.search_events(EVERYTHING)] == [number]

    def test_old_events_are_forgotten_by_age_and_by_number(
        self, under_test: EventsUnderTest, events: EventStore
    ) -> None:
        """With what they were given up for, but not before they are told, or while they are on their way."""
        kept = under_test.add(*(replace(DISK, happened_ms=NOW_MS + number) for number in range(10)))
        assert events.forget_old(NOW_MS + 100, 0, 0) == 0
        events.take_new([event.event_number for event in kept])
        under_test.webhooks.add_webhook(SERVER_HOOK)
        under_test.webhooks.add_deliveries([(event, SERVER_HOOK.webhook_id) for event in kept], NOW_MS)
        assert events.forget_old(NOW_MS, 10, NOW_MS) == 0
        assert events.forget_old(NOW_MS + 3, 10, NOW_MS) == 0
        assert events.forget_old(NOW_MS + 3, 10, NOW_MS + 1) == 3
        assert events.forget_old(NOW_MS, 4, NOW_MS + 1) == 3
        assert events.search_events(EVERYTHING) == kept[6:][::-1]
        assert len(under_test.webhooks.list_deliveries(SERVER_HOOK.webhook_id, 100)) == 4
        (claimed,) = under_test.webhooks.claim_due(NOW_MS, NOW_MS + 100, 1)
        under_test.webhooks.note_try(replace(claimed, state=DeliveryState.DELIVERED, tried_ms=NOW_MS))
        assert events.forget_old(NOW_MS + 100, 10, NOW_MS) == 1

    def test_a_run_that_was_not_heard_of_is_silent(
        self, under_test: EventsUnderTest, events: EventStore
    ) -> None:
        """Only if it is running, not in the trash, and unchanged since; whatever its own times say."""
        experiment = under_test.metadata.add_experiment("training")
        for number in range(4):
            under_test.metadata.runs.add_run(new_run(experiment, f"{number:032x}", 2**62 - number), {})
        assert events.take_silent_runs(2**62, 10) == []
        events.watch_runs(NOW_MS)
        under_test.metadata.runs.update_run(f"{1:032x}", RunStatus.FINISHED)
        under_test.metadata.runs.move_run(f"{2:032x}", LifecycleStage.DELETED, NOW_MS)
        under_test.metadata.runs.update_run(f"{3:032x}", RunStatus.RUNNING, name="changed")
        for at_ms in (NOW_MS + 5, NOW_MS + 9):
            events.watch_runs(at_ms)
            with contextlib.suppress(ZeroDivisionError), under_test.metadata.atomic():
                (silent,) = events.take_silent_runs(NOW_MS + 5, 10)
                raise ZeroDivisionError
            assert (silent.workspace, silent.run_id) == (WORKSPACE, f"{0:032x}")
            assert (silent.experiment_id, silent.heard_ms) == (experiment.experiment_id, NOW_MS)
        assert events.take_silent_runs(NOW_MS, 10) == []
        assert [each.heard_ms for each in events.take_silent_runs(NOW_MS + 6, 1)] == [NOW_MS]
        assert [each.heard_ms for each in events.take_silent_runs(NOW_MS + 6, 10)] == [NOW_MS + 5]

    def test_a_silent_run_is_taken_once_until_it_is_heard_of_again(
        self, under_test: EventsUnderTest, events: EventStore, tmp_path: Path
    ) -> None:
        """Of many that ask at once by one."""
        experiment = under_test.metadata.add_experiment("training")
        run_ids = [f"{number:032x}" for number in range(20)]
        for run_id in run_ids:
            under_test.metadata.runs.add_run(new_run(experiment, run_id, NOW_MS), {})
        events.watch_runs(NOW_MS)
        with contextlib.closing(self.open_events(tmp_path)) as other, ThreadPoolExecutor(4) as pool:
            take = partial(_tried_again, lambda store: store.take_silent_runs(2**62, 3))
            taken = pool.map(take, (events, other.events) * 4)
            found = [silent.run_id for some in taken for silent in some]
        found += [silent.run_id for silent in events.take_silent_runs(2**62, 100)]
        assert sorted(found) == run_ids
        events.watch_runs(NOW_MS + 1)
        assert events.take_silent_runs(2**62, 100) == []
        under_test.metadata.runs.update_run(run_ids[7], RunStatus.RUNNING, name="changed")
        events.watch_runs(NOW_MS + 2)
        assert [silent.run_id for silent in events.take_silent_runs(2**62, 100)] == [run_ids[7]]

    def test_many_may_watch_at_once(
        self, under_test: EventsUnderTest, events: EventStore, tmp_path: Path
    ) -> None:
        """One of them is first, and the others have nothing to add."""
        experiment = under_test.metadata.add_experiment("training")
        for number in range(20):
            under_test.metadata.runs.add_run(new_run(experiment, f"{number:032x}", NOW_MS), {})
        with contextlib.closing(self.open_events(tmp_path)) as other, ThreadPoolExecutor(4) as pool:
            watch = partial(_tried_again, lambda store: store.watch_runs(NOW_MS))
            list(pool.map(watch, (events, other.events) * 4))
        assert {run.heard_ms for run in events.take_silent_runs(NOW_MS + 1, 100)} == {NOW_MS}

    def test_webhooks_are_kept_changed_and_removed(self, webhooks: WebhookStore, tmp_path: Path) -> None:
        """The first made first; its secret stays."""
        assert webhooks.list_webhooks() == [HOOK, SERVER_HOOK]
        changed = replace(HOOK, url="https://example.org/c", kinds=(), workspace=None)
        webhooks.update_webhook(changed)
        with contextlib.closing(self.open_events(tmp_path)) as again:
            assert again.webhooks.get_webhook(HOOK.webhook_id) == changed
        assert webhooks.remove_webhook(HOOK.webhook_id)
        assert not webhooks.remove_webhook(HOOK.webhook_id)
        assert webhooks.list_webhooks() == [SERVER_HOOK]
        with pytest.raises(NotFound):
            webhooks.get_webhook(HOOK.webhook_id)

    def test_a_webhook_is_kept_with_all_that_it_says(
        self, under_test: EventsUnderTest, webhooks: WebhookStore
    ) -> None:
        """A threshold, a name, and whether it is told."""
        limit = Threshold("val/loss", Comparison.AT_MOST, 0.25, "7")
        told = replace(HOOK, webhook_id="wh_3", threshold=limit, kinds=(), name="good", is_mlflow=True)
        webhooks.add_webhook(told)
        assert webhooks.get_webhook("wh_3") == told
        assert webhooks.list_thresholds() == [told]
        changed = replace(told, threshold=replace(limit, experiment_id=None), description="why", updated_ms=5)
        webhooks.update_webhook(changed)
        assert webhooks.list_thresholds() == [changed]
        webhooks.update_webhook(replace(changed, is_active=False))
        assert webhooks.list_thresholds() == []

    def test_it_is_known_whether_a_kind_is_named_for_a_workspace(self, webhooks: WebhookStore) -> None:
        """By an active webhook; one that is told of all names none."""
        kind = EventKind.RUN_FAILED
        assert webhooks.is_anyone_told(kind, WORKSPACE)
        assert not webhooks.is_anyone_told(kind, OTHER_WORKSPACE)
        assert not webhooks.is_anyone_told(EventKind.RUN_FINISHED, WORKSPACE)
        webhooks.update_webhook(replace(HOOK, is_active=False))
        assert not webhooks.is_anyone_told(kind, WORKSPACE)
        webhooks.update_webhook(replace(SERVER_HOOK, kinds=(EventKind.DISK_WARNING, kind)))
        assert webhooks.is_anyone_told(kind, OTHER_WORKSPACE)

    def test_an_event_is_on_its_way_to_a_webhook_once(
        self, under_test: EventsUnderTest, webhooks: WebhookStore
    ) -> None:
        """However often it is put there; it goes with its webhook."""
        kept = under_test.add(FAILED, DISK)
        pairs = [(event, HOOK.webhook_id) for event in kept]
        for _ in range(2):
            webhooks.add_deliveries([*pairs, (kept[0], SERVER_HOOK.webhook_id)], NOW_MS)
        listed = webhooks.list_deliveries(HOOK.webhook_id, 10)
        assert [each.event for each in listed] == kept[::-1]
        assert {(each.state, each.attempts) for each in listed} == {(DeliveryState.WAITING, 0)}
        assert len(webhooks.list_deliveries(HOOK.webhook_id, 1)) == 1
        webhooks.remove_webhook(HOOK.webhook_id)
        assert webhooks.list_deliveries(HOOK.webhook_id, 10) == []
        assert len(webhooks.list_deliveries(SERVER_HOOK.webhook_id, 10)) == 1

    def test_a_delivery_that_is_due_is_claimed_by_one(
        self, under_test: EventsUnderTest, webhooks: WebhookStore, tmp_path: Path
    ) -> None:
        """One to each webhook at a time; whoever claimed it and died leaves it to the next."""
        (event,) = under_test.add(FAILED)
        webhooks.add_deliveries([(event, HOOK.webhook_id)], NOW_MS)
        assert webhooks.claim_due(NOW_MS - 1, NOW_MS + 100, 10) == []
        with contextlib.closing(self.open_events(tmp_path)) as other, ThreadPoolExecutor(8) as pool:
            stores = (webhooks, other.webhooks) * 4
            claims = list(pool.map(lambda store: store.claim_due(NOW_MS, NOW_MS + 100, 10), stores))
        (claimed,) = [delivery for some in claims for delivery in some]
        assert (claimed.event, claimed.webhook_id, claimed.attempts) == (event, HOOK.webhook_id, 1)
        assert webhooks.claim_due(NOW_MS + 99, NOW_MS + 200, 10) == []
        (again,) = webhooks.claim_due(NOW_MS + 100, NOW_MS + 200, 10)
        assert (again.delivery_number, again.attempts) == (claimed.delivery_number, 2)

    def test_of_several_that_are_due_one_goes_to_each_webhook(
        self, under_test: EventsUnderTest, webhooks: WebhookStore
    ) -> None:
        """The first that was put on its way."""
        kept = under_test.add(FAILED, DISK)
        hooks = (HOOK.webhook_id, SERVER_HOOK.webhook_id)
        webhooks.add_deliveries([(event, hook) for event in kept for hook in hooks], NOW_MS)
        claimed = webhooks.claim_due(NOW_MS, NOW_MS + 100, 10)
        assert [(each.webhook_id, each.event) for each in claimed] == [(hook, kept[0]) for hook in hooks]
        assert len(webhooks.claim_due(NOW_MS, NOW_MS + 100, 1)) == 1

    def test_what_became_of_a_try_is_kept(self, under_test: EventsUnderTest, webhooks: WebhookStore) -> None:
        """After a failure nothing is tried at the same webhook before it is tried again."""
        kept = under_test.add(FAILED, DISK)
        hooks = (HOOK.webhook_id, SERVER_HOOK.webhook_id)
        webhooks.add_deliveries([(event, hook) for event in kept for hook in hooks], NOW_MS)
        failed, fine = webhooks.claim_due(NOW_MS, NOW_MS + 100, 10)
        failed = replace(
            failed,
            due_ms=NOW_MS + 5000,
            tried_ms=NOW_MS + 1,
            last_status=500,
            last_error="It answered 500.",
        )
        fine = replace(fine, state=DeliveryState.DELIVERED, tried_ms=NOW_MS, last_status=204)
        webhooks.note_try(failed)
        webhooks.note_try(fine)
        assert webhooks.list_deliveries(HOOK.webhook_id, 10)[-1] == failed
        assert webhooks.list_deliveries(SERVER_HOOK.webhook_id, 10)[-1] == fine
        due = webhooks.claim_due(NOW_MS + 4999, NOW_MS + 4999, 10)
        assert [(each.webhook_id, each.event) for each in due] == [(SERVER_HOOK.webhook_id, kept[1])]
        assert [each.event for each in webhooks.claim_due(NOW_MS + 5000, NOW_MS + 9000, 1)] == [kept[1]]

    def test_one_delivery_is_claimed_due_or_not(
        self, under_test: EventsUnderTest, webhooks: WebhookStore
    ) -> None:
        """As a test is, which somebody waits for."""
        (event,) = under_test.add(FAILED)
        webhooks.add_deliveries([(event, HOOK.webhook_id)], NOW_MS + 10**6)
        claimed = webhooks.claim(HOOK.webhook_id, event.event_number, NOW_MS + 100)
        assert (claimed.event, claimed.attempts, claimed.due_ms) == (event, 1, NOW_MS + 100)
        with pytest.raises(NotFound):
            webhooks.claim(SERVER_HOOK.webhook_id, event.event_number, NOW_MS + 100)


def _tried_again(work: Callable[[EventStore], Found], store: EventStore) -> Found:
    """Return what ``work`` returns, tried again as a server does where others had the rows for too long."""
    for _ in range(TRIES):
        with contextlib.suppress(Unavailable):
            return work(store)
        time.sleep(0.05)
    return work(store)
