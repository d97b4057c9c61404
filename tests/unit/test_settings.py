"""Settings: flags over variables over defaults, and texts that name what can't be read."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest

from runyard.errors import InvalidParameter
from runyard.settings import Durability, Mode, Settings, read_settings


def test_a_server_without_settings_serves_one_person_on_loopback():
    settings = read_settings(Mode.UP, {})
    assert (settings.mode, settings.host, settings.port) == (Mode.UP, "127.0.0.1", 5000)
    assert settings.home == Path("~/.runyard").expanduser()
    assert (settings.allowed_hosts, settings.allowed_origins, settings.insecure_http) == ((), (), False)


@pytest.mark.parametrize(
    ("variable", "text", "field", "value"),
    [
        ("RUNYARD_HOME", "/srv/runyard", "home", Path("/srv/runyard")),
        ("RUNYARD_HOST", "0.0.0.0", "host", "0.0.0.0"),
        ("RUNYARD_PORT", " 8080 ", "port", 8080),
        ("RUNYARD_ALLOWED_HOSTS", "a.example, b.example,,", "allowed_hosts", ("a.example", "b.example")),
        ("RUNYARD_ALLOWED_ORIGINS", "https://a:1", "allowed_origins", ("https://a:1",)),
        ("RUNYARD_TLS_CERT", "/c.pem", "tls_cert", Path("/c.pem")),
        ("RUNYARD_INSECURE_HTTP", "TRUE", "insecure_http", True),
        ("RUNYARD_INSECURE_HTTP", "off", "insecure_http", False),
        ("RUNYARD_MAX_BODY_BYTES", "1024", "max_body_bytes", 1024),
        ("RUNYARD_ARTIFACT_STORE", "s3://bucket/prefix", "artifact_store", "s3://bucket/prefix"),
        ("RUNYARD_ARTIFACT_ADDRESS_S", "900", "artifact_address_s", 900),
        ("RUNYARD_LOG_LEVEL", "debug", "log_level", "debug"),
        ("RUNYARD_DURABILITY", " FULL ", "durability", Durability.FULL),
    ],
)
def test_each_field_has_a_variable(variable, text, field, value):
    assert getattr(read_settings(Mode.SERVE, {variable: text}), field) == value


def test_a_flag_wins_over_its_variable_and_an_empty_variable_over_nothing():
    environment = {"RUNYARD_PORT": "1", "RUNYARD_HOST": ""}
    assert read_settings(Mode.UP, environment, port=2, host=None).port == 2
    assert read_settings(Mode.UP, environment, port=None).port == 1
    assert read_settings(Mode.UP, environment).host == "127.0.0.1"


def test_how_durable_a_write_is_is_one_of_two_words():
    assert read_settings(Mode.UP, {}).durability is Durability.COMMIT
    assert read_settings(Mode.UP, {}, durability="full").durability is Durability.FULL
    with pytest.raises(InvalidParameter, match="RUNYARD_DURABILITY must be commit or full, not 'most'"):
        read_settings(Mode.UP, {"RUNYARD_DURABILITY": "most"})


def test_the_process_environment_is_read_when_no_other_is_given(monkeypatch):
    monkeypatch.setenv("RUNYARD_PORT", "1234")
    assert read_settings(Mode.UP).port == 1234


def test_the_mode_is_the_commands_and_no_variables():
    assert read_settings(Mode.SERVE, {"RUNYARD_MODE": "up"}).mode is Mode.SERVE


@pytest.mark.parametrize("home", ["~/here", "relative", Path("relative")])
def test_the_home_is_an_absolute_path(home):
    settings = read_settings(Mode.UP, {}, home=Path(home))
    assert settings.home.is_absolute()
    assert "~" not in str(settings.home)
    assert settings.database_path == settings.home / "runyard.db"
    assert settings.artifact_root == settings.home / "artifacts"


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("RUNYARD_PORT", "many"),
        ("RUNYARD_PORT", "-1"),
        ("RUNYARD_PORT", "1.5"),
        ("RUNYARD_MAX_UPLOAD_BYTES", "1 MB"),
        ("RUNYARD_INSECURE_HTTP", "perhaps"),
    ],
)
def test_a_variable_that_can_not_be_read_is_named(variable, text):
    with pytest.raises(InvalidParameter, match=variable) as refused:
        read_settings(Mode.UP, {variable: text})
    assert repr(text) in str(refused.value)


def test_settings_do_not_change():
    settings = Settings()
    with pytest.raises(FrozenInstanceError):
        settings.port = 1  # type: ignore[misc]


@pytest.mark.parametrize("field", fields(Settings), ids=lambda field: field.name)
def test_every_field_has_help(field):
    assert field.metadata["help"].endswith(".")


def test_an_address_for_downloads_is_good_for_a_quarter_of_an_hour_at_most():
    with pytest.raises(InvalidParameter, match=r"artifact_address_s .* 900"):
        read_settings(Mode.UP, {"RUNYARD_ARTIFACT_ADDRESS_S": "901"})
