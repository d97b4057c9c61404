"""Two servers on one database: what is decided at one holds at the other, whoever comes first."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Barrier, Event

import pytest

from runyard.app import administration, open_stores
from runyard.auth.permissions import LOCAL_OWNER
from runyard.entities.credential import PrincipalKind
from runyard.entities.device import DeviceState
from runyard.entities.permission import Scope
from runyard.entities.rights import Role
from runyard.entities.run import Dataset, DatasetInput, Run
from runyard.errors import (
    AlreadyExists,
    InvalidParameter,
    InvalidState,
    LoginDenied,
    LoginExpired,
    NotFound,
    RunyardError,
    Unauthenticated,
)
from runyard.protocol.messages.common import KeyValue
from runyard.services import devices, experiments, grants, keys, logging, principals, roles, runs, tokens
from runyard.services.call import Call
from runyard.services.keys import ShownKey
from runyard.services.logout_tokens import Logout
from runyard.services.oidc import Identity
from runyard.services.signing_in import sign_in
from runyard.services.signing_out import sign_out
from runyard.settings import Mode, Settings
from runyard.stores.opening import Stores
from tests.engines import SqlEngine
from tests.postgres_server import PostgresServer
from tests.waiting import until

ROUNDS = 8


@pytest.fixture
def replicas(cluster: PostgresServer, tmp_path: Path) -> Iterator[tuple[Call, Call]]:
    """A call at each of two servers that started at the same moment, by their owner."""
    name = cluster.new_database()
    settings = Settings(mode=Mode.UP, home=tmp_path / "home", database=cluster.address(name))
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(open_stores, [settings, settings])
    yield _call(first, settings), _call(second, settings)
    first.close()
    second.close()
    cluster.drop(name)


def _call(stores: Stores, settings: Settings) -> Call:
    return Call(stores, settings, stores.metadata.workspaces.get_workspace("default"), LOCAL_OWNER)


def _as(call: Call, header: str) -> Call:
    """The call of whoever sends ``header``."""
    caller = tokens.authenticate(call.stores, call.settings, header)
    assert caller is not None
    return replace(call, caller=caller)


def at_once(replicas: tuple[Call, Call], *works: Callable[[Call], object]) -> list[object]:
    """Do a thing at each server at the same moment, as a dispatcher does; return results and refusals."""
    together = Barrier(len(works))

    def do(call: Call, work: Callable[[Call], object]) -> object:
        together.wait(60)
        try:
            return call.stores.database.retrying(lambda: work(call))
        except RunyardError as error:
            return type(error)

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(do, replicas, works))


def test_servers_that_start_at_once_make_one_workspace_one_signing_key_and_one_identity(replicas):
    first, second = (call.stores.metadata for call in replicas)
    assert len(first.credentials.list_signing_keys()) == 1
    assert first.credentials.list_signing_keys() == second.credentials.list_signing_keys()
    assert first.credentials.server_id() == second.credentials.server_id()
    assert [workspace.name for workspace in second.workspaces.list_workspaces()] == ["default"]


def test_a_token_of_one_server_is_good_at_the_other_at_once(replicas):
    first, second = replicas
    token = tokens.exchange(first, "default", Scope.READER, 60).text
    caller = tokens.authenticate(second.stores, second.settings, f"Bearer {token}")
    assert caller is not None
    assert caller.scope is Scope.READER


def test_s12_a_key_that_one_server_revokes_is_refused_by_the_other_within_a_second(replicas):
    first, second = replicas
    made = administration(first.stores).make_first_administrator("ann")
    header = f"Bearer {made.text}"
    assert tokens.authenticate(second.stores, second.settings, header) is not None
    administration(first.stores).revoke_key(made.key.key_id)
    time.sleep(1)
    with pytest.raises(Unauthenticated):
        tokens.authenticate(second.stores, second.settings, header)


def test_s12_a_services_old_key_ends_at_both_servers_when_another_takes_its_place(replicas):
    first, second = replicas
    administration(first.stores).make_first_administrator("ann")
    robot = principals.create_principal(first, "robot", PrincipalKind.SERVICE, None, is_administrator=False)
    old, new = (
        keys.add_key(first.stores, robot, keys.NewKey(name, Scope.READER), first.now_ms())
        for name in ("old", "new")
    )
    token = tokens.exchange(_as(second, f"Bearer {old.text}"), None, Scope.READER, 60).text
    administration(first.stores).revoke_key(old.key.key_id)
    ended = (f"Bearer {old.text}", f"Bearer {token}")
    for sent in ended:
        with pytest.raises(Unauthenticated):
            tokens.authenticate(first.stores, first.settings, sent)
    time.sleep(1)
    for sent in ended:
        with pytest.raises(Unauthenticated):
            tokens.authenticate(second.stores, second.settings, sent)
    for call in replicas:
        assert tokens.authenticate(call.stores, call.settings, f"Bearer {new.text}") is not None


def test_s12_a_session_that_the_provider_ends_at_one_server_is_over_at_the_other_within_a_second(replicas):
    first, second = replicas
    told = Identity("https://login.example", "eve-1", ("eve",), None, (), "s-1")
    header = f"Bearer {sign_in(first.stores, first.settings, told, 'a browser').text}"
    assert tokens.authenticate(second.stores, second.settings, header) is not None
    token = tokens.exchange(_as(first, header), None, Scope.READER, 60).text
    logout = Logout("https://login.example", "t-1", first.now_ms() + 60_000, "eve-1", "s-1")
    _, ended = sign_out(first.stores, logout, first.now_ms())
    assert len(ended) == 1
    time.sleep(1)
    for sent in (header, f"Bearer {token}"):
        with pytest.raises(Unauthenticated):
            tokens.authenticate(second.stores, second.settings, sent)
    with pytest.raises(InvalidParameter):
        sign_out(second.stores, logout, second.now_ms())


@pytest.fixture
def ann(replicas):
    """The header that somebody sends who may approve logins."""
    return f"Bearer {administration(replicas[0].stores).make_first_administrator('ann').text}"


def test_s13_of_two_machines_that_come_with_one_code_at_once_one_gets_a_key(replicas, ann):
    for _ in range(ROUNDS):
        begun = devices.begin_login(replicas[0].stores, "gpu-box", "127.0.0.1")
        devices.decide_login(_as(replicas[1], ann), begun.login.user_code, is_approved=True)
        fetched = at_once(
            replicas,
            *[lambda call, code=begun.device_code: devices.fetch_login(call.stores, call.settings, code)] * 2,
        )
        assert fetched.count(LoginExpired) == 1
        assert [type(each) for each in fetched].count(ShownKey) == 1


def test_s13_of_yes_and_no_to_a_machine_at_once_the_first_counts(replicas, ann):
    for _ in range(ROUNDS):
        begun = devices.begin_login(replicas[0].stores, "gpu-box", "127.0.0.1")
        decide = partial(_decide, ann, begun.login.user_code)
        ends = at_once(replicas, partial(decide, True), partial(decide, False))
        assert ends.count(NotFound) == 1
        (state,) = [each for each in ends if isinstance(each, DeviceState)]
        expected = ShownKey if state is DeviceState.APPROVED else LoginDenied
        first, _ = replicas
        came: type[object]
        try:
            came = type(devices.fetch_login(first.stores, first.settings, begun.device_code))
        except RunyardError as error:
            came = type(error)
        assert came is expected


def _decide(header: str, user_code: str, is_approved: bool, call: Call) -> DeviceState:
    return devices.decide_login(_as(call, header), user_code, is_approved=is_approved).state


def test_s12_a_login_is_over_if_what_it_was_approved_with_ends_before_the_machine_comes(replicas, ann):
    first, second = replicas
    begun = devices.begin_login(first.stores, "gpu-box", "127.0.0.1")
    devices.decide_login(_as(first, ann), begun.login.user_code, is_approved=True)
    administration(first.stores).revoke_key(ann.split("_")[1])
    time.sleep(1)
    with pytest.raises(LoginDenied, match="has ended"):
        devices.fetch_login(second.stores, second.settings, begun.device_code)


def test_of_two_first_administrators_one_is_made(replicas):
    made = at_once(
        replicas,
        lambda call: administration(call.stores).make_first_administrator("ann"),
        lambda call: administration(call.stores).make_first_administrator("ben"),
    )
    assert made.count(InvalidState) == 1


def test_of_two_values_of_a_param_one_is_kept(replicas):
    run_id = runs.create_run(replicas[0], runs.NewRun()).run.run_id

    def set_both(key: str) -> list[object]:
        return at_once(
            replicas,
            lambda call: logging.log_param(call, run_id, KeyValue(key=key, value="1")),
            lambda call: logging.log_param(call, run_id, KeyValue(key=key, value="2")),
        )

    for number in range(ROUNDS):
        assert set_both(f"k{number}").count(InvalidParameter) == 1


def test_a_run_that_brings_its_own_id_to_two_servers_at_once_begins_once(replicas):
    for _ in range(ROUNDS):
        new = runs.NewRun(run_id=uuid.uuid4().hex, name="offline", user_id="ann", started_ms=5)
        made = at_once(replicas, *[lambda call, new=new: runs.create_run(call, new).run] * 2)
        assert made[0] == made[1]
        assert isinstance(made[0], Run)


def test_of_two_experiments_of_a_name_one_is_made(replicas):
    def make_both(name: str) -> list[object]:
        return at_once(replicas, *[lambda call: experiments.create_experiment(call, name, None, {})] * 2)

    for number in range(ROUNDS):
        assert make_both(f"e{number}").count(AlreadyExists) == 1


def test_two_experiments_do_not_take_the_same_new_name(replicas):
    ids = [experiments.create_experiment(replicas[0], name, None, {}).experiment_id for name in "ab"]

    def rename_both(name: str) -> list[object]:
        return at_once(
            replicas,
            lambda call: experiments.rename_experiment(call, ids[0], name),
            lambda call: experiments.rename_experiment(call, ids[1], name),
        )

    for number in range(ROUNDS):
        assert rename_both(f"new-{number}").count(AlreadyExists) == 1


def test_renaming_one_experiment_twice_at_once_ends_in_one_of_the_names(replicas):
    experiment_id = experiments.create_experiment(replicas[0], "first", None, {}).experiment_id
    ends = at_once(
        replicas,
        lambda call: experiments.rename_experiment(call, experiment_id, "one"),
        lambda call: experiments.rename_experiment(call, experiment_id, "other"),
    )
    assert ends == [None, None]
    assert experiments.get_experiment(replicas[0], experiment_id).name in ("one", "other")


def test_a_run_that_begins_while_its_experiment_is_deleted_is_deleted_with_it_or_refused(replicas):
    def begin_and_delete(experiment_id: str) -> set[str]:
        begun, _ = at_once(
            replicas,
            lambda call: runs.create_run(call, runs.NewRun(experiment_id)),
            lambda call: experiments.delete_experiment(call, experiment_id),
        )
        if not isinstance(begun, runs.FullRun):
            return {"refused"}
        kept = replicas[0].stores.metadata.runs.get_run("default", begun.run.run_id)
        return {kept.lifecycle_stage.value}

    for number in range(ROUNDS):
        made = experiments.create_experiment(replicas[0], f"e{number}", None, {})
        assert begin_and_delete(made.experiment_id) <= {"deleted", "refused"}


def test_inputs_of_two_servers_are_all_kept_and_share_a_dataset(replicas):
    run_id = runs.create_run(replicas[0], runs.NewRun()).run.run_id

    def used(name: str) -> DatasetInput:
        return DatasetInput(Dataset(name, "0", "local", "s"), {})

    def log_both(number: int) -> list[object]:
        return at_once(
            replicas,
            lambda call: logging.log_inputs(call, run_id, [used(f"a{number}"), used("shared")], []),
            lambda call: logging.log_inputs(call, run_id, [used(f"b{number}"), used("shared")], []),
        )

    for number in range(ROUNDS):
        assert log_both(number) == [None, None]
    contents = replicas[1].stores.metadata.runs.read_contents([run_id])[run_id]
    names = [each.dataset.name for each in contents.dataset_inputs]
    expected = ["shared", *(f"{side}{number}" for side in "ab" for number in range(ROUNDS))]
    assert sorted(names) == sorted(expected)


@pytest.fixture
def servers(engine: SqlEngine, tmp_path: Path) -> Iterator[tuple[Call, Call]]:
    """A call at each of two on one database, on each SQL engine."""
    home = tmp_path / "home"
    settings = Settings(mode=Mode.UP, home=home, database=engine.setting(home))
    first, second = open_stores(settings), open_stores(settings)
    yield _call(first, settings), _call(second, settings)
    first.close()
    second.close()


@pytest.mark.parametrize("end", ["grant", "role's grant", "role"])
def test_s11_a_grant_that_ends_at_one_server_is_not_brought_back_by_a_change_at_another(servers, end: str):
    """The other one has found it while it was there, and writes when it is gone."""
    first, second = servers
    role = roles.create_role(first, "default", "editors", None)
    role, grant = roles.add_grant(first, role.number, Role.READER, None)
    number = role.number_of_grant(grant)
    removed, found = Event(), Event()

    class Finding(Call):
        def now_ms(self) -> int:
            found.set()
            return 5

    def change() -> object:
        removed.wait(60)
        asked = Finding(second.stores, second.settings, second.workspace, second.caller)
        try:
            return second.stores.database.retrying(lambda: roles.change_grant(asked, number, Role.OWNER))
        except NotFound as error:
            return error.message

    with ThreadPoolExecutor(1) as pool:
        changed = pool.submit(change)
        with first.stores.atomic():
            if end == "grant":
                grants.remove_grant(first, role.group.principal_id, None)
            elif end == "role":
                roles.delete_role(first, role.number)
            else:
                roles.remove_grant(first, number)
            removed.set()
            found.wait(60)
        assert changed.result(60) == f"Role permission with id={number} not found"
    assert first.stores.metadata.rights.list_grants("default") == []


def test_of_two_servers_that_find_a_signing_key_too_old_one_makes_another(servers):
    first, second = (call.stores for call in servers)
    (key,) = first.metadata.credentials.list_signing_keys()
    for number in range(1, ROUNDS + 1):
        now_ms = key.created_ms + 1000 * number
        rotate = partial(_rotate, now_ms)
        assert set(at_once(servers, rotate, rotate)) == {False, True}
    known = second.metadata.credentials
    until(lambda: len(known.list_signing_keys()) == ROUNDS + 1)  # what it has read it remembers for a moment
    keys = known.list_signing_keys()
    assert [each.retired_ms is None for each in keys] == [True, *[False] * ROUNDS]


def _rotate(now_ms: int, call: Call) -> bool:
    return tokens.rotate_if_due(call.stores, 1000, now_ms)
