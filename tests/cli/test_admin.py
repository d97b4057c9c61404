"""`runyard admin`: the first administrator and API keys, for people, shells and programs."""

from __future__ import annotations

import json
import re

import pytest

from runyard.app import open_stores
from runyard.cli import main
from runyard.settings import Mode, Settings

KEY = re.compile(r"ry_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")


def parts(text):
    """The id and the secret of the API key in a text."""
    found = KEY.search(text)
    assert found is not None, text
    return found.groups()


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


@pytest.fixture
def admin(home, capsys):
    """Run `runyard admin <arguments>` on the home and return its exit code, stdout and stderr."""

    def run(*arguments):
        capsys.readouterr()
        code = main(["admin", *arguments, "--home", str(home)])
        captured = capsys.readouterr()
        return code, captured.out, " ".join(captured.err.split())

    return run


def keys(admin):
    return json.loads(admin("key", "list", "--json")[1])


def test_init_prints_the_key_alone_on_stdout_so_that_a_shell_can_take_it(admin):
    code, out, err = admin("init", "--name", "ann")
    assert code == 0
    assert KEY.fullmatch(out.strip())
    assert "'ann'" in err
    assert not KEY.search(err)


def test_init_answers_programs_in_json(admin):
    made = json.loads(admin("init", "--json")[1])
    assert parts(made["api_key"])[0] == made["key_id"]
    assert (made["owner"], made["scope"], made["workspace"]) == ("administrator", "admin", None)


def test_the_first_administrator_is_made_once(admin):
    admin("init")
    code, out, err = admin("init", "--name", "second")
    assert (code, out) == (1, "")
    assert "runyard admin key create --name" in err
    assert len(keys(admin)) == 1


@pytest.mark.parametrize("name", ["", "   ", "x" * 201, "tab\there"])
def test_a_name_is_something_to_read(admin, name):
    code, _, err = admin("init", "--name", name)
    assert code == 1
    assert "printable" in err


@pytest.mark.parametrize("command", [["create", "--name", "x"], ["list"], ["revoke", "0123456789ab"]])
def test_a_mistyped_home_does_not_become_a_new_one(admin, home, command):
    code, out, err = admin("key", *command)
    assert (code, out) == (3, "")
    assert "no Runyard home" in err
    assert not home.exists()


def test_a_key_needs_an_administrator_to_belong_to(admin, home):
    open_stores(Settings(mode=Mode.UP, home=home)).close()
    code, _, err = admin("key", "create", "--name", "ci")
    assert code == 1
    assert "runyard admin init" in err


def test_a_key_says_what_it_is_good_for(admin):
    admin("init")
    made = json.loads(
        admin(
            "key",
            "create",
            "--name",
            "ci",
            "--scope",
            "reader",
            "-w",
            "default",
            "--lifetime-days",
            "2",
            "--json",
        )[1]
    )
    assert (made["name"], made["scope"], made["workspace"]) == ("ci", "reader", "default")
    assert made["expires_ms"] - made["created_ms"] == 2 * 24 * 3600 * 1000
    assert made["state"] == "active"


def test_a_key_is_shown_once_and_listed_without_its_secret(admin):
    secrets = [parts(admin("init")[1])[1], parts(admin("key", "create", "--name", "ci")[1])[1]]
    for listed in (admin("key", "list")[1], admin("key", "list", "--json")[1]):
        assert "ci" in listed
        assert not any(secret in listed for secret in secrets)


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (["--workspace", "nowhere"], 3, "'nowhere'"),
        (["--scope", "root"], 2, "root"),
        (["--lifetime-days", "0"], 1, "at least one day"),
    ],
)
def test_a_key_that_makes_no_sense_is_not_made(admin, options, code, says):
    admin("init")
    refused, out, err = admin("key", "create", "--name", "x", *options)
    assert (refused, out) == (code, "")
    assert says in err
    assert len(keys(admin)) == 1


def test_a_revoked_key_is_shown_as_such(admin):
    admin("init")
    key_id, _ = parts(admin("key", "create", "--name", "ci")[1])
    code, out, _ = admin("key", "revoke", key_id)
    assert code == 0
    assert "'ci'" in out
    assert {key["name"]: key["state"] for key in keys(admin)} == {"first": "active", "ci": "revoked"}


def test_a_key_that_does_not_exist_can_not_be_revoked(admin):
    admin("init")
    code, _, err = admin("key", "revoke", "ffffffffffff")
    assert code == 3
    assert "runyard admin key list" in err


def test_a_postgresql_database_is_named_by_its_address(runyard, home, cluster):
    name = cluster.take_database()
    where = ("--home", home, "--database", cluster.address(name))
    made = runyard("admin", "init", "--name", "ann", *where)
    listed = runyard("admin", "key", "list", "--json", *where)
    assert parts(made.out)[0] == listed.json[0]["key_id"]
    assert not (home / "runyard.db").exists()
    assert runyard("admin", "key", "list", "--home", home).code != 0
    cluster.give_back(name)


def test_an_address_that_is_none_is_refused_without_its_password(runyard, home):
    refused = runyard("admin", "init", "--home", home, "--database", "mysql://ann:hidden@host/name")
    assert refused.code != 0
    assert "postgresql://user@host/name" in refused.err
    assert "hidden" not in refused.err
