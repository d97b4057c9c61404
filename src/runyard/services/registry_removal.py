"""Deleting many registered models or versions at once; each goes as a whole, and for good."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from runyard.entities.registered_model import ModelVersion
from runyard.errors import InvalidParameter, NotFound
from runyard.protocol.paging import Page
from runyard.services.call import Call
from runyard.services.model_versions import delete_model_version, get_model_version, search_model_versions
from runyard.services.registered_models import (
    delete_registered_model,
    get_registered_model,
    search_registered_models,
)

MAX_NAMED = 10_000
FOUND_AT_ONCE = 1000

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Numbered:
    """One version, by its model's name and its number."""

    name: str
    version: str


def delete_registered_models(
    call: Call, names: Sequence[str], filter_text: str | None, *, is_dry_run: bool
) -> list[str]:
    """Delete models with all their versions and return their names.

    Args:
        call: Whose workspace.
        names: The models, or
        filter_text: what to look for, in MLflow's grammar.
        is_dry_run: Only say which.

    Raises:
        InvalidParameter: Both were given, or neither, or too many.
        NotFound: One of the names is no model's; nothing was deleted then.
    """
    _check_choice(names, filter_text, "names")
    if filter_text is not None:
        found = _all(lambda token: search_registered_models(call, filter_text, (), FOUND_AT_ONCE, token))
        chosen = [model.name for model in found]
    else:
        chosen = [get_registered_model(call, name).name for name in dict.fromkeys(names)]
    return _each(call, chosen, lambda name: delete_registered_model(call, name), is_dry_run=is_dry_run)


def delete_model_versions(
    call: Call, versions: Sequence[Numbered], filter_text: str | None, *, is_dry_run: bool
) -> list[Numbered]:
    """Delete versions and return which; see :func:`delete_registered_models`."""
    _check_choice(versions, filter_text, "versions")
    found: list[ModelVersion]
    if filter_text is not None:
        found = _all(lambda token: search_model_versions(call, filter_text, (), FOUND_AT_ONCE, token))
    else:
        found = [get_model_version(call, each.name, each.version) for each in dict.fromkeys(versions)]
    chosen = [Numbered(version.name, str(version.version)) for version in found]

    def delete(each: Numbered) -> None:
        delete_model_version(call, each.name, each.version)

    return _each(call, chosen, delete, is_dry_run=is_dry_run)


def _each(call: Call, chosen: list[Item], delete: Callable[[Item], None], *, is_dry_run: bool) -> list[Item]:
    """Delete one after the other, each in a transaction of its own, so that others may write between."""
    if is_dry_run:
        return chosen
    deleted: list[Item] = []
    for each in chosen:
        try:
            call.stores.database.retrying(partial(delete, each))
        except NotFound:  # somebody else was faster
            continue
        deleted.append(each)
    return deleted


def _all(page_after: Callable[[str | None], Page[Item]]) -> list[Item]:
    found: list[Item] = []
    token: str | None = None
    while True:
        page = page_after(token)
        found += page.items
        token = page.next_token
        if token is None:
            return found


def _check_choice(named: Sequence[object], filter_text: str | None, field: str) -> None:
    if bool(named) == (filter_text is not None):
        raise InvalidParameter(f"Give either '{field}' or a 'filter'.")
    if len(named) > MAX_NAMED:
        raise InvalidParameter(f"'{field}' has {len(named)} entries; at most {MAX_NAMED} are allowed.")
    if filter_text is not None and not filter_text.strip():
        raise InvalidParameter("An empty 'filter' would delete everything; name what is to go.")
