"""The rules that every credential store must pass."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor

import pytest

from runyard.entities.credential import ApiKey, Principal, PrincipalKind, SigningKey
from runyard.entities.permission import Scope
from runyard.errors import AlreadyExists, NotFound
from runyard.stores.metadata.base_credentials import CredentialStore

ANN = Principal("p-ann", "ann", PrincipalKind.PERSON, is_administrator=True, created_ms=1000)
ROBOT = Principal("p-robot", "robot", PrincipalKind.SERVICE, is_administrator=False, created_ms=2000)
KEY = ApiKey("00000000000a", "p-ann", "laptop", "a" * 64, Scope.ADMIN, created_ms=1000)


class CredentialStoreRules(ABC):
    """Inherit, and implement the hooks, to hold a credential store to its contract."""

    @pytest.fixture
    @abstractmethod
    def credentials(self) -> CredentialStore:
        """Return an empty store."""

    @pytest.fixture
    @abstractmethod
    def workspace(self) -> str:
        """Return the name of a workspace that exists where the store keeps its things."""

    @abstractmethod
    def again(self, credentials: CredentialStore) -> CredentialStore:
        """Return another store over what ``credentials`` has kept, as another process would open it."""

    def test_a_server_has_one_id_for_ever(self, credentials: CredentialStore) -> None:
        """The id is made once and is the same for all who open the store."""
        server_id = credentials.server_id()
        assert len(server_id) >= 16
        assert credentials.server_id() == self.again(credentials).server_id() == server_id

    def test_a_principal_is_found_as_it_was_added(self, credentials: CredentialStore) -> None:
        """No field is lost or changed."""
        credentials.add_principal(ANN)
        credentials.add_principal(ROBOT)
        assert credentials.find_principal("p-ann") == ANN
        assert self.again(credentials).find_principal("p-robot") == ROBOT
        assert credentials.list_principals() == [ANN, ROBOT]

    def test_an_unknown_principal_or_key_is_none(self, credentials: CredentialStore) -> None:
        """To look for what is not there is no error, nor is it found later by mistake."""
        assert credentials.find_principal("p-ann") is None
        assert credentials.find_api_key("00000000000a") is None
        credentials.add_principal(ANN)
        credentials.add_api_key(KEY)
        assert credentials.find_principal("p-ann") == ANN
        assert credentials.find_api_key("00000000000a") == KEY

    @pytest.mark.parametrize("field", ["principal_id", "name"])
    def test_two_principals_share_neither_id_nor_name(self, credentials: CredentialStore, field: str) -> None:
        """The second is refused, a disabled one keeps its place, and the text gives no row away."""
        credentials.add_principal(ANN)
        credentials.update_principal(dataclasses.replace(ANN, disabled_ms=1500))
        twin = dataclasses.replace(ROBOT, **{field: getattr(ANN, field)})
        with pytest.raises(AlreadyExists) as refused:
            credentials.add_principal(twin)
        assert "INSERT" not in str(refused.value)
        assert len(credentials.list_principals()) == 1

    def test_an_administrator_counts_until_disabled(self, credentials: CredentialStore) -> None:
        """Neither a disabled administrator nor an active other counts."""
        assert not credentials.has_administrator()
        credentials.add_principal(ROBOT)
        assert not credentials.has_administrator()
        credentials.add_principal(ANN)
        assert credentials.has_administrator()
        credentials.update_principal(dataclasses.replace(ANN, disabled_ms=5000))
        assert not credentials.has_administrator()

    def test_what_changes_of_a_principal_is_kept_and_the_rest_stays(
        self, credentials: CredentialStore
    ) -> None:
        """Whoever is renamed or disabled is the same principal, and the row stays."""
        credentials.add_principal(ANN)
        assert credentials.find_principal("p-ann") == ANN
        changed = dataclasses.replace(
            ANN,
            name="anna",
            email="anna@lab.example",
            is_administrator=False,
            disabled_ms=5000,
            description="who was ann",
        )
        credentials.update_principal(changed)
        assert credentials.find_principal("p-ann") == changed
        assert credentials.find_principal_by_name("anna") == changed
        assert credentials.find_principal_by_name("ann") is None
        assert credentials.list_principals() == [changed]
        assert not changed.is_active

    def test_a_principal_takes_no_name_or_address_of_another(self, credentials: CredentialStore) -> None:
        """Whether it is new or changed."""
        ann = dataclasses.replace(ANN, email="ann@lab.example")
        credentials.add_principal(ann)
        credentials.add_principal(ROBOT)
        for twin in (dataclasses.replace(ROBOT, name="ann"), dataclasses.replace(ROBOT, email=ann.email)):
            with pytest.raises(AlreadyExists):
                credentials.update_principal(twin)
        with pytest.raises(AlreadyExists):
            credentials.add_principal(dataclasses.replace(ann, principal_id="p-other", name="other"))
        assert credentials.list_principals() == [ann, ROBOT]

    def test_an_identity_of_a_provider_means_one_principal(self, credentials: CredentialStore) -> None:
        """A name that one provider gives says nothing about the same name at another."""
        credentials.add_principal(ANN)
        credentials.add_identity("https://login.example", "42", "p-ann")
        assert credentials.find_identity("https://login.example", "42") == ANN
        assert credentials.find_identity("https://other.example", "42") is None
        assert credentials.has_identity("https://login.example", "p-ann")
        assert not credentials.has_identity("https://other.example", "p-ann")
        assert not credentials.has_identity("https://login.example", "p-robot")
        assert credentials.find_identity("https://login.example", "43") is None
        with pytest.raises(AlreadyExists):
            credentials.add_identity("https://login.example", "42", "p-ann")

    def test_an_api_key_is_found_as_it_was_added(self, credentials: CredentialStore, workspace: str) -> None:
        """No field is lost or changed, narrowed or not."""
        credentials.add_principal(ANN)
        narrow = dataclasses.replace(
            KEY, key_id="00000000000b", scope=Scope.READER, workspace=workspace, expires_ms=7000
        )
        for key in (KEY, narrow):
            credentials.add_api_key(key)
            assert credentials.find_api_key(key.key_id) == key
            assert self.again(credentials).find_api_key(key.key_id) == key

    def test_api_keys_are_listed_newest_first_and_by_principal(self, credentials: CredentialStore) -> None:
        """Revoked keys are listed too."""
        credentials.add_principal(ANN)
        credentials.add_principal(ROBOT)
        newer = dataclasses.replace(KEY, key_id="00000000000b", created_ms=3000, revoked_ms=4000)
        other = dataclasses.replace(KEY, key_id="00000000000c", created_ms=2000, principal_id="p-robot")
        for key in (KEY, newer, other):
            credentials.add_api_key(key)
        assert credentials.list_api_keys() == [newer, other, KEY]
        assert credentials.list_api_keys("p-ann") == [newer, KEY]
        assert credentials.list_api_keys("nobody") == []

    def test_an_api_key_belongs_to_somebody_and_to_a_workspace_that_exists(
        self, credentials: CredentialStore
    ) -> None:
        """Else it would come alive when somebody takes that id or name later."""
        with pytest.raises(NotFound):
            credentials.add_api_key(KEY)
        credentials.add_principal(ANN)
        with pytest.raises(NotFound):
            credentials.add_api_key(dataclasses.replace(KEY, workspace="no-such-workspace"))
        assert credentials.list_api_keys() == []

    def test_two_api_keys_never_share_an_id(self, credentials: CredentialStore) -> None:
        """The second is refused, the first stays, and the text shows no digest."""
        credentials.add_principal(ANN)
        credentials.add_api_key(KEY)
        with pytest.raises(AlreadyExists) as refused:
            credentials.add_api_key(dataclasses.replace(KEY, secret_sha256="b" * 64))
        assert "b" * 64 not in str(refused.value)
        assert credentials.find_api_key(KEY.key_id) == KEY

    def test_a_revoked_key_stays_revoked_since_the_first_time(self, credentials: CredentialStore) -> None:
        """The change is seen at once by who made it, and by all who open the store then."""
        credentials.add_principal(ANN)
        credentials.add_api_key(KEY)
        assert credentials.find_api_key(KEY.key_id) == KEY
        credentials.revoke_api_key(KEY.key_id, 5000)
        credentials.revoke_api_key(KEY.key_id, 9000)
        revoked = dataclasses.replace(KEY, revoked_ms=5000)
        assert credentials.find_api_key(KEY.key_id) == revoked
        assert self.again(credentials).find_api_key(KEY.key_id) == revoked
        assert not revoked.is_active(5001)

    def test_signing_keys_rotate_and_stay_listed(self, credentials: CredentialStore) -> None:
        """Several may be in use; a retired one keeps verifying and so stays."""
        old, new = SigningKey("k-old", '{"d":"1"}', 1000), SigningKey("k-new", '{"d":"2"}', 2000)
        assert credentials.list_signing_keys() == []
        credentials.add_signing_key(old)
        credentials.add_signing_key(new)
        assert credentials.list_signing_keys() == [new, old]
        credentials.retire_signing_key("k-old", 3000)
        credentials.retire_signing_key("k-old", 4000)
        assert credentials.list_signing_keys() == [new, dataclasses.replace(old, retired_ms=3000)]
        assert self.again(credentials).list_signing_keys() == credentials.list_signing_keys()

    def test_two_signing_keys_never_share_an_id(self, credentials: CredentialStore) -> None:
        """The first stays, and the text shows no private key."""
        credentials.add_signing_key(SigningKey("k", '{"d":"first"}', 1000))
        with pytest.raises(AlreadyExists) as refused:
            credentials.add_signing_key(SigningKey("k", '{"d":"second"}', 2000))
        assert "second" not in str(refused.value)
        assert [key.private_jwk for key in credentials.list_signing_keys()] == ['{"d":"first"}']

    def test_whatever_is_ended_is_counted(self, credentials: CredentialStore) -> None:
        """So that nobody goes on believing what they concluded before."""
        credentials.add_principal(ANN)
        credentials.add_api_key(KEY)
        credentials.add_signing_key(SigningKey("k-1", "{}", created_ms=1))
        seen = [credentials.changes()]
        credentials.revoke_api_key(KEY.key_id, 2)
        seen.append(credentials.changes())
        credentials.retire_signing_key("k-1", 2)
        seen.append(credentials.changes())
        credentials.update_principal(dataclasses.replace(ANN, disabled_ms=2))
        seen.append(credentials.changes())
        assert len(set(seen)) == 4

    def test_what_does_not_exist_can_not_be_ended(self, credentials: CredentialStore) -> None:
        """A mistyped id must not look like a success."""
        with pytest.raises(NotFound):
            credentials.update_principal(dataclasses.replace(ANN, principal_id="nobody"))
        with pytest.raises(NotFound):
            credentials.revoke_api_key("ffffffffffff", 1000)
        with pytest.raises(NotFound):
            credentials.retire_signing_key("none", 1000)

    def test_many_threads_add_and_revoke_at_once(self, credentials: CredentialStore) -> None:
        """Each sees its own change at once, and all are kept."""
        credentials.add_principal(ANN)

        def add_and_revoke(number: int) -> bool:
            key = dataclasses.replace(KEY, key_id=f"{number:012x}", created_ms=number)
            credentials.add_api_key(key)
            before = credentials.find_api_key(key.key_id)
            credentials.revoke_api_key(key.key_id, 10_000 + number)
            after = credentials.find_api_key(key.key_id)
            return before == key and after is not None and after.revoked_ms == 10_000 + number

        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(add_and_revoke, range(1, 41)))
        assert [key.created_ms for key in credentials.list_api_keys()] == list(range(40, 0, -1))
