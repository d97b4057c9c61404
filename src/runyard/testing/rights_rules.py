"""The rules that every store of groups and grants must pass."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from runyard.entities.credential import EVERYONE, Principal, PrincipalKind
from runyard.entities.experiment import Experiment
from runyard.entities.permission import Permission
from runyard.entities.rights import Grant, Rights, Role
from runyard.errors import NotFound
from runyard.stores.metadata.base_credentials import CredentialStore
from runyard.stores.metadata.base_rights import RightsStore
from runyard.testing.metadata_hooks import NOW_MS, OTHER_WORKSPACE, WORKSPACE, MetadataUnderTest

BEA = Principal("p-bea", "bea", PrincipalKind.PERSON, is_administrator=False, created_ms=1000)
ROBOT = Principal("p-robot", "robot", PrincipalKind.SERVICE, is_administrator=False, created_ms=1000)
LAB = Principal("g-lab", "lab", PrincipalKind.GROUP, is_administrator=False, created_ms=1000)
GUESTS = Principal("g-guests", "guests", PrincipalKind.GROUP, is_administrator=False, created_ms=1000)
ALL = Principal(EVERYONE, EVERYONE, PrincipalKind.GROUP, is_administrator=False, created_ms=1000)


@dataclass(frozen=True, slots=True)
class RightsUnderTest:
    """The store of rights, and the stores that it shares a database with."""

    rights: RightsStore
    credentials: CredentialStore
    metadata: MetadataUnderTest

    def close(self) -> None:
        """Let go of files and connections."""
        self.metadata.close()


class RightsStoreRules(ABC):
    """Inherit, and implement the hook, to hold a store of rights to its contract."""

    @abstractmethod
    def open_rights(self, folder: Path) -> RightsUnderTest:
        """Return a store that keeps its things in ``folder``, and finds there what another one kept."""

    @pytest.fixture
    def under_test(self, tmp_path: Path) -> Iterator[RightsUnderTest]:
        """Return a store without grants, with two workspaces and some principals beside it."""
        with contextlib.closing(self.open_rights(tmp_path)) as under_test:
            for name in (WORKSPACE, OTHER_WORKSPACE):
                under_test.metadata.workspaces.add_workspace(name, "", {}, NOW_MS)
            for principal in (BEA, ROBOT, LAB, GUESTS, ALL):
                under_test.credentials.add_principal(principal)
            yield under_test

    @pytest.fixture
    def rights(self, under_test: RightsUnderTest) -> RightsStore:
        """Return the store itself."""
        return under_test.rights

    @pytest.fixture
    def experiment(self, under_test: RightsUnderTest) -> Experiment:
        """Return an active experiment."""
        return under_test.metadata.add_experiment("training")

    def test_who_was_granted_nothing_has_no_rights(self, rights: RightsStore) -> None:
        """Nor has somebody who does not exist."""
        assert rights.rights_of("p-bea") == rights.rights_of("nobody") == Rights()

    def test_grants_are_found_as_they_were_set(
        self, under_test: RightsUnderTest, experiment: Experiment, tmp_path: Path
    ) -> None:
        """By workspace and by principal, in this process and in another."""
        whole = Grant("p-bea", Role.READER, WORKSPACE, None, NOW_MS, "ann")
        single = Grant("p-bea", Role.OWNER, WORKSPACE, experiment.experiment_id, NOW_MS, "ann")
        other = Grant("p-robot", Role.CONTRIBUTOR, OTHER_WORKSPACE, None, NOW_MS, "ann")
        for grant in (single, other, whole):
            under_test.rights.set_grant(grant)
        with contextlib.closing(self.open_rights(tmp_path)) as again:
            for rights in (under_test.rights, again.rights):
                assert rights.list_grants(WORKSPACE) == [whole, single]
                assert rights.list_grants_of("p-bea") == [whole, single]
                assert rights.list_grants(OTHER_WORKSPACE) == [other]

    def test_a_grant_takes_the_place_of_the_one_before(self, rights: RightsStore) -> None:
        """Also a narrower one: it is what was said last."""
        for role in (Role.OWNER, Role.READER):
            rights.set_grant(Grant("p-bea", role, WORKSPACE))
        assert rights.rights_of("p-bea").workspaces == {WORKSPACE: Role.READER}

    def test_of_several_grants_the_widest_counts(self, rights: RightsStore, experiment: Experiment) -> None:
        """Of one's own, of one's groups and of everyone; in a workspace and in an experiment."""
        number = experiment.experiment_id
        rights.add_member("g-lab", "p-bea")
        rights.set_grant(Grant("p-bea", Role.READER, WORKSPACE, number))
        rights.set_grant(Grant("g-lab", Role.OWNER, WORKSPACE, number))
        rights.set_grant(Grant("g-lab", Role.READER, WORKSPACE))
        rights.set_grant(Grant(EVERYONE, Role.CONTRIBUTOR, WORKSPACE))
        found = rights.rights_of("p-bea")
        assert found == Rights({WORKSPACE: Role.CONTRIBUTOR}, {WORKSPACE: {number: Role.OWNER}})
        assert found.allow(Permission.CONTRIBUTE, WORKSPACE)
        assert not found.allow(Permission.MANAGE, WORKSPACE)
        assert found.experiments_with(Permission.MANAGE, WORKSPACE) == {number}
        assert not found.allow(Permission.READ, OTHER_WORKSPACE)

    def test_everyone_is_all_people_and_no_service(self, rights: RightsStore) -> None:
        """A service gets what it was given and nothing else."""
        rights.set_grant(Grant(EVERYONE, Role.READER, WORKSPACE))
        assert rights.rights_of("p-bea").workspaces == {WORKSPACE: Role.READER}
        assert rights.rights_of("p-robot") == Rights()

    def test_a_disabled_group_gives_nothing(self, under_test: RightsUnderTest) -> None:
        """Everyone is a group like others in that."""
        rights = under_test.rights
        rights.add_member("g-lab", "p-bea")
        for group in (LAB, ALL):
            rights.set_grant(Grant(group.principal_id, Role.READER, WORKSPACE))
            under_test.credentials.update_principal(replace(group, disabled_ms=2000))
        assert self.seen_anew(under_test) == Rights()

    def seen_anew(self, under_test: RightsUnderTest) -> Rights:
        """What a request sees in a moment, whatever is remembered of an earlier one."""
        return under_test.rights.rights_of("p-bea")

    def test_members_come_and_go(self, rights: RightsStore) -> None:
        """To do it twice changes nothing."""
        assert rights.add_member("g-lab", "p-bea")
        assert not rights.add_member("g-lab", "p-bea")
        assert (rights.list_members("g-lab"), rights.list_groups_of("p-bea")) == (["p-bea"], ["g-lab"])
        rights.set_grant(Grant("g-lab", Role.READER, WORKSPACE))
        assert rights.rights_of("p-bea") != Rights()
        assert rights.remove_member("g-lab", "p-bea")
        assert not rights.remove_member("g-lab", "p-bea")
        assert rights.rights_of("p-bea") == Rights()

    def test_a_provider_says_who_is_in_its_groups_and_no_others(self, rights: RightsStore) -> None:
        """What an administrator said stays, whatever the provider says."""
        rights.add_member("g-lab", "p-bea")
        rights.set_groups_from_provider("p-bea", ["g-guests"])
        assert rights.list_groups_of("p-bea") == ["g-guests", "g-lab"]
        rights.set_groups_from_provider("p-bea", ["g-lab"])
        assert rights.list_groups_of("p-bea") == ["g-lab"]
        rights.set_groups_from_provider("p-bea", [])
        assert rights.list_groups_of("p-bea") == ["g-lab"]

    @pytest.mark.parametrize("is_of_an_experiment", [False, True])
    def test_only_a_grant_that_is_there_is_changed(
        self, rights: RightsStore, experiment: Experiment, is_of_an_experiment: bool
    ) -> None:
        """One that has ended stays ended, and one at another place is another one."""
        place = experiment.experiment_id if is_of_an_experiment else None
        elsewhere = None if is_of_an_experiment else experiment.experiment_id
        changed = Grant("p-bea", Role.OWNER, WORKSPACE, place, 7, "ann")
        rights.set_grant(Grant("p-bea", Role.READER, WORKSPACE, elsewhere))
        kept = rights.list_grants(WORKSPACE)
        assert not rights.change_grant(changed)
        assert not rights.change_grant(replace(changed, workspace=OTHER_WORKSPACE))
        assert rights.list_grants(WORKSPACE) == kept
        rights.set_grant(replace(changed, role=Role.READER))
        assert rights.change_grant(changed)
        assert set(rights.list_grants(WORKSPACE)) == {*kept, changed}
        rights.remove_grant("p-bea", WORKSPACE, place)
        assert not rights.change_grant(changed)
        assert rights.list_grants(WORKSPACE) == kept

    def test_a_grant_ends_where_it_was_given(self, rights: RightsStore, experiment: Experiment) -> None:
        """Not in another workspace, and one of an experiment is another one."""
        number = experiment.experiment_id
        rights.set_grant(Grant("p-bea", Role.READER, WORKSPACE))
        rights.set_grant(Grant("p-bea", Role.READER, WORKSPACE, number))
        assert not rights.remove_grant("p-bea", OTHER_WORKSPACE, number)
        assert not rights.remove_grant("p-bea", OTHER_WORKSPACE, None)
        assert rights.remove_grant("p-bea", WORKSPACE, None)
        assert rights.rights_of("p-bea") == Rights({}, {WORKSPACE: {number: Role.READER}})
        assert rights.remove_grant("p-bea", WORKSPACE, number)
        assert not rights.remove_grant("p-bea", WORKSPACE, number)
        assert rights.list_grants(WORKSPACE) == []

    @pytest.mark.parametrize(
        "grant",
        [
            Grant("nobody", Role.READER, WORKSPACE),
            Grant("p-bea", Role.READER, "nowhere"),
            Grant("p-bea", Role.READER, WORKSPACE, "99999"),
        ],
    )
    def test_nothing_is_granted_to_nobody_or_nowhere(self, rights: RightsStore, grant: Grant) -> None:
        """A mistyped name must not look like a success, nor wait for somebody to take it."""
        with pytest.raises(NotFound):
            rights.set_grant(grant)
        assert rights.list_grants(WORKSPACE) == []

    def test_an_experiment_of_another_workspace_is_not_found(
        self, rights: RightsStore, experiment: Experiment
    ) -> None:
        """Who owns one workspace gives away nothing of another."""
        with pytest.raises(NotFound):
            rights.set_grant(Grant("p-bea", Role.READER, OTHER_WORKSPACE, experiment.experiment_id))

    def test_only_a_group_has_members(self, rights: RightsStore) -> None:
        """And only who is there can be one."""
        for group, member in (("p-robot", "p-bea"), ("nothing", "p-bea"), ("g-lab", "nobody")):
            with pytest.raises(NotFound):
                rights.add_member(group, member)

    def test_a_change_is_told(self, rights: RightsStore) -> None:
        """Whoever concluded something from the rights can see that they may be others now."""
        seen = [rights.changes()]
        rights.set_grant(Grant("p-bea", Role.READER, WORKSPACE))
        seen.append(rights.changes())
        rights.add_member("g-lab", "p-bea")
        seen.append(rights.changes())
        rights.remove_grant("p-bea", WORKSPACE, None)
        seen.append(rights.changes())
        assert len(set(seen)) == 4
