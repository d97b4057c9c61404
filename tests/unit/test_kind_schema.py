"""What kinds of compute targets say of their settings."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import pytest

from runyard.compute.base import TargetKind
from runyard.compute.kind_schema import schema_of
from runyard.compute.kinds import KINDS


class Address(msgspec.Struct):
    """Where it is.

    Args:
        host: Its name, or
            its number.
        port: Where ``far`` listens.
    """

    host: str
    port: Annotated[int, msgspec.Meta(ge=1)] = 22


class Told(Address, kw_only=True):
    """What it is told.

    Args:
        port: Where it listens for us.
        inner: Behind which it is; this says more: much more.
        others: Some more.

    Nothing of this is said of a setting:
        host: Not this.
    """

    inner: Address | None = None
    others: list[Address] = []


def kind(settings: type[msgspec.Struct]) -> TargetKind:
    return TargetKind("Far", "Far away.", settings, (), lambda _: pytest.fail("opened"))


def described(struct: Any) -> dict[str, str]:
    return {name: each["description"] for name, each in struct["properties"].items()}


def test_a_setting_is_described_by_the_docstrings_of_its_struct_and_of_those_above():
    schema = schema_of(kind(Told))
    told = schema["$defs"][schema["$ref"].rpartition("/")[2]]
    assert told["description"] == "What it is told."
    assert list(told["properties"]) == ["host", "port", "inner", "others"]
    assert described(told) == {
        "host": "Its name, or its number.",
        "port": "Where it listens for us.",
        "inner": "Behind which it is; this says more: much more.",
        "others": "Some more.",
    }
    assert (told["required"], told["properties"]["port"]["minimum"]) == (["host"], 1)
    # What a setting holds is described as well, though the struct itself is another's.
    assert described(schema["$defs"]["Address"])["port"] == "Where far listens."


@pytest.mark.parametrize("name", KINDS)
def test_each_setting_of_each_kind_is_described(name: str):
    schema = schema_of(KINDS[name])
    for struct in schema["$defs"].values():
        assert struct["description"].endswith(".")
        assert [each for each, text in described(struct).items() if not text] == []
    parts = KINDS[name].credential
    assert len({part.name for part in parts}) == len(parts)
    assert all(part.hint.endswith(".") for part in parts)
    assert KINDS[name].title
    assert KINDS[name].summary.endswith(".")
