"""The configuration file, and where the value of each setting comes from."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from runyard.cli.server_flags import ServerFlags
from runyard.errors import InvalidParameter
from runyard.settings import (
    Durability,
    LogFormat,
    LogLevel,
    Mode,
    Tls,
    choose_settings,
    names,
    read_settings,
    shown,
    without_password,
)

# Something else than the default for each setting: as text, as TOML, and what both mean.
SAMPLES = {
    "home": ("/srv/r", '"/srv/r"', Path("/srv/r")),
    "host": ("::1", '"::1"', "::1"),
    "port": ("81", "81", 81),
    "allowed_hosts": ("a,b", '["a", "b"]', ("a", "b")),
    "allowed_origins": ("https://a", '["https://a"]', ("https://a",)),
    "tls": ("self", '"self"', Tls.SELF),
    "tls_cert": ("/c", '"/c"', Path("/c")),
    "tls_key": ("/k", '"/k"', Path("/k")),
    "insecure_http": ("yes", "true", True),
    "max_body_bytes": ("9", "9", 9),
    "datastore_folders": ("/d,/e", '["/d", "/e"]', ("/d", "/e")),
    "artifact_store": ("s3://b", '"s3://b"', "s3://b"),
    "artifact_address_s": ("60", "60", 60),
    "max_upload_bytes": ("9", "9", 9),
    "local_slots": ("9", "9", 9),
    "max_snapshot_bytes": ("9", "9", 9),
    "max_runs": ("9", "9", 9),
    "max_experiments": ("9", "9", 9),
    "max_artifact_bytes": ("9", "9", 9),
    "max_metric_points": ("9", "9", 9),
    "durability": ("full", '"full"', Durability.FULL),
    "database": ("postgresql://h/d", '"postgresql://h/d"', "postgresql://h/d"),
    "database_connections": ("3", "3", 3),
    "drain_s": ("3", "3", 3),
    "signing_key_days": ("7", "7", 7),
    "session_hours": ("1", "1", 1),
    "login_days": ("1", "1", 1),
    "oidc_issuer": ("https://i", '"https://i"', "https://i"),
    "oidc_client_id": ("c", '"c"', "c"),
    "oidc_client_secret": ("s", '"s"', "s"),
    "oidc_name": ("n", '"n"', "n"),
    "oidc_scopes": ("openid", '"openid"', "openid"),
    "oidc_groups_claim": ("g", '"g"', "g"),
    "oidc_only_added": ("yes", "true", True),
    "oidc_administrators": ("a", '"a"', "a"),
    "oidc_sign_out": ("yes", "true", True),
    "public_url": ("https://p", '"https://p"', "https://p"),
    "graceful_stop_s": ("3", "3", 3),
    "metrics_open": ("true", "true", True),
    "log_level": ("info", '"info"', LogLevel.INFO),
    "log_format": ("json", '"json"', LogFormat.JSON),
    "access_log": ("on", "true", True),
    "mlflow_ui": ("off", "false", False),
    "traces": ("1", "true", True),
    "trusted_proxies": ("10.0.0.0/8", '["10.0.0.0/8"]', ("10.0.0.0/8",)),
    "stuck_after_s": ("9", "9", 9),
    "model_source_pattern": ("^s3:", '"^s3:"', "^s3:"),
    "outbound_allow": ("h,::1", '["h", "::1"]', ("h", "::1")),
    "root_path": ("/r", '"/r"', "/r"),
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "any.toml"


def test_there_is_a_sample_of_each_setting():
    assert SAMPLES.keys() == names().keys()


@pytest.mark.parametrize("name", names())
def test_each_setting_is_a_flag_a_variable_and_a_key_of_the_file(name: str, file: Path):
    text, toml, value = SAMPLES[name]
    file.write_text(f"# one comment\n{name} = {toml}\n")
    assert name in {flag.name for flag in fields(ServerFlags)}
    from_file = choose_settings({}, file)[name]
    assert (from_file.value, from_file.origin) == (value, f"{file}:2")
    from_variable = choose_settings({f"RUNYARD_{name.upper()}": text}, None)[name]
    assert (from_variable.value, from_variable.origin) == (value, f"variable RUNYARD_{name.upper()}")
    from_flag = choose_settings({}, None, **{name: value})[name]
    assert (from_flag.value, from_flag.origin) == (value, f"flag --{name.replace('_', '-')}")


def test_a_flag_wins_over_a_variable_that_over_the_file_that_over_the_default(file: Path):
    file.write_text("port = 1\nhost = '::1'\ndrain_s = 1\naccess_log = true\n")
    environment = {"RUNYARD_PORT": "2", "RUNYARD_DRAIN_S": "2", "RUNYARD_CONFIG": str(file)}
    settings = read_settings(Mode.UP, environment, port=3, access_log=False)
    assert (settings.port, settings.drain_s, settings.host, settings.graceful_stop_s) == (3, 2, "::1", 5)
    assert settings.access_log is False


def test_the_file_of_the_home_is_read_if_no_other_is_named(tmp_path: Path, file: Path):
    (tmp_path / "runyard.toml").write_text("port = 1\n")
    file.write_text("drain_s = 7\n")
    home = {"RUNYARD_HOME": str(tmp_path)}
    assert read_settings(Mode.UP, home).port == 1
    assert read_settings(Mode.UP, {}, home=tmp_path).port == 1
    named = read_settings(Mode.UP, home | {"RUNYARD_CONFIG": "/nowhere"}, config=file)
    assert (named.port, named.drain_s) == (5000, 7)


def test_the_file_of_the_home_does_not_name_another_home(tmp_path: Path):
    (tmp_path / "runyard.toml").write_text('home = "elsewhere"\n')
    with pytest.raises(InvalidParameter, match=r"runyard\.toml:1.* RUNYARD_CONFIG"):
        read_settings(Mode.UP, {}, home=tmp_path)


def test_paths_in_a_file_begin_at_its_folder(file: Path):
    file.write_text('home = "data"\ntls_cert = "~/c.pem"\n')
    settings = read_settings(Mode.UP, {}, file)
    assert settings.home == file.parent / "data"
    assert settings.tls_cert == Path.home() / "c.pem"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("\nprot = 1", r"any\.toml:2: there is no setting 'prot'\. Did you mean 'port'\?"),
        ("mode = 'up'", r"no setting 'mode'"),
        (
            "port = 1\n[databse]\nx = 1",
            r"any\.toml:2: there is no setting 'databse'\. Did you mean 'database'",
        ),
        ("port = '1'", r"any\.toml:1: port must be a whole number"),
        ("port = true", "port must be a whole number"),
        ("port = -1", "port must be a whole number"),
        ("access_log = 'yes'", "access_log must be true or false"),
        ("allowed_hosts = 'a'", "allowed_hosts must be a list of texts"),
        ("allowed_hosts = [1]", "allowed_hosts must be a list of texts"),
        ("database = ['canary']", "database must be a text"),
        ("log_format = 'xml'", r"any\.toml:1: log_format must be text or json, not 'xml'"),
        ("artifact_address_s = 901", r"artifact_address_s .* 900"),
        (
            "model_source_pattern = '('",
            r"model_source_pattern must be a regular expression, not '\('.* \(.*any\.toml:1\)",
        ),
        ("port = x y", r"any\.toml is no TOML: .*line 1"),
    ],
)
def test_what_can_not_be_read_is_named_with_its_line(text: str, words: str, file: Path):
    file.write_text(text)
    with pytest.raises(InvalidParameter, match=words) as refused:
        read_settings(Mode.UP, {}, file)
    assert "canary" not in str(refused.value)


def test_a_file_that_is_named_and_not_there_is_refused(file: Path):
    with pytest.raises(InvalidParameter, match=r"any\.toml can't be read: No such file"):
        read_settings(Mode.UP, {"RUNYARD_CONFIG": str(file)})
    file.write_bytes(b"\xff")
    with pytest.raises(InvalidParameter, match="UTF-8"):
        read_settings(Mode.UP, {}, file)


@pytest.mark.parametrize(
    ("address", "people_see"),
    [
        ("postgresql://u:canary@h:1/d?password=canary", "postgresql://u@h:1/d"),
        ("postgresql://u:can@ary@h/d", "postgresql://u@h/d"),
        ("postgresql:///d?host=/run", "postgresql:///d"),
        ("host=h password=canary", "(not shown)"),
    ],
)
def test_people_see_no_password(address: str, people_see: str):
    assert without_password(address) == shown("database", address) == people_see


@pytest.mark.parametrize("name", names())
def test_what_is_shown_is_json(name: str):
    assert isinstance(shown(name, SAMPLES[name][2]), str | int | bool | list)
