"""The rules that every store of logins that are under way must pass."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace

import pytest

from runyard.entities.credential import Principal, PrincipalKind
from runyard.entities.device import DeviceLogin, DeviceState
from runyard.entities.permission import Scope
from runyard.errors import AlreadyExists, NotFound, TooManyRequests
from runyard.stores.metadata.base_devices import DeviceStore

ANN = Principal("p-ann", "ann", PrincipalKind.PERSON, is_administrator=True, created_ms=1000)
LOGIN = DeviceLogin("a" * 64, "BCDF-GHJK", "gpu-box", "192.0.2.1", created_ms=1_000, expires_ms=2_000)


class DeviceStoreRules(ABC):
    """Inherit, and implement the hooks, to hold a store of logins to its contract."""

    @pytest.fixture
    @abstractmethod
    def devices(self) -> DeviceStore:
        """Return an empty store, beside which :data:`ANN` exists."""

    @abstractmethod
    def again(self) -> DeviceStore:
        """Return another store over what ``devices`` has kept, as another process would open it."""

    def test_a_login_is_found_as_it_was_added(self, devices: DeviceStore) -> None:
        """By either code, by any process."""
        devices.add_login(LOGIN, 10, 10)
        for store in (devices, self.again()):
            assert store.find_by_device("a" * 64) == LOGIN
            assert store.find_by_user_code("BCDF-GHJK") == LOGIN
        assert devices.find_by_device("BCDF-GHJK") is None
        assert devices.find_by_user_code("a" * 64) is None

    def test_how_far_it_has_come_is_kept(self, devices: DeviceStore) -> None:
        """With who decided it and what that gives."""
        devices.add_login(LOGIN, 10, 10)
        decided = replace(
            LOGIN,
            state=DeviceState.APPROVED,
            principal_id="p-ann",
            scope=Scope.CONTRIBUTOR,
            workspace="vision",
            parent_key_id="00000000000a",
        )
        devices.update_login(decided)
        assert self.again().find_by_device("a" * 64) == decided

    def test_a_login_that_is_not_there_does_not_change(self, devices: DeviceStore) -> None:
        """It must not look as if somebody had approved it."""
        with pytest.raises(NotFound):
            devices.update_login(LOGIN)

    def test_no_two_wait_under_one_code(self, devices: DeviceStore) -> None:
        """A person would approve the other one."""
        devices.add_login(LOGIN, 10, 10)
        with pytest.raises(AlreadyExists):
            devices.add_login(replace(LOGIN, device_sha256="b" * 64), 10, 10)
        assert devices.find_by_device("b" * 64) is None

    def test_no_more_wait_than_may_and_what_has_expired_makes_room(self, devices: DeviceStore) -> None:
        """Whoever asks again and again fills nothing."""
        devices.add_login(LOGIN, 1, 10)
        second = replace(LOGIN, device_sha256="b" * 64, user_code="BCDF-GHJL", created_ms=1_999)
        with pytest.raises(TooManyRequests):
            devices.add_login(second, 1, 10)
        later = replace(second, created_ms=2_000, expires_ms=3_000)
        devices.add_login(later, 1, 10)
        assert devices.find_by_device("a" * 64) is None
        assert devices.find_by_device("b" * 64) == later

    def test_who_asks_without_end_keeps_nobody_else_out(self, devices: DeviceStore) -> None:
        """What counts is the network address."""
        devices.add_login(LOGIN, 10, 1)
        second = replace(LOGIN, device_sha256="b" * 64, user_code="BCDF-GHJL")
        with pytest.raises(TooManyRequests):
            devices.add_login(second, 10, 1)
        devices.add_login(replace(second, client="192.0.2.2"), 10, 1)
        assert devices.find_by_device("b" * 64) is not None
