"""The contract of the store of logins that are under way."""

from __future__ import annotations

from abc import ABC, abstractmethod

from runyard.entities.device import DeviceLogin


class DeviceStore(ABC):
    """Remembers which machines ask to be logged in.

    The promises of :mod:`runyard.stores.metadata.base` hold here too.
    """

    @abstractmethod
    def add_login(self, login: DeviceLogin, at_most: int, at_most_of_client: int) -> None:
        """Keep a new login, and forget those that have expired.

        Raises:
            TooManyRequests: There are ``at_most`` that have not expired, or as many as ``at_most_of_client``
                from the same network address: one that asks without end is to keep out nobody else.
            AlreadyExists: The user code is taken.
        """

    @abstractmethod
    def find_by_device(self, device_sha256: str) -> DeviceLogin | None:
        """Return the login of a machine's own code; in a transaction that may write, held until its end."""

    @abstractmethod
    def find_by_user_code(self, user_code: str) -> DeviceLogin | None:
        """Return the login of the code that people see; in a transaction that may write, held likewise."""

    @abstractmethod
    def update_login(self, login: DeviceLogin) -> None:
        """Keep how far a login has come.

        Raises:
            NotFound: There is no such login.
        """
